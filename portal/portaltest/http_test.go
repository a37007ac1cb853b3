package portaltest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/portal"
)

func TestHeadersOnEveryRoute(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	stopped := v.stop()
	answers := map[string]answer{
		"back-channel": stopped.do(v.request(http.MethodPost, portal.BackChannelPath, url.Values{})),
		"HEAD":         stopped.do(v.request(http.MethodHead, "/", nil)),
		"PUT":          stopped.do(v.request(http.MethodPut, "/devices", nil)),
		"no token":     stopped.do(v.request(http.MethodPost, "/logout", url.Values{})),
	}
	for _, path := range []string{
		"/", "/login", "/login/callback", "/setup/outlook", "/setup/x", "/service/files", "/devices", "/apple-profile/x", "/data", "/data/reports/1/json", "/language/", "/language/x", "/logo/x", "/manage", "/manage/people", "/manage/data", "/trash", "/trash/remove", "/trash/empty", "/trash/restore", "/nirgends", "//devices",
		"/.well-known/autoconfig/mail/config-v1.1.xml", "/mail/config-v1.1.xml", "/static/portal.css", "/static/logo.svg", "/static/", "/static/x",
	} {
		answers[path] = stopped.get(path)
	}
	for name, a := range answers {
		for header, want := range map[string]string{
			"Content-Security-Policy":    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := a.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q", name, header, got)
			}
		}
		cached := strings.HasPrefix(name, "/static/") && a.StatusCode == http.StatusOK
		if got := a.Header.Get("Cache-Control"); cached != strings.HasPrefix(got, "public") || !cached && got != "no-store" {
			t.Errorf("%s: Cache-Control is %q", name, got)
		}
		if a.body != "" && a.Header.Get("Content-Type") == "" {
			t.Errorf("%s: no Content-Type", name)
		}
		if a.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: open to other origins", name)
		}
	}
	for path, want := range map[string]int{"/static/": 404, "/static/x": 404, "/nirgends": 404, "/setup/x": 404, "HEAD": 200, "PUT": 404, "no token": 403} {
		if got := answers[path].StatusCode; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	if got := answers["/nirgends"]; !strings.Contains(got.body, "Diese Seite gibt es nicht") || !strings.Contains(got.body, anna) {
		t.Errorf("an unknown page says %s", got.body)
	}
}

func TestFormsOfOthersAreRefused(t *testing.T) {
	h := newHouse(t)
	v, w := newVisitor(t, h), newVisitor(t, h)
	v.signIn(anna)
	w.signIn(bert)
	token := v.token()
	for _, path := range []string{"/devices", "/devices/1/end", "/sessions/00/end", "/sessions/end", "/programs/00/end", "/apple-profile", "/data/reports", "/trash/restore", "/trash/remove", "/trash/empty", "/logout"} {
		for name, bad := range map[string]string{"none": "", "another's": w.token(), "made up": strings.Repeat("A", 43)} {
			if a := v.post(path, url.Values{"token": {bad}, "name": {"x"}, "service.read": {"1"}}); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s, token %s: %d", path, name, a.StatusCode)
			}
		}
		for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
			r := v.request(http.MethodPost, path, url.Values{"token": {token}, "name": {"x"}, "service.read": {"1"}})
			r.Header.Set(header, value)
			if a := v.do(r); a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "<html") {
				t.Errorf("%s from another site: %d %s", path, a.StatusCode, a.body)
			}
		}
	}
	r := v.request(http.MethodPost, "/devices", nil)
	r.URL.RawQuery = url.Values{"token": {token}, "name": {"x"}, "service.read": {"1"}}.Encode()
	if a := v.do(r); a.StatusCode != http.StatusForbidden {
		t.Errorf("a token in the query: %d", a.StatusCode)
	}
	if a := v.post("/devices", url.Values{"name": {"x"}, "service.read": {"1"}, "filler": {strings.Repeat("x", 300<<10)}}); a.StatusCode != http.StatusBadRequest {
		t.Errorf("a form that is too long: %d", a.StatusCode)
	}
	if n := len(h.passwords(t, h.anna)); n != 0 {
		t.Errorf("%d app passwords were made", n)
	}
	if a := v.get("/devices"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, anna) {
		t.Error("a forged form signed out")
	}
}

func TestNobodyEndsWhatBelongsToOthers(t *testing.T) {
	h := newHouse(t)
	v, w := newVisitor(t, h), newVisitor(t, h)
	v.signIn(anna)
	w.signIn(bert)
	made, secret, err := h.auth.NewAppPasswordByOperator(t.Context(), h.bert, "von Bert", auth.MailRead, time.Time{})
	must(t, err)
	sessions, err := h.SessionsOf(t.Context(), h.bert)
	must(t, err)
	if len(sessions) != 1 {
		t.Fatalf("Bert has %d sessions", len(sessions))
	}
	number := formatHex(sessions[0].ID)
	if !strings.Contains(w.get("/devices").body, "/sessions/"+number+"/end") {
		t.Fatal("Bert does not see the own session")
	}
	for _, path := range []string{
		"/sessions/" + number + "/end", "/sessions/zz/end", "/sessions/00/end",
		"/devices/" + formatInt(made.ID) + "/end", "/devices/x/end", "/devices/999/end", "/devices/-1/end",
	} {
		if a := v.post(path, nil); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	if a := w.get("/devices"); a.StatusCode != http.StatusOK || !strings.Contains(a.body, bert) {
		t.Error("Anna ended Bert's session")
	}
	must(t, h.accepts(t, bert, secret, auth.MailRead))
	if a := v.get("/devices"); strings.Contains(a.body, "von Bert") || strings.Contains(a.body, number) {
		t.Error("Anna sees what is Bert's")
	}
}

func TestEndingTheOwnSessionSignsOut(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	sessions, err := h.SessionsOf(t.Context(), h.anna)
	must(t, err)
	target := v.onward(v.post("/sessions/"+formatHex(sessions[0].ID)+"/end", nil))
	if !strings.HasPrefix(target, h.issuer+"/end_session?") {
		t.Errorf("it leads to %s", target)
	}
	if end := v.get(target); end.Request.URL.String() != h.portal+"/" || strings.Contains(end.body, anna) {
		t.Errorf("it ended at %s", end.Request.URL)
	}
	if end := v.get("/devices"); !strings.Contains(end.body, `type="password"`) {
		t.Errorf("the provider still knows the browser")
	}
}

func TestStaleSignInKeepsTheForm(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	h.clock.forward(11 * time.Minute)
	form := url.Values{"name": {"  Büro & \"Flur\" "}, "service.send": {"1"}, "expires": {"30"}}
	target := v.onward(v.post("/devices", form))
	if len(h.passwords(t, h.anna)) != 0 {
		t.Fatal("a stale sign-in made an app password")
	}
	end := v.login(v.get(target), anna)
	if end.Request.URL.Path != "/devices" || end.Request.URL.Fragment != "new" {
		t.Errorf("it ended at %s", end.Request.URL)
	}
	for _, part := range []string{`value="Büro &amp; &#34;Flur&#34;"`, `name="service.send" value="1" checked`, `value="30" selected`} {
		if !strings.Contains(end.body, part) {
			t.Errorf("the form has lost %s", part)
		}
	}
	if strings.Contains(end.body, `name="service.read" value="1" checked`) {
		t.Error("the form ticks what was not ticked")
	}
	if a := v.post("/devices", form); a.StatusCode != http.StatusOK || !strings.Contains(a.body, `id="secret"`) {
		t.Errorf("after the fresh sign-in: %d", a.StatusCode)
	}
	h.keptSecrets(t)
}

// Who comes from the page of a program finds its steps beside the new app password, which
// is needed on the way and shown once.
func TestAppPasswordForAProgram(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	page := v.get("/setup/thunderbird")
	page.holds(t, "the program's page", `href="/devices?client=thunderbird&for=suite&name=Thunderbird#new"`)
	v.get("/devices?client=thunderbird&for=suite&name=Thunderbird").holds(t, "the form", `name="client" value="thunderbird"`)
	made := v.post("/devices", url.Values{"name": {"Büro"}, "for": {"suite"}, "client": {"thunderbird"}})
	made.holds(t, "the new app password", `id="secret"`, "Lassen Sie diese Seite offen", "imap.musterstadt.example", "Wählen Sie in Thunderbird")
	for _, client := range []string{"", "nonsense"} {
		other := v.post("/devices", url.Values{"name": {"Büro"}, "for": {"suite"}, "client": {client}})
		if !strings.Contains(other.body, `id="secret"`) || strings.Contains(other.body, "Thunderbird") {
			t.Errorf("for %q: %d", client, other.StatusCode)
		}
	}
}

func TestAppPasswordFormIsChecked(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	for name, c := range map[string]struct {
		form url.Values
		says string
		kept string
	}{
		"no name":    {url.Values{"service.send": {"1"}, "expires": {"90"}}, "einen Namen für das Gerät", `value="90" selected`},
		"blank":      {url.Values{"name": {"  "}, "service.send": {"1"}, "client": {"kde"}}, "einen Namen für das Gerät", `name="client" value="kde"`},
		"long":       {url.Values{"name": {strings.Repeat("ü", 81)}, "for": {"phone"}}, "einen Namen für das Gerät", `value="phone" checked`},
		"control":    {url.Values{"name": {"a\x01b"}, "service.send": {"1"}}, "einen Namen für das Gerät", `name="service.send" value="1" checked`},
		"no service": {url.Values{"name": {"Mein Gerät"}, "for": {"own"}}, "mindestens eines aus", `value="Mein Gerät"`},
	} {
		a := v.post("/devices", c.form)
		if !strings.Contains(a.body, `href="/language/en?return=%2fdevices"`) {
			t.Errorf("%s: the language leads away from the form", name)
		}
		if a.StatusCode != http.StatusUnprocessableEntity || strings.Count(a.body, c.says) != 2 || !strings.Contains(a.body, c.kept) {
			t.Errorf("%s: %d, said %d times, kept %t", name, a.StatusCode, strings.Count(a.body, c.says), strings.Contains(a.body, c.kept))
		}
	}
	for name, form := range map[string]url.Values{
		"wrong expiry":   {"name": {"x"}, "service.read": {"1"}, "expires": {"morgen"}},
		"past expiry":    {"name": {"x"}, "service.read": {"1"}, "expires": {"-1"}},
		"distant expiry": {"name": {"x"}, "service.read": {"1"}, "expires": {"99999"}},
	} {
		if a := v.post("/devices", form); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", name, a.StatusCode)
		}
	}
	for range auth.MaxAppPasswords {
		_, _, err := h.auth.NewAppPasswordByOperator(t.Context(), h.anna, "eines", auth.MailRead, time.Time{})
		must(t, err)
	}
	if page := v.get("/devices"); strings.Contains(page.body, `id="name"`) || !strings.Contains(page.body, "Mehr als 40") {
		t.Error("the page offers a forty-first")
	}
	for _, path := range []string{"/devices", "/apple-profile"} {
		if a := v.post(path, url.Values{"name": {"x"}, "service.read": {"1"}}); a.StatusCode != http.StatusConflict || !strings.Contains(a.body, "Grenze") {
			t.Errorf("%s, the forty-first: %d", path, a.StatusCode)
		}
	}
	if n := len(h.passwords(t, h.anna)); n != auth.MaxAppPasswords {
		t.Errorf("%d app passwords", n)
	}
}

func TestReturnsToThisOriginOnly(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	for _, to := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", "evil", "/\t/evil.example", ""} {
		end := v.get("/login?" + url.Values{"return": {to}}.Encode())
		if end.Request.URL.String() != h.portal+"/" {
			t.Errorf("%q leads to %s", to, end.Request.URL)
		}
	}
	if end := v.get("/login?return=/devices%3Fname=x"); end.Request.URL.RequestURI() != "/devices?name=x" {
		t.Errorf("a path of ours leads to %s", end.Request.URL)
	}
}

func TestErrorPages(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	says := func(name string, a answer, status int, text string) {
		t.Helper()
		if a.StatusCode != status || !strings.Contains(a.body, text) || !strings.Contains(a.Header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	says("no login", v.get("/login/callback?state=x&code=y"), 400, "abgelaufen")
	// The provider refuses: its answer is made by hand, with the state of a real login.
	asked := v.stop().get("/login")
	state := mustParse(t, asked.Header.Get("Location")).Query().Get("state")
	refusal := url.Values{"error": {"access_denied"}, "state": {state}, "iss": {h.issuer}}
	says("refused", v.get("/login/callback?"+refusal.Encode()), 403, "abgebrochen")
	asked = v.stop().get("/login")
	state = mustParse(t, asked.Header.Get("Location")).Query().Get("state")
	says("a wrong code", v.get("/login/callback?"+url.Values{"code": {"x"}, "state": {state}, "iss": {h.issuer}}.Encode()), 403, "nicht angenommen")
	v.signIn(anna)
	// Refused though signed in: the frame says so.
	says("signed in all the same", v.get("/login/callback?state=x"), 400, anna)
	h.down.Store(true)
	for _, path := range []string{"/", "/devices", "/setup/outlook", "/data"} {
		says("store away, "+path, v.get(path), 503, "Das geht gerade nicht")
	}
	says("store away, unknown page", v.get("/x"), 404, "gibt es nicht")
	h.down.Store(false)

	// A portal whose people are bound to another provider's subjects.
	h.front = h.newPortal(t, h.issuer, "a secret of the portal", h, nil)
	stranger := newVisitor(t, h)
	says("unknown subject", stranger.login(stranger.get("/login"), bert), 403, "gibt es hier kein Konto")
	h.away.Store(true)
	h.front = h.newPortal(t, h.issuer, "a secret of the portal", h, nil)
	says("provider away", newVisitor(t, h).get("/login"), 503, "Das geht gerade nicht")
	h.keptSecrets(t)
}

// A form sent after the session has ended goes on to the sign-in by a page, for
// a redirect would be held against form-action.
func TestFormAfterTheSession(t *testing.T) {
	h := newHouse(t)
	target := newVisitor(t, h).onward(newVisitor(t, h).post("/devices", url.Values{"token": {"x"}}))
	if u := mustParse(t, target); u.Path != "/login" || u.Query().Get("return") != "/devices" || u.Host != "" {
		t.Errorf("it goes on to %s", target)
	}
}

func TestHeadUsesNothingUp(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	for _, path := range []string{"/login", "/login/callback?state=x", "/apple-profile/x"} {
		if a := v.stop().do(v.request(http.MethodHead, path, nil)); a.StatusCode != http.StatusMethodNotAllowed || len(a.Cookies()) != 0 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

func TestCookies(t *testing.T) {
	h := newHouse(t)
	check := func(name string, c *http.Cookie, secure bool) {
		t.Helper()
		if !strings.HasPrefix(c.Name, name) || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != secure {
			t.Errorf("the cookie is %s", c)
		}
	}
	v := newVisitor(t, h)
	for _, c := range v.stop().get("/login").Cookies() {
		check("fachwerk-portal-state", c, false)
	}
	// The same portal, served by https.
	var c portal.Config
	h.newPortal(t, h.issuer, "a secret of the portal", h, nil, func(made *portal.Config) { c = *made })
	c.URL = "https://portal.musterstadt.example"
	p, err := portal.New(c)
	must(t, err)
	w := httptest.NewRecorder()
	p.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/login", nil))
	list := w.Result().Cookies()
	if len(list) != 1 || w.Header().Get("Strict-Transport-Security") == "" {
		t.Fatalf("by https: %v", w.Result().Header)
	}
	check("__Host-fachwerk-state", list[0], true)
}

func TestNewRefuses(t *testing.T) {
	h := newHouse(t)
	var good portal.Config
	h.newPortal(t, h.issuer, "s", h, nil, func(c *portal.Config) { good = *c })
	for name, change := range map[string]func(*portal.Config){
		"a DAV path":  func(c *portal.Config) { c.DAV = "https://dav.example/dav" },
		"no DAV host": func(c *portal.Config) { c.DAV = "dav.example" },
		"a path":      func(c *portal.Config) { c.URL += "/portal" },
		"a query":     func(c *portal.Config) { c.URL += "?x" },
		"no host":     func(c *portal.Config) { c.URL = "https://" },
		"a scheme":    func(c *portal.Config) { c.URL = "ftp://portal.example" },
		"no sessions": func(c *portal.Config) { c.Sessions = nil },
		"no places":   func(c *portal.Config) { c.Reporter = nil },
		"short key":   func(c *portal.Config) { c.Secret = bytes.Repeat([]byte{1}, 31) },
	} {
		c := good
		change(&c)
		if _, err := portal.New(c); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

// The pages come in the language that the browser asks for, and caches are told.
func TestLanguageOfPages(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	for language, want := range map[string]string{"de": "Willkommen", "en": "Welcome", "": "Willkommen"} {
		r := v.request(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Language", language)
		a := v.do(r)
		if !strings.Contains(a.body, want) || !slices.Contains(a.Header.Values("Vary"), "Accept-Language, Cookie") {
			t.Errorf("%q: %v %s", language, a.Header, a.body)
		}
	}
}

// Nobody fills the store with sign-ins that are begun and never ended.
func TestSignInsBegunAreBounded(t *testing.T) {
	h := newHouse(t, func(c *portal.Config) { c.Begins = 3 })
	v := newVisitor(t, h)
	for i := range 5 {
		a := v.stop().get("/login")
		if want := map[bool]int{true: http.StatusSeeOther, false: http.StatusTooManyRequests}[i < 3]; a.StatusCode != want {
			t.Errorf("sign-in %d: %s, want %d", i+1, a.Status, want)
		}
	}
	h.clock.forward(31 * time.Minute)
	if a := v.stop().get("/login"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("half an hour later: %s", a.Status)
	}
}
