package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// modulus is an odd number of that many bits, which nobody can sign by.
func modulus(bits int) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(1), uint(bits))
	return n.Sub(n, big.NewInt(1))
}

// A provider's keys are taken where a check by them is bounded, and no others.
func TestUsableKeys(t *testing.T) {
	b64 := base64.RawURLEncoding.EncodeToString
	rsaKey := func(n *big.Int, e int64) json.RawMessage {
		k, err := json.Marshal(map[string]string{"kty": "RSA", "n": b64(n.Bytes()), "e": b64(big.NewInt(e).Bytes())})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	public := func(key crypto.PublicKey) json.RawMessage {
		k, err := jose.JSONWebKey{Key: key}.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	ec := func(c elliptic.Curve) json.RawMessage {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return public(key.Public())
	}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		raw  json.RawMessage
		want bool
	}{
		"2048 bits":             {rsaKey(modulus(2048), 65537), true},
		"8192 bits":             {rsaKey(modulus(8192), 3), true},
		"a large exponent":      {rsaKey(modulus(2048), 1<<24-1), true},
		"1024 bits":             {rsaKey(modulus(1024), 65537), false},
		"2047 bits":             {rsaKey(modulus(2047), 65537), false},
		"8193 bits":             {rsaKey(modulus(8193), 65537), false},
		"36 KiB":                {rsaKey(modulus(36<<13), 1<<31-1), false},
		"an exponent too large": {rsaKey(modulus(2048), 1<<24+1), false},
		"exponent 2^31-1":       {rsaKey(modulus(2048), 1<<31-1), false},
		"exponent 2^62+1":       {rsaKey(modulus(2048), 1<<62+1), false},
		"an even exponent":      {rsaKey(modulus(2048), 65538), false},
		"exponent 1":            {rsaKey(modulus(2048), 1), false},
		"an even modulus":       {rsaKey(new(big.Int).Lsh(big.NewInt(1), 2047), 65537), false},
		"P-256":                 {ec(elliptic.P256()), true},
		"P-384":                 {ec(elliptic.P384()), true},
		"P-521":                 {ec(elliptic.P521()), true},
		"Ed25519":               {public(ed), true},
		"a shared secret":       {json.RawMessage(`{"kty":"oct","k":"c2VjcmV0"}`), false},
		"nothing":               {json.RawMessage(`{}`), false},
	} {
		if got := len(usable([]json.RawMessage{c.raw})) == 1; got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// signedBy serves a set of keys and signs by one of them, naming it or not.
type signedBy struct {
	*issuer
	t       *testing.T
	private []*rsa.PrivateKey
	asked   atomic.Int64
}

func newSignedBy(t *testing.T, keys int, kid func(n int) string) *signedBy {
	t.Helper()
	s := &signedBy{t: t}
	var set jose.JSONWebKeySet
	for n := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		s.private = append(s.private, key)
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.Public(), KeyID: kid(n)})
	}
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		if r.URL.Path == "/keys" {
			_ = json.NewEncoder(w).Encode(set)
			return
		}
		_ = json.NewEncoder(w).Encode(metadata{server.URL, server.URL, server.URL, server.URL + "/keys", "", false})
	}))
	t.Cleanup(server.Close)
	i, err := newIssuerOf(server.URL, server.Client(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	s.issuer = i
	return s
}

func (s *signedBy) token(n int, kid string) string {
	s.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: s.private[n], KeyID: kid}},
		(&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		s.t.Fatal(err)
	}
	jws, err := signer.Sign(fmt.Appendf(nil, `{"iss":%q,"sub":"x","aud":"y","exp":%d}`, s.url, time.Now().Add(time.Hour).Unix()))
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := jws.CompactSerialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// A token is tried with few keys, however many a provider publishes.
func TestFewKeysAreTried(t *testing.T) {
	apart := newSignedBy(t, keysTried+2, func(n int) string { return fmt.Sprint("key-", n) })
	alike := newSignedBy(t, keysTried+2, func(int) string { return "key" })
	for n := range keysTried + 2 {
		if _, err := apart.access(t.Context(), apart.token(n, fmt.Sprint("key-", n)), false); err != nil {
			t.Errorf("key %d, named: %v", n, err)
		}
		if _, err := apart.access(t.Context(), apart.token(n, ""), false); (err == nil) != (n < keysTried) {
			t.Errorf("key %d, not named: %v", n, err)
		}
		if _, err := alike.access(t.Context(), alike.token(n, "key"), false); (err == nil) != (n < keysTried) {
			t.Errorf("key %d of several with one name: %v", n, err)
		}
	}
}

// What no key can have signed is refused before the provider is asked.
func TestLongSignatures(t *testing.T) {
	s := newSignedBy(t, 1, func(int) string { return "key" })
	head, _, _ := strings.Cut(s.token(0, "key"), ".")
	body := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"iss":%q}`, s.url))
	for size, want := range map[int]bool{signatureMax: true, signatureMax + 1: false, 36 << 10: false} {
		token := head + "." + body + "." + base64.RawURLEncoding.EncodeToString(make([]byte, size))
		if _, err := parseToken(token); (err == nil) != want {
			t.Errorf("%d bytes: %v", size, err)
		}
		if want {
			continue
		}
		if _, err := s.access(t.Context(), token, false); err == nil || s.asked.Load() != 0 {
			t.Errorf("%d bytes: %v, the provider was asked %d times", size, err, s.asked.Load())
		}
	}
}
