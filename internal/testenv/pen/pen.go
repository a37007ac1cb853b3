package pen

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Audience is the name of the services at every issuer of a test, Scopes are all of
// theirs.
const (
	Audience = "urn:fachwerk:services"
	Scopes   = "mail.read mail.send calendar contacts files"
)

// A Pen is an OpenID provider that signs whatever it is told. It is safe for use by a
// test and by those who ask it over HTTP.
type Pen struct {
	URL string

	// Authorize says where a browser goes on to, Answer what the token endpoint says;
	// nil refuses. Both are set before anybody asks, or between steps of a test.
	Authorize func(query url.Values) string
	Answer    func() map[string]any

	t    testing.TB
	mu   sync.Mutex
	key  *ecdsa.PrivateKey
	keys []jose.JSONWebKey
}

// New is one that is served until the test ends.
func New(t testing.TB) *Pen {
	t.Helper()
	p := &Pen{t: t}
	p.Rotate()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		write(w, map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		write(w, jose.JSONWebKeySet{Keys: p.keys})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.Authorize == nil {
			http.NotFound(w, r)
			return
		}
		http.Redirect(w, r, p.Authorize(r.URL.Query()), http.StatusSeeOther)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.Answer == nil {
			http.NotFound(w, r)
			return
		}
		write(w, p.Answer())
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// Rotate signs with a new key from now on, and forgets the old ones.
func (p *Pen) Rotate() {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(p.t, err)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key = key
	p.keys = []jose.JSONWebKey{{Key: key.Public(), KeyID: rand.Text(), Use: "sig", Algorithm: string(jose.ES256)}}
}

// Sign makes a JWT of that typ with exactly these claims. No lock: the handlers sign
// while they hold it, and keys change between steps of a test alone.
func (p *Pen) Sign(typ string, claims map[string]any) string {
	options := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: p.keys[0].KeyID}}, options)
	if err != nil {
		panic(err) // in a handler no test can be ended
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		panic(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return token
}

// Access makes an access token for an hour (RFC 9068) with all scopes; more overrides.
func (p *Pen) Access(sub string, more map[string]any) string {
	now := time.Now()
	claims := map[string]any{
		"iss": p.URL, "sub": sub, "aud": Audience, "scope": Scopes, "client_id": "a mail program",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": fmt.Sprint(now.UnixNano()),
	}
	maps.Copy(claims, more)
	return p.Sign("at+jwt", claims)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
