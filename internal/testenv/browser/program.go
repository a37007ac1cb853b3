package browser

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"
)

// A MailProgram asks an issuer for tokens as programs on a person's machine do
// (RFC 8252), by code and PKCE, as a public client.
type MailProgram struct {
	Authorize, Token string // the issuer's endpoints
	Client           string
	Redirect         string // must answer, whatever it says: the browser ends there
	Scope            string
	Transport        http.RoundTripper // nil: the usual one
}

// Given is what a provider gives a program.
type Given struct {
	Access  string `json:"access_token"`
	ID      string `json:"id_token"`
	Refresh string `json:"refresh_token"` // "" unless the scope asks for one
}

// Tokens is SignIn without the refresh token.
func (m MailProgram) Tokens(t testing.TB, field string, values map[string]string) (access, id string) {
	t.Helper()
	given := m.SignIn(t, field, values)
	return given.Access, given.ID
}

// Refresh changes a refresh token into the next; false if the provider refuses it.
func (m MailProgram) Refresh(t testing.TB, token string) (given Given, ok bool) {
	t.Helper()
	b := New(t)
	b.Transport = m.Transport
	return m.ask(t, b, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

// SignIn lets somebody fill in the provider's form that has the field, and say yes where
// the embedded provider asks whether the program may; it returns what the provider then
// gives.
func (m MailProgram) SignIn(t testing.TB, field string, values map[string]string) Given {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	b := New(t)
	b.Transport = m.Transport
	p := b.Get(m.Authorize + "?" + url.Values{
		"client_id": {m.Client}, "redirect_uri": {m.Redirect}, "response_type": {"code"}, "state": {"x"}, "scope": {m.Scope},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}.Encode())
	p = b.Fill(p, field, values)
	if strings.HasSuffix(p.URL.Path, "/consent") {
		p = b.Submit(p, "/consent", map[string]string{"answer": "allow"})
	}
	code := p.URL.Query().Get("code")
	given, ok := m.ask(t, b, url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {m.Redirect}, "code_verifier": {verifier}})
	if !ok || given.ID == "" {
		t.Fatal("the provider gives no tokens")
	}
	return given
}

// ask asks the token endpoint.
func (m MailProgram) ask(t testing.TB, b *Browser, form url.Values) (given Given, ok bool) {
	t.Helper()
	form.Set("client_id", m.Client)
	res, err := b.PostForm(m.Token, form)
	must(t, err)
	defer res.Body.Close()
	must(t, json.NewDecoder(res.Body).Decode(&given))
	return given, res.StatusCode == http.StatusOK && given.Access != ""
}
