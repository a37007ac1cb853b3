package auth_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"

	"github.com/go-jose/go-jose/v4"
)

// signer is a relying party with a provider that signs whatever it is told.
type signer struct {
	*authtest.Memory
	*authtest.Issuer
	rp  *auth.RelyingParty
	ref auth.AccountRef
}

func newSigner(t *testing.T) *signer {
	t.Helper()
	s := &signer{Memory: authtest.NewMemory(), Issuer: authtest.NewIssuer(t)}
	s.ref = s.AddPerson(anna)
	s.Bind(s.ref, s.URL, "sub-1")
	var err error
	s.rp, err = auth.NewRelyingParty(auth.RPConfig{
		Issuer: s.URL, ClientID: "portal", RedirectURI: "https://portal.musterstadt.example/callback",
		People: s.Memory, Sessions: s.Memory, Tickets: s.Memory,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// login runs a login in which the token endpoint answers with what answer
// makes of a good ID token's claims.
func (s *signer) login(t *testing.T, opts auth.StartOptions, answer func(claims map[string]any) map[string]any) (*auth.Finished, url.Values, error) {
	t.Helper()
	to, cookie, err := s.rp.Start(t.Context(), "/", opts)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	asked := u.Query()
	now := time.Now()
	s.Token = func(form url.Values) map[string]any {
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") || form.Get("client_id") != "portal" {
			t.Errorf("the token request is %v", form)
		}
		return answer(map[string]any{
			"iss": s.URL, "sub": "sub-1", "aud": "portal", "nonce": asked.Get("nonce"),
			"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix(), "sid": "sid-1",
		})
	}
	f, err := s.rp.Finish(t.Context(), "", url.Values{"state": {asked.Get("state")}, "code": {"the code"}}, cookie, "", "Firefox\x00\n"+strings.Repeat("é", 300))
	return f, asked, err
}

// with signs a good ID token but for some claims; nil removes one.
func (s *signer) with(typ string, change map[string]any) func(map[string]any) map[string]any {
	return func(claims map[string]any) map[string]any {
		maps.Copy(claims, change)
		maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
		return map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": s.Sign(typ, claims)}
	}
}

func TestRelyingPartyAsks(t *testing.T) {
	s := newSigner(t)
	f, asked, err := s.login(t, auth.StartOptions{LoginHint: anna, Locales: "de en"}, s.with("JWT", nil))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "portal", "scope": "openid", "code_challenge_method": "S256",
		"redirect_uri": "https://portal.musterstadt.example/callback", "max_age": "43200", "login_hint": anna, "ui_locales": "de en", "prompt": "",
	} {
		if got := asked.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"state", "nonce", "code_challenge"} {
		if len(asked.Get(name)) != 43 {
			t.Errorf("%s is %q", name, asked.Get(name))
		}
	}
	if len(f.Session.UserAgent) > 250 || !strings.HasPrefix(f.Session.UserAgent, "Firefoxé") {
		t.Errorf("the user agent is %q", f.Session.UserAgent)
	}
	_, asked, err = s.login(t, auth.StartOptions{Fresh: true}, s.with("JWT", nil))
	if err != nil || asked.Get("prompt") != "login" || asked.Get("max_age") != "0" {
		t.Errorf("a fresh sign-in asks %v, %v", asked, err)
	}
}

func TestIDTokenRefusals(t *testing.T) {
	s := newSigner(t)
	stranger := authtest.NewIssuer(t)
	raw := func(token string) func(map[string]any) map[string]any {
		return func(map[string]any) map[string]any {
			return map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": token}
		}
	}
	none := func(claims map[string]any) map[string]any {
		head, body := []byte(`{"alg":"none"}`), mustJSON(t, claims)
		return raw(base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body) + ".")(nil)
	}
	hmac := func(claims map[string]any) map[string]any {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte(strings.Repeat("portal", 8))}, nil)
		if err != nil {
			t.Fatal(err)
		}
		jws, _ := signer.Sign(mustJSON(t, claims))
		token, _ := jws.CompactSerialize()
		return raw(token)(nil)
	}
	for name, c := range map[string]struct {
		answer func(map[string]any) map[string]any
		want   error
	}{
		"good":              {s.with("JWT", nil), nil},
		"no typ":            {s.with("", nil), nil},
		"two audiences":     {s.with("JWT", map[string]any{"aud": []string{"portal", "other"}, "azp": "portal"}), nil},
		"8 KB":              {s.with("JWT", map[string]any{"groups": strings.Repeat("g", 8000)}), nil},
		"another nonce":     {s.with("JWT", map[string]any{"nonce": "other"}), auth.ErrDenied},
		"no nonce":          {s.with("JWT", map[string]any{"nonce": nil}), auth.ErrDenied},
		"another audience":  {s.with("JWT", map[string]any{"aud": "other"}), auth.ErrDenied},
		"another party":     {s.with("JWT", map[string]any{"azp": "other"}), auth.ErrDenied},
		"two, no party":     {s.with("JWT", map[string]any{"aud": []string{"portal", "other"}}), auth.ErrDenied},
		"another issuer":    {s.with("JWT", map[string]any{"iss": "https://evil.example"}), auth.ErrDenied},
		"expired":           {s.with("JWT", map[string]any{"exp": time.Now().Add(-time.Minute).Unix()}), auth.ErrDenied},
		"from the future":   {s.with("JWT", map[string]any{"iat": time.Now().Add(time.Minute).Unix()}), auth.ErrDenied},
		"without iat":       {s.with("JWT", map[string]any{"iat": nil}), auth.ErrDenied},
		"no subject":        {s.with("JWT", map[string]any{"sub": ""}), auth.ErrDenied},
		"access token":      {s.with("at+jwt", nil), auth.ErrDenied},
		"logout token":      {s.with("logout+jwt", nil), auth.ErrDenied},
		"alien at_hash":     {s.with("JWT", map[string]any{"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), auth.ErrDenied},
		"alg none":          {none, auth.ErrDenied},
		"alg HS256":         {hmac, auth.ErrDenied},
		"foreign signature": {func(c map[string]any) map[string]any { return raw(stranger.Sign("JWT", c))(nil) }, auth.ErrDenied},
		"no ID token": {func(map[string]any) map[string]any {
			return map[string]any{"access_token": "x", "token_type": "Bearer"}
		}, auth.ErrDenied},
		"broken endpoint": {func(map[string]any) map[string]any { return nil }, auth.ErrUnavailable},
		"unknown subject": {s.with("JWT", map[string]any{"sub": "sub-2", "email": anna, "preferred_username": anna}), auth.ErrUnknownSubject},
	} {
		if _, _, err := s.login(t, auth.StartOptions{}, c.answer); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	for name, change := range map[string]map[string]any{
		"an old sign-in": {"auth_time": time.Now().Add(-time.Hour).Unix()},
		"no auth_time":   {"auth_time": nil},
	} {
		if _, _, err := s.login(t, auth.StartOptions{Fresh: true}, s.with("JWT", change)); !errors.Is(err, auth.ErrStale) {
			t.Errorf("fresh, but %s: %v", name, err)
		}
	}
	// Without auth_time a session is never fresh enough to make an app password.
	f, _, err := s.login(t, auth.StartOptions{}, s.with("JWT", map[string]any{"auth_time": nil}))
	if err != nil || !f.Principal.AuthTime.IsZero() {
		t.Errorf("%+v, %v", f, err)
	}
	s.Disable(s.ref, true)
	if _, _, err := s.login(t, auth.StartOptions{}, s.with("JWT", nil)); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("a disabled person: %v", err)
	}
	s.Disable(s.ref, false)
	s.Memory.Down(true)
	if _, _, err := s.rp.Start(t.Context(), "/", auth.StartOptions{}); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("with the store away: %v", err)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A provider whose document names another issuer, or endpoints without TLS, is not believed.
func TestDiscoveryIsChecked(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"another issuer": {"issuer": "https://evil.example"},
		"plain keys":     {"jwks_uri": "http://keys.musterstadt.example/"},
		"keys here":      {"jwks_uri": "http://127.0.0.1:9090/"},
		"logout here":    {"end_session_endpoint": "https://localhost/"},
		"plain token":    {"token_endpoint": "http://login.musterstadt.example/"},
		"no token":       {"token_endpoint": ""},
		"odd logout":     {"end_session_endpoint": "javascript:alert(1)"},
	} {
		m := authtest.NewMemory()
		rp, err := auth.NewRelyingParty(auth.RPConfig{
			Issuer: "https://login.musterstadt.example", ClientID: "portal", RedirectURI: "https://portal.musterstadt.example/callback",
			People: m, Sessions: m, Tickets: m, HTTP: &http.Client{Transport: document(change)},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := rp.Start(t.Context(), "/", auth.StartOptions{}); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// document answers every request with a discovery document, changed.
type document map[string]any

func (d document) RoundTrip(*http.Request) (*http.Response, error) {
	const at = "https://login.musterstadt.example"
	doc := map[string]any{
		"issuer": at, "authorization_endpoint": at + "/a", "token_endpoint": at + "/t", "jwks_uri": at + "/k",
	}
	maps.Copy(doc, d)
	b, err := json.Marshal(doc)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(b))}, err
}

// sickSessions is a store that fails while sessions are ended.
type sickSessions struct {
	*authtest.Memory
	sick bool
}

func (s *sickSessions) EndSessionsOf(ctx context.Context, issuer, sub, sid string) (int, error) {
	if s.sick {
		return 0, errors.New("a broken row")
	}
	return s.Memory.EndSessionsOf(ctx, issuer, sub, sid)
}

// A logout token that could not be obeyed is not spent.
func TestLogoutThatFailsMayComeAgain(t *testing.T) {
	s := newSigner(t)
	sick := &sickSessions{s.Memory, true}
	rp, err := auth.NewRelyingParty(auth.RPConfig{
		Issuer: s.URL, ClientID: "portal", RedirectURI: "https://portal.musterstadt.example/callback",
		People: s.Memory, Sessions: sick, Tickets: s.Memory,
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token := s.Sign("logout+jwt", map[string]any{
		"iss": s.URL, "aud": "portal", "sub": "sub-1", "jti": "one", "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	})
	post := func() int {
		r := httptest.NewRequest(http.MethodPost, "/backchannel", strings.NewReader(url.Values{"logout_token": {token}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		rp.BackChannel().ServeHTTP(w, r)
		return w.Code
	}
	for n, want := range []int{http.StatusServiceUnavailable, http.StatusOK, http.StatusBadRequest} {
		if got := post(); got != want {
			t.Errorf("attempt %d: %d, want %d", n, got, want)
		}
		sick.sick = false
	}
}
