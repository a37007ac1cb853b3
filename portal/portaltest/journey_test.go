package portaltest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// A person with a browser: signs in, makes an app password after a fresh
// sign-in, ends it, ends a session elsewhere, gets a profile, and logs out.
func TestAPersonInChromium(t *testing.T) {
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("JavaScript %t", scripts), func(t *testing.T) {
			h := newHouse(t)
			b := newTab(t, "de")
			b.javaScript(scripts)
			b.open(h.portal + "/")
			b.do(chromedp.Click(chromedp.CSS("a.button.large")))
			b.signIn(anna, "the start page, signed in", at("/")+" && document.querySelector('.who')")
			if got := b.text("h1"); got != "Guten Tag, Anna Muster" {
				t.Errorf("the page greets with %q", got)
			}
			b.makesAnAppPassword(h)
			b.endsASession(h)
			b.logsOut(h)
			b.silent("the journey")
			h.keptSecrets(t)
		})
	}
}

func (b *tab) makesAnAppPassword(h *house) {
	t := b.t
	h.clock.forward(11 * time.Minute)
	b.click("nav a[href='/devices']", "the devices", at("/devices"))
	b.write("#name", "Mein Büro-PC & mehr")
	b.do(chromedp.Click(chromedp.CSS("input[name='for'][value='own']")))
	b.do(chromedp.Click(chromedp.CSS("input[name='service.send']")))
	b.choose("#expires", "90")
	b.do(chromedp.Click(chromedp.CSS("form.fields button")))
	b.signIn(anna, "the form again", at("/devices")+" && location.hash === '#new'")
	if got := eval[string](b, "document.getElementById('name').value"); got != "Mein Büro-PC & mehr" {
		t.Errorf("the form has lost the name: %q", got)
	}
	if eval[bool](b, "document.querySelector(\"input[name='service.send']\").checked") || eval[string](b, "document.getElementById('expires').value") != "90" {
		t.Error("the form has lost what was chosen")
	}
	b.click("form.fields button", "the app password", "document.getElementById('secret')")
	secret := b.text("#secret")
	if err := h.accepts(t, anna, secret, auth.MailRead); err != nil {
		t.Errorf("the new app password: %v", err)
	}
	if err := h.accepts(t, anna, secret, auth.MailSend); !errors.Is(err, auth.ErrScope) {
		t.Errorf("for a service that was not ticked: %v", err)
	}
	b.click("main a.button", "the devices", at("/devices"))
	if list := b.text("section[aria-labelledby=list]"); !strings.Contains(list, "Mein Büro-PC & mehr") || strings.Contains(list, secret) {
		t.Errorf("the list is %s", list)
	}
	b.click("section[aria-labelledby=list] button", "no app password", "document.querySelector('section[aria-labelledby=list]').innerText.includes('noch kein App-Passwort')")
	if err := h.accepts(t, anna, secret, auth.MailRead); !errors.Is(err, auth.ErrDenied) {
		t.Errorf("after its end: %v", err)
	}
}

func (b *tab) endsASession(h *house) {
	t := b.t
	other := newVisitor(t, h)
	other.signIn(anna)
	if got := other.get("/devices"); got.StatusCode != 200 {
		t.Fatalf("the other browser gets %d", got.StatusCode)
	}
	b.open(h.portal + "/devices")
	buttons := "document.querySelectorAll('section[aria-labelledby=sessions] .rows button').length"
	if n := eval[int](b, buttons); n != 2 {
		t.Fatalf("%d sessions are shown", n)
	}
	b.click("section[aria-labelledby=sessions] .rows button[aria-label*=beenden]", "one session", buttons+" === 1")
	if got := other.stop().get("/devices"); got.StatusCode != 303 {
		t.Errorf("the ended session gets %d", got.StatusCode)
	}
}

func (b *tab) logsOut(h *house) {
	b.click(".who button", "the first page, signed out", at("/")+" && !document.querySelector('.who')")
	b.open(h.portal + "/devices")
	b.wait("the provider asks again", "document.querySelector('input[type=password]')")
}

// keptSecrets fails if the log holds what must stay with the person.
func (h *house) keptSecrets(t *testing.T) {
	t.Helper()
	for _, word := range []string{password, "id_token", "?code=", "&code=", "state=", "fachwerk-portal-session"} {
		if strings.Contains(h.log.String(), word) {
			t.Errorf("the log has %q in it:\n%s", word, h.log)
		}
	}
}

// By keyboard alone: the skip link, every control in turn, and a focus that can
// be seen on each.
func TestKeyboardAlone(t *testing.T) {
	h := newHouse(t)
	h.furnish(t)
	h.throwAway(t)
	h.role(t, h.anna, "verwalten")
	b := newTab(t, "de")
	b.open(h.portal + "/")
	b.key(kb.Tab)
	if got := eval[string](b, "document.activeElement.className"); got != "skip" {
		t.Errorf("the first stop is %q", got)
	}
	if x := eval[float64](b, "document.activeElement.getBoundingClientRect().left"); x < 0 {
		t.Error("the skip link stays out of sight")
	}
	b.key(kb.Enter)
	b.wait("the skip link leads to the content", "document.activeElement.id === 'main'")
	b.key(kb.Tab)
	if got := eval[string](b, "document.activeElement.innerText"); got != "Im Portal anmelden" {
		t.Errorf("after the skip link comes %q", got)
	}
	b.key(kb.Enter)
	b.signIn(anna, "the start page, signed in", at("/")+" && document.querySelector('.who')")
	for _, path := range []string{"/", "/devices", "/devices?service.read=1", "/data", "/manage", "/manage/people", "/manage/shared/new", "/manage/settings", "/manage/logo", "/manage/data", "/service/files", "/trash", "/setup/iphone", "/setup/rclone", "/nirgends"} {
		b.open(h.portal + path)
		b.tabThrough(path)
	}
}

// controls are what the Tab key goes through: what is shown, and of radio buttons
// the chosen one.
const controls = `[...document.querySelectorAll('a[href],button,input:not([type=hidden]),select,summary')].filter(
	e => e.checkVisibility() && (e.type !== 'radio' || e.checked))`

// stop is where the focus is, and whether that can be seen.
const stop = `(() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
	if (e === document.body) return 'end';
	const seen = s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 && r.width > 0 && r.height > 0 && r.left >= 0;
	return ` + controls + `.indexOf(e) + (seen ? ' seen' : ' unseen'); })()`

func (b *tab) tabThrough(path string) {
	b.t.Helper()
	controls := eval[int](b, controls+".length")
	if controls < 6 {
		b.t.Errorf("%s: %d controls only", path, controls)
	}
	for i := range controls {
		b.key(kb.Tab)
		if got, want := eval[string](b, stop), fmt.Sprintf("%d seen", i); got != want {
			b.t.Errorf("%s: stop %d of %d is %q", path, i, controls, got)
		}
	}
}
