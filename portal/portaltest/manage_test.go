package portaltest

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/idp"
	"fachwerk/internal/store"
	"fachwerk/location"
)

// managePaths are the pages of tenant admins alone; ID stands for an account's number.
var managePaths = []string{
	"/manage/people", "/manage/people/new", "/manage/people/ID", "/manage/people/ID/edit", "/manage/people/ID/aliases", "/manage/people/ID/remove",
	"/manage/shared", "/manage/shared/new", "/manage/settings", "/manage/logo",
}

// manageForms are what they can send.
var manageForms = []string{
	"/manage/people/new", "/manage/people/ID/edit", "/manage/people/ID/aliases", "/manage/people/ID/aliases/remove", "/manage/people/ID/disable",
	"/manage/people/ID/enable", "/manage/people/ID/remove", "/manage/people/ID/login", "/manage/shared/new", "/manage/settings", "/manage/logo",
}

func number(ref auth.AccountRef) string { return strconv.FormatInt(ref.Account, 10) }

// Only who has the role sees the pages, whatever is asked for.
func TestRolesOpenPages(t *testing.T) {
	h := newHouse(t)
	h.role(t, h.anna, "verwalten")
	dora := h.person(t, "dora", "Dora Schutz")
	h.role(t, dora, "datenschutz")
	a, b, d := newVisitor(t, h), newVisitor(t, h), newVisitor(t, h)
	a.signIn(anna)
	b.signIn(bert)
	d.signIn("dora@musterstadt.example")
	id := number(h.bert)
	for _, path := range append(managePaths, "/manage", "/manage/data") {
		at := strings.ReplaceAll(path, "ID", id)
		if got := a.get(at); got.StatusCode != http.StatusOK || !strings.Contains(got.body, `href="/manage/people"`) {
			t.Errorf("%s for an admin: %d", at, got.StatusCode)
		}
		if got := b.get(at); got.StatusCode != http.StatusNotFound || !strings.Contains(got.body, "Diese Seite gibt es nicht") {
			t.Errorf("%s without a role: %d", at, got.StatusCode)
		}
		if got := newVisitor(t, h).stop().get(at); got.StatusCode != http.StatusSeeOther {
			t.Errorf("%s for nobody: %d", at, got.StatusCode)
		}
		want := http.StatusNotFound
		if path == "/manage" || path == "/manage/data" {
			want = http.StatusOK
		}
		if got := d.get(at); got.StatusCode != want || want == http.StatusOK && (got.Request.URL.Path != "/manage/data" || strings.Contains(got.body, `href="/manage/people"`)) {
			t.Errorf("%s for data protection: %d at %s", at, got.StatusCode, got.Request.URL)
		}
	}
	for _, path := range manageForms {
		at := strings.ReplaceAll(path, "ID", id)
		for _, v := range []*visitor{b, d} {
			if got := v.post(at, url.Values{"name": {"Mallory"}, "local": {"mallory"}, "display": {"Mallory"}}); got.StatusCode != http.StatusNotFound {
				t.Errorf("POST %s without the role: %d", at, got.StatusCode)
			}
		}
		if got := a.post(at, url.Values{"token": {b.token()}}); got.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s with another's token: %d", at, got.StatusCode)
		}
	}
	if strings.Contains(b.get("/").body, "/manage") || !strings.Contains(d.get("/").body, `href="/manage"`) {
		t.Error("the menu leads the wrong people there")
	}
	if who, err := h.PersonByRef(t.Context(), h.bert); err != nil || who.DisplayName != "Bert Beispiel" || who.Disabled {
		t.Errorf("Bert is now %+v, %v", who, err)
	}
}

// A role has to be confirmed, and goes with the group.
func TestRolesEnd(t *testing.T) {
	h := newHouse(t)
	h.role(t, h.anna, "verwalten")
	v := newVisitor(t, h)
	v.signIn(anna)
	h.clock.forward(11 * time.Minute)
	if got := v.get("/manage/people"); got.StatusCode != http.StatusOK { // by way of the provider
		t.Errorf("confirmed: %d", got.StatusCode)
	}
	if got := v.stop().get("/manage/people"); got.StatusCode != http.StatusOK {
		t.Errorf("right after that it is to be confirmed again: %d", got.StatusCode)
	}
	h.clock.forward(16 * time.Minute)
	if got := v.get("/manage/people"); got.StatusCode != http.StatusForbidden || !strings.Contains(got.body, "noch einmal an") {
		t.Errorf("a confirmation of which nothing came: %d", got.StatusCode)
	}
	h.forget(v, "confirmed")
	if got := v.post("/manage/people/"+number(h.bert)+"/disable", nil); !strings.HasPrefix(v.onward(got), "/login?") {
		t.Errorf("a form too late: %d", got.StatusCode)
	}
	must(t, h.SetGroups(t.Context(), keyOf(h.anna), h.issuer, nil))
	h.forget(v, "confirmed")
	if got := v.get("/manage/people"); got.StatusCode != http.StatusNotFound {
		t.Errorf("without the group: %d", got.StatusCode)
	}
	if who, err := h.PersonByRef(t.Context(), h.bert); err != nil || who.Disabled {
		t.Errorf("Bert is %+v, %v", who, err)
	}
}

// forget takes a cookie from a browser, as time does.
func (h *house) forget(v *visitor, name string) {
	at := mustParse(v.t, h.portal)
	v.http.Jar.SetCookies(at, []*http.Cookie{{Name: "fachwerk-portal-" + name, Path: "/", MaxAge: -1}})
}

// neighbour is another tenant, with a person and a function mailbox.
func (h *house) neighbour(t *testing.T) (person, shared auth.AccountRef) {
	t.Helper()
	other, err := h.CreateTenant(t.Context(), "nachbarstadt", site.Name)
	must(t, err)
	must(t, h.AddDomain(t.Context(), other.ID, "nachbarstadt.example"))
	must(t, h.BindIssuer(t.Context(), store.Issuer{Tenant: other.ID, URL: h.issuer}))
	for _, n := range []struct {
		to    *auth.AccountRef
		local string
		kind  store.AccountKind
	}{{&person, "carla", store.Person}, {&shared, "rathaus", store.Function}} {
		a, err := h.CreateAccount(t.Context(), store.NewAccount{Tenant: other.ID, Kind: n.kind, Address: n.local + "@nachbarstadt.example", DisplayName: n.local})
		must(t, err)
		*n.to = auth.AccountRef(a.Key)
	}
	return person, shared
}

// What is another tenant's answers as what is not there, and stays as it is.
func TestNothingOfAnotherTenantIsThere(t *testing.T) {
	h := newHouse(t)
	h.role(t, h.anna, "verwalten")
	carla, townHall := h.neighbour(t)
	v := newVisitor(t, h)
	v.signIn(anna)
	form := url.Values{
		"name": {"Übernommen"}, "quota": {"1"}, "local": {"neu"}, "domain": {"nachbarstadt.example"}, "address": {"carla@nachbarstadt.example"},
		"to": {"person"}, "who": {anna}, "read": {"1"}, "tenant": {strconv.FormatInt(carla.Tenant, 10)},
	}
	withoutID := regexp.MustCompile(`[0-9]{6,}`)
	for kind, id := range map[string]auth.AccountRef{"people": carla, "shared": townHall} {
		for _, what := range []string{"", "/edit", "/aliases", "/remove", "/grants"} {
			at := "/manage/" + kind + "/"
			theirs, none := v.get(at+number(id)+what), v.get(at+"4711471147114711"+what)
			if theirs.StatusCode != http.StatusNotFound || withoutID.ReplaceAllString(theirs.body, "") != withoutID.ReplaceAllString(none.body, "") {
				t.Errorf("%s%s: %d, and not as one that is not there", at, what, theirs.StatusCode)
			}
		}
		for _, what := range []string{"/edit", "/aliases", "/aliases/remove", "/disable", "/enable", "/remove", "/login", "/grants", "/grants/end"} {
			if got := v.post("/manage/"+kind+"/"+number(id)+what, form); got.StatusCode != http.StatusNotFound {
				t.Errorf("POST %s%s: %d", kind, what, got.StatusCode)
			}
		}
	}
	// Their domain is none of ours, their person no grantee.
	if got := v.post("/manage/people/new", url.Values{"name": {"Neu"}, "local": {"neu"}, "domain": {"nachbarstadt.example"}}); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an account in their domain: %d", got.StatusCode)
	}
	if got := v.post("/manage/people/"+number(h.bert)+"/aliases", url.Values{"local": {"neu"}, "domain": {"nachbarstadt.example"}}); got.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("an alias in their domain: %d", got.StatusCode)
	}
	ours := h.Function(t, "buergeramt")
	none := v.post("/manage/shared/"+number(auth.AccountRef(ours.Key))+"/grants", url.Values{"to": {"person"}, "who": {"niemand@nirgends.example"}, "read": {"1"}})
	theirs := v.post("/manage/shared/"+number(auth.AccountRef(ours.Key))+"/grants", url.Values{"to": {"person"}, "who": {"carla@nachbarstadt.example"}, "read": {"1"}})
	if theirs.StatusCode != http.StatusUnprocessableEntity || strings.ReplaceAll(theirs.body, "carla@nachbarstadt.example", "X") != strings.ReplaceAll(none.body, "niemand@nirgends.example", "X") {
		t.Errorf("a grant to their person: %d", theirs.StatusCode)
	}
	for _, path := range []string{"/manage", "/manage/people", "/manage/shared", "/manage/data"} {
		if page := v.get(path); strings.Contains(page.body, "nachbarstadt.example") {
			t.Errorf("%s shows what is theirs", path)
		}
	}
	for _, ref := range []auth.AccountRef{carla, townHall} {
		a, err := h.Account(t.Context(), keyOf(ref))
		if err != nil || a.State != store.Active || a.DisplayName == "Übernommen" || a.QuotaBytes != 0 {
			t.Errorf("it is now %+v, %v", a, err)
		}
	}
	list, err := h.Accounts(t.Context(), carla.Tenant)
	if err != nil || len(list) != 2 {
		t.Errorf("they have %d accounts, %v", len(list), err)
	}
}

// An admin adds a person, corrects what the form said, changes and removes it.
func TestAnAdminManagesPeople(t *testing.T) {
	h := newHouse(t)
	h.role(t, h.anna, "verwalten")
	v := newVisitor(t, h)
	v.signIn(anna)
	v.get("/manage/people/new").holds(t, "the form", `id="quota"`, `value="5"`, "<option>musterstadt.example</option>")
	good := url.Values{"name": {"Clara Klein"}, "local": {"Clara.Klein"}, "domain": {"musterstadt.example"}, "quota": {"2,5"}}
	for field, c := range map[string]struct{ value, says string }{
		"name": {"", "Geben Sie einen Namen"}, "local": {"bert", "schon vergeben"}, "domain": {"anderswo.example", "ohne Leerzeichen"}, "quota": {"viel", "als Zahl"},
	} {
		bad := url.Values{}
		for k, values := range good {
			bad[k] = values
		}
		bad.Set(field, c.value)
		got := v.post("/manage/people/new", bad)
		if got.StatusCode != http.StatusUnprocessableEntity || strings.Count(got.body, c.says) != 2 || !strings.Contains(got.body, `aria-invalid="true"`) || !strings.Contains(got.body, `role="alert"`) {
			t.Errorf("%s %q: %d, %d times %q", field, c.value, got.StatusCode, strings.Count(got.body, c.says), c.says)
		}
		if field != "local" && !strings.Contains(got.body, `value="Clara.Klein"`) {
			t.Errorf("%s %q: the form has forgotten the rest", field, c.value)
		}
	}
	page := v.post("/manage/people/new", good)
	page.holds(t, "the new account", "Das Konto ist angelegt", "clara.klein@musterstadt.example", "2,5\u00a0GB", "Clara Klein")
	path := page.Request.URL.Path
	v.get("/manage/people?q=KLEIN").holds(t, "the search", "1 gefunden", path)
	if other := v.get("/manage/people?q=klein+niemand"); !strings.Contains(other.body, "0 gefunden") || strings.Contains(other.body, "bert@") {
		t.Error("a search for two words finds too much")
	}

	v.get(path+"/edit").holds(t, "the form", `value="2,5"`, `value="Clara Klein"`)
	v.post(path+"/edit", url.Values{"name": {"Clara Groß"}, "quota": {""}}).holds(t, "after the change", "Clara Groß", "ohne Grenze", "gespeichert")
	v.post(path+"/aliases", url.Values{"local": {"poststelle"}, "domain": {"musterstadt.example"}}).holds(t, "the aliases", "poststelle@musterstadt.example", "ist angelegt")
	if got := v.post(path+"/aliases", url.Values{"local": {"anna"}, "domain": {"musterstadt.example"}}); got.StatusCode != http.StatusUnprocessableEntity || strings.Count(got.body, "schon vergeben") != 2 {
		t.Errorf("an address in use: %d", got.StatusCode)
	}
	if got := v.post("/manage/people/"+number(h.bert)+"/aliases/remove", url.Values{"address": {"poststelle@musterstadt.example"}}); got.StatusCode != http.StatusNotFound {
		t.Errorf("an alias of another account: %d", got.StatusCode)
	}

	v.get("/manage/people/"+number(h.bert)).holds(t, "Bert's page", "Erste Anmeldung einrichten")
	first := v.post(path+"/login", nil)
	first.holds(t, "the first sign-in", newPassword, "clara.klein@musterstadt.example")
	phc, err := h.PasswordHash(t.Context(), h.ref(t, "clara.klein@musterstadt.example"))
	must(t, err)
	if ok, err := idp.VerifyPassword(phc, newPassword); err != nil || !ok {
		t.Errorf("the password that was shown: %t, %v", ok, err)
	}
	h.clock.forward(9*time.Minute + 45*time.Second)
	if to := v.onward(v.post(path+"/login", nil)); !strings.Contains(to, "fresh=1") {
		t.Errorf("without a fresh sign-in it leads to %s", to)
	}

	h.clock.forward(time.Minute)
	h.forget(v, "confirmed")
	v.get("/manage") // confirms the role
	v.post(path+"/disable", nil).holds(t, "when disabled", "gesperrt", "Sperre aufheben")
	v.get("/manage/people").holds(t, "the list", "gesperrt")
	v.post(path+"/enable", nil).holds(t, "when enabled", "wieder frei", "Konto sperren")
	for _, what := range []string{"/disable", "/remove"} {
		if got := v.post("/manage/people/"+number(h.anna)+what, nil); got.StatusCode != http.StatusConflict {
			t.Errorf("%s of oneself: %d", what, got.StatusCode)
		}
	}
	h.mail(t, h.ref(t, "clara.klein@musterstadt.example"), 2)
	v.get(path+"/remove").holds(t, "the question", "2 Nachrichten", "poststelle@musterstadt.example", "rückgängig", "Clara Groß")
	v.post(path+"/remove", nil).holds(t, "when removed", "Das Konto ist entfernt")
	if got := v.get(path); got.StatusCode != http.StatusNotFound {
		t.Errorf("its page: %d", got.StatusCode)
	}
	if strings.Contains(h.log.String(), newPassword) || strings.Contains(h.log.String(), "clara") {
		t.Error("the log has the password or the address")
	}
	for _, change := range []string{"added", "changed", "alias", "login", "disabled", "enabled", "removed"} {
		if !strings.Contains(h.log.String(), "change="+change) {
			t.Errorf("the log says nothing of %s", change)
		}
	}
}

// ref finds an account by address.
func (h *house) ref(t *testing.T, address string) auth.AccountRef {
	t.Helper()
	a, err := h.Resolve(t.Context(), address)
	must(t, err)
	return auth.AccountRef(a.Key)
}

// An admin makes a function mailbox and says who may use it.
func TestAnAdminManagesSharedAccounts(t *testing.T) {
	h := newHouse(t)
	h.role(t, h.anna, "verwalten")
	v := newVisitor(t, h)
	v.signIn(anna)
	page := v.post("/manage/shared/new", url.Values{"kind": {"room"}, "name": {"Sitzungssaal"}, "local": {"saal"}, "domain": {"musterstadt.example"}, "quota": {"1"}})
	page.holds(t, "the new account", "Raum", "saal@musterstadt.example", "Bisher niemand")
	path := page.Request.URL.Path
	saal := h.ref(t, "saal@musterstadt.example")
	for name, c := range map[string]struct {
		form url.Values
		says string
	}{
		"nobody":        {url.Values{"to": {"person"}, "read": {"1"}}, "wer den Zugriff bekommt"},
		"a stranger":    {url.Values{"to": {"person"}, "who": {"niemand@musterstadt.example"}, "read": {"1"}}, "gibt es in Ihrer Verwaltung nicht"},
		"no address":    {url.Values{"to": {"person"}, "who": {"Bert"}, "read": {"1"}}, "gibt es in Ihrer Verwaltung nicht"},
		"a shared one":  {url.Values{"to": {"person"}, "who": {"saal@musterstadt.example"}, "read": {"1"}}, "gibt es in Ihrer Verwaltung nicht"},
		"no right":      {url.Values{"to": {"person"}, "who": {bert}}, "mindestens eines"},
		"a long group":  {url.Values{"to": {"group"}, "who": {strings.Repeat("g", 300)}, "read": {"1"}}, "wer den Zugriff bekommt"},
		"made-up right": {url.Values{"to": {"group"}, "who": {"amt"}, "all": {"1"}}, "mindestens eines"},
	} {
		if got := v.post(path+"/grants", c.form); got.StatusCode != http.StatusUnprocessableEntity || strings.Count(got.body, c.says) != 2 {
			t.Errorf("%s: %d, %d times", name, got.StatusCode, strings.Count(got.body, c.says))
		}
	}
	v.post(path+"/grants", url.Values{"to": {"person"}, "who": {bert}, "write": {"1"}, "send-as": {"1"}}).holds(t, "the grants", bert, "lesen, ändern und ablegen, im Namen des Kontos senden", `<option value="bert@musterstadt.example">Bert Beispiel</option>`)
	v.post(path+"/grants", url.Values{"to": {"group"}, "who": {"Amt 33 <Bürger>"}, "read": {"1"}}).holds(t, "the grants", "Gruppe Amt 33 <Bürger>")
	if r, err := h.RightsOf(t.Context(), keyOf(saal), h.bert.Account); err != nil || r != store.RightRead|store.RightWrite|store.RightSendAs {
		t.Errorf("Bert may %s, %v", r, err)
	}
	v.get("/manage/people/"+number(h.bert)).holds(t, "Bert's page", "saal@musterstadt.example", `href="`+path+`"`)
	v.get("/manage/shared").holds(t, "the list", "Sitzungssaal", "Raum", "1 gemeinsames Konto")
	v.get("/manage/shared?q=raum").holds(t, "the rooms", "1 gefunden")
	v.get("/manage/shared?q=raum+gesperrt").holds(t, "the disabled rooms", "0 gefunden")
	v.get(path).holds(t, "the account", bert, "Gruppe Amt 33 <Bürger>")
	v.get(path+"/remove").holds(t, "the question", bert, "Gruppe Amt 33 <Bürger>", "noch kein Inhalt")
	if got := v.get("/manage/people/" + number(saal)); got.StatusCode != http.StatusNotFound {
		t.Errorf("as a person: %d", got.StatusCode)
	}
	v.post(path+"/grants/end", url.Values{"to": {"person"}, "who": {bert}}).holds(t, "after the end", "Zugriff ist beendet")
	v.post(path+"/grants/end", url.Values{"to": {"group"}, "who": {"Amt 33 <Bürger>"}}).holds(t, "after the end", "Bisher niemand")
	if got := v.post(path+"/grants/end", url.Values{"to": {"person"}, "who": {bert}}); got.StatusCode != http.StatusNotFound {
		t.Errorf("a second time: %d", got.StatusCode)
	}
	v.post(path+"/remove", nil).holds(t, "when removed", "Das Konto ist entfernt")
}

// A long list comes in pages, and a quota of accounts is told.
func TestManyPeople(t *testing.T) {
	h := newHouse(t)
	h.role(t, h.anna, "verwalten")
	v := newVisitor(t, h)
	v.signIn(anna)
	for i := range 60 {
		_, err := h.CreateAccount(t.Context(), store.NewAccount{Tenant: h.Tenant.ID, Kind: store.Person, Address: "p" + strconv.Itoa(100+i) + "@musterstadt.example", DisplayName: "Person " + strconv.Itoa(i)})
		must(t, err)
	}
	v.get("/manage/people").holds(t, "the first page", "62 Personen, Seite 1 von 2", "<title>Personen, Seite 1 von 2 –", "Seite 1 von 2", "page=2")
	v.get("/manage/people?q=musterstadt&page=2").holds(t, "the second page", "62 gefunden, Seite 2 von 2", "<title>Personen, gesucht: musterstadt, Seite 2 von 2 –", "q=musterstadt&page=1", "p159@")
	v.get("/manage/people?page=999999999999999999999").holds(t, "an absurd page", "Seite 2 von 2")
	_, err := h.UpdateTenant(t.Context(), h.Tenant.ID, store.TenantSet{Quota: &store.TenantQuota{Bytes: 50e9, Items: 1000, Accounts: 62}})
	must(t, err)
	got := v.post("/manage/people/new", url.Values{"name": {"Zu viel"}, "local": {"zuviel"}, "domain": {"musterstadt.example"}})
	if got.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(got.body, "nicht mehr Konten") {
		t.Errorf("one too many: %d", got.StatusCode)
	}
	v.get("/manage").holds(t, "the overview", "von 50,0\u00a0GB", "von 1.000", "zusammen 62 Konten", "musterstadt.example", "nord")
}

// Where nothing may be written at the tenant's site, here because nobody has verified it,
// nothing is, and it is said why; a report is handed out all the same.
func TestWhereNothingMayBeWritten(t *testing.T) {
	h := newHouse(t)
	h.role(t, h.anna, "verwalten")
	v := newVisitor(t, h)
	v.signIn(anna)
	token := v.token()
	_, err := h.UpdateTenant(t.Context(), h.Tenant.ID, store.TenantSet{Policy: &store.TenantPolicy{RefuseOnMismatch: true}})
	must(t, err)
	form := url.Values{"token": {token}, "name": {"Neu"}, "local": {"neu"}, "domain": {"musterstadt.example"}}
	if got := v.post("/manage/people/new", form); got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(got.body, "Es kann gerade nichts gespeichert werden") {
		t.Errorf("a new person: %d %s", got.StatusCode, got.body)
	}
	if got := v.upload(picture(t), token); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a logo: %d", got.StatusCode)
	}
	for _, language := range []string{"de", "en"} {
		r := v.request(http.MethodPost, "/data/reports", url.Values{"token": {token}})
		r.Header.Set("Accept-Language", language)
		got := v.do(r)
		report, _, err := location.Open([]byte(got.body), h.reporter(t).Signer.Public())
		if got.StatusCode != http.StatusOK || err != nil || report.Number != 0 || !slices.Contains(report.Notes, location.NoteUnkept) ||
			!strings.Contains(got.body, map[string]string{"de": "konnte nicht aufbewahrt werden", "en": "could not be kept"}[language]) ||
			!strings.HasPrefix(got.Header.Get("Content-Disposition"), `attachment; filename="bericht-2`) {
			t.Errorf("a report in %s: %d %v %v %v", language, got.StatusCode, got.Header, report, err)
		}
	}
	if kept, err := h.Reports(t.Context(), location.Of{Tenant: h.Tenant.ID, Person: h.anna.Account}, 0, 10); err != nil || len(kept) > 0 {
		t.Errorf("%d reports are kept, %v", len(kept), err)
	}
	v.get("/data").holds(t, "why", "Derzeit wird nichts gespeichert", "Standort nord: Die Adresse der Datenbank wurde nicht beobachtet")
	v.get("/manage/data").holds(t, "the policy", "Festgelegt ist, dass die Daten hier liegen dürfen: nord.", "wird nichts mehr geschrieben", "Derzeit wird nichts gespeichert")
	list, err := h.Accounts(t.Context(), h.Tenant.ID)
	if err != nil || len(list) != 2 {
		t.Errorf("%d accounts, %v", len(list), err)
	}
}
