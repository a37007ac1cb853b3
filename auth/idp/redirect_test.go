package idp

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// mailProgram is a client as the product has it.
func mailProgram() Client {
	return Client{ID: "mail", Native: true, RedirectURIs: []string{"http://127.0.0.1/", "http://localhost/", "http://[::1]/cb"}}
}

var goodRedirects = []string{
	"http://127.0.0.1/", "http://localhost/", "http://127.0.0.1:4711/", "http://localhost:1/", "http://localhost:65535/",
	"http://localhost", "http://127.0.0.1:4711", "http://[::1]/cb", "http://[::1]:4711/cb",
}

// badRedirects lead elsewhere in one reading or another, or are nobody's.
var badRedirects = []string{
	"", "/", "//127.0.0.1/", "127.0.0.1", "http:", "http:///", "http://",
	"https://127.0.0.1%2F%23@evil.example/", "http://127.0.0.1%2F%23@evil.example/", "http://127.0.0.1%2F%23@evil.example:80/any?x=1",
	"http://127.0.0.1%2F%3F@evil.example/", "http://127.0.0.1%5C@evil.example/", "http://localhost%2F@evil.example/",
	"http://evil.example%2F@127.0.0.1/", "http://anna@127.0.0.1/", "http://anna:x@127.0.0.1/", "http://@127.0.0.1/",
	"http://evil.example/", "http://evil.example:80/", "http://evil.example#@127.0.0.1/", "http://evil.example\\@127.0.0.1/",
	"http://evil.example?@127.0.0.1/", "http://127.0.0.1#@evil.example/", "http://127.0.0.1\\evil.example/", "http:\\\\127.0.0.1\\",
	"http://127.0.0.1.evil.example/", "http://127.0.0.1:80.evil.example/", "http://127.0.0.1:x/", "http://127.0.0.1:0/", "http://127.0.0.1:65536/",
	"http://127.0.0.1:-1/", "http://127.0.0.1:+1/", "http://127.0.0.1:1:2/", "http://127.0.0.2/", "http://127.1/", "http://2130706433/",
	"http://0x7f.1/", "http://0.0.0.0/", "http://localhost./", "http://LOCALHOST.evil.example/", "http://localhost%00.evil.example/",
	"http://[::1%25lo]/cb", "http://[::1]evil.example/cb", "http://[::1]:4711/", "http://[::ffff:127.0.0.1]/", "http://[127.0.0.1]/",
	"https://127.0.0.1/", "https://localhost/", "ftp://127.0.0.1/", "javascript://127.0.0.1/", "javascript:alert(1)", "data:text/html,x",
	"http://127.0.0.1/x", "http://127.0.0.1//", "http://127.0.0.1/%2F", "http://127.0.0.1/.", "http://127.0.0.1/..", "http://127.0.0.1/%2e",
	"http://127.0.0.1/?", "http://127.0.0.1/?x=1", "http://127.0.0.1/?code=mine", "http://127.0.0.1/#", "http://127.0.0.1/#x", "http://127.0.0.1/;x",
	"http://127.0.0.1\n/", "http://127.0.0.1/\r\nSet-Cookie: x=1", "http://127.0.0.1/\t", " http://127.0.0.1/", "http://127.0.0.1/ ", "http://127.0.0.1\x00/",
	"http://127.0.0.1\u3002/", "http://\uff11\uff12\uff17.0.0.1/", "http://ｌocalhost/", "http%3A%2F%2F127.0.0.1%2F", "http://127.0.0.1%2F", "http://%31%32%37.0.0.1/",
	"http:127.0.0.1/", "http:/127.0.0.1/", "http:////127.0.0.1/",
}

func TestRedirectTargets(t *testing.T) {
	c := mailProgram()
	for _, uri := range goodRedirects {
		to, ok := c.redirectTarget(uri)
		if !ok || strings.TrimSuffix(to.String(), "/") != strings.TrimSuffix(uri, "/") || to.User != nil {
			t.Errorf("%q: %v, %v", uri, to.URL, ok)
		}
		if got := to.with(url.Values{"code": {"a b"}}); strings.TrimSuffix(uri, "/")+"/?code=a+b" != got && uri+"?code=a+b" != got {
			t.Errorf("%q leads to %s", uri, got)
		}
	}
	for _, uri := range append(badRedirects, "http://127.0.0.1/"+strings.Repeat("x", uriMax)) {
		if to, ok := c.redirectTarget(uri); ok {
			t.Errorf("%q passed as %s", uri, to)
		}
	}
	// Nobody but a native client chooses a port; what is registered is taken by the byte.
	c = Client{ID: "portal", RedirectURIs: []string{"https://portal.musterstadt.example/callback", "http://127.0.0.1/cb"}}
	for uri, want := range map[string]bool{
		"https://portal.musterstadt.example/callback": true, "http://127.0.0.1/cb": true, "http://127.0.0.1:80/cb": false,
		"https://PORTAL.musterstadt.example/callback": false, "https://portal.musterstadt.example:443/callback": false,
		"https://portal.musterstadt.example/callback/": false, "https://portal.musterstadt.example/%63allback": false,
		"https://portal.musterstadt.example/callback?x=1": false, "HTTPS://portal.musterstadt.example/callback": false,
	} {
		if to, ok := c.redirectTarget(uri); ok != want {
			t.Errorf("%q: %v", uri, to.URL)
		}
	}
	// A private-use scheme and a query that the operator has entered stay.
	c = Client{Native: true, RedirectURIs: []string{"example.musterstadt.app:/cb", "http://localhost/?from=idp"}}
	for uri, want := range map[string]string{"example.musterstadt.app:/cb": "example.musterstadt.app:/cb?code=x", "http://localhost/?from=idp": "http://localhost/?code=x&from=idp"} {
		to, ok := c.redirectTarget(uri)
		if !ok || to.with(url.Values{"code": {"x"}}) != want {
			t.Errorf("%q: %v, %v", uri, to.URL, ok)
		}
	}
	if to, ok := c.redirectTarget("http://localhost:99/?from=idp"); ok {
		t.Errorf("a registered query with another port: %s", to)
	}
}

// A link that a stranger sends leads nobody's code away: what is read as loopback in one
// way and as another host in the other is refused, signed in or not.
func TestLinksOfStrangers(t *testing.T) {
	h := newHouse(t)
	c := newClient(h)
	c.code() // somebody is signed in
	for _, b := range []browser{c.stop(), newBrowser(t).stop()} {
		for _, uri := range badRedirects {
			got := b.get(c.ask(func(q url.Values) { q.Set("redirect_uri", uri) }))
			if got.StatusCode != http.StatusBadRequest || got.Header.Get("Location") != "" {
				t.Errorf("%q: %d to %q", uri, got.StatusCode, got.Header.Get("Location"))
			}
			if policy := got.Header.Get("Content-Security-Policy"); strings.Contains(policy, "evil") {
				t.Errorf("%q: the policy is %q", uri, policy)
			}
		}
	}
}

// Where a logout leads is the client's own too, and shows up in no policy before.
func TestLogoutsLeadNowhereElse(t *testing.T) {
	h := newHouse(t)
	b := newBrowser(t)
	h.signIn(b)
	for _, q := range []url.Values{
		{"post_logout_redirect_uri": {"https://evil.example/"}},
		{"post_logout_redirect_uri": {"https://evil.example;sandbox/"}, "state": {"x"}},
		{"state": {"x"}},
		{"client_id": {"portal"}, "state": {"x"}},
	} {
		page := b.stop().get(h.issuer + pathLogout + "?" + q.Encode())
		if page.StatusCode != http.StatusOK || strings.Contains(page.Header.Get("Content-Security-Policy"), "evil") {
			t.Errorf("%v: %d, %s", q, page.StatusCode, page.Header.Get("Content-Security-Policy"))
		}
	}
	// Asked again, now signed out: the answer is a page and no redirect to itself.
	page := b.submit(b.get(h.issuer+pathLogout+"?state=x"), nil)
	if page.StatusCode != http.StatusOK || strings.Contains(page.body, "<form") {
		t.Errorf("signing out without a client: %d", page.StatusCode)
	}
	if page = b.stop().get(h.issuer + pathLogout + "?state=x"); page.StatusCode != http.StatusOK {
		t.Errorf("a second time: %d to %s", page.StatusCode, page.Header.Get("Location"))
	}
	h.signIn(b)
	page = b.get(h.issuer + pathLogout + "?" + url.Values{"client_id": {"portal"}, "post_logout_redirect_uri": {h.portal + "/bye"}, "state": {"x"}}.Encode())
	if !strings.Contains(page.Header.Get("Content-Security-Policy"), "form-action 'self' "+h.portal+";") {
		t.Errorf("the portal's: %s", page.Header.Get("Content-Security-Policy"))
	}
	if end := b.submit(page, nil); end.Request.URL.Path != "/bye" || end.Request.URL.Query().Get("state") != "x" {
		t.Errorf("the portal's logout ends at %s", end.Request.URL)
	}
}
