package replicas

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"fachwerk/test/system/harness"
)

// A browser keeps cookies and follows redirects; each request is a new connection, so
// that the balancer decides anew.
type browser struct {
	t *testing.T
	c *http.Client
}

// from is a transport for somebody behind a proxy that the servers believe.
type from string

func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Forwarded-For", string(f))
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
}

func newBrowser(t *testing.T, address from) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &browser{t: t, c: &http.Client{Jar: jar, Timeout: time.Minute, Transport: address}}
}

// page is what a browser shows.
type page struct {
	status int
	url    *url.URL
	text   string
}

func (b *browser) read(res *http.Response, err error) page {
	b.t.Helper()
	must(b.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(b.t, err)
	return page{res.StatusCode, res.Request.URL, string(text)}
}

func (b *browser) get(address string) page {
	b.t.Helper()
	return b.read(b.c.Get(address))
}

// step asks without following; to is where the answer leads.
func (b *browser) step(address string) (to string) {
	b.t.Helper()
	once := *b.c
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p, err := once.Get(address)
	must(b.t, err)
	p.Body.Close()
	at, err := p.Location()
	if err != nil {
		b.t.Fatalf("%s answers %d and leads nowhere", address, p.StatusCode)
	}
	return at.String()
}

var (
	inputs  = regexp.MustCompile(`<input[^>]*>`)
	anyForm = regexp.MustCompile(`(?s)<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>`)
)

func attribute(tag, name string) string {
	_, rest, _ := strings.Cut(tag, " "+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return html.UnescapeString(value)
}

// submit sends the form whose action has a part, with some fields filled in.
func (b *browser) submit(p page, action string, fields map[string]string) page {
	b.t.Helper()
	for _, f := range anyForm.FindAllStringSubmatch(p.text, -1) {
		if !strings.Contains(f[1], action) {
			continue
		}
		values := url.Values{}
		for _, in := range inputs.FindAllString(f[2], -1) {
			if name := attribute(in, "name"); name != "" {
				values.Set(name, attribute(in, "value"))
			}
		}
		for k, v := range fields {
			values.Set(k, v)
		}
		to, err := p.url.Parse(html.UnescapeString(f[1]))
		must(b.t, err)
		return b.read(b.c.PostForm(to.String(), values))
	}
	b.t.Fatalf("%s has no form for %q:\n%s", p.url, action, p.text)
	return page{}
}

// signedIn reports whether the portal knows the browser.
func (b *browser) signedIn(portal string) bool {
	b.t.Helper()
	return strings.Contains(b.get(portal+"/").text, `action="/logout"`)
}

// Who signs in meets one replica, then the other. None of it needs hints.
func TestLogin(t *testing.T) {
	h := start(t, cut, options{accounts: 1})
	t.Run("sign-in", h.signIn)
	t.Run("back-channel logout", h.backChannel)
	t.Run("app password ends", h.appPasswordEnds)
	t.Run("throttle", h.throttle)
}

// signInAcross begins on the first replica, gives the password to the second, and
// comes back to it.
func (h *house) signInAcross(b *browser, who harness.Account) {
	b.t.Helper()
	h.lead(0, "portal", "issuer")
	form := b.get(h.demo.Portal + "/login?return=/devices")
	h.lead(1, "portal", "issuer")
	if end := b.submit(form, "login", map[string]string{"address": who.Address, "password": who.Password}); end.url.Path != "/devices" || end.status != http.StatusOK {
		b.t.Fatalf("the sign-in begun on one replica ends on the other with %d at %s\n%s", end.status, end.url, end.text)
	}
}

func (h *house) known(b *browser, want bool, when string) {
	b.t.Helper()
	for i, r := range h.replicas {
		h.lead(i, "portal")
		if got := b.signedIn(h.demo.Portal); got != want {
			b.t.Errorf("%s: replica %s takes the browser for signed in: %v", when, r.name, got)
		}
	}
}

func (h *house) signIn(t *testing.T) {
	b := newBrowser(t, "198.51.100.1")
	h.known(b, false, "before")
	h.signInAcross(b, h.demo.Anna())
	h.known(b, true, "after the sign-in")
	// The portal began it on the second, the provider answers to the first.
	again := newBrowser(t, "198.51.100.1")
	again.c.Jar = b.c.Jar
	h.lead(1, "portal", "issuer")
	to := again.step(h.demo.Portal + "/login?return=/data")
	h.lead(0, "issuer")
	to = again.step(to)
	h.lead(0, "portal")
	if end := again.get(to); end.url.Path != "/data" {
		t.Errorf("the second sign-in ends at %s with %d", end.url, end.status)
	}
	h.lead(1, "portal")
	b.submit(b.get(h.demo.Portal+"/devices"), "/logout", nil)
	h.known(b, false, "after the logout")
}

func (h *house) backChannel(t *testing.T) {
	one := newBrowser(t, "198.51.100.1")
	h.signInAcross(one, h.demo.Jan())
	// A second portal session of the same session at the provider.
	two := newBrowser(t, "198.51.100.1")
	issuer, err := url.Parse(h.demo.Issuer)
	must(t, err)
	two.c.Jar.SetCookies(issuer, one.c.Jar.Cookies(issuer))
	h.lead(0, "portal", "issuer")
	two.get(h.demo.Portal + "/login?return=/devices")
	h.known(two, true, "with a session of its own")
	h.lead(0, "portal", "issuer")
	form := one.get(h.demo.Portal + "/devices")
	// The provider's call meets the second replica; the sessions were made on both.
	h.lead(1, "portal")
	onward := one.submit(form, "/logout", nil).text
	_, rest, found := strings.Cut(onward, `href="`+h.demo.Issuer)
	path, _, _ := strings.Cut(rest, `"`)
	if !found {
		t.Fatalf("the portal does not lead on to the provider:\n%s", onward)
	}
	one.get(h.demo.Issuer + html.UnescapeString(path))
	for i := range h.replicas {
		h.lead(i, "portal")
		harness.Eventually(t, patience, "the logout at the provider ends the other session", func() bool { return !two.signedIn(h.demo.Portal) })
	}
}

func (h *house) appPasswordEnds(t *testing.T) {
	who := h.demo.Person(0)
	var open []*imapclient.Client
	for _, r := range h.replicas {
		c := r.IMAP(t, who)
		harness.Select(t, c, "INBOX")
		_, err := c.Idle()
		must(t, err)
		open = append(open, c)
		davOf(t, r, who).want(t, http.StatusMultiStatus, "PROPFIND", "/files/"+who.Address+"/", "", "Depth", "0")
	}
	var list []struct{ ID int64 }
	must(t, json.Unmarshal([]byte(h.demo.Command(t, "app-password", "list", who.Address, "--json")), &list))
	for _, p := range list {
		h.demo.Command(t, "app-password", "revoke", who.Address, fmt.Sprint(p.ID))
	}
	began := time.Now()
	for i, c := range open {
		select {
		case <-c.Closed():
		case <-time.After(patience):
			t.Fatalf("replica %s keeps the connection open", h.replicas[i].name)
		}
	}
	t.Logf("connections on both replicas ended %v after an app password", time.Since(began))
	for _, r := range h.replicas {
		harness.Eventually(t, patience, "replica "+r.name+" refuses the password", func() bool {
			a, err := davOf(t, r, who).try("PROPFIND", "/files/"+who.Address+"/", "", "Depth", "0")
			return err == nil && a.status == http.StatusUnauthorized
		})
		c, err := imapclient.DialInsecure(r.State.IMAP, nil)
		must(t, err)
		if err := c.Login(who.Address, who.AppPassword).Wait(); err == nil {
			t.Errorf("replica %s lets the password in", r.name)
		}
		c.Close()
	}
}

// throttle fails on one replica until it is told to wait, and is told so by the other
// one too; who has signed in from a place gets in from there, on both.
func (h *house) throttle(t *testing.T) {
	who := h.demo.Anna()
	home := newBrowser(t, "198.51.100.1")
	h.signInAcross(home, who)
	stranger := newBrowser(t, "203.0.113.7")
	h.lead(0, "portal", "issuer")
	form := stranger.get(h.demo.Portal + "/login?return=/devices")
	wrong := map[string]string{"address": who.Address, "password": "guessed"}
	tries := 0
	for status := 0; status != http.StatusTooManyRequests; tries++ {
		if tries > 40 {
			t.Fatal("nobody counts")
		}
		status = stranger.submit(form, "login", wrong).status
	}
	t.Logf("refused after %d failures", tries-1)
	// The other replica has heard of it within a second or so.
	right := map[string]string{"address": who.Address, "password": who.Password}
	harness.Eventually(t, patience, "the other replica refuses too", func() bool {
		h.lead(0, "portal", "issuer")
		other := newBrowser(t, "203.0.113.8")
		form := other.get(h.demo.Portal + "/login?return=/devices")
		h.lead(1, "portal", "issuer")
		return other.submit(form, "login", wrong).status == http.StatusTooManyRequests
	})
	h.lead(1, "portal", "issuer")
	if got := stranger.submit(form, "login", right).status; got != http.StatusTooManyRequests {
		t.Errorf("the right password from a strange place gets %d", got)
	}
	// At home she gets in, on the replica that has not seen her there too.
	for i := range h.replicas {
		h.lead(i, "portal", "issuer")
		harness.Eventually(t, patience, "she may sign in at home", func() bool {
			again := newBrowser(t, "198.51.100.1")
			form := again.get(h.demo.Portal + "/login?return=/devices")
			return again.submit(form, "login", right).url.Path == "/devices"
		})
	}
}
