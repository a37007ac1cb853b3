package replicas

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"fachwerk/internal/testenv/browser"
	"fachwerk/test/system/harness"
)

// from is a transport for somebody behind a proxy that the servers believe. Each
// request is a new connection, so that the balancer decides anew.
type from string

func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Forwarded-For", string(f))
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
}

func newBrowser(t *testing.T, address from) *browser.Browser {
	t.Helper()
	b := browser.New(t)
	b.Transport = address
	return b
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
func (h *house) signInAcross(t *testing.T, b *browser.Browser, who harness.Account) {
	t.Helper()
	h.lead(0, "portal", "issuer")
	form := b.Get(h.demo.Portal + "/login?return=/devices")
	h.lead(1, "portal", "issuer")
	if end := b.Submit(form, "login", map[string]string{"address": who.Address, "password": who.Password}); end.URL.Path != "/devices" || end.Status != http.StatusOK {
		t.Fatalf("the sign-in begun on one replica ends on the other with %d at %s\n%s", end.Status, end.URL, end.Text)
	}
}

func (h *house) known(t *testing.T, b *browser.Browser, want bool, when string) {
	t.Helper()
	for i, r := range h.replicas {
		h.lead(i, "portal")
		if got := b.SignedIn(h.demo.Portal); got != want {
			t.Errorf("%s: replica %s takes the browser for signed in: %v", when, r.name, got)
		}
	}
}

func (h *house) signIn(t *testing.T) {
	b := newBrowser(t, "198.51.100.1")
	h.known(t, b, false, "before")
	h.signInAcross(t, b, h.demo.Anna())
	h.known(t, b, true, "after the sign-in")
	// The portal began it on the second, the provider answers to the first.
	again := newBrowser(t, "198.51.100.1")
	again.Jar = b.Jar
	h.lead(1, "portal", "issuer")
	to := again.Step(h.demo.Portal + "/login?return=/data")
	h.lead(0, "issuer")
	to = again.Step(to)
	h.lead(0, "portal")
	if end := again.Get(to); end.URL.Path != "/data" {
		t.Errorf("the second sign-in ends at %s with %d", end.URL, end.Status)
	}
	h.lead(1, "portal")
	b.Submit(b.Get(h.demo.Portal+"/devices"), "/logout", nil)
	h.known(t, b, false, "after the logout")
}

func (h *house) backChannel(t *testing.T) {
	one := newBrowser(t, "198.51.100.1")
	h.signInAcross(t, one, h.demo.Jan())
	// A second portal session of the same session at the provider.
	two := newBrowser(t, "198.51.100.1")
	issuer, err := url.Parse(h.demo.Issuer)
	must(t, err)
	two.Jar.SetCookies(issuer, one.Jar.Cookies(issuer))
	h.lead(0, "portal", "issuer")
	two.Get(h.demo.Portal + "/login?return=/devices")
	h.known(t, two, true, "with a session of its own")
	h.lead(0, "portal", "issuer")
	form := one.Get(h.demo.Portal + "/devices")
	// The provider's call meets the second replica; the sessions were made on both.
	h.lead(1, "portal")
	// The portal leads on to the provider, and that one back.
	if end := one.Submit(form, "/logout", nil); end.Status != http.StatusOK || !strings.HasPrefix(end.URL.String(), h.demo.Portal+"/") {
		t.Fatalf("the logout ends at %s with %d\n%s", end.URL, end.Status, end.Text)
	}
	for i := range h.replicas {
		h.lead(i, "portal")
		harness.Eventually(t, patience, "the logout at the provider ends the other session", func() bool { return !two.SignedIn(h.demo.Portal) })
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
	h.signInAcross(t, home, who)
	stranger := newBrowser(t, "203.0.113.7")
	h.lead(0, "portal", "issuer")
	form := stranger.Get(h.demo.Portal + "/login?return=/devices")
	wrong := map[string]string{"address": who.Address, "password": "guessed"}
	tries := 0
	for status := 0; status != http.StatusTooManyRequests; tries++ {
		if tries > 40 {
			t.Fatal("nobody counts")
		}
		status = stranger.Submit(form, "login", wrong).Status
	}
	t.Logf("refused after %d failures", tries-1)
	// The other replica has heard of it within a second or so.
	right := map[string]string{"address": who.Address, "password": who.Password}
	harness.Eventually(t, patience, "the other replica refuses too", func() bool {
		h.lead(0, "portal", "issuer")
		other := newBrowser(t, "203.0.113.8")
		form := other.Get(h.demo.Portal + "/login?return=/devices")
		h.lead(1, "portal", "issuer")
		return other.Submit(form, "login", wrong).Status == http.StatusTooManyRequests
	})
	h.lead(1, "portal", "issuer")
	if got := stranger.Submit(form, "login", right).Status; got != http.StatusTooManyRequests {
		t.Errorf("the right password from a strange place gets %d", got)
	}
	// At home she gets in, on the replica that has not seen her there too.
	for i := range h.replicas {
		h.lead(i, "portal", "issuer")
		harness.Eventually(t, patience, "she may sign in at home", func() bool {
			again := newBrowser(t, "198.51.100.1")
			form := again.Get(h.demo.Portal + "/login?return=/devices")
			return again.Submit(form, "login", right).URL.Path == "/devices"
		})
	}
}
