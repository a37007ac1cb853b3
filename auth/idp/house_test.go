package idp

import (
	"encoding/json"
	"errors"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
)

const (
	anna     = "anna@musterstadt.example"
	bert     = "bert@musterstadt.example"
	annaPass = "Fachwerkhaus im Regen"
	resource = "https://mail.musterstadt.example"
)

// annaPHC is made once: a hash takes a tenth of a second.
var annaPHC = sync.OnceValue(func() string {
	phc, err := HashPassword(annaPass)
	if err != nil {
		panic(err)
	}
	return phc
})

// clock runs with the wall's, plus what a test moves it ahead.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// house is a provider at one origin and a portal at another.
type house struct {
	*authtest.Memory
	t        *testing.T
	idp      *Provider
	rp       *auth.RelyingParty
	issuer   string
	portal   string
	anna     auth.AccountRef
	clock    *clock
	last     error // of the portal's last Finish
	finished *auth.Finished
	tokens   []string // logout tokens that the portal got
	mu       sync.Mutex
	down     atomic.Bool // the provider answers nothing
}

// serve listens at an address and serves what handler gives later.
func serve(t *testing.T, ip string, handler func() http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler().ServeHTTP(w, r)
	})}}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

func newHouse(t *testing.T, change ...func(*Config)) *house {
	t.Helper()
	h := &house{Memory: authtest.NewMemory(), t: t, clock: &clock{}}
	h.Now = h.clock.now
	h.anna = h.AddPerson(anna)
	if err := h.SetPasswordHash(t.Context(), h.anna, annaPHC()); err != nil {
		t.Fatal(err)
	}
	h.issuer = serve(t, "127.0.0.2", func() http.Handler {
		if h.down.Load() {
			return http.NotFoundHandler()
		}
		return h.idp
	})
	portal := http.NewServeMux()
	h.portal = serve(t, "127.0.0.1", func() http.Handler { return portal })
	cfg := Config{
		Issuer: h.issuer, Resource: resource, People: h, Passwords: h, Tickets: h, Now: h.clock.now,
		Clients: []Client{
			{
				ID: "portal", Secret: "a secret of the portal", RedirectURIs: []string{h.portal + "/callback"},
				PostLogoutRedirectURIs: []string{h.portal + "/bye"}, BackChannelLogoutURI: h.portal + "/backchannel",
			},
			{
				ID: "thunderbird", Native: true, Refresh: true, RedirectURIs: []string{"http://localhost/", "http://127.0.0.1/cb"},
				Scopes: []string{"mail.read", "mail.send"},
			},
		},
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	if h.idp, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.idp.Close)
	h.rp, err = auth.NewRelyingParty(auth.RPConfig{
		Issuer: h.issuer, ClientID: "portal", ClientSecret: "a secret of the portal",
		RedirectURI: h.portal + "/callback", PostLogoutRedirectURI: h.portal + "/bye",
		People: WithSubjects(h, h.issuer), Sessions: h, Tickets: h, Now: h.clock.now,
	})
	if err != nil {
		t.Fatal(err)
	}
	h.portalPages(portal)
	return h
}

// portalPages is a small portal.
func (h *house) portalPages(mux *http.ServeMux) {
	set := func(w http.ResponseWriter, name, value string) {
		http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true})
	}
	value := func(r *http.Request, name string) string {
		c, err := r.Cookie(name)
		if err != nil {
			return ""
		}
		return c.Value
	}
	mux.HandleFunc("/start", func(w http.ResponseWriter, r *http.Request) {
		to, state, err := h.rp.Start(r.Context(), r.URL.Query().Get("to"), auth.StartOptions{
			Fresh: r.URL.Query().Has("fresh"), StateCookie: value(r, "state"), LoginHint: r.URL.Query().Get("hint"),
		})
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		set(w, "state", state)
		http.Redirect(w, r, to, http.StatusFound)
	})
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		f, err := h.rp.Finish(r.Context(), "", r.URL.Query(), value(r, "state"), value(r, "session"), r.UserAgent())
		h.mu.Lock()
		h.last, h.finished = err, f
		h.mu.Unlock()
		if err != nil {
			http.Error(w, "finish: "+err.Error(), http.StatusForbidden)
			return
		}
		set(w, "session", f.CookieValue)
		http.Redirect(w, r, f.ReturnTo, http.StatusSeeOther)
	})
	mux.HandleFunc("/whoami", func(w http.ResponseWriter, r *http.Request) {
		p, _, err := h.rp.Lookup(r.Context(), value(r, "session"))
		if errors.Is(err, auth.ErrNotFound) {
			_, _ = io.WriteString(w, "nobody")
			return
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, p.Address)
	})
	mux.HandleFunc("/logout", func(w http.ResponseWriter, r *http.Request) {
		to, err := h.rp.Logout(r.Context(), value(r, "session"))
		if err != nil || to == "" {
			to = "/bye"
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
	mux.HandleFunc("/bye", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "bye") })
	backchannel := h.rp.BackChannel()
	mux.HandleFunc("/backchannel", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		form, _ := url.ParseQuery(string(body))
		h.mu.Lock()
		h.tokens = append(h.tokens, form.Get("logout_token"))
		h.mu.Unlock()
		backchannel.ServeHTTP(w, r)
	})
}

// finish is the portal's last Finish.
func (h *house) finish() (*auth.Finished, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.finished, h.last
}

// browser keeps cookies and follows redirects.
type browser struct {
	*http.Client
	t *testing.T
}

func newBrowser(t *testing.T) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return browser{&http.Client{Jar: jar, Timeout: 30 * time.Second}, t}
}

// shown is what a browser ends at.
type shown struct {
	*http.Response
	body string
}

func (b browser) read(resp *http.Response, err error) shown {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return shown{resp, string(body)}
}

func (b browser) get(address string) shown {
	b.t.Helper()
	return b.read(b.Get(address))
}

// stop makes redirects not be followed.
func (b browser) stop() browser {
	c := *b.Client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return browser{&c, b.t}
}

var (
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
	action = regexp.MustCompile(`<form method="post" action="([^"]+)">`)
)

// submit sends the form of a page with these fields filled in.
func (b browser) submit(page shown, fields map[string]string) shown {
	b.t.Helper()
	to := action.FindStringSubmatch(page.body)
	if to == nil {
		b.t.Fatalf("no form in %s", page.body)
	}
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page.body, -1) {
		form.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	for name, value := range fields {
		form.Set(name, value)
	}
	target, err := page.Request.URL.Parse(html.UnescapeString(to[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.read(b.PostForm(target.String(), form))
}

func (b browser) login(page shown, address, password string) shown {
	b.t.Helper()
	return b.submit(page, map[string]string{"address": address, "password": password})
}

// signIn signs anna in at the portal.
func (h *house) signIn(b browser) {
	h.t.Helper()
	if end := b.login(b.get(h.portal+"/start?to=/whoami"), anna, annaPass); end.body != anna {
		h.t.Fatalf("signing in ended with %d %s", end.StatusCode, end.body)
	}
}

// wait waits for something that happens in the background.
func wait(t *testing.T, what string, until func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if until() {
			return
		}
	}
	t.Fatalf("did not happen: %s", what)
}

func decode(t *testing.T, s shown) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(s.body), &m); err != nil {
		t.Fatalf("%v in %s", err, s.body)
	}
	return m
}
