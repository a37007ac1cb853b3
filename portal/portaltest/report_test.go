package portaltest

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/location"
)

// observed keeps observations as a verification of the site would.
func (h *house) observed(t *testing.T, at time.Time, list ...location.Observation) {
	t.Helper()
	for i := range list {
		list[i].Site, list[i].Since, list[i].At = site.Name, at, at
	}
	must(t, h.SaveObservations(t.Context(), site.Name, list))
}

// message lays a small one into a new mailbox.
func (h *house) message(t *testing.T, ref auth.AccountRef, mailbox string) {
	t.Helper()
	c, err := h.CreateCollection(t.Context(), keyOf(ref), store.Mailbox, mailbox, "", store.CollectionOptions{})
	must(t, err)
	_, err = h.AddObjects(t.Context(), keyOf(ref), c.ID, []store.NewObject{{Body: h.Spool(t, []byte("Guten Tag")), Encoder: 1, Meta: []byte("Betreff")}})
	must(t, err)
}

// large lays a message into a mailbox that is too large for the database.
func (h *house) large(t *testing.T, ref auth.AccountRef) {
	t.Helper()
	c, err := h.CreateCollection(t.Context(), keyOf(ref), store.Mailbox, "Groß", "", store.CollectionOptions{})
	must(t, err)
	text := make([]byte, 300<<10)
	_, _ = rand.Read(text) // never fails
	_, err = h.AddObjects(t.Context(), keyOf(ref), c.ID, []store.NewObject{{Body: h.Spool(t, text), Encoder: 1, Meta: []byte("Betreff")}})
	must(t, err)
}

// seen is what a verification that finds all as declared says; at the end something
// that is not.
func seen() []location.Observation {
	return []location.Observation{
		{Part: location.Database, Check: location.Addresses, Subject: "connection in use", State: location.Matches, Finding: location.Inside, Declared: "127.0.0.0/8", Seen: "127.0.0.1", Evidence: "getpeername: 127.0.0.1"},
		{Part: location.Database, Check: location.System, State: location.Matches, Finding: location.First, Declared: "711", Remembered: true, Seen: "711"},
		{Part: location.Database, Check: location.Standbys, Subject: "zweite", State: location.Matches, Finding: location.StandbyDeclared, Seen: "127.0.0.9"},
		{Part: location.Objects, Check: location.Storage, State: location.NotObserved, Finding: location.LocalFolder, Seen: "ext4", Evidence: "mount: <ext4>"},
		{Part: location.Database, Check: location.Standbys, Subject: "fremd", State: location.Differs, Finding: location.StandbyUndeclared, Seen: "192.0.2.9"},
	}
}

// Everybody sees where the own data lies, what of that was seen, and what differs.
func TestWhereTheDataLies(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	h.mail(t, h.anna, 2)
	h.large(t, h.anna)
	v.get("/data").holds(t, "before anything was seen", "Stand: "+h.clock.now().Format("2.1.2006"), "3 Nachrichten", "Angegeben, nicht beobachtet", "Kommunale IT Musterland", "Musterstadt, Deutschland",
		"zweite: Kommunale IT Nachbarland, Nachbarstadt, Österreich (angegeben, nicht beobachtet)")
	h.observed(t, h.clock.now(), seen()[:4]...)
	page := v.get("/data")
	page.holds(t, "when all is well", "Die Antworten kommen aus einem Netz", "(gesehen, wie angegeben)", "getpeername: 127.0.0.1", "mount: <ext4>", "Was sich geändert hat")
	if strings.Contains(page.body, "Etwas ist nicht so") || strings.Contains(page.body, "<ext4>") {
		t.Error("a difference where there is none, or text that is not escaped")
	}
	h.observed(t, h.clock.now(), seen()...)
	v.get("/data").holds(t, "with a copy that nobody declared", "Etwas ist nicht so, wie es angegeben ist",
		"Eine nicht angegebene Kopie der Datenbank fließt zu fremd unter 192.0.2.9", "fremd (<strong>weicht von den Angaben ab</strong>)")
	r := v.request(http.MethodGet, "/data", nil)
	r.Header.Set("Accept-Language", "en")
	v.do(r).holds(t, "in English", "An undeclared copy of the database streams to fremd", "Declared, not observed", "Austria")
}

// A tenant's page shows what was counted within some minutes, and says when; a report
// counts anew, and so does the page if it is asked to. A person's page always counts.
func TestCountedForAll(t *testing.T) {
	h := newHouse(t)
	h.role(t, h.anna, "verwalten")
	v := newVisitor(t, h)
	v.signIn(anna)
	is := func(what, path string, n int, more bool) {
		t.Helper()
		page := v.get(path)
		page.holds(t, what, formatInt(int64(n))+" Nachrichten")
		if strings.Contains(page.body, "/manage/data?count=new") != more {
			t.Errorf("%s: a new count is offered: %t", what, !more)
		}
	}
	h.mail(t, h.anna, 2)
	is("first", "/manage/data", 2, false)
	h.mail(t, h.bert, 2)
	h.clock.forward(4 * time.Minute)
	is("some minutes later", "/manage/data", 2, true)
	is("when asked", "/manage/data?count=new", 4, false)
	h.message(t, h.anna, "Zwei")
	is("a person's page", "/data", 3, false)
	is("right after that", "/manage/data?count=new", 4, false)
	v.post("/manage/data/reports", nil)
	is("after a report", "/manage/data", 5, false)
	h.message(t, h.anna, "Drei")
	h.clock.forward(6 * time.Minute)
	is("when it is old", "/manage/data", 6, false)
}

// Reports are made, kept, listed and handed out, each chain to its own alone.
func TestReports(t *testing.T) {
	h := newHouse(t)
	h.role(t, h.anna, "verwalten")
	v, w := newVisitor(t, h), newVisitor(t, h)
	v.signIn(anna)
	w.signIn(bert)
	h.mail(t, h.anna, 2)
	public := h.reporter(t).Signer.Public()
	key := v.get("/data/key.pem")
	if got, err := location.ParsePublic([]byte(key.body)); err != nil || !got.Equal(public) || key.Header.Get("Content-Disposition") == "" {
		t.Errorf("the key: %v %v", key.Header, err)
	}
	for base, tenant := range map[string]bool{"/data": false, "/manage/data": true} {
		v.get(base).holds(t, base, "Es gibt noch keinen Bericht")
		v.post(base+"/reports", nil).holds(t, base, "Der Bericht ist fertig", "Bericht 1")
		v.post(base+"/reports", nil).holds(t, base+" again", "keine Minute alt")
		h.clock.forward(2 * time.Minute)
		v.post(base+"/reports", nil).holds(t, base+" later", "Bericht 2")
		var files [][]byte
		for _, which := range []string{"/reports/1/json", "/reports/2/json", "/reports/1/csv", "/reports/1/html", "/reports/2/jws"} {
			got := v.get(base + which)
			report, _, err := location.Open([]byte(got.body), public)
			if err != nil || (report.Person == "") != tenant || !strings.HasPrefix(got.Header.Get("Content-Disposition"), "attachment") ||
				got.Header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" || got.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s%s: %d %v %v", base, which, got.StatusCode, err, got.Header)
			}
			if strings.HasSuffix(which, "json") {
				files = append(files, []byte(got.body))
			}
		}
		if _, err := location.VerifyChain(files, public); err != nil {
			t.Errorf("%s: the chain: %v", base, err)
		}
		for _, none := range []string{"/reports/3/json", "/reports/0/json", "/reports/-1/json", "/reports/x/json", "/reports/1/pdf", "/reports/9223372036854775807/jws"} {
			if got := v.get(base + none); got.StatusCode != http.StatusNotFound {
				t.Errorf("%s%s: %d", base, none, got.StatusCode)
			}
		}
		for _, theirs := range []string{"/reports/1/json", "/reports/2/jws"} {
			if got := w.get(base + theirs); got.StatusCode != http.StatusNotFound {
				t.Errorf("Bert gets %s%s: %d", base, theirs, got.StatusCode)
			}
		}
	}
	if got := w.post("/manage/data/reports", nil); got.StatusCode != http.StatusNotFound {
		t.Errorf("Bert makes a report of the tenant: %d", got.StatusCode)
	}
	for range 20 {
		h.clock.forward(2 * time.Minute)
		w.post("/data/reports", nil)
	}
	v.get("/data").holds(t, "Anna's list", "Bericht 2")
	h.clock.forward(2 * time.Minute)
	page := w.post("/data/reports", nil)
	page.holds(t, "a long list", "Bericht 21", "before=2#reports")
	w.get("/data?before=2").holds(t, "its end", "Bericht 1")
}

// elsewhere makes a tenant whose people sign in at another provider.
func (h *house) elsewhere(t *testing.T) {
	t.Helper()
	other, err := h.CreateTenant(t.Context(), "nachbarstadt", site.Name)
	must(t, err)
	must(t, h.AddDomain(t.Context(), other.ID, "nachbarstadt.example"))
	h.others.Store(other.ID, true)
	h.clock.forward(10 * time.Second) // what was known of providers is old then
}

// Where people sign in at different providers the portal asks for the address first.
func TestSignInByAddress(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	if a := v.stop().get("/login?return=/data"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("with one provider: %d", a.StatusCode)
	}
	h.elsewhere(t)
	v.get("/login?return=/data").holds(t, "the page", "E-Mail-Adresse", `value="/data"`)
	for _, bad := range []string{"", "anna", "anna@"} {
		if a := v.do(v.request(http.MethodPost, "/login", url.Values{"address": {bad}, "return": {"/data"}})); a.StatusCode != http.StatusUnprocessableEntity || strings.Count(a.body, "mit dem @") != 2 {
			t.Errorf("%q: %d", bad, a.StatusCode)
		}
	}
	known := v.do(v.request(http.MethodPost, "/login", url.Values{"address": {anna}, "return": {"/data"}}))
	unknown := v.do(v.request(http.MethodPost, "/login", url.Values{"address": {"niemand@musterstadt.example"}, "return": {"//evil.example"}}))
	for _, a := range []answer{known, unknown} {
		if !strings.HasPrefix(v.onward(a), h.issuer+"/") {
			t.Errorf("it leads to %s", v.onward(a))
		}
	}
	if end := v.login(v.get(v.onward(known)), anna); end.Request.URL.Path != "/data" || !strings.Contains(end.body, anna) {
		t.Errorf("signing in ended at %s", end.Request.URL)
	}
	if a := v.stop().get("/login?return=/data&fresh=1"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("who is signed in is asked again: %d", a.StatusCode)
	}
}
