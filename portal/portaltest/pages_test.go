package portaltest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"

	"github.com/chromedp/chromedp"
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
	h.large(t, h.anna)
	h.role(t, h.anna, "verwalten")
	h.observed(t, h.clock.now(), seen()[:4]...)
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
	h.elsewhere(t)
	b.open(h.portal + "/login?return=/devices")
	b.look("login", language)
	b.write("#address", "anna")
	b.click("form.fields button", "what is wrong", "document.querySelector('[role=alert]')")
	b.look("login-wrong", language, statusLine)
	b.do(chromedp.SetValue(chromedp.CSS("#address"), anna))
	b.do(chromedp.Click(chromedp.CSS("form.fields button")))
	b.wait("the provider's form", "document.querySelector('input[type=password]')")
	b.look("provider-login", language)
	if got := eval[string](b, "document.getElementById('address').value"); got != anna {
		t.Errorf("the provider does not know the address: %q", got)
	}
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
	h.observed(t, h.clock.now(), seen()...)
	b.click("form[action='/data/reports'] button", "the report", "document.querySelector('.reports [href$=\"/1/json\"]')")
	eval[any](b, "document.querySelectorAll('details').forEach(d => d.open = true), null")
	b.look("data-differs", language)
	b.visitManage(h, language)
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
	setPolicy := func(p store.TenantPolicy) {
		_, err := h.UpdateTenant(t.Context(), h.Tenant.ID, store.TenantSet{Policy: &p})
		must(t, err)
	}
	setPolicy(store.TenantPolicy{RefuseOnMismatch: true}) // of a site that nobody has verified
	b.open(h.portal + "/manage/data")
	b.wait("that nothing is written", "document.getElementById('stopped')")
	b.look("manage-data-stopped", language)
	setPolicy(store.TenantPolicy{})

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

	b.visitConsent(h, language)
	b.open(h.issuer + "/end_session")
	b.look("provider-logout", language)
	b.open(h.issuer + "/authorize?client_id=nobody&response_type=code&scope=openid")
	b.look("provider-error", language, statusLine)
	b.open(h.issuer + "/")
	b.look("provider-home", language)
}

// visitConsent looks at the question whether a mail program may, says no and then yes.
func (b *tab) visitConsent(h *house, language string) {
	program := serve(b.t, "127.0.0.1", http.NotFoundHandler)
	ask := h.issuer + "/authorize?" + url.Values{
		"client_id": {"mail"}, "redirect_uri": {program + "/"}, "response_type": {"code"}, "state": {"x"},
		"scope": {"openid offline_access " + auth.AllScopes.String()}, "code_challenge": {strings.Repeat("c", 43)}, "code_challenge_method": {"S256"},
	}.Encode()
	b.open(ask)
	b.wait("the question", at("/consent"))
	b.look("provider-consent", language)
	b.do(chromedp.Click(chromedp.CSS("button.other")))
	b.wait("the program hears a no", "location.origin === '"+program+"' && location.search.includes('error=access_denied')")
	b.open(ask)
	b.wait("the question", at("/consent"))
	b.do(chromedp.Click(chromedp.CSS("button[value=allow]")))
	b.wait("the program gets a code", "location.origin === '"+program+"' && location.search.includes('code=')")
	b.forget() // the program has no page
	h.letIn(b.t, newVisitor(b.t, h), anna)
	b.open(h.portal + "/devices")
	b.look("devices-programs", language)
	b.click("section[aria-labelledby=programs] button", "it has ended", "document.querySelector('[role=status]') && !document.getElementById('programs')")
	b.look("devices-program-ended", language)
}

// visitManage looks at the pages of a tenant admin: empty, in use, with mistakes.
func (b *tab) visitManage(h *house, language string) {
	t := b.t
	must(t, h.SetTenantLogo(t.Context(), h.Tenant.ID, "image/png", picture(t)))
	_, err := h.UpdateTenant(t.Context(), h.Tenant.ID, store.TenantSet{
		Quota:    &store.TenantQuota{Bytes: 500e9, Accounts: 250},
		Settings: &store.TenantSettings{DisplayName: "Stadt Musterstadt an der Beispielach", Contact: "IT-Service, Telefon 1234", ContactAddress: "hilfe@musterstadt.example"},
	})
	must(t, err)
	h.clock.forward(20 * time.Second) // the look is read again
	for i := range 60 {
		_, err := h.CreateAccount(t.Context(), store.NewAccount{
			Tenant: h.Tenant.ID, Kind: store.Person, Address: fmt.Sprintf("person.%d@musterstadt.example", i), DisplayName: fmt.Sprintf("Person Nummer %d", i), QuotaBytes: 5e9,
		})
		must(t, err)
	}
	look := func(path, name string, but ...string) {
		b.open(h.portal + path)
		b.wait(name, at(strings.Split(path, "?")[0]))
		b.look(name, language, but...)
	}
	look("/manage", "manage")
	look("/manage/people", "manage-people")
	look("/manage/people?q=nummer+1&page=2", "manage-search")
	look("/manage/people?q=niemand", "manage-nobody")
	look("/manage/people/new", "manage-new")
	b.write("#local", "bert")
	b.do(chromedp.Click(chromedp.CSS("form.fields button")))
	b.wait("what is wrong", "document.querySelector('[role=alert]')")
	b.look("manage-new-wrong", language, statusLine)
	b.write("#name", "Clara Klein")
	b.do(chromedp.SetValue(chromedp.CSS("#local"), "clara.klein"))
	b.click("form.fields button", "the account", "document.querySelector('.done')")
	b.look("manage-person", language)
	path := eval[string](b, "location.pathname")
	look(path+"/edit", "manage-edit")
	look(path+"/aliases", "manage-aliases")
	b.write("#local", "poststelle")
	b.click(".panel button", "the address", "document.querySelector('.rows')")
	b.look("manage-aliases-some", language)
	look(path+"/remove", "manage-remove")
	b.open(h.portal + path)
	b.click("form[action$='/disable'] button", "it is disabled", "document.querySelector('form[action$=\"/enable\"]')")
	b.look("manage-person-disabled", language)
	b.click("form[action$='/login'] button", "the first sign-in", "document.getElementById('secret')")
	b.look("manage-first-login", language)
	look("/manage/people/"+number(h.anna), "manage-own")

	look("/manage/shared", "manage-shared-none")
	look("/manage/shared/new", "manage-shared-new")
	b.write("#name", "Bürgeramt")
	b.write("#local", "amt33")
	b.click("form.fields button", "the account", "document.querySelector('.done')")
	path = eval[string](b, "location.pathname")
	b.open(h.portal + path + "/grants")
	b.click(".panel button", "what is wrong", "document.querySelector('[role=alert]')")
	b.look("manage-grants-wrong", language, statusLine)
	b.write("#who", bert)
	b.click(".panel button", "the grant", "document.querySelector('.rows')")
	b.do(chromedp.Click(chromedp.CSS("input[value=group]")))
	b.write("#who", "Amt 33")
	b.click(".panel button", "two grants", "document.querySelectorAll('.rows > li').length === 2")
	b.look("manage-grants", language)
	look(path, "manage-shared-account")
	look(path+"/remove", "manage-shared-remove")
	look("/manage/shared", "manage-shared")
	look("/manage/settings", "manage-settings")
	b.do(chromedp.SetValue(chromedp.CSS("#address"), "http://unsicher.example"))
	b.click("form.fields button", "what is wrong", "document.querySelector('[role=alert]')")
	b.look("manage-settings-wrong", language, statusLine)
	look("/manage/logo", "manage-logo")
	look("/manage/data", "manage-data")
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
