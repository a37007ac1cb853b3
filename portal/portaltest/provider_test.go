package portaltest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/testenv/need"
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
	folder, err := filepath.Abs("../../test/oidc")
	must(t, err)
	if _, err := fs.Stat(os.DirFS(folder), "node_modules/oidc-provider"); err != nil {
		need.Missing(t, "the independent OpenID provider is not there: run npm ci in test/oidc")
	}
	options, err := json.Marshal(map[string]any{
		"host": "127.0.0.2", "hold": true, "resource": "https://mail.musterstadt.example",
		"clients": []map[string]any{{
			"client_id": "portal", "client_secret": "a secret of the portal", "id_token_signed_response_alg": "ES256",
			"redirect_uris": []string{h.portal + portal.CallbackPath}, "post_logout_redirect_uris": []string{h.portal + "/"},
			"backchannel_logout_uri": h.portal + portal.BackChannelPath, "backchannel_logout_session_required": true,
		}},
	})
	must(t, err)
	cmd := exec.Command(need.Program(t, "node"), "provider.mjs", string(options))
	cmd.Dir, cmd.Stderr = folder, t.Output()
	stdin, err := cmd.StdinPipe() // its end ends the program
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		kill := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	var ready struct{ Issuer string }
	if err != nil || json.Unmarshal(line, &ready) != nil {
		t.Fatal(fmt.Errorf("the provider says %q: %w", line, err))
	}
	return ready.Issuer
}
