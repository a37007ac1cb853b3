package issuers

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/browser"
	"fachwerk/internal/testenv/pen"
	"fachwerk/test/system/harness"
)

const (
	dora = "dora@nachbarstadt.example"
	emil = "emil@nachbarstadt.example"
)

// neighbour is a tenant at npm oidc-provider, beside the demo's at the embedded one.
type neighbour struct {
	*house
	issuer   string
	redirect string // of the mail program
}

// openNeighbour starts both. groupsScope, if not empty, is the scope for which the
// provider tells groups.
func openNeighbour(t *testing.T, groupsScope string) *neighbour {
	t.Helper()
	provider := browser.NewProvider(t, "127.0.0.2", pen.Audience)
	n := &neighbour{house: start(t, harness.Embedded), issuer: provider.Issuer()}
	bound := n.town(t, "Nachbarstadt", "nachbarstadt.example", n.issuer, "Chefs")
	program := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(program.Close)
	n.redirect = program.URL + "/cb"
	provider.Groups = map[string][]string{"dora": {"Chefs", "operators", "Team"}, "emil": {"Team"}}
	provider.GroupsScope = groupsScope
	provider.Clients = []map[string]any{
		{
			"client_id": "portal", "client_secret": clientSecret, "id_token_signed_response_alg": "ES256",
			"redirect_uris": []string{bound.Redirect}, "post_logout_redirect_uris": []string{n.Portal + "/"},
			"backchannel_logout_uri": bound.BackChannel, "backchannel_logout_session_required": true,
		},
		{"client_id": "mail", "redirect_uris": []string{n.redirect}, "token_endpoint_auth_method": "none"},
	}
	provider.Start(t)
	n.Command(t, "account", "add", dora, "--issuer", n.issuer, "--subject", "dora")
	n.Command(t, "account", "add", emil)
	return n
}

// A tenant with a provider that nobody here wrote: its people sign in at the portal at
// a redirect URI of their own, their tokens open their accounts and no other's, who is
// invited becomes known to it, and the provider's logout ends the session.
func TestATenantsOwnProvider(t *testing.T) {
	n := openNeighbour(t, "")
	ours := browser.New(t)
	if p := ours.SignIn(n.login(n.first), n.Anna().Address, n.Anna().Password); p.URL.Path != "/devices" {
		t.Fatalf("anna's sign-in at the embedded provider ends at %s", p.URL)
	}
	theirs := browser.New(t)
	var p browser.Page
	harness.Eventually(t, time.Minute, "the new issuer is known", func() bool {
		p = theirs.Get(n.login("Nachbarstadt"))
		return strings.HasPrefix(p.URL.String(), n.issuer)
	})
	if p = theirs.Fill(p, "login", map[string]string{"login": "dora", "password": "any"}); p.URL.Path != "/devices" || !strings.HasPrefix(p.URL.String(), n.Portal) {
		t.Fatalf("dora's sign-in ends with %d at %s\n%s", p.Status, p.URL, p.Text)
	}
	// Its groups are known for grants.
	if groups := n.groups(t, dora); strings.Join(groups, ",") != "Chefs,Team,operators" {
		t.Errorf("dora is in %v", groups)
	}

	token, idToken := n.tokens(t, "dora")
	if got := opened(t, n.house, dora, token); len(got) != len(doors) {
		t.Errorf("dora's token opens %v only", got)
	}
	for _, as := range []string{n.Anna().Address, harness.Office, emil, "nobody@nachbarstadt.example"} {
		if got := opened(t, n.house, as, token); len(got) != 0 {
			t.Errorf("dora's token as %s opens %v", as, got)
		}
	}
	if got := opened(t, n.house, dora, idToken); len(got) != 0 {
		t.Errorf("dora's ID token opens %v", got)
	}

	n.byAddress(t)
	n.invitation(t)

	// The provider's own logout reaches the portal behind the browser's back.
	logout(theirs, n.issuer)
	harness.Eventually(t, time.Minute, "dora's session ends", func() bool { return !theirs.SignedIn(n.Portal) })
	if !ours.SignedIn(n.Portal) {
		t.Error("anna's session has ended too")
	}
	n.Check(t)
}

// byAddress: whoever types an address at the portal is sent to the provider of its
// domain; one of no domain here goes where the other tenant's people go.
func (n *neighbour) byAddress(t *testing.T) {
	for address, issuer := range map[string]string{
		dora: n.issuer, "nobody@nachbarstadt.example": n.issuer, n.Anna().Address: n.Issuer, "nobody@nowhere.example": n.Issuer,
	} {
		b := browser.New(t)
		p := b.Fill(b.Get(n.Portal+"/login?return=/devices"), "address", map[string]string{"address": address})
		if !strings.HasPrefix(p.URL.String(), issuer) {
			t.Errorf("%s leads to %s, want %s", address, p.URL, issuer)
		}
	}
}

// invitation: emil, whose subject nobody knew, comes in by a link, once.
func (n *neighbour) invitation(t *testing.T) {
	link := strings.TrimSpace(n.Command(t, "account", "invite", emil, "--issuer", n.issuer)) + "&return=/devices"
	stranger := browser.New(t)
	p := stranger.Get(n.login("Nachbarstadt"))
	if p = stranger.Fill(p, "login", map[string]string{"login": "emil", "password": "any"}); p.URL.Path == "/devices" {
		t.Fatal("emil signs in before he is invited")
	}
	b := browser.New(t)
	if p := b.Fill(b.Get(link), "login", map[string]string{"login": "emil", "password": "any"}); p.URL.Path != "/devices" {
		t.Fatalf("emil's invitation ends with %d at %s\n%s", p.Status, p.URL, p.Text)
	}
	if p := browser.New(t).Get(link); strings.HasPrefix(p.URL.String(), n.issuer) || p.Status == http.StatusOK {
		t.Errorf("a second time the link leads to %s (%d)", p.URL, p.Status)
	}
	token, _ := n.tokens(t, "emil")
	if got := opened(t, n.house, emil, token); len(got) != len(doors) {
		t.Errorf("emil's token opens %v only", got)
	}
}

// logout signs out at the independent provider.
func logout(b *browser.Browser, issuer string) {
	b.Fill(b.Get(issuer+"/session/end"), "xsrf", map[string]string{"logout": "yes"})
}

// tokens are those of a mail program at the provider.
func (n *neighbour) tokens(t *testing.T, login string) (access, id string) {
	t.Helper()
	return mailProgram(n.issuer+"/auth", n.issuer+"/token", "mail", n.redirect).Tokens(t, "login", map[string]string{"login": login, "password": "any"})
}

func mailProgram(authorize, token, client, redirect string) browser.MailProgram {
	return browser.MailProgram{Authorize: authorize, Token: token, Client: client, Redirect: redirect, Scope: "openid " + pen.Scopes}
}

// embedded are a person's tokens at the embedded provider, for a mail program.
func (h *house) embedded(t *testing.T, a harness.Account) (access, id string) {
	t.Helper()
	_, given := h.letIn(t, a, "")
	return given.Access, given.ID
}

// letIn lets a mail program in at the embedded provider; scope is what it asks for beside
// the services.
func (h *house) letIn(t *testing.T, a harness.Account, scope string) (browser.MailProgram, browser.Given) {
	t.Helper()
	program := httptest.NewServer(http.NotFoundHandler())
	defer program.Close()
	m := mailProgram(h.Issuer+"/authorize", h.Issuer+"/oauth/token", "fachwerk-mail", program.URL+"/")
	m.Scope += scope
	return m, m.SignIn(t, "password", map[string]string{"address": a.Address, "password": a.Password})
}
