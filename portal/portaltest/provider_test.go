package portaltest

import (
	"errors"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/testenv/browser"
	"fachwerk/portal"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// The portal with a provider that is not ours, npm oidc-provider, in a real
// browser: sign-in, the fresh sign-in behind a form, logout there too.
func TestAnotherProviderInChromium(t *testing.T) {
	h := newHouse(t)
	issuer := h.startProvider(t)
	must(t, h.BindIssuer(t.Context(), store.Issuer{Tenant: h.anna.Tenant, URL: issuer}))
	must(t, h.BindSubject(t.Context(), store.Key{Tenant: h.anna.Tenant, Account: h.anna.Account}, issuer, "anna.muster"))
	h.front = h.newPortal(t, issuer, "a secret of the portal", h, nil)
	b := newTab(t, "de")
	b.open(h.portal + "/devices")
	b.signInElsewhere("anna.muster", "the devices", at("/devices"))

	h.age(t, h.anna, 11*time.Minute)
	b.open(h.portal + "/devices")
	b.write("#name", "Büro")
	b.do(chromedp.Click(chromedp.CSS("form.fields button")))
	b.signInElsewhere("anna.muster", "the form again", at("/devices")+" && document.getElementById('name').value === 'Büro'")
	b.click("form.fields button", "the app password", "document.getElementById('secret')")
	secret := b.text("#secret")
	if err := h.accepts(t, anna, secret, auth.MailRead); err != nil {
		t.Errorf("the new app password: %v", err)
	}
	b.open(h.portal + "/devices")
	b.click("section[aria-labelledby=list] button", "no app password", "document.querySelector('section[aria-labelledby=list]').innerText.includes('noch kein App-Passwort')")
	if err := h.accepts(t, anna, secret, auth.MailRead); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("after its end: %v", err)
	}

	b.click(".who button", "the provider's question", "document.querySelector('button[name=logout]')")
	b.click("button[name=logout]", "the first page, signed out", at("/")+" && document.querySelector('a.button.large')")
	b.open(h.portal + "/devices")
	b.signInElsewhere("someone.else", "no account for that one", "document.body.innerText.includes('gibt es hier kein Konto')")
	b.axe("error-unknown")
	b.forget() // what the other provider's pages said
	b.open(h.portal + "/")
	b.look("start-out", "de")
}

// age makes a person's sign-ins older: the other provider's clock cannot be moved.
func (h *house) age(t *testing.T, ref auth.AccountRef, by time.Duration) {
	t.Helper()
	list, err := h.SessionsOf(t.Context(), ref)
	must(t, err)
	for _, s := range list {
		must(t, h.EndSession(t.Context(), ref, s.ID))
		s.AuthTime = s.AuthTime.Add(-by)
		must(t, h.AddSession(t.Context(), s))
	}
}

// signInElsewhere types a name at the other provider.
func (b *tab) signInElsewhere(login, what, expression string) {
	b.t.Helper()
	b.wait("the other provider's form", "document.querySelector('input[name=login]')")
	b.write("input[name=login]", login)
	b.write("input[name=password]", "any")
	b.key(kb.Enter)
	b.wait(what, expression)
}

// startProvider runs npm oidc-provider with the portal as its client.
func (h *house) startProvider(t *testing.T) (issuer string) {
	t.Helper()
	p := browser.NewProvider(t, "127.0.0.2", "https://mail.musterstadt.example")
	p.Clients = []map[string]any{{
		"client_id": "portal", "client_secret": "a secret of the portal", "id_token_signed_response_alg": "ES256",
		"redirect_uris": []string{h.portal + portal.CallbackPath}, "post_logout_redirect_uris": []string{h.portal + "/"},
		"backchannel_logout_uri": h.portal + portal.BackChannelPath, "backchannel_logout_session_required": true,
	}}
	p.Start(t)
	return p.Issuer()
}
