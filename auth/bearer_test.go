package auth_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"

	"github.com/go-jose/go-jose/v4"
)

const resource = "https://mail.musterstadt.example"

// openBearer is a house that takes the issuer's tokens; sub-1 is anna.
func openBearer(t *testing.T, change ...func(*auth.Config)) (house, *authtest.Issuer) {
	t.Helper()
	i := authtest.NewIssuer(t)
	h := open(t, append([]func(*auth.Config){func(c *auth.Config) {
		c.Issuers = []auth.BearerIssuer{{URL: i.URL, Audience: resource}}
		c.Throttle = auth.NewThrottle(auth.ThrottleLimits{PerNetwork: 1000}, nil)
	}}, change...)...)
	h.Bind(h.anna, i.URL, "sub-1")
	return h, i
}

func TestBearer(t *testing.T) {
	h, i := openBearer(t)
	h.Grant(office, h.anna)
	exp := time.Now().Add(30 * time.Minute).Truncate(time.Second)
	token := i.AccessToken("sub-1", resource, "openid mail.read mail.send", map[string]any{"exp": exp.Unix(), "jti": "token-1", "auth_time": exp.Add(-time.Hour).Unix()})
	for _, username := range []string{"", anna, "A.Muster@musterstadt.example", office} {
		p, err := h.Bearer(t.Context(), at(username, auth.MailRead), token)
		if err != nil {
			t.Fatalf("as %q: %v", username, err)
		}
		if p.Address != anna || p.Account != h.anna.Account || p.Method != auth.ByBearer || p.AppPassword != 0 ||
			p.Scopes != auth.MailRead|auth.MailSend || !p.Expires.Equal(exp) || p.Session != "token-1" || !p.AuthTime.Equal(exp.Add(-time.Hour)) {
			t.Errorf("the principal is %+v", p)
		}
	}
	_, err := h.Bearer(t.Context(), at(anna, auth.Files), token)
	wantErr(t, err, auth.ErrScope)
	h.AddPerson(bert)
	_, err = h.Bearer(t.Context(), at(bert, auth.MailRead), token)
	wantErr(t, err, auth.ErrDenied)
	h.Disable(h.anna, true)
	_, err = h.Bearer(t.Context(), at(anna, auth.MailRead), token)
	wantErr(t, err, auth.ErrDenied)
	h.Disable(h.anna, false)
	h.Down(true)
	_, err = h.Bearer(t.Context(), at(anna, auth.MailRead), token)
	wantErr(t, err, auth.ErrUnavailable)
}

func TestBearerForms(t *testing.T) {
	h, i := openBearer(t)
	hour := time.Now().Add(time.Hour).Unix()
	base := func(more map[string]any) map[string]any {
		c := map[string]any{"iss": i.URL, "sub": "sub-1", "aud": []string{"other", resource}, "exp": hour, "scope": "mail.read"}
		for k, v := range more {
			c[k] = v
		}
		return c
	}
	for name, token := range map[string]string{
		"typ at+jwt":             i.Sign("at+jwt", base(nil)),
		"typ application/at+jwt": i.Sign("application/at+jwt", base(nil)),
		"typ JWT":                i.Sign("JWT", base(nil)),
		"Keycloak's typ Bearer":  i.Sign("JWT", base(map[string]any{"typ": "Bearer", "azp": "thunderbird"})),
		"scope as an array":      i.Sign("at+jwt", base(map[string]any{"scope": []string{"x", "mail.read"}})),
		"scp":                    i.Sign("at+jwt", base(map[string]any{"scope": nil, "scp": []string{"mail.read"}})),
		"clock a little ahead":   i.Sign("at+jwt", base(map[string]any{"nbf": time.Now().Add(20 * time.Second).Unix(), "iat": time.Now().Add(20 * time.Second).Unix()})),
		"expired a moment ago":   i.Sign("at+jwt", base(map[string]any{"exp": time.Now().Add(-10 * time.Second).Unix()})),
		"60 KB":                  i.Sign("at+jwt", base(map[string]any{"groups": strings.Repeat("g", 44000)})),
		"8 KB":                   i.Sign("at+jwt", base(map[string]any{"groups": strings.Repeat("g", 6000)})),
		"no token id":            i.Sign("at+jwt", base(map[string]any{"jti": nil})),
	} {
		if p, err := h.Bearer(t.Context(), at(anna, auth.MailRead), token); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if p.Session == "" {
			t.Errorf("%s: no token id", name)
		}
	}
}

func TestBearerRefusals(t *testing.T) {
	h, i := openBearer(t)
	stranger := authtest.NewIssuer(t)
	h.Bind(h.anna, stranger.URL, "sub-1") // bound, but not configured
	hour := time.Now().Add(time.Hour).Unix()
	with := func(typ string, more map[string]any) string {
		c := map[string]any{"iss": i.URL, "sub": "sub-1", "aud": resource, "exp": hour, "scope": "mail.read", "client_id": "mail-client"}
		for k, v := range more {
			if c[k] = v; v == nil {
				delete(c, k)
			}
		}
		return i.Sign(typ, c)
	}
	good := with("at+jwt", nil)
	if _, err := h.Bearer(t.Context(), at(anna, auth.MailRead), good); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	enc := func(v any) string {
		b, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	_, kid := i.Key()
	for name, token := range map[string]string{
		"nothing":            "",
		"no JWT":             "abc",
		"two parts":          parts[0] + "." + parts[1],
		"no signature":       parts[0] + "." + parts[1] + ".",
		"alg none":           enc(map[string]string{"alg": "none", "typ": "at+jwt"}) + "." + parts[1] + ".",
		"alg none, signed":   enc(map[string]string{"alg": "none", "typ": "at+jwt", "kid": kid}) + "." + parts[1] + "." + parts[2],
		"alg HS256":          hs256(t, i, good),
		"other payload":      parts[0] + "." + enc(map[string]any{"iss": i.URL, "sub": "sub-1", "aud": resource, "exp": hour, "scope": "files"}) + "." + parts[2],
		"own key in header":  embeddedKey(t, i),
		"no typ":             with("", nil),
		"logout token's typ": with("logout+jwt", nil),
		"typ of another":     with("dpop+jwt", nil),
		"ID token, nonce":    with("JWT", map[string]any{"nonce": "n"}),
		"ID token, at_hash":  with("JWT", map[string]any{"at_hash": "h"}),
		"ID token, c_hash":   with("JWT", map[string]any{"c_hash": "h"}),
		"ID token, Keycloak": with("JWT", map[string]any{"typ": "ID"}),
		"refresh token":      with("JWT", map[string]any{"typ": "Refresh"}),
		"logout token":       with("JWT", map[string]any{"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}}),
		"another audience":   with("at+jwt", map[string]any{"aud": "https://other.example"}),
		"audience a client":  with("at+jwt", map[string]any{"aud": "mail-client"}),
		"no audience":        with("at+jwt", map[string]any{"aud": nil}),
		"we are the client":  with("at+jwt", map[string]any{"client_id": resource}),
		"we are the party":   with("at+jwt", map[string]any{"azp": resource}),
		"expired":            with("at+jwt", map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}),
		"without expiry":     with("at+jwt", map[string]any{"exp": nil}),
		"odd expiry":         with("at+jwt", map[string]any{"exp": "soon"}),
		"not yet":            with("at+jwt", map[string]any{"nbf": time.Now().Add(time.Minute).Unix()}),
		"from the future":    with("at+jwt", map[string]any{"iat": time.Now().Add(time.Minute).Unix()}),
		"no subject":         with("at+jwt", map[string]any{"sub": nil}),
		"unknown subject":    with("at+jwt", map[string]any{"sub": "sub-2"}),
		"address as subject": with("at+jwt", map[string]any{"sub": anna, "email": anna, "preferred_username": anna}),
		"another issuer":     with("at+jwt", map[string]any{"iss": "https://evil.example"}),
		"issuer with slash":  with("at+jwt", map[string]any{"iss": i.URL + "/"}),
		"foreign signature":  stranger.AccessToken("sub-1", resource, "mail.read", map[string]any{"iss": i.URL}),
		"unpinned issuer":    stranger.AccessToken("sub-1", resource, "mail.read", nil),
		"70 KB":              with("at+jwt", map[string]any{"groups": strings.Repeat("g", 70000)}),
	} {
		if p, err := h.Bearer(t.Context(), at(anna, auth.MailRead), token); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	for name, token := range map[string]string{
		"no scope":      with("at+jwt", map[string]any{"scope": nil}),
		"foreign scope": with("at+jwt", map[string]any{"scope": "openid email"}),
	} {
		if _, err := h.Bearer(t.Context(), at(anna, auth.MailRead), token); !errors.Is(err, auth.ErrScope) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hs256 signs with the issuer's public key as a secret, the classical confusion.
func hs256(t *testing.T, i *authtest.Issuer, token string) string {
	t.Helper()
	i.Rotate(jose.RS256)
	public, kid := i.Key()
	secret := x509.MarshalPKCS1PublicKey(public.(*rsa.PublicKey))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: secret, KeyID: kid}}, (&jose.SignerOptions{}).WithType("at+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	return resign(t, signer, token)
}

// embeddedKey brings the key for its signature along.
func embeddedKey(t *testing.T, i *authtest.Issuer) string {
	t.Helper()
	other := authtest.NewIssuer(t)
	token := other.AccessToken("sub-1", resource, "mail.read", map[string]any{"iss": i.URL})
	public, _ := other.Key()
	parts := strings.Split(token, ".")
	head, _ := json.Marshal(map[string]any{"alg": "ES256", "typ": "at+jwt", "jwk": jose.JSONWebKey{Key: public}})
	return base64.RawURLEncoding.EncodeToString(head) + "." + parts[1] + "." + parts[2]
}

func resign(t *testing.T, signer jose.Signer, token string) string {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestKeysRotate(t *testing.T) {
	h, i := openBearer(t)
	login := func(token string) error {
		_, err := h.Bearer(t.Context(), at(anna, auth.MailRead), token)
		return err
	}
	before := i.AccessToken("sub-1", resource, "mail.read", nil)
	if err := login(before); err != nil {
		t.Fatal(err)
	}
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256} {
		i.Rotate(alg)
		for _, token := range []string{i.AccessToken("sub-1", resource, "mail.read", nil), before} {
			if err := login(token); err != nil {
				t.Errorf("after rotating to %s: %v", alg, err)
			}
		}
	}
	if n := i.KeyFetches.Load(); n != 4 {
		t.Errorf("the keys were fetched %d times, want once and once a rotation", n)
	}
	// Tokens that name unknown keys do not make us hammer the provider.
	stranger := authtest.NewIssuer(t)
	for range 50 {
		stranger.Rotate(jose.ES256)
	}
	for range 100 {
		wantErr(t, login(stranger.AccessToken("sub-1", resource, "mail.read", map[string]any{"iss": i.URL})), auth.ErrDenied)
	}
	if n := i.KeyFetches.Load(); n > 8 {
		t.Errorf("100 unknown keys made %d fetches", n)
	}
	if err := login(before); err != nil {
		t.Error(err)
	}
}

// A provider that is down at the start is asked again later; one that goes
// down later leaves its known keys in use.
func TestProviderIsDown(t *testing.T) {
	now := newTestClock()
	h, i := openBearer(t, func(c *auth.Config) { c.Now = now.now })
	token := func() string {
		return i.AccessToken("sub-1", resource, "mail.read", map[string]any{"iat": now.now().Unix(), "exp": now.now().Add(time.Hour).Unix()})
	}
	login := func() error {
		_, err := h.Bearer(t.Context(), at(anna, auth.MailRead), token())
		return err
	}
	i.Down(true)
	wantErr(t, login(), auth.ErrUnavailable)
	i.Down(false)
	wantErr(t, login(), auth.ErrUnavailable) // not asked again so soon
	now.forward(2 * time.Second)
	if err := login(); err != nil {
		t.Fatal(err)
	}
	i.Down(true)
	for range 5 {
		now.forward(time.Hour)
		if err := login(); err != nil {
			t.Errorf("with known keys: %v", err)
		}
	}
	i.Rotate(jose.ES256)
	wantErr(t, login(), auth.ErrUnavailable)
}

func TestScopeNamesOfAProvider(t *testing.T) {
	h, i := openBearer(t, func(c *auth.Config) {
		c.Issuers[0].Scopes = map[string]auth.Scope{"fw:mail": auth.MailRead | auth.MailSend}
	})
	p, err := h.Bearer(t.Context(), at("", auth.MailSend), i.AccessToken("sub-1", resource, "fw:mail files", nil))
	if err != nil || p.Scopes != auth.MailRead|auth.MailSend {
		t.Errorf("%+v, %v", p, err)
	}
}

type testClock struct{ time.Time }

func newTestClock() *testClock               { return &testClock{time.Now().Truncate(time.Second)} }
func (c *testClock) now() time.Time          { return c.Time }
func (c *testClock) forward(d time.Duration) { c.Time = c.Add(d) }

// Others' failures from a network keep no good token out of it; what they use up is
// told where a check fails, and the provider is asked for nothing more.
func TestTokensAreNotThrottledForOthers(t *testing.T) {
	now := newTestClock()
	th := auth.NewThrottle(auth.ThrottleLimits{PerNetwork: 5}, now.now)
	h, i := openBearer(t, func(c *auth.Config) { c.Now, c.Throttle = now.now, th })
	made := func(more map[string]any) string {
		claims := map[string]any{"iat": now.now().Unix(), "exp": now.now().Add(time.Hour).Unix()}
		for k, v := range more {
			claims[k] = v
		}
		return i.AccessToken("sub-1", resource, "mail.read", claims)
	}
	login := func(username, token string) error {
		_, err := h.Bearer(t.Context(), at(username, auth.MailRead), token)
		return err
	}
	good := made(nil)
	network := auth.Network(at(anna, 0).Remote)
	if th.Knows(anna, network) {
		t.Fatal("the network is known before anybody signed in there")
	}
	if err := login(anna, good); err != nil || !th.Knows(anna, network) {
		t.Fatalf("%v; the network is known: %v", err, th.Knows(anna, network))
	}
	// A program that goes on with a token of yesterday is told so, and bars nobody.
	expired := made(map[string]any{"exp": now.now().Add(-time.Hour).Unix()})
	for range 20 {
		wantErr(t, login(anna, expired), auth.ErrDenied)
	}
	if v := th.Judge("", network); v != auth.Free {
		t.Errorf("after expired tokens: %v", v)
	}
	for range 5 {
		wantErr(t, login(anna, "x.y.z"), auth.ErrDenied)
	}
	for range 20 {
		wantErr(t, login(bert, "x.y.z"), auth.ErrThrottled)
		for _, username := range []string{anna, ""} { // HTTP names nobody
			if err := login(username, good); err != nil {
				t.Fatalf("a good token, as %q: %v", username, err)
			}
		}
	}
	wantErr(t, login(anna, expired), auth.ErrDenied)
	// A key that nobody knows yet is asked for by somebody else, or with the next hour's.
	fetched := i.KeyFetches.Load()
	i.Rotate(jose.ES256)
	rotated := made(nil)
	wantErr(t, login(anna, rotated), auth.ErrThrottled)
	if n := i.KeyFetches.Load(); n != fetched {
		t.Errorf("a slow network made %d fetches", n-fetched)
	}
	away := at(anna, auth.MailRead)
	away.Remote = netip.MustParseAddr("203.0.113.99")
	if _, err := h.Bearer(t.Context(), away, rotated); err != nil {
		t.Errorf("from elsewhere: %v", err)
	}
	if err := login(anna, rotated); err != nil {
		t.Errorf("once it is known: %v", err)
	}
	i.Rotate(jose.ES256)
	now.forward(61 * time.Minute)
	for range 5 {
		_ = login(bert, "x.y.z")
	}
	if err := login(anna, made(nil)); err != nil {
		t.Errorf("with the next hour's keys: %v", err)
	}
}
