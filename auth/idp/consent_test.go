package idp

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// question is the page that a browser gets where somebody is signed in.
func (c *client) question(b browser) shown {
	c.house.t.Helper()
	page := b.get(c.ask(func(url.Values) {}))
	if page.StatusCode != http.StatusOK || page.Request.URL.Path != pathConsent {
		c.house.t.Fatalf("there is no question but %d at %s", page.StatusCode, page.Request.URL)
	}
	return page
}

// Nobody's program gets a code without a person's word, whoever is signed in.
func TestConsent(t *testing.T) {
	h := newHouse(t)
	c := newClient(h)
	c.code() // signed in, and said yes once
	for range 2 {
		page := c.question(c.browser)
		for _, want := range []string{anna, "Ihre E-Mails lesen", "in Ihrem Namen", "ohne dass Sie sich noch einmal anmelden", `value="allow"`, `value="deny"`} {
			if !strings.Contains(page.body, want) {
				t.Errorf("the page lacks %q: %s", want, page.body)
			}
		}
		if strings.Contains(page.body, "Kalender") || strings.Contains(page.body, "Dateien") {
			t.Error("the page tells of what the client may not have")
		}
		if policy := page.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' http://127.0.0.1:45123;") {
			t.Errorf("the policy is %q", policy)
		}
	}
	answer := func(page shown, with string) url.Values {
		t.Helper()
		end := c.stop().submit(page, map[string]string{"answer": with})
		to, err := url.Parse(end.Header.Get("Location"))
		if err != nil || to.Host != "127.0.0.1:45123" {
			t.Fatalf("%q leads to %d %q", with, end.StatusCode, end.Header.Get("Location"))
		}
		return to.Query()
	}
	for _, no := range []string{"deny", "", "yes"} {
		if q := answer(c.question(c.browser), no); q.Get("error") != "access_denied" || q.Has("code") || q.Get("state") != "the state" {
			t.Errorf("%q gives %v", no, q)
		}
	}
	page := c.question(c.browser)
	if q := answer(page, "allow"); q.Get("code") == "" || q.Get("iss") != h.issuer {
		t.Errorf("a yes gives %v", q)
	}
	if end := c.stop().submit(page, map[string]string{"answer": "allow"}); end.StatusCode != http.StatusBadRequest {
		t.Errorf("the same yes again: %d", end.StatusCode)
	}
	// Without a page there is no answer.
	q, err := url.Parse(c.stop().get(c.ask(func(q url.Values) { q.Set("prompt", "none") })).Header.Get("Location"))
	if err != nil || q.Query().Get("error") != "consent_required" || q.Query().Has("code") {
		t.Errorf("prompt=none: %s, %v", q, err)
	}
	// The portal is known by its secret, and asks nobody.
	if end := c.get(h.portal + "/start?to=/whoami"); end.body != anna {
		t.Errorf("the portal ends with %d %s", end.StatusCode, end.body)
	}
	for accept, want := range map[string]string{"en": "asks for access", "de": "möchte zugreifen"} {
		b := c.browser
		b.Client = &http.Client{Jar: c.Jar, Transport: headers{"Accept-Language": accept}}
		if page := c.question(b); !strings.Contains(page.body, want) || strings.Contains(page.body, "may_") {
			t.Errorf("%s: %s", accept, page.body)
		}
	}
}

// A yes is the person's own: neither another site's, nor another browser's, nor of a
// session that is over.
func TestForgedConsent(t *testing.T) {
	h := newHouse(t)
	berta := h.AddPerson(bert)
	if err := h.SetPasswordHash(t.Context(), berta, annaPHC()); err != nil {
		t.Fatal(err)
	}
	c := newClient(h)
	c.code()
	refused := func(what string, b browser, page shown, fields map[string]string, status int) {
		t.Helper()
		end := b.stop().submit(page, fields)
		if end.StatusCode != status || end.Header.Get("Location") != "" {
			t.Errorf("%s: %d to %q", what, end.StatusCode, end.Header.Get("Location"))
		}
	}
	yes := map[string]string{"answer": "allow"}
	page := c.question(c.browser)
	refused("a wrong form token", c.browser, page, map[string]string{"answer": "allow", "form": secret()}, http.StatusForbidden)
	cross := browser{&http.Client{Jar: c.Jar, Transport: headers{"Sec-Fetch-Site": "cross-site"}}, t}
	refused("from another site", cross, page, yes, http.StatusForbidden)
	refused("another browser", newBrowser(t), page, yes, http.StatusBadRequest)
	refused("no question", c.browser, page, map[string]string{"answer": "allow", "id": secretOf(Subject(h.anna))}, http.StatusBadRequest)
	// Somebody else's question, in a browser of theirs: Bert is not to say yes for Anna,
	// nor Anna to a question that Bert began.
	other := newClient(h)
	of := other.login(other.get(other.ask(func(url.Values) {})), bert, annaPass)
	refused("a question of Anna's", other.browser, page, map[string]string{"answer": "allow", "form": html.UnescapeString(hidden.FindAllStringSubmatch(of.body, -1)[1][2])}, http.StatusBadRequest)
	if end := c.get(h.issuer + pathConsent + "?id=" + of.Request.URL.Query().Get("id")); end.StatusCode != http.StatusBadRequest || strings.Contains(end.body, bert) {
		t.Errorf("Anna sees what Bert is asked: %d %s", end.StatusCode, end.body)
	}
	// Signed in anew, it is another session, and asked anew.
	page = c.question(c.browser)
	c.login(c.get(c.ask(func(q url.Values) { q.Set("prompt", "login") })), anna, annaPass)
	refused("a session before", c.browser, page, yes, http.StatusBadRequest)
	page = c.question(c.browser)
	h.clock.forward(consentFor + time.Minute)
	refused("too late", c.browser, page, yes, http.StatusBadRequest)
	page = c.question(c.browser)
	h.Disable(h.anna, true)
	refused("a disabled person", c.browser, page, yes, http.StatusBadRequest)
	h.Disable(h.anna, false)
	page = c.question(c.browser)
	if err := h.idp.PersonDisabled(t.Context(), h.anna); err != nil {
		t.Fatal(err)
	}
	refused("an ended person", c.browser, page, yes, http.StatusBadRequest)
}

// A program of those who manage the installation gets short tokens of its own scope, of
// which the page tells, and none to refresh; a mail program cannot have that scope.
func TestAdminClient(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.Clients = append(c.Clients, Client{
			ID: "administration", Native: true, Scopes: []string{ScopeAdmin}, AccessFor: 10 * time.Minute, RedirectURIs: []string{"http://127.0.0.1/"},
		})
	})
	for id, want := range map[string]struct {
		redirect, scope string
		seconds         float64
		refresh, asks   bool
	}{
		"administration": {"http://127.0.0.1:45123/", "openid offline_access admin", 600, false, true},
		"thunderbird":    {"http://127.0.0.1:45123/cb", "openid offline_access mail.read", 3600, true, false},
	} {
		c := newClient(h)
		c.redirect = want.redirect
		page := c.login(c.get(c.ask(func(q url.Values) {
			q.Set("client_id", id)
			q.Set("scope", "openid offline_access mail.read admin")
		})), anna, annaPass)
		if asks := strings.Contains(page.body, "Installation verwalten") || strings.Contains(page.body, "whole installation"); asks != want.asks {
			t.Errorf("%s: the page tells of it %v: %s", id, asks, page.body)
		}
		back, err := url.Parse(c.stop().submit(page, map[string]string{"answer": "allow"}).Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		status, answer := c.token(url.Values{
			"grant_type": {"authorization_code"}, "code": {back.Query().Get("code")}, "redirect_uri": {c.redirect}, "code_verifier": {c.verifier}, "client_id": {id},
		})
		_, claims := payload(t, answer["access_token"])
		lifetime, _ := claims["exp"].(float64)
		since, _ := claims["iat"].(float64)
		if status != http.StatusOK || claims["scope"] != want.scope || lifetime-since != want.seconds || answer["expires_in"] != want.seconds {
			t.Errorf("%s: %d %v, %v", id, status, answer, claims)
		}
		if _, has := answer["refresh_token"]; has != want.refresh {
			t.Errorf("%s: a refresh token %v", id, has)
		}
	}
}
