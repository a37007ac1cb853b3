package issuers

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

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

// openNeighbour starts both; more are further options of the provider.
func openNeighbour(t *testing.T, more map[string]any) *neighbour {
	t.Helper()
	n := &neighbour{house: start(t, harness.Embedded)}
	l, err := net.Listen("tcp", "127.0.0.2:0")
	must(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	must(t, l.Close())
	n.issuer = fmt.Sprintf("http://127.0.0.2:%d", port)
	bound := n.town(t, "Nachbarstadt", "nachbarstadt.example", n.issuer, "Chefs")
	program := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(program.Close)
	n.redirect = program.URL + "/cb"
	options := map[string]any{
		"port": port, "groups": map[string][]string{"dora": {"Chefs", "operators", "Team"}, "emil": {"Team"}},
		"clients": []map[string]any{
			{
				"client_id": "portal", "client_secret": clientSecret, "id_token_signed_response_alg": "ES256",
				"redirect_uris": []string{bound.Redirect}, "post_logout_redirect_uris": []string{n.Portal + "/"},
				"backchannel_logout_uri": bound.BackChannel, "backchannel_logout_session_required": true,
			},
			{"client_id": "mail", "redirect_uris": []string{n.redirect}, "token_endpoint_auth_method": "none"},
		},
	}
	maps.Copy(options, more)
	issuer := independent(t, options)
	if n.issuer != issuer {
		t.Fatalf("the provider calls itself %s, not %s", issuer, n.issuer)
	}
	n.Command(t, "account", "add", dora, "--issuer", n.issuer, "--subject", "dora")
	n.Command(t, "account", "add", emil)
	return n
}

// A tenant with a provider that nobody here wrote: its people sign in at the portal at
// a redirect URI of their own, their tokens open their accounts and no other's, who is
// invited becomes known to it, and the provider's logout ends the session.
func TestATenantsOwnProvider(t *testing.T) {
	n := openNeighbour(t, nil)
	ours := newBrowser(t)
	if p := ours.signIn(n.login(n.first), n.Anna()); p.url.Path != "/devices" {
		t.Fatalf("anna's sign-in at the embedded provider ends at %s", p.url)
	}
	theirs := newBrowser(t)
	var p page
	harness.Eventually(t, time.Minute, "the new issuer is known", func() bool {
		p = theirs.get(n.login("Nachbarstadt"))
		return strings.HasPrefix(p.url.String(), n.issuer)
	})
	if p = theirs.fill(p, "login", map[string]string{"login": "dora", "password": "any"}); p.url.Path != "/devices" || !strings.HasPrefix(p.url.String(), n.Portal) {
		t.Fatalf("dora's sign-in ends with %d at %s\n%s", p.status, p.url, p.text)
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
	theirs.logout(n.issuer)
	harness.Eventually(t, time.Minute, "dora's session ends", func() bool { return !theirs.signedIn(n.Portal) })
	if !ours.signedIn(n.Portal) {
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
		b := newBrowser(t)
		p := b.fill(b.get(n.Portal+"/login?return=/devices"), "address", map[string]string{"address": address})
		if !strings.HasPrefix(p.url.String(), issuer) {
			t.Errorf("%s leads to %s, want %s", address, p.url, issuer)
		}
	}
}

// invitation: emil, whose subject nobody knew, comes in by a link, once.
func (n *neighbour) invitation(t *testing.T) {
	link := strings.TrimSpace(n.Command(t, "account", "invite", emil, "--issuer", n.issuer)) + "&return=/devices"
	stranger := newBrowser(t)
	p := stranger.get(n.login("Nachbarstadt"))
	if p = stranger.fill(p, "login", map[string]string{"login": "emil", "password": "any"}); p.url.Path == "/devices" {
		t.Fatal("emil signs in before he is invited")
	}
	b := newBrowser(t)
	if p := b.fill(b.get(link), "login", map[string]string{"login": "emil", "password": "any"}); p.url.Path != "/devices" {
		t.Fatalf("emil's invitation ends with %d at %s\n%s", p.status, p.url, p.text)
	}
	if p := newBrowser(t).get(link); strings.HasPrefix(p.url.String(), n.issuer) || p.status == http.StatusOK {
		t.Errorf("a second time the link leads to %s (%d)", p.url, p.status)
	}
	token, _ := n.tokens(t, "emil")
	if got := opened(t, n.house, emil, token); len(got) != len(doors) {
		t.Errorf("emil's token opens %v only", got)
	}
}

// signIn gives a person's password to the embedded provider.
func (b *browser) signIn(address string, a harness.Account) page {
	b.t.Helper()
	return b.fill(b.get(address), "password", map[string]string{"address": a.Address, "password": a.Password})
}

// logout signs out at the independent provider.
func (b *browser) logout(issuer string) {
	b.t.Helper()
	b.fill(b.get(issuer+"/session/end"), "xsrf", map[string]string{"logout": "yes"})
}

// tokens are those of a mail program at the provider.
func (n *neighbour) tokens(t *testing.T, login string) (access, id string) {
	t.Helper()
	m := mailProgram{n.issuer + "/auth", n.issuer + "/token", "mail", n.redirect}
	return m.tokens(t, "login", map[string]string{"login": login, "password": "any"})
}

// A mailProgram asks an issuer for tokens (RFC 8252).
type mailProgram struct{ authorize, token, client, redirect string }

// tokens fills in the form that has the field.
func (m mailProgram) tokens(t *testing.T, field string, values map[string]string) (access, id string) {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	b := newBrowser(t)
	p := b.get(m.authorize + "?" + url.Values{
		"client_id": {m.client}, "redirect_uri": {m.redirect}, "response_type": {"code"}, "state": {"x"}, "scope": {"openid " + allScopes},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}.Encode())
	code := b.fill(p, field, values).url.Query().Get("code")
	res, err := http.PostForm(m.token, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {m.redirect}, "code_verifier": {verifier}, "client_id": {m.client},
	})
	must(t, err)
	defer res.Body.Close()
	var answer struct {
		Access string `json:"access_token"`
		ID     string `json:"id_token"`
	}
	must(t, json.NewDecoder(res.Body).Decode(&answer))
	if answer.Access == "" || answer.ID == "" {
		t.Fatalf("the provider gives no tokens (%d)", res.StatusCode)
	}
	return answer.Access, answer.ID
}

// embedded are a person's tokens at the embedded provider, for a mail program.
func (h *house) embedded(t *testing.T, a harness.Account) (access, id string) {
	t.Helper()
	program := httptest.NewServer(http.NotFoundHandler())
	defer program.Close()
	m := mailProgram{h.Issuer + "/authorize", h.Issuer + "/oauth/token", "fachwerk-mail", program.URL + "/"}
	return m.tokens(t, "password", map[string]string{"address": a.Address, "password": a.Password})
}
