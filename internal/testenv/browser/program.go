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

// Tokens lets somebody fill in the provider's form that has the field, and say yes where
// the embedded provider asks whether the program may; it returns what the provider then
// gives.
func (m MailProgram) Tokens(t testing.TB, field string, values map[string]string) (access, id string) {
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
	res, err := b.PostForm(m.Token, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {m.Redirect}, "code_verifier": {verifier}, "client_id": {m.Client},
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
