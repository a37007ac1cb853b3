package authtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Issuer is a provider that has a discovery document, keys and a pen: it
// signs whatever it is told. It has no login; auth/idp has.
type Issuer struct {
	URL string
	// KeyFetches counts requests for the key set.
	KeyFetches atomic.Int64
	// Token answers the token endpoint; nil refuses every code. A nil answer
	// is a server error.
	Token func(form url.Values) map[string]any

	t    testing.TB
	mu   sync.Mutex
	kid  int
	key  crypto.Signer
	alg  jose.SignatureAlgorithm
	down bool
	keys []jose.JSONWebKey
}

// NewIssuer starts one on a loopback port, with an ES256 key.
func NewIssuer(t testing.TB) *Issuer {
	t.Helper()
	i := &Issuer{t: t}
	i.Rotate(jose.ES256)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]any{
			"issuer": i.URL, "authorization_endpoint": i.URL + "/authorize",
			"token_endpoint": i.URL + "/token", "jwks_uri": i.URL + "/keys",
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.KeyFetches.Add(1)
		i.mu.Lock()
		set := jose.JSONWebKeySet{Keys: i.keys}
		i.mu.Unlock()
		i.answer(w, set)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if r.ParseForm() != nil || i.Token == nil {
			http.Error(w, `{"error":"invalid_grant"}`, http.StatusBadRequest)
			return
		}
		answer := i.Token(r.PostForm)
		if answer == nil {
			http.Error(w, "broken", http.StatusInternalServerError)
			return
		}
		i.answer(w, answer)
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.URL = server.URL
	return i
}

func (i *Issuer) answer(w http.ResponseWriter, v any) {
	i.mu.Lock()
	down := i.down
	i.mu.Unlock()
	if down {
		http.Error(w, "down", http.StatusBadGateway)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// Down makes it answer with 502 until it is called with false.
func (i *Issuer) Down(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Rotate signs with a new key from now on (ES256 or RS256 or PS256); the old
// ones stay in the set.
func (i *Issuer) Rotate(alg jose.SignatureAlgorithm) {
	i.t.Helper()
	var key crypto.Signer
	var err error
	if alg == jose.ES256 {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		i.t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.kid++
	i.key, i.alg = key, alg
	i.keys = append(i.keys, jose.JSONWebKey{Key: key.Public(), KeyID: fmt.Sprint("key-", i.kid), Use: "sig", Algorithm: string(alg)})
}

// Key gives the current key's public part and id.
func (i *Issuer) Key() (public crypto.PublicKey, kid string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.key.Public(), fmt.Sprint("key-", i.kid)
}

// Sign makes a JWT of that typ with exactly these claims.
func (i *Issuer) Sign(typ string, claims map[string]any) string {
	i.t.Helper()
	i.mu.Lock()
	defer i.mu.Unlock()
	opts := &jose.SignerOptions{}
	if typ != "" {
		opts = opts.WithType(jose.ContentType(typ))
	}
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: i.alg, Key: jose.JSONWebKey{Key: i.key, KeyID: fmt.Sprint("key-", i.kid)},
	}, opts)
	if err != nil {
		i.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		i.t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		i.t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		i.t.Fatal(err)
	}
	return token
}

// AccessToken makes a good access token (RFC 9068) for an hour; more
// overrides claims, and removes those given as nil.
func (i *Issuer) AccessToken(sub, audience, scope string, more map[string]any) string {
	i.t.Helper()
	now := time.Now()
	claims := map[string]any{
		"iss": i.URL, "sub": sub, "aud": audience, "scope": scope, "client_id": "mail-client",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "jti": fmt.Sprint(now.UnixNano()),
	}
	maps.Copy(claims, more)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	return i.Sign("at+jwt", claims)
}
