package idp

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/auth"
)

// Unknown names, wrong passwords, disabled people and people without a
// password get one answer, and one argon2 run each.
func TestAnswersDoNotDiffer(t *testing.T) {
	h := newHouse(t)
	h.AddPerson(bert) // has no password
	disabled := h.AddPerson("carla@musterstadt.example")
	if err := h.SetPasswordHash(t.Context(), disabled, annaPHC()); err != nil {
		t.Fatal(err)
	}
	h.Disable(disabled, true)
	answers := map[string]bool{}
	for _, c := range []struct{ address, password string }{
		{anna, "not her password"},
		{bert, annaPass},
		{"carla@musterstadt.example", annaPass},
		{"nobody@musterstadt.example", annaPass},
		{"no address", annaPass},
		{strings.Repeat("a", 5000), annaPass},
		{anna, strings.Repeat("p", 5000)},
	} {
		b := newBrowser(t)
		page := b.get(h.portal + "/start?to=/whoami")
		before := h.idp.gate.runs.Load()
		end := b.login(page, c.address, c.password)
		if n := h.idp.gate.runs.Load() - before; n != 1 {
			t.Errorf("%.30s: %d argon2 runs", c.address, n)
		}
		text := end.body
		for _, m := range hidden.FindAllStringSubmatch(text, -1) {
			text = strings.ReplaceAll(text, m[2], "…")
		}
		text = strings.ReplaceAll(text, `value="`+c.address+`"`, `value=""`)
		text = strings.ReplaceAll(strings.ReplaceAll(text, " autofocus", ""), `value="`+strings.TrimSpace(c.address)+`"`, `value=""`)
		answers[fmt.Sprint(end.StatusCode, text)] = true
		if end.StatusCode != http.StatusUnauthorized {
			t.Errorf("%.30s: %d", c.address, end.StatusCode)
		}
	}
	if len(answers) != 1 {
		t.Errorf("%d different answers: %v", len(answers), answers)
	}
}

func TestLoginIsThrottled(t *testing.T) {
	var from atomic.Pointer[netip.Addr]
	set := func(s string) { a := netip.MustParseAddr(s); from.Store(&a) }
	set("192.0.2.10")
	clock := &clock{}
	th := auth.NewThrottle(auth.ThrottleLimits{PerAccount: 4, PerNetwork: 6, PerPair: 3}, clock.now)
	h := newHouse(t, func(c *Config) {
		c.Throttle = th
		c.Remote = func(*http.Request) netip.Addr { return *from.Load() }
	})
	known := newBrowser(t)
	h.signIn(known)
	set("198.51.100.7")
	attacker := newBrowser(t)
	page := attacker.get(h.portal + "/start?to=/whoami")
	var status []int
	for n := range 6 {
		status = append(status, attacker.login(page, anna, fmt.Sprint("a guess ", n)).StatusCode)
	}
	if fmt.Sprint(status) != "[401 401 401 401 429 429]" {
		t.Errorf("an attacker gets %v", status)
	}
	runs := h.idp.gate.runs.Load()
	if end := attacker.login(page, anna, annaPass); end.StatusCode != http.StatusTooManyRequests {
		t.Errorf("even the right password from there: %d", end.StatusCode)
	}
	if h.idp.gate.runs.Load() != runs {
		t.Error("a throttled attempt costs an argon2 run")
	}
	// Unknown names are throttled alike.
	status = nil
	set("198.51.100.8")
	for range 5 {
		status = append(status, attacker.login(page, "nobody@musterstadt.example", "x").StatusCode)
	}
	if fmt.Sprint(status) != "[401 401 401 401 429]" {
		t.Errorf("an unknown name gets %v", status)
	}
	// The owner gets in from where they were …
	set("192.0.2.10")
	fresh := newBrowser(t)
	if end := fresh.login(fresh.get(h.portal+"/start?to=/whoami"), anna, annaPass); end.body != anna {
		t.Errorf("the owner is locked out at home: %d", end.StatusCode)
	}
	// … and with a browser they have used, from wherever they are.
	set("203.0.113.77")
	if end := known.login(known.get(h.portal+"/start?to=/whoami&fresh"), anna, annaPass); end.body != anna {
		t.Errorf("the owner is locked out on the way: %d", end.StatusCode)
	}
	clock.forward(20 * time.Minute)
	set("198.51.100.7")
	if end := attacker.login(page, anna, "a guess"); end.StatusCode != http.StatusUnauthorized {
		t.Errorf("later: %d", end.StatusCode)
	}
}

// Nobody fills the store with logins that they begin and do not end.
func TestBegunLoginsAreBounded(t *testing.T) {
	h := newHouse(t)
	h.idp.begun = auth.NewThrottle(auth.ThrottleLimits{PerNetwork: 5}, h.clock.now)
	b := newBrowser(t)
	var status []int
	for range 7 {
		status = append(status, b.get(h.portal+"/start").StatusCode)
	}
	if fmt.Sprint(status) != "[200 200 200 200 200 429 429]" {
		t.Errorf("seven logins begun give %v", status)
	}
	h.clock.forward(20 * time.Minute)
	if got := b.get(h.portal + "/start"); got.StatusCode != http.StatusOK {
		t.Errorf("later: %d", got.StatusCode)
	}
}

func TestForgedForms(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	page := b.get(h.portal + "/start?to=/whoami")
	fields := map[string]string{"address": anna, "password": annaPass, "form": secret()}
	if end := b.submit(page, fields); end.StatusCode != http.StatusForbidden || !strings.Contains(end.body, `role="alert"`) {
		t.Errorf("a wrong form token: %d", end.StatusCode)
	}
	// Another browser has no cookie that fits the token.
	if end := newBrowser(t).login(page, anna, annaPass); end.StatusCode != http.StatusForbidden {
		t.Errorf("without the cookie: %d", end.StatusCode)
	}
	// A browser says where the form came from.
	cross := newBrowser(t)
	page = cross.get(h.portal + "/start?to=/whoami")
	cross.Transport = headers{"Sec-Fetch-Site": "cross-site"}
	if end := cross.login(page, anna, annaPass); end.StatusCode != http.StatusForbidden {
		t.Errorf("from another site: %d", end.StatusCode)
	}
	cross.Transport = headers{"Sec-Fetch-Site": "same-origin"}
	if end := cross.login(page, anna, annaPass); end.body != anna {
		t.Errorf("from our own page: %d", end.StatusCode)
	}
	// The request behind the form counts once.
	if end := cross.login(page, anna, annaPass); end.StatusCode != http.StatusBadRequest {
		t.Errorf("the form a second time: %d", end.StatusCode)
	}
}

// headers adds some to every request.
type headers map[string]string

func (h headers) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for k, v := range h {
		r.Header.Set(k, v)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func TestPages(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	for accept, want := range map[string]string{
		"": `<html lang="de">`, "de-AT,de;q=0.9": `<html lang="de">`, "en-GB": `<html lang="en">`,
		"fr": `<html lang="de">`, "en;q=0.5,de": `<html lang="de">`, "!!": `<html lang="de">`,
	} {
		b.Transport = headers{"Accept-Language": accept}
		page := b.get(h.portal + "/start?to=/whoami")
		if !strings.Contains(page.body, want) {
			t.Errorf("%q gives %.60s", accept, page.body)
		}
		csp := page.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self' " + h.portal + ";"} {
			if !strings.Contains(csp, part) {
				t.Errorf("the policy %q lacks %s", csp, part)
			}
		}
		if page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("headers: %v", page.Header)
		}
		if strings.Contains(page.body, "<script") || strings.Contains(page.body, "style=") {
			t.Error("the page has script or inline style")
		}
		for _, id := range []string{"address", "password"} {
			if !strings.Contains(page.body, `<label for="`+id+`">`) || !strings.Contains(page.body, ` id="`+id+`"`) {
				t.Errorf("the field %s has no label", id)
			}
		}
	}
	b.Transport = headers{"Accept-Language": "de"}
	page := b.get(h.portal + "/start?to=/whoami")
	in := func(what, want string) {
		t.Helper()
		if !strings.Contains(page.body, `<html lang="`+want+`">`) {
			t.Errorf("%s it is %.60s", what, page.body)
		}
	}
	there := page.Request.URL.String()
	page = b.get(there + "&language=en")
	in("by the link", "en")
	page = b.login(page, anna, "falsch")
	in("after a mistake", "en")
	page = b.get(there + "&language=tlh")
	in("in a language that nobody speaks", "de")
	for _, lang := range []string{"de", "en"} {
		if len(texts[lang]) != len(texts["de"]) {
			t.Errorf("%s has %d texts", lang, len(texts[lang]))
		}
		for name := range texts["de"] {
			if texts[lang][name] == "" {
				t.Errorf("%s lacks %s", lang, name)
			}
		}
	}
	page = b.login(b.get(h.portal+"/start?to=/whoami"), `"><script>alert(1)</script>`, "x")
	if strings.Contains(page.body, "<script") || !strings.Contains(page.body, `role="alert"`) {
		t.Errorf("the answer is %s", page.body)
	}
	if style := b.get(h.issuer + "/style.css"); style.StatusCode != http.StatusOK || !strings.HasPrefix(style.Header.Get("Content-Type"), "text/css") {
		t.Errorf("the style sheet is %d %s", style.StatusCode, style.Header.Get("Content-Type"))
	}
	for _, path := range []string{"/", "/login", "/login?id=x", "/login?id=" + secret()} {
		if page := b.get(h.issuer + path); !strings.Contains(page.body, "<main>") {
			t.Errorf("%s gives %d %s", path, page.StatusCode, page.body)
		}
	}
	h.Down(true)
	if page := b.get(h.issuer + "/login?id=" + secret()); page.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("with the store away: %d", page.StatusCode)
	}
}

func TestCookies(t *testing.T) {
	p := &Provider{secure: true}
	if got := p.cookieName(cookieSession); got != "__Host-idp-session" {
		t.Errorf("on https: %s", got)
	}
	h := newHouse(t)
	b := newBrowser(t)
	end := b.stop().login(b.get(h.portal+"/start?to=/whoami"), anna, annaPass)
	if len(end.Cookies()) != 2 {
		t.Errorf("%d cookies", len(end.Cookies()))
	}
	for _, c := range end.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "fachwerk-idp-") {
			t.Errorf("the cookie %+v", c)
		}
	}
}

func TestPasswordHash(t *testing.T) {
	if !strings.HasPrefix(annaPHC(), "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Errorf("the hash is %s", annaPHC())
	}
	umlauts, err := HashPassword("Müßiggänger") // ü as one letter
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		phc, password string
		want          bool
	}{
		{annaPHC(), annaPass, true},
		{annaPHC(), annaPass + " ", false},
		{annaPHC(), "", false},
		{umlauts, "Mu\u0308ßigga\u0308nger", true},
		{nobody, "", false},
	} {
		if ok, err := VerifyPassword(c.phc, c.password); err != nil || ok != c.want {
			t.Errorf("%q: %v, %v", c.password, ok, err)
		}
	}
	for _, weak := range []string{"", "1234567", strings.Repeat("x", 1025)} {
		if _, err := HashPassword(weak); !errors.Is(err, ErrWeak) {
			t.Errorf("%.10q: %v", weak, err)
		}
	}
	good := strings.Split(annaPHC(), "$")
	for _, bad := range []string{
		"", "x", "$argon2i$v=19$m=65536,t=3,p=4$" + good[4] + "$" + good[5], "$argon2id$v=18$m=65536,t=3,p=4$" + good[4] + "$" + good[5],
		"$argon2id$v=19$m=4194304,t=3,p=4$" + good[4] + "$" + good[5], "$argon2id$v=19$m=65536,t=3000,p=4$" + good[4] + "$" + good[5],
		"$argon2id$v=19$m=65536,t=3,p=0$" + good[4] + "$" + good[5], "$argon2id$v=19$m=65536,t=3,p=4$$", "$argon2id$v=19$m=65536,t=3,p=4$!$!",
	} {
		if ok, err := VerifyPassword(bad, annaPass); err == nil || ok {
			t.Errorf("%q: %v", bad, ok)
		}
	}
}

func TestSubject(t *testing.T) {
	for _, ref := range []auth.AccountRef{{Tenant: 1, Account: 2}, {Tenant: 1<<63 - 1, Account: 1<<63 - 1}} {
		if got, ok := refOf(Subject(ref)); !ok || got != ref {
			t.Errorf("%v came back as %v", ref, got)
		}
	}
	for _, odd := range []string{"", "-", "1", "1-", "-1-2", "01-2", "A-2", "1-2-3", "+1-2", "0-1", strings.Repeat("z", 40) + "-1"} {
		if ref, ok := refOf(odd); ok {
			t.Errorf("%q is %v", odd, ref)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	h := newHouse(t)
	good := h.idp.cfg
	for name, change := range map[string]func(*Config){
		"plain http":        func(c *Config) { c.Issuer = "http://login.musterstadt.example" },
		"a path":            func(c *Config) { c.Issuer = "https://musterstadt.example/login" },
		"a slash":           func(c *Config) { c.Issuer = "https://musterstadt.example/" },
		"no resource":       func(c *Config) { c.Resource = "" },
		"resource a client": func(c *Config) { c.Resource = "portal" },
		"no people":         func(c *Config) { c.People = nil },
		"plain redirect":    func(c *Config) { c.Clients = []Client{{ID: "x", RedirectURIs: []string{"http://x.example/"}}} },
		"no redirect":       func(c *Config) { c.Clients = []Client{{ID: "x"}} },
		"odd scheme":        func(c *Config) { c.Clients = []Client{{ID: "x", RedirectURIs: []string{"app.x:/"}}} },
		"javascript":        func(c *Config) { c.Clients = []Client{{ID: "x", Native: true, RedirectURIs: []string{"javascript:x"}}} },
		"secret of a native": func(c *Config) {
			c.Clients = []Client{{ID: "x", Secret: "s", Native: true, RedirectURIs: []string{"http://localhost/"}}}
		},
		"plain logout": func(c *Config) {
			c.Clients = []Client{{ID: "x", RedirectURIs: []string{"https://x.example/"}, BackChannelLogoutURI: "http://x.example/"}}
		},
	} {
		cfg := good
		change(&cfg)
		if _, err := New(cfg); err == nil {
			t.Errorf("%s passed", name)
		}
	}
	cfg := good
	cfg.Clients = []Client{{ID: "x", Native: true, RedirectURIs: []string{"example.musterstadt.app:/cb"}}}
	if _, err := New(cfg); err != nil {
		t.Errorf("a private-use scheme: %v", err)
	}
}
