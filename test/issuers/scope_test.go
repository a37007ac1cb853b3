package issuers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/browser"
	"fachwerk/internal/testenv/pen"
	"fachwerk/test/system/harness"
)

// A provider that tells groups only if a sign-in asks for it is asked, once the binding
// names the scope; tokens of mail programs, which did not ask, take nothing back.
func TestGroupsForAScope(t *testing.T) {
	n := openNeighbour(t, "groups")
	signIn := func() {
		t.Helper()
		b := browser.New(t)
		var p browser.Page
		harness.Eventually(t, time.Minute, "the new issuer is known", func() bool {
			p = b.Get(n.login("Nachbarstadt"))
			return strings.HasPrefix(p.URL.String(), n.issuer)
		})
		if p = b.Fill(p, "login", map[string]string{"login": "dora", "password": "any"}); p.URL.Path != "/devices" {
			t.Fatalf("dora's sign-in ends with %d at %s\n%s", p.Status, p.URL, p.Text)
		}
	}
	signIn()
	if got := n.groups(t, dora); len(got) != 0 {
		t.Fatalf("the provider tells %v though nobody asks: the test proves nothing", got)
	}
	n.Command(t, "issuer", "bind", n.issuer, "--tenant", "Nachbarstadt", "--client-id", "portal", "--audience", pen.Audience, "--admin-group", "Chefs", "--scope", "groups=groups")
	want := []string{"Chefs", "Team", "operators"}
	harness.Eventually(t, time.Minute, "the provider tells groups", func() bool { signIn(); return slices.Equal(n.groups(t, dora), want) })
	token, _ := n.tokens(t, "dora")
	if got := opened(t, n.house, dora, token); len(got) != len(doors) {
		t.Errorf("dora's token opens %v only", got)
	}
	if got := n.groups(t, dora); !slices.Equal(got, want) {
		t.Errorf("after a token without the scope dora is in %v", got)
	}
}

// The installation's provider is asked for the configured scope.
func TestGroupsScopeOfTheInstallation(t *testing.T) {
	h := harness.Start(t, harness.Options{Env: []string{"FACHWERK_OIDC_SCOPES_GROUPS=memberships"}})
	c := http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Get(h.Portal + "/login")
	must(t, err)
	res.Body.Close()
	to := res.Header.Get("Location")
	if _, onward, ok := strings.Cut(res.Header.Get("Refresh"), "0;url="); ok {
		to = onward
	}
	u, err := url.Parse(to)
	must(t, err)
	if got := u.Query().Get("scope"); !strings.HasPrefix(to, h.Issuer) || got != "openid memberships" {
		t.Errorf("a sign-in begins at %s and asks for %q", to, got)
	}
}
