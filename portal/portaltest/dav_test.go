package portaltest

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/portal"
)

const dav = "https://dav.musterstadt.example"

// holds fails unless a page says all of these.
func (a answer) holds(t *testing.T, what string, parts ...string) {
	t.Helper()
	if a.StatusCode != http.StatusOK {
		t.Errorf("%s: %d", what, a.StatusCode)
	}
	for _, p := range parts {
		if !strings.Contains(html.UnescapeString(a.body), p) {
			t.Errorf("%s says nothing of %q", what, p)
		}
	}
}

func TestEveryClientNamesTheOwnAddresses(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	base, files := `value="`+dav+`/"`, `value="`+dav+`/files/`+anna+`/"`
	for client, parts := range map[string][]string{
		"thunderbird": {base, "imap.musterstadt.example", "Kalender suchen"},
		"iphone":      {base, "CardDAV"},
		"android":     {base, files, "DAVx⁵"},
		"outlook":     {base, "CalDav Synchronizer", "Microsoft"},
		"windows":     {files, "50 MB"},
		"finder":      {files, "Gehe zu"},
		"evolution":   {base, "Adressbücher suchen"},
		"gnome":       {base, `value="davs://dav.musterstadt.example/files/` + anna + `/"`},
		"kde":         {base, `value="webdavs://dav.musterstadt.example/files/` + anna + `/"`},
		"cyberduck":   {files},
		"rclone":      {files, "url=" + dav + "/files/" + anna + "/ vendor=nextcloud", "user=" + anna},
		"davfs":       {files, dav + "/files/" + anna + "/ /media/fachwerk davfs"},
		"other":       {base, files, `value="` + dav + `/calendars/` + anna + `/"`, `value="` + dav + `/addressbooks/` + anna + `/"`, `value="` + dav + `/files/"`},
	} {
		v.get("/setup/"+client).holds(t, client, parts...)
		if page := v.get("/setup/" + client); strings.Contains(page.body, "nur über https") || !strings.Contains(page.body, "/devices?") {
			t.Errorf("%s: %s", client, page.body)
		}
		out := newVisitor(t, h).get("/setup/" + client)
		out.holds(t, client+" without a sign-in", "/login?return=/setup/"+client)
		if strings.Contains(out.body, anna) || strings.Contains(out.body, "/devices?") {
			t.Errorf("%s shows Anna's address to everybody", client)
		}
	}
	if len(clients) != 13 {
		t.Errorf("%d clients", len(clients))
	}
	for kind, parts := range map[string][]string{
		"mail": {"imap.musterstadt.example", "/setup/thunderbird"}, "calendar": {dav + "/calendars/" + anna + "/", "/setup/android"},
		"contacts": {dav + "/addressbooks/" + anna + "/", "/setup/kde"}, "files": {files, "/setup/windows"},
	} {
		v.get("/service/"+kind).holds(t, kind, parts...)
		if page := newVisitor(t, h).get("/service/" + kind); page.StatusCode != http.StatusOK || strings.Contains(page.body, anna) {
			t.Errorf("%s without a sign-in: %d", kind, page.StatusCode)
		}
	}
	if page := v.get("/service/mail"); strings.Contains(page.body, "/setup/windows") {
		t.Error("Windows Explorer is offered for mail")
	}
}

// The link on a client's page brings the form with what that client needs.
func TestClientsBringTheirPreset(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	for client, want := range map[string]string{
		"thunderbird": `name="for" value="suite" checked`, "windows": `name="for" value="files" checked`,
		"gnome": `name="service.files" value="1" checked`, "android": `name="service.send" value="1" checked`,
	} {
		_, link, ok := strings.Cut(v.get("/setup/"+client).body, `href="/devices?`)
		link, _, _ = strings.Cut(link, `#new"`)
		if page := v.get("/devices?" + html.UnescapeString(link)); !ok || !strings.Contains(page.body, want) {
			t.Errorf("%s: %s brings no %s", client, link, want)
		}
	}
	page := v.get("/devices?service.calendar=1&service.contacts=1&service.files=1")
	if !strings.Contains(page.body, `name="for" value="own" checked`) || strings.Contains(page.body, `name="service.read" value="1" checked`) {
		t.Error("what was ticked one by one is not")
	}
}

func TestPresetsMakeAppPasswords(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	for name, c := range map[string]struct {
		form url.Values
		want auth.Scope
	}{
		"suite":                {url.Values{"for": {"suite"}}, auth.AllScopes &^ auth.Files},
		"phone":                {url.Values{"for": {"phone"}, "service.read": {"1"}}, auth.Calendars | auth.Contacts},
		"files":                {url.Values{"for": {"files"}}, auth.Files},
		"one by one":           {url.Values{"for": {"own"}, "service.files": {"1"}, "service.send": {"1"}}, auth.Files | auth.MailSend},
		"nothing":              {url.Values{"for": {"own"}}, 0},
		"a preset unknown":     {url.Values{"for": {"everything"}}, 0},
		"an older page's form": {url.Values{"service.read": {"1"}}, auth.MailRead},
	} {
		c.form.Set("name", name)
		a := v.post("/devices", c.form)
		if c.want == 0 {
			if a.StatusCode != http.StatusUnprocessableEntity {
				t.Errorf("%s: %d", name, a.StatusCode)
			}
			continue
		}
		list := h.passwords(t, h.anna)
		if n := len(list); n == 0 || a.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, %d app passwords", name, a.StatusCode, n)
		}
		found := false
		for _, made := range list {
			if made.Name == name {
				found = true
				if made.Scopes != c.want {
					t.Errorf("%s: for %q, want %q", name, made.Scopes, c.want)
				}
			}
		}
		if !found {
			t.Errorf("%s: no such app password", name)
		}
	}
}

// Without an origin for them there are no calendars, contacts and files anywhere.
func TestPortalOfMailOnly(t *testing.T) {
	h := newHouse(t, func(c *portal.Config) { c.DAV, c.Trash = "", nil })
	v := newVisitor(t, h)
	v.signIn(anna)
	for _, path := range []string{"/service/calendar", "/service/files", "/service/x", "/setup/windows", "/setup/gnome", "/trash"} {
		if a := v.get(path); a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	for _, path := range []string{"/", "/devices", "/setup/thunderbird", "/setup/other", "/data"} {
		page := v.get(path)
		page.holds(t, path, anna)
		for _, word := range []string{"alender", "WebDAV", "CalDAV", "/trash", `name="for"`} {
			if strings.Contains(page.body, word) {
				t.Errorf("%s speaks of %s", path, word)
			}
		}
	}
	if a := v.post("/devices", url.Values{"name": {"x"}, "service.files": {"1"}}); a.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an app password for files: %d", a.StatusCode)
	}
	if a := v.get("/mail/config-v1.1.xml"); strings.Contains(a.body, "dav") {
		t.Errorf("autoconfig: %s", a.body)
	}
	if a := v.post("/devices", url.Values{"name": {"x"}, "for": {"suite"}}); a.StatusCode != http.StatusOK || h.passwords(t, h.anna)[0].Scopes != auth.MailRead|auth.MailSend {
		t.Errorf("a preset gives more than there is: %d", a.StatusCode)
	}
}

// Where there is no https, pages say so of programs that need it.
func TestPlainDAV(t *testing.T) {
	h := newHouse(t, func(c *portal.Config) { c.DAV = "http://127.0.0.3:8008/" })
	v := newVisitor(t, h)
	v.signIn(anna)
	v.get("/setup/windows").holds(t, "windows", "nur über https", "http://127.0.0.3:8008/files/"+anna+"/")
	v.get("/setup/gnome").holds(t, "gnome", `"dav://127.0.0.3:8008/files/`)
	v.get("/setup/kde").holds(t, "kde", `"webdav://127.0.0.3:8008/files/`)
}

// A mail address may hold what shells and URLs treat in their own way.
func TestOddAddressIsQuoted(t *testing.T) {
	h := newHouse(t)
	const odd = "o'neil&co@musterstadt.example"
	a, err := h.CreateAccount(t.Context(), store.NewAccount{Tenant: h.Tenant.ID, Kind: store.Person, Address: odd, DisplayName: "O'Neil"})
	must(t, err)
	phc, err := passwordHash()
	must(t, err)
	must(t, h.SetPasswordHash(t.Context(), auth.AccountRef{Tenant: a.Tenant, Account: a.Account}, phc))
	v := newVisitor(t, h)
	v.login(v.get("/login?return=/"), odd)
	v.get("/setup/rclone").holds(t, "rclone", `'`+dav+`/files/o%27neil&co@musterstadt.example/'`, `user='o'\''neil&co@musterstadt.example'`)
	v.get("/setup/davfs").holds(t, "davfs", dav+"/files/o%27neil&co@musterstadt.example/ /media", `"`+odd+`"`)
}

// Each kind is counted by its own word, one of them in the singular.
func TestDataCountsAllFourKinds(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	h.mail(t, h.anna, 3)
	h.objects(t, store.Calendar, 1)
	h.objects(t, store.AddressBook, 2)
	h.objects(t, store.Drive, 3)
	page := v.get("/data")
	page.holds(t, "the page", "Zusammen 9 Einträge", "3 Nachrichten", "1 Termin oder Aufgabe", "2 Kontakte", "3 Dateien", "10\u00a0B", "20\u00a0B", "30\u00a0B")
	if strings.Contains(page.body, "1 Termine") {
		t.Error("a singular in the plural")
	}
	r := v.request(http.MethodGet, "/data", nil)
	r.Header.Set("Accept-Language", "en")
	v.do(r).holds(t, "in English", "9 items", "3 messages", "1 event or task", "2 contacts", "3 files")
}
