package portaltest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
)

// Every page there is, in both languages, on a desk and on a small phone: no
// violation that axe finds, a console that says nothing, nothing wider than the
// window.
func TestEveryPageInChromium(t *testing.T) {
	for _, language := range []string{"de", "en"} {
		t.Run(language, func(t *testing.T) {
			h := newHouse(t)
			h.furnish(t)
			b := newTab(t, language)
			b.visitAll(h, language)
		})
	}
}

// furnish gives Anna what the pages list.
func (h *house) furnish(t *testing.T) {
	t.Helper()
	for _, name := range []string{"Thunderbird im Büro", "Diensthandy"} {
		_, _, err := h.auth.NewAppPasswordByOperator(t.Context(), h.anna, name, auth.MailRead|auth.MailSend, time.Time{})
		must(t, err)
	}
	_, secret, err := h.auth.NewAppPasswordByOperator(t.Context(), h.anna, "Scanner im Flur, zweiter Stock, Bürgeramt", auth.MailSend, h.clock.now().AddDate(0, 0, 90))
	must(t, err)
	must(t, h.accepts(t, anna, secret, auth.MailSend))
	h.mail(t, h.anna, 3)
	h.objects(t, store.Calendar, 24)
	h.objects(t, store.AddressBook, 1)
	must(t, h.AddSession(t.Context(), auth.Session{
		AccountRef: h.anna, ID: []byte(strings.Repeat("s", 32)), Issuer: h.issuer, Subject: "x", SID: "y",
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		Created:   h.clock.now(), AuthTime: h.clock.now(), Seen: h.clock.now(), Expires: h.clock.now().Add(12 * time.Hour),
	}))
}

// clients are the programs and devices that the portal explains.
var clients = []string{"thunderbird", "iphone", "android", "outlook", "windows", "finder", "evolution", "gnome", "kde", "cyberduck", "rclone", "davfs", "other"}

// look checks the page that is open at both widths.
func (b *tab) look(name, language string, but ...string) {
	b.t.Helper()
	if got := eval[string](b, "document.documentElement.lang"); got != language {
		b.t.Errorf("%s is in %q, not %q", name, got, language)
	}
	for _, width := range []int64{1100, 320} {
		b.size(width, 800)
		which := fmt.Sprintf("%s-%s-%d", name, language, width)
		b.axe(which)
		b.fits(which)
		b.shoot(which)
	}
	b.size(1100, 900)
	b.silent(name, but...)
}

// An error page's own status is reported by the console, and nothing else.
const statusLine = "Failed to load resource: the server responded with a status of"

func (b *tab) visitAll(h *house, language string) {
	t := b.t
	b.open(h.portal + "/")
	b.look("start-out", language)
	b.open(h.portal + "/setup/iphone")
	b.look("setup-iphone-out", language)
	b.open(h.portal + "/devices")
	b.wait("the provider's form", "document.querySelector('input[type=password]')")
	b.look("provider-login", language)
	b.write("#address", anna)
	b.write("#password", "falsch\r")
	b.wait("the refusal", "document.querySelector('[role=alert]')")
	b.look("provider-login-wrong", language, statusLine)
	b.signIn(anna, "the devices", at("/devices"))
	b.look("devices", language)
	b.open(h.portal + "/devices?service.calendar=1&service.files=1")
	b.look("devices-own", language)
	b.open(h.portal + "/")
	b.look("start", language)
	for _, kind := range []string{"mail", "calendar", "contacts", "files"} {
		b.open(h.portal + "/service/" + kind)
		b.look("service-"+kind, language)
	}
	for _, client := range clients {
		b.open(h.portal + "/setup/" + client)
		b.look("setup-"+client, language)
	}
	b.open(h.portal + "/setup/iphone")
	b.click("form[action='/apple-profile'] button", "the profile", at("/apple-profile"))
	b.look("profile", language)
	b.open(h.portal + "/data")
	b.look("data", language)
	b.visitTrash(h, language)
	b.open(h.portal + "/nirgends")
	b.look("error-page", language, statusLine)
	b.open(h.portal + "/apple-profile/weg")
	b.look("error-gone", language, statusLine)
	b.open(h.portal + "/login/callback?state=x")
	b.look("error-state", language, statusLine)
	b.open(h.portal + "/devices?name=Mein+Tablet#new")
	b.click("form.fields button", "the password", "document.getElementById('secret')")
	b.look("secret", language)

	h.clock.forward(11 * time.Minute)
	b.open(h.portal + "/devices")
	b.look("devices-stale", language)
	h.away.Store(true)
	h.down.Store(true)
	b.open(h.portal + "/devices")
	b.look("error-unavailable", language, statusLine)
	h.away.Store(false)
	h.down.Store(false)

	for len(h.passwords(t, h.anna)) < auth.MaxAppPasswords {
		_, _, err := h.auth.NewAppPasswordByOperator(t.Context(), h.anna, "Noch eines", auth.MailRead, time.Time{})
		must(t, err)
	}
	b.open(h.portal + "/devices")
	b.look("devices-full", language)

	b.open(h.issuer + "/end_session")
	b.look("provider-logout", language)
	b.open(h.issuer + "/authorize?client_id=nobody&response_type=code&scope=openid")
	b.look("provider-error", language, statusLine)
	b.open(h.issuer + "/")
	b.look("provider-home", language)
}

// visitTrash looks at the trash with and without files, at the questions and at
// what is said afterwards.
func (b *tab) visitTrash(h *house, language string) {
	b.open(h.portal + "/trash")
	b.look("trash-empty", language)
	h.throwAway(b.t)
	b.open(h.portal + "/trash")
	b.look("trash", language)
	b.click(".acts a.danger", "the question", at("/trash/remove"))
	b.look("trash-remove", language)
	b.click("form.acts a", "the trash again", at("/trash"))
	b.click("a[href^='/trash/empty']", "the question", at("/trash/empty"))
	b.look("trash-ask-empty", language)
	b.open(h.portal + "/trash")
	b.click("form[action='/trash/restore'] button", "it is restored", at("/trash/restore")+" && document.querySelector('[role=status]')")
	b.look("trash-restored", language)
	b.click("a[href^='/trash/empty']", "the question", at("/trash/empty"))
	b.click("form.acts button", "it is empty", "location.search === '?done=emptied'")
	b.look("trash-emptied", language)
	b.open(h.portal + "/data")
	b.look("data-files", language)
	b.open(h.portal + "/service/files")
	b.look("service-files-trash", language)
}

func (h *house) passwords(t *testing.T, ref auth.AccountRef) []auth.AppPassword {
	t.Helper()
	list, err := h.AppPasswords(t.Context(), ref)
	must(t, err)
	return list
}

// objects lays things of a kind into Anna's account.
func (h *house) objects(t *testing.T, kind store.CollectionKind, n int) {
	t.Helper()
	key := store.Key{Tenant: h.anna.Tenant, Account: h.anna.Account}
	c, err := h.CreateCollection(t.Context(), key, kind, "eins", "", store.CollectionOptions{})
	must(t, err)
	for i := range n {
		_, err := h.AddObjects(t.Context(), key, c.ID, []store.NewObject{{Name: formatInt(int64(i)), Body: h.Spool(t, []byte("zehn Bytes"))}})
		must(t, err)
	}
}

// mail lays messages into a mailbox of a person, small and large.
func (h *house) mail(t *testing.T, ref auth.AccountRef, n int) {
	t.Helper()
	key := store.Key{Tenant: ref.Tenant, Account: ref.Account}
	c, err := h.CreateCollection(t.Context(), key, store.Mailbox, "Ablage", "", store.CollectionOptions{})
	must(t, err)
	for i := range n {
		text := strings.Repeat("Guten Tag, anbei der Antrag.\r\n", 40<<(5*i))
		_, err := h.AddObjects(t.Context(), key, c.ID, []store.NewObject{{Body: h.Spool(t, []byte(text)), Encoder: 1, Meta: []byte("Betreff")}})
		must(t, err)
	}
}
