package groups

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// audience is the name of the services at the issuer.
const audience = "urn:fachwerk:services"

// An issuer is an OpenID provider that says of people what it is told to.
type issuer struct {
	URL    string
	t      *testing.T
	signer jose.Signer
	last   time.Time
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	own := jose.JSONWebKey{Key: key, KeyID: "k", Use: "sig", Algorithm: string(jose.ES256)}
	i := &issuer{t: t}
	i.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: own}, (&jose.SignerOptions{}).WithType("at+jwt"))
	must(t, err)
	mux := http.NewServeMux()
	answer := func(path string, v func() any) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(v())
		})
	}
	answer("/.well-known/openid-configuration", func() any {
		return map[string]any{"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize", "token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys"}
	})
	answer("/keys", func() any { return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{own.Public()}} })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

// token makes an access token for an hour (RFC 9068) that is newer than all before by
// a second at least: tokens count by whole seconds.
func (i *issuer) token(sub string, groups ...string) string {
	i.t.Helper()
	at := time.Now().Truncate(time.Second)
	for !at.After(i.last) {
		time.Sleep(100 * time.Millisecond)
		at = time.Now().Truncate(time.Second)
	}
	i.last = at
	payload, err := json.Marshal(map[string]any{
		"iss": i.URL, "sub": sub, "aud": audience, "scope": "mail.read mail.send calendar contacts files", "client_id": "a mail program",
		"iat": at.Unix(), "exp": at.Add(time.Hour).Unix(), "jti": rand.Text(), "groups": groups,
	})
	must(i.t, err)
	jws, err := i.signer.Sign(payload)
	must(i.t, err)
	token, err := jws.CompactSerialize()
	must(i.t, err)
	return token
}
