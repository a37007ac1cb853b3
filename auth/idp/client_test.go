package idp

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/auth"

	"golang.org/x/oauth2"
)

// client is a mail client with a loopback redirect URI.
type client struct {
	*house
	browser
	verifier string
	redirect string
}

func newClient(h *house) *client {
	return &client{h, newBrowser(h.t), oauth2.GenerateVerifier(), "http://127.0.0.1:45123/cb"}
}

// ask gives the authorization request's address.
func (c *client) ask(change func(url.Values)) string {
	q := url.Values{
		"client_id": {"thunderbird"}, "redirect_uri": {c.redirect}, "response_type": {"code"},
		"scope": {"openid offline_access mail.read mail.send files"}, "state": {"the state"}, "nonce": {"the nonce"},
		"code_challenge": {oauth2.S256ChallengeFromVerifier(c.verifier)}, "code_challenge_method": {"S256"},
	}
	change(q)
	return c.issuer + "/authorize?" + q.Encode()
}

// code signs anna in and gives the code that the client gets.
func (c *client) code() string {
	c.house.t.Helper()
	question := c.login(c.get(c.ask(func(url.Values) {})), anna, annaPass)
	end := c.stop().submit(question, map[string]string{"answer": "allow"})
	back, err := url.Parse(end.Header.Get("Location"))
	if err != nil || end.StatusCode != http.StatusSeeOther {
		c.house.t.Fatalf("the answer is %d, %v", end.StatusCode, err)
	}
	q := back.Query()
	if !strings.HasPrefix(back.String(), c.redirect+"?") || q.Get("state") != "the state" || q.Get("iss") != c.issuer {
		c.house.t.Fatalf("the client gets %s", back)
	}
	return q.Get("code")
}

// token asks the token endpoint.
func (c *client) token(form url.Values) (int, map[string]any) {
	c.house.t.Helper()
	if !form.Has("client_id") {
		form.Set("client_id", "thunderbird")
	}
	answer := c.read(c.PostForm(c.issuer+"/oauth/token", form))
	if answer.Header.Get("Cache-Control") != "no-store" {
		c.house.t.Error("a token answer may be stored")
	}
	return answer.StatusCode, decode(c.house.t, answer)
}

func (c *client) exchange(code, verifier string) (int, map[string]any) {
	return c.token(url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.redirect}, "code_verifier": {verifier}})
}

func (c *client) refresh(token string, more url.Values) (int, map[string]any) {
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
	for k, v := range more {
		form[k] = v
	}
	return c.token(form)
}

func payload(t *testing.T, token any) (head, claims map[string]any) {
	t.Helper()
	s, _ := token.(string)
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", s)
	}
	for n, into := range []*map[string]any{&head, &claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[n])
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return head, claims
}

// A mail client signs in, and its token opens the mailbox; the ID token does not.
func TestMailClient(t *testing.T) {
	h := newHouse(t)
	c := newClient(h)
	status, got := c.exchange(c.code(), c.verifier)
	if status != http.StatusOK || got["token_type"] != "Bearer" || got["expires_in"] != float64(3600) || got["refresh_token"] == nil {
		t.Fatalf("%d %v", status, got)
	}
	head, access := payload(t, got["access_token"])
	if head["typ"] != "at+jwt" || head["alg"] != "ES256" || head["kid"] == "" || access["aud"] != resource || access["client_id"] != "thunderbird" ||
		access["scope"] != "openid offline_access mail.read mail.send" || access["sub"] != Subject(h.anna) || access["nonce"] != nil {
		t.Errorf("the access token is %v %v", head, access)
	}
	_, id := payload(t, got["id_token"])
	if id["aud"] != "thunderbird" || id["nonce"] != "the nonce" || id["auth_time"] == nil || id["sid"] == nil || id["at_hash"] == nil {
		t.Errorf("the ID token is %v", id)
	}
	a, err := auth.New(auth.Config{
		People: WithSubjects(h, h.issuer), AppPasswords: h, Changes: h, Now: h.clock.now,
		HashKeys: auth.HashKeys{Current: 1, Keys: map[int16][]byte{1: make([]byte, 32)}},
		Issuers:  []auth.BearerIssuer{{URL: h.issuer, Audience: resource}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	at := auth.Attempt{Username: anna, Scope: auth.MailRead, Remote: netip.MustParseAddr("192.0.2.1"), Protocol: "imap"}
	p, err := a.Bearer(t.Context(), at, got["access_token"].(string))
	if err != nil || p.Address != anna || p.Scopes != auth.MailRead|auth.MailSend {
		t.Errorf("%+v, %v", p, err)
	}
	at.Scope = auth.Files // asked for, but not the client's
	if _, err := a.Bearer(t.Context(), at, got["access_token"].(string)); !errors.Is(err, auth.ErrScope) {
		t.Errorf("files: %v", err)
	}
	at.Scope = auth.MailRead
	for _, other := range []string{"id_token", "refresh_token"} {
		if _, err := a.Bearer(t.Context(), at, got[other].(string)); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("the %s as an access token: %v", other, err)
		}
	}
	// User info.
	req, _ := http.NewRequest(http.MethodGet, h.issuer+"/userinfo", nil)
	req.Header.Set("Authorization", "Bearer "+got["access_token"].(string))
	info := decode(t, c.read(c.Do(req)))
	if info["sub"] != Subject(h.anna) || info["email"] != anna {
		t.Errorf("user info: %v", info)
	}
	// The token ends by itself.
	h.clock.forward(62 * time.Minute)
	if _, err := a.Bearer(t.Context(), at, got["access_token"].(string)); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("after an hour: %v", err)
	}
}

func TestCodesCountOnce(t *testing.T) {
	h := newHouse(t)
	c := newClient(h)
	code := c.code()
	status, got := c.exchange(code, c.verifier)
	if status != http.StatusOK {
		t.Fatal(got)
	}
	if status, again := c.exchange(code, c.verifier); status != http.StatusBadRequest || again["error"] != "invalid_grant" {
		t.Errorf("a replay at once: %d %v", status, again)
	}
	// A replay a moment later is theft: what came of the code ends.
	h.clock.forward(45 * time.Second)
	if status, again := c.exchange(code, c.verifier); status != http.StatusBadRequest {
		t.Errorf("a replay: %d %v", status, again)
	}
	if status, got := c.refresh(got["refresh_token"].(string), nil); status != http.StatusBadRequest {
		t.Errorf("the refresh token lives on: %d %v", status, got)
	}
	// A code is short-lived.
	c = newClient(h)
	code = c.code()
	h.clock.forward(61 * time.Second)
	if status, got := c.exchange(code, c.verifier); status != http.StatusBadRequest {
		t.Errorf("after a minute: %d %v", status, got)
	}
	// Of many at once one succeeds.
	c = newClient(h)
	code = c.code()
	var wait sync.WaitGroup
	var mu sync.Mutex
	good := 0
	for range 8 {
		wait.Go(func() {
			resp, err := http.PostForm(h.issuer+"/oauth/token", url.Values{
				"client_id": {"thunderbird"}, "grant_type": {"authorization_code"}, "code": {code},
				"redirect_uri": {c.redirect}, "code_verifier": {c.verifier},
			})
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				mu.Lock()
				good++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if good != 1 {
		t.Errorf("a code was taken %d times", good)
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	h := newHouse(t)
	c := newClient(h)
	_, got := c.exchange(c.code(), c.verifier)
	first := got["refresh_token"].(string)
	h.clock.forward(2 * time.Hour)
	status, got := c.refresh(first, url.Values{"scope": {"openid mail.read"}})
	if status != http.StatusOK || got["refresh_token"] == first {
		t.Fatalf("%d %v", status, got)
	}
	_, access := payload(t, got["access_token"])
	_, id := payload(t, got["id_token"])
	if access["scope"] != "openid mail.read" || id["nonce"] != nil {
		t.Errorf("%v %v", access, id)
	}
	second := got["refresh_token"].(string)
	if status, got := c.refresh(second, url.Values{"scope": {"files"}}); status != http.StatusBadRequest || got["error"] != "invalid_scope" {
		t.Errorf("more scopes: %d %v", status, got)
	}
	if status, got := c.refresh(second, url.Values{"client_id": {"portal"}, "client_secret": {"a secret of the portal"}}); status == http.StatusOK {
		t.Errorf("another client: %v", got)
	}
	// A client that lost an answer asks again: refused, but not punished …
	if status, _ := c.refresh(first, nil); status == http.StatusOK {
		t.Error("the old token still works")
	}
	// … but a token used again after that ends its whole family.
	h.clock.forward(time.Minute)
	_, _ = c.refresh(first, nil)
	if status, got := c.refresh(second, nil); status == http.StatusOK {
		t.Errorf("the family lives on: %v", got)
	}
	// Revocation, and a disabled person.
	_, got = c.exchange(c.code2(), c.verifier)
	third := got["refresh_token"].(string)
	if resp := c.read(c.PostForm(h.issuer+"/revoke", url.Values{"client_id": {"thunderbird"}, "token": {third}})); resp.StatusCode != http.StatusOK {
		t.Errorf("revocation: %d %s", resp.StatusCode, resp.body)
	}
	if status, _ := c.refresh(third, nil); status == http.StatusOK {
		t.Error("a revoked token works")
	}
	_, got = c.exchange(c.code2(), c.verifier)
	h.Disable(h.anna, true)
	if status, got := c.refresh(got["refresh_token"].(string), nil); status == http.StatusOK {
		t.Errorf("a disabled person's token works: %v", got)
	}
	h.Disable(h.anna, false)
	_, got = c.exchange(c.code2(), c.verifier)
	if err := h.idp.PersonDisabled(t.Context(), h.anna); err != nil {
		t.Fatal(err)
	}
	if status, got := c.refresh(got["refresh_token"].(string), nil); status == http.StatusOK {
		t.Errorf("an ended person's token works: %v", got)
	}
}

// code2 is code in a browser that is signed in already.
func (c *client) code2() string {
	c.house.t.Helper()
	end := c.stop().submit(c.get(c.ask(func(url.Values) {})), map[string]string{"answer": "allow"})
	back, err := url.Parse(end.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		c.house.t.Fatalf("no code: %s, %v", back, err)
	}
	return back.Query().Get("code")
}

func TestTokenEndpointRefusals(t *testing.T) {
	h := newHouse(t)
	c := newClient(h)
	newBrowser(t)
	c.code()
	for name, change := range map[string]func(url.Values){
		"no verifier":          func(f url.Values) { f.Del("code_verifier") },
		"another verifier":     func(f url.Values) { f.Set("code_verifier", oauth2.GenerateVerifier()) },
		"another redirect URI": func(f url.Values) { f.Set("redirect_uri", "http://127.0.0.1:1/cb") },
		"another client":       func(f url.Values) { f.Set("client_id", "portal"); f.Set("client_secret", "a secret of the portal") },
		"the portal, no proof": func(f url.Values) { f.Set("client_id", "portal") },
		"the portal, guessing": func(f url.Values) { f.Set("client_id", "portal"); f.Set("client_secret", "x") },
		"unknown client":       func(f url.Values) { f.Set("client_id", "x") },
		"password grant":       func(f url.Values) { f.Set("grant_type", "password") },
		"client credentials":   func(f url.Values) { f.Set("grant_type", "client_credentials") },
		"JWT grant": func(f url.Values) {
			f.Set("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
			f.Set("assertion", "x.y.z")
		},
		"token exchange": func(f url.Values) { f.Set("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange") },
	} {
		form := url.Values{"grant_type": {"authorization_code"}, "code": {c.code2()}, "redirect_uri": {c.redirect}, "code_verifier": {c.verifier}}
		change(form)
		if status, got := c.token(form); status < 400 || got["access_token"] != nil {
			t.Errorf("%s: %d %v", name, status, got)
		}
	}
}

// What the portal, a confidential client, gets away with: not a code without PKCE.
func TestAuthorizationRefusals(t *testing.T) {
	h := newHouse(t)
	c := newClient(h)
	b := c.stop()
	redirected := map[string]func(url.Values){
		"no PKCE":            func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") },
		"PKCE plain":         func(q url.Values) { q.Set("code_challenge_method", "plain") },
		"PKCE plain, unsaid": func(q url.Values) { q.Del("code_challenge_method") },
		"a short challenge":  func(q url.Values) { q.Set("code_challenge", "x") },
		"implicit":           func(q url.Values) { q.Set("response_type", "id_token") },
		"hybrid":             func(q url.Values) { q.Set("response_type", "code id_token") },
		"fragment":           func(q url.Values) { q.Set("response_mode", "fragment") },
		"form_post":          func(q url.Values) { q.Set("response_mode", "form_post") },
		"request object":     func(q url.Values) { q.Set("request", "x.y.z") },
		"no scope":           func(q url.Values) { q.Del("scope") },
		"bad hint":           func(q url.Values) { q.Set("id_token_hint", "x.y.z") },
		"prompt none":        func(q url.Values) { q.Set("prompt", "none") },
	}
	for name, change := range redirected {
		for _, who := range []func(url.Values){
			func(url.Values) {},
			func(q url.Values) { q.Set("client_id", "portal"); q.Set("redirect_uri", h.portal+"/callback") },
		} {
			got := b.get(c.ask(func(q url.Values) { change(q); who(q) }))
			to, err := url.Parse(got.Header.Get("Location"))
			if err != nil || to.Query().Get("error") == "" || to.Query().Get("state") != "the state" || to.Query().Get("iss") != h.issuer {
				t.Errorf("%s: %d to %q", name, got.StatusCode, got.Header.Get("Location"))
			}
		}
	}
	for name, change := range map[string]func(url.Values){
		"unknown client":         func(q url.Values) { q.Set("client_id", "x") },
		"no client":              func(q url.Values) { q.Del("client_id") },
		"no redirect URI":        func(q url.Values) { q.Del("redirect_uri") },
		"another redirect URI":   func(q url.Values) { q.Set("redirect_uri", "https://evil.example/cb") },
		"another path":           func(q url.Values) { q.Set("redirect_uri", "http://127.0.0.1:45123/evil") },
		"the portal's, a prefix": func(q url.Values) { q.Set("client_id", "portal"); q.Set("redirect_uri", h.portal+"/callback/x") },
		"the portal's, encoded": func(q url.Values) {
			q.Set("client_id", "portal")
			q.Set("redirect_uri", strings.Replace(h.portal, ":", "%3A", 1)+"/callback")
		},
		"the portal, a port": func(q url.Values) { q.Set("client_id", "portal"); q.Set("redirect_uri", "http://127.0.0.1:1/callback") },
		"odd max_age":        func(q url.Values) { q.Set("max_age", "soon") },
	} {
		got := b.get(c.ask(change))
		if got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" || !strings.Contains(got.body, `role="alert"`) {
			t.Errorf("%s: %d to %q", name, got.StatusCode, got.Header.Get("Location"))
		}
	}
	if got := b.get(h.issuer + "/authorize?x=" + strings.Repeat("x", 20000)); got.StatusCode != http.StatusRequestURITooLong {
		t.Errorf("20 KB: %d", got.StatusCode)
	}
}

func TestPromptAndAge(t *testing.T) {
	h := newHouse(t)
	c := newClient(h)
	c.code()
	h.clock.forward(10 * time.Minute)
	b := c.stop()
	asks := func(change func(url.Values)) bool {
		to := b.get(c.ask(change)).Header.Get("Location")
		return strings.HasPrefix(to, "/login?id=")
	}
	for name, v := range map[string]struct {
		change func(url.Values)
		want   bool
	}{
		"nothing":        {func(url.Values) {}, false},
		"none":           {func(q url.Values) { q.Set("prompt", "none") }, false},
		"login":          {func(q url.Values) { q.Set("prompt", "login") }, true},
		"select_account": {func(q url.Values) { q.Set("prompt", "select_account") }, true},
		"max_age 0":      {func(q url.Values) { q.Set("max_age", "0") }, true},
		"max_age 300":    {func(q url.Values) { q.Set("max_age", "300") }, true},
		"max_age 3600":   {func(q url.Values) { q.Set("max_age", "3600") }, false},
	} {
		if got := asks(v.change); got != v.want {
			t.Errorf("%s: asks for the password: %v", name, got)
		}
	}
	h.Disable(h.anna, true)
	if !asks(func(url.Values) {}) {
		t.Error("a disabled person is still signed in")
	}
	h.Disable(h.anna, false)
	h.clock.forward(12 * time.Hour)
	if !asks(func(url.Values) {}) {
		t.Error("a session lasts for ever")
	}
}
