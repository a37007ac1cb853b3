package idp

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
)

func TestSignInAtThePortal(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	page := b.get(h.portal + "/start?to=/whoami&hint=" + anna)
	if page.StatusCode != http.StatusOK || !strings.Contains(page.body, `value="`+anna+`"`) {
		t.Fatalf("the form is %d %s", page.StatusCode, page.body)
	}
	if end := b.login(page, anna, annaPass); end.body != anna {
		t.Fatalf("ended with %d %s", end.StatusCode, end.body)
	}
	f, err := h.finish()
	if err != nil {
		t.Fatal(err)
	}
	p := f.Principal
	if p.Account != h.anna.Account || p.Address != anna || p.Method != auth.BySession || p.Scopes != 0 ||
		time.Since(p.AuthTime) > time.Minute || f.Session.SID == "" || f.Session.Subject != Subject(h.anna) {
		t.Errorf("the principal is %+v, the session %+v", p, f.Session)
	}
	if strings.Contains(string(f.Session.ID), f.CookieValue) || len(f.Session.ID) != 32 {
		t.Error("the session is stored under the cookie's value")
	}
	// The same browser signs in again without a form (single sign-on), and the
	// session before it ends.
	if end := b.get(h.portal + "/start?to=/whoami"); end.body != anna {
		t.Errorf("a second sign-in ended with %s", end.body)
	}
	if _, _, err := h.rp.Lookup(t.Context(), f.CookieValue); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("the replaced session: %v", err)
	}
	// Another browser is nobody.
	if got := newBrowser(t).get(h.portal + "/whoami").body; got != "nobody" {
		t.Errorf("another browser is %s", got)
	}
}

func TestReturnsToLocalPathsOnly(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	h.signIn(b)
	for _, to := range []string{"https://evil.example/", "//evil.example/", `/\evil.example`, "javascript:alert(1)", "/a\r\nSet-Cookie: x=y", "", "whoami"} {
		end := b.stop().get(b.stop().get(b.stop().get(h.portal + "/start?to=" + url.QueryEscape(to)).Header.Get("Location")).Header.Get("Location"))
		if got := end.Header.Get("Location"); got != "/" {
			t.Errorf("%q returns to %q", to, got)
		}
	}
}

// Making an app password asks for the password again: the provider does, and
// the portal believes it only if it says so.
func TestFreshSignIn(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	h.signIn(b)
	h.clock.forward(20 * time.Minute)
	f, _ := h.finish()
	if old := f.Principal.AuthTime; h.clock.now().Sub(old) < auth.Fresh {
		t.Fatalf("signed in at %v", old)
	}
	page := b.get(h.portal + "/start?to=/whoami&fresh")
	if !strings.Contains(page.body, `type="password"`) {
		t.Fatalf("no password is asked for: %s", page.body)
	}
	if end := b.login(page, anna, annaPass); end.body != anna {
		t.Fatalf("ended with %s", end.body)
	}
	f, _ = h.finish()
	if age := h.clock.now().Sub(f.Principal.AuthTime); age > time.Minute || age < 0 {
		t.Errorf("the sign-in is %v old", age)
	}
	// An answer from the old sign-in to a question for a fresh one is refused:
	// the browser removes prompt and max_age.
	h.clock.forward(20 * time.Minute)
	stopped := b.stop()
	asked, err := url.Parse(stopped.get(h.portal + "/start?to=/whoami&fresh").Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	q := asked.Query()
	q.Del("prompt")
	q.Del("max_age")
	asked.RawQuery = q.Encode()
	b.get(asked.String())
	if _, err := h.finish(); !errors.Is(err, auth.ErrStale) {
		t.Errorf("a stale sign-in: %v", err)
	}
}

func TestMixedUpAnswersAreRefused(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	h.signIn(b)
	// answer runs a login up to the provider's answer and changes it.
	answer := func(b browser, change func(url.Values)) (string, error) {
		stopped := b.stop()
		back, err := url.Parse(stopped.get(stopped.get(h.portal + "/start?to=/whoami").Header.Get("Location")).Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		q := back.Query()
		if q.Get("iss") != h.issuer || q.Get("code") == "" || q.Get("state") == "" {
			t.Fatalf("the answer is %s", back)
		}
		change(q)
		back.RawQuery = q.Encode()
		b.get(back.String())
		_, err = h.finish()
		return back.String(), err
	}
	if _, err := answer(b, func(url.Values) {}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(url.Values)
		want   error
	}{
		"no state":       {func(q url.Values) { q.Del("state") }, auth.ErrState},
		"another state":  {func(q url.Values) { q.Set("state", secret()) }, auth.ErrState},
		"no iss":         {func(q url.Values) { q.Del("iss") }, auth.ErrDenied},
		"another iss":    {func(q url.Values) { q.Set("iss", "https://evil.example") }, auth.ErrDenied},
		"two iss":        {func(q url.Values) { q.Add("iss", "https://evil.example") }, auth.ErrDenied},
		"no code":        {func(q url.Values) { q.Del("code") }, auth.ErrDenied},
		"another code":   {func(q url.Values) { q.Set("code", secret()) }, auth.ErrDenied},
		"a refusal":      {func(q url.Values) { q.Del("code"); q.Set("error", "access_denied") }, auth.ErrRefused},
		"a refusal, mix": {func(q url.Values) { q.Set("error", "x"); q.Set("iss", "https://evil.example") }, auth.ErrDenied},
	} {
		if _, err := answer(b, c.change); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	// The whole answer again: the state counts once.
	again, err := answer(b, func(url.Values) {})
	if err != nil {
		t.Fatal(err)
	}
	b.get(again)
	if _, err := h.finish(); !errors.Is(err, auth.ErrState) {
		t.Errorf("replayed: %v", err)
	}
	// Another browser cannot be made to end the login that this one began.
	foreign := ""
	_, _ = answer(b, func(q url.Values) { foreign = q.Encode(); q.Del("state") })
	other := newBrowser(t)
	other.get(h.portal + "/start") // it has begun one of its own
	other.get(h.portal + "/callback?" + foreign)
	if _, err := h.finish(); !errors.Is(err, auth.ErrState) {
		t.Errorf("in another browser: %v", err)
	}
	// Two logins at once: the code of one in the other gives another nonce and verifier.
	var first string
	_, _ = answer(b, func(q url.Values) { first = q.Get("code"); q.Del("state") })
	if _, err := answer(b, func(q url.Values) { q.Set("code", first) }); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("a code of another login: %v", err)
	}
	h.clock.forward(11 * time.Minute)
}

func TestLoginTakesTooLong(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	page := b.get(h.portal + "/start?to=/whoami")
	h.clock.forward(11 * time.Minute)
	b.login(page, anna, annaPass)
	if _, err := h.finish(); !errors.Is(err, auth.ErrState) {
		t.Errorf("after eleven minutes: %v", err)
	}
	page = b.get(h.portal + "/start?to=/whoami&fresh")
	h.clock.forward(31 * time.Minute)
	if end := b.login(page, anna, annaPass); end.StatusCode != http.StatusBadRequest {
		t.Errorf("the form still works after half an hour: %d", end.StatusCode)
	}
}

func TestUnknownSubjectAndDisabledPerson(t *testing.T) {
	h := newHouse(t)
	other := h.AddPerson(bert)
	phc, err := HashPassword("a password of Bert's")
	if err != nil {
		t.Fatal(err)
	}
	if err := h.SetPasswordHash(t.Context(), other, phc); err != nil {
		t.Fatal(err)
	}
	// A portal that does not know the provider's subjects.
	strict, err := auth.NewRelyingParty(auth.RPConfig{
		Issuer: h.issuer, ClientID: "portal", ClientSecret: "a secret of the portal", RedirectURI: h.portal + "/callback",
		People: h, Sessions: h, Tickets: h, Now: h.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	knowing := h.rp
	h.rp = strict
	b := newBrowser(t)
	b.login(b.get(h.portal+"/start?to=/whoami"), bert, "a password of Bert's")
	if _, err := h.finish(); !errors.Is(err, auth.ErrUnknownSubject) {
		t.Errorf("an unknown subject: %v", err)
	}
	h.rp = knowing
	h.signIn(newBrowser(t))
	f, _ := h.finish()
	h.Disable(h.anna, true)
	if _, _, err := h.rp.Lookup(t.Context(), f.CookieValue); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("a disabled person's session: %v", err)
	}
}

func TestSessionsEndByTime(t *testing.T) {
	h := newHouse(t)
	h.signIn(newBrowser(t))
	f, _ := h.finish()
	lookup := func() error {
		_, _, err := h.rp.Lookup(t.Context(), f.CookieValue)
		return err
	}
	for range 6 { // in use it goes on …
		h.clock.forward(110 * time.Minute)
		if err := lookup(); err != nil {
			t.Fatal(err)
		}
	}
	h.clock.forward(110 * time.Minute) // … but not for ever
	if err := lookup(); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("after more than twelve hours: %v", err)
	}
	h.signIn(newBrowser(t))
	f, _ = h.finish()
	h.clock.forward(2 * time.Hour)
	if err := lookup(); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("unused for two hours: %v", err)
	}
	for _, odd := range []string{"", "x", strings.Repeat("A", 43) + "=", strings.Repeat("A", 100000)} {
		if _, _, err := h.rp.Lookup(t.Context(), odd); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("%.20q: %v", odd, err)
		}
	}
}

func TestLogoutFromThePortal(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	h.signIn(b)
	f, _ := h.finish()
	if end := b.get(h.portal + "/logout"); end.body != "bye" {
		t.Fatalf("logging out ended at %s: %s", end.Request.URL, end.body)
	}
	if _, _, err := h.rp.Lookup(t.Context(), f.CookieValue); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("the session goes on: %v", err)
	}
	if page := b.get(h.portal + "/start?to=/whoami"); !strings.Contains(page.body, `type="password"`) {
		t.Errorf("the provider still knows the browser: %s", page.body)
	}
	wait(t, "the provider tells its clients", func() bool { h.mu.Lock(); defer h.mu.Unlock(); return len(h.tokens) == 1 })
}

// Another site can send a browser to the logout address: then it is asked.
func TestLogoutIsAskedFor(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	h.signIn(b)
	page := b.get(h.issuer + "/end_session")
	if !strings.Contains(page.body, "abmelden?") {
		t.Fatalf("it is not asked: %s", page.body)
	}
	if end := b.get(h.portal + "/start?to=/whoami"); end.body != anna {
		t.Fatalf("asking signed out: %s", end.body)
	}
	end := b.submit(page, map[string]string{"form": secret()})
	if again := b.get(h.portal + "/start?to=/whoami"); again.body != anna {
		t.Fatalf("a forged form signed out: %s, then %s", end.body, again.body)
	}
	if end := b.submit(page, nil); !strings.Contains(end.body, "Sie sind abgemeldet") {
		t.Errorf("confirmed: %s", end.body)
	}
	for _, q := range []string{"post_logout_redirect_uri=https://evil.example/&client_id=portal", "id_token_hint=x.y.z"} {
		if got := newBrowser(t).stop().get(h.issuer + "/end_session?" + q); got.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d, to %s", q, got.StatusCode, got.Header.Get("Location"))
		}
	}
}

func TestBackChannelLogout(t *testing.T) {
	h := newHouse(t)
	one, two := newBrowser(t), newBrowser(t)
	h.signIn(one)
	h.signIn(two)
	// Signing out at the provider in one browser ends its portal session, not the other's.
	page := one.get(h.issuer + "/end_session")
	one.submit(page, nil)
	wait(t, "the portal session ends", func() bool { return one.get(h.portal+"/whoami").body == "nobody" })
	if got := two.get(h.portal + "/whoami").body; got != anna {
		t.Errorf("the other browser is %s", got)
	}
	// Disabling a person ends all.
	h.signIn(one)
	if err := h.idp.PersonDisabled(t.Context(), h.anna); err != nil {
		t.Fatal(err)
	}
	wait(t, "all sessions end", func() bool {
		return one.get(h.portal+"/whoami").body == "nobody" && two.get(h.portal+"/whoami").body == "nobody"
	})
	if page := one.get(h.portal + "/start?to=/whoami"); !strings.Contains(page.body, `type="password"`) {
		t.Errorf("the provider still knows the browser")
	}
	// A logout token counts once: replayed, it would end what began after it.
	h.signIn(one)
	h.mu.Lock()
	tokens := append([]string(nil), h.tokens...)
	h.mu.Unlock()
	for _, token := range tokens {
		resp := one.read(http.PostForm(h.portal+"/backchannel", url.Values{"logout_token": {token}}))
		if resp.StatusCode != http.StatusBadRequest || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("a replay is answered with %d", resp.StatusCode)
		}
	}
	if got := one.get(h.portal + "/whoami").body; got != anna {
		t.Errorf("a replay ended the session")
	}
}

func TestForgedLogoutTokens(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	h.signIn(b)
	f, _ := h.finish()
	now := time.Now()
	sign := func(typ string, change func(map[string]any)) string {
		c := map[string]any{
			"iss": h.issuer, "aud": "portal", "sub": Subject(h.anna), "jti": secret(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
			"events": map[string]any{logoutEvent: map[string]any{}},
		}
		change(c)
		s, err := h.idp.sign(t.Context(), typ, c)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	var idToken struct{ IDToken string }
	_ = json.Unmarshal(f.Session.Secret, &idToken)
	for name, token := range map[string]string{
		"none":             "",
		"no token":         "x",
		"an ID token":      idToken.IDToken,
		"access token typ": sign("at+jwt", func(map[string]any) {}),
		"a nonce":          sign("logout+jwt", func(c map[string]any) { c["nonce"] = "n" }),
		"no event":         sign("logout+jwt", func(c map[string]any) { delete(c, "events") }),
		"another event":    sign("logout+jwt", func(c map[string]any) { c["events"] = map[string]any{"x": map[string]any{}} }),
		"no jti":           sign("logout+jwt", func(c map[string]any) { delete(c, "jti") }),
		"nobody":           sign("logout+jwt", func(c map[string]any) { delete(c, "sub") }),
		"another client":   sign("logout+jwt", func(c map[string]any) { c["aud"] = "thunderbird" }),
		"another issuer":   sign("logout+jwt", func(c map[string]any) { c["iss"] = "https://evil.example" }),
		"expired":          sign("logout+jwt", func(c map[string]any) { c["exp"] = now.Add(-time.Minute).Unix() }),
		"no iat":           sign("logout+jwt", func(c map[string]any) { delete(c, "iat") }),
		"old":              sign("logout+jwt", func(c map[string]any) { c["iat"] = now.Add(-11 * time.Minute).Unix() }),
		"from the future":  sign("logout+jwt", func(c map[string]any) { c["iat"] = now.Add(time.Minute).Unix() }),
	} {
		resp := b.read(http.PostForm(h.portal+"/backchannel", url.Values{"logout_token": {token}}))
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	if resp := b.get(h.portal + "/backchannel"); resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", resp.StatusCode)
	}
	if got := b.get(h.portal + "/whoami").body; got != anna {
		t.Fatal("a forged token ended the session")
	}
	// A store that is away: the provider may send the same token again.
	good := sign("logout+jwt", func(map[string]any) {})
	h.Memory.Down(true)
	if resp := b.read(http.PostForm(h.portal+"/backchannel", url.Values{"logout_token": {good}})); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("with the store away: %d", resp.StatusCode)
	}
	h.Memory.Down(false)
	if resp := b.read(http.PostForm(h.portal+"/backchannel", url.Values{"logout_token": {good}})); resp.StatusCode != http.StatusOK {
		t.Errorf("once more: %d", resp.StatusCode)
	}
	if got := b.get(h.portal + "/whoami").body; got != "nobody" {
		t.Errorf("after the logout the browser is %s", got)
	}
}

// The portal starts without its provider and finds it later.
func TestProviderIsDownAtFirst(t *testing.T) {
	h := newHouse(t)
	h.down.Store(true)
	b := newBrowser(t)
	if got := b.get(h.portal + "/start?to=/whoami"); got.StatusCode != http.StatusBadGateway {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	h.down.Store(false)
	h.clock.forward(2 * time.Second)
	h.signIn(b)
}

func TestKeysRotateWhileInUse(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	h.signIn(b)
	first, err := h.idp.keys.signing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.idp.RotateKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	if end := b.get(h.portal + "/start?to=/whoami"); end.body != anna {
		t.Fatalf("after a rotation: %s", end.body)
	}
	// By the calendar: published before it signs, and the old one stays.
	seen := map[string]bool{first.ID(): true}
	for range 100 {
		h.clock.forward(24 * time.Hour)
		before, _ := h.idp.keys.public(t.Context())
		k, err := h.idp.keys.signing(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		published := false
		for _, p := range before {
			published = published || p.ID() == k.ID()
		}
		if !published {
			t.Fatal("a key signs that is not published")
		}
		seen[k.ID()] = true
	}
	if len(seen) < 4 || len(seen) > 6 {
		t.Errorf("%d keys signed in 100 days", len(seen))
	}
	if keys, _ := h.idp.keys.public(t.Context()); len(keys) > 4 {
		t.Errorf("%d keys are published", len(keys))
	}
}
