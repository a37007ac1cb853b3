package admintest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"fachwerk/admin"
)

// Paths of the API.
const (
	tenants  = "/v1/tenants"
	tenant   = tenants + "/{tenant}"
	accounts = tenant + "/accounts"
	account  = accounts + "/{account}"
)

// walk is one way through the whole API; its parts run in order.
type walk struct {
	*api
	other string // address of another process
	o     Options
	a, b  admin.Tenant // at the two sites

	person, amt admin.Account // a's
}

func (w *walk) ofA(more ...string) []string { return append([]string{"tenant", w.a.ID}, more...) }
func (w *walk) ofB(more ...string) []string { return append([]string{"tenant", w.b.ID}, more...) }

// door: who comes in.
func (w *walk) door() {
	w.ok(200, nil, "GET", "/v1/openapi.yaml", request{token: "none"})
	w.refused(admin.Unauthorized, "GET", tenants, request{token: "none"})
	w.refused(admin.Unauthorized, "GET", tenants, request{token: "Bearer "})
	w.refused(admin.Unauthorized, "GET", tenants, request{token: "Bearer of-nobody"})
	w.refused(admin.Unauthorized, "GET", tenants, request{token: "Basic " + operatorToken})
	w.refused(admin.Unauthorized, "GET", tenants, request{token: "none", query: "access_token=" + operatorToken})
	w.refused(admin.Unauthorized, "GET", "/v1/nothing", request{token: "none"})
	w.refused(admin.Forbidden, "GET", tenants, request{token: "Bearer " + personToken})
	for token, want := range map[string]string{"none": "Bearer realm=", "Bearer " + personToken: "insufficient_scope"} {
		if got := w.call("GET", tenants, request{token: token}).header.Get("WWW-Authenticate"); !strings.Contains(got, want) {
			w.t.Errorf("%s: WWW-Authenticate %q", token, got)
		}
	}
	w.refused(admin.Unavailable, "GET", tenants, request{token: "Bearer " + brokenToken})
	w.refused(admin.NotFound, "GET", "/v1/nothing", request{})
	w.refused(admin.NotFound, "GET", "/", request{})
	w.refused(admin.Method, "PUT", tenants, request{})
	if r := w.call("DELETE", tenants, request{}); r.header.Get("Allow") != "GET, POST" {
		w.t.Errorf("Allow: %q", r.header.Get("Allow"))
	}
	r := w.ok(200, nil, "GET", tenants, request{token: "bearer " + operatorToken})
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "", "Set-Cookie": ""} {
		if got := r.header.Get(name); got != want {
			w.t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func (w *walk) tenants() {
	w.refused(admin.Invalid, "POST", tenants, request{body: admin.NewTenant{Name: "Musterstadt"}}) // at which site?
	w.refused(admin.Invalid, "POST", tenants, request{body: admin.NewTenant{Name: "Musterstadt", Site: "nowhere"}})
	w.refused(admin.Invalid, "POST", tenants, request{body: admin.NewTenant{Name: " ", Site: w.o.SiteA}})
	w.refused(admin.Invalid, "POST", tenants, request{body: admin.NewTenant{Name: "Musterstadt", Site: w.o.SiteA, Domain: "no domain"}})
	w.refused(admin.Invalid, "POST", tenants, request{body: admin.NewTenant{Name: "Musterstadt", Site: w.o.SiteA, Settings: admin.Settings{Language: "xx"}}})
	w.refused(admin.Invalid, "POST", tenants, request{body: admin.NewTenant{Name: "Musterstadt", Site: w.o.SiteA, Policy: admin.Policy{Sites: []string{w.o.SiteB}}}})
	w.refused(admin.Invalid, "POST", tenants, request{body: admin.NewTenant{Name: "Musterstadt", Site: w.o.SiteA, Quota: admin.Quota{Bytes: -1}}})

	whole := admin.NewTenant{
		Name: "Musterstadt", Site: w.o.SiteA, Domain: "musterstadt.example",
		Settings: admin.Settings{DisplayName: "Stadt Musterstadt", Language: "de", Contact: "IT-Service", ContactAddress: "it@musterstadt.example"},
		Policy:   admin.Policy{Sites: []string{w.o.SiteA}}, Quota: admin.Quota{Bytes: 1 << 30, Accounts: 1000},
	}
	r := w.ok(201, &w.a, "POST", tenants, request{body: whole})
	if w.a.Settings != whole.Settings || w.a.Quota != whole.Quota || w.a.Site != w.o.SiteA || len(w.a.Policy.Sites) != 1 {
		w.t.Errorf("made: %+v", w.a)
	}
	var again admin.Tenant
	if read := w.ok(200, &again, "GET", tenant, request{at: w.ofA()}); r.header.Get("Location") != "/v1/tenants/"+w.a.ID || read.etag != r.etag || r.etag == "" {
		w.t.Errorf("Location %q, ETag %q, then %q", r.header.Get("Location"), r.etag, read.etag)
	}
	w.refused(admin.Exists, "POST", tenants, request{body: admin.NewTenant{Name: "Musterstadt", Site: w.o.SiteB}})
	w.refused(admin.Exists, "POST", tenants, request{body: admin.NewTenant{Name: "Musterdorf", Site: w.o.SiteB, Domain: "musterstadt.example"}})
	w.ok(201, &w.b, "POST", tenants, request{body: admin.NewTenant{Name: "Neudorf/See", Site: w.o.SiteB, Domain: "neudorf.example"}})

	for query, want := range map[string]int{"": 2, "name=Musterstadt": 1, "name=Niemand": 0} {
		var list struct{ Items []admin.Tenant }
		w.ok(200, &list, "GET", tenants, request{query: query})
		if len(list.Items) != want {
			w.t.Errorf("?%s: %+v", query, list.Items)
		}
	}
	for _, id := range []string{"1", "0", "-1", "x", "99999999999999999999", w.a.ID + "0"} {
		w.refused(admin.NotFound, "GET", tenant, request{at: []string{"tenant", id}})
	}
}

// changes of two operators who read the same state.
func (w *walk) changes() {
	read := w.ok(200, nil, "GET", tenant, request{at: w.ofA()})
	settings := admin.Settings{Language: "en", Contact: "Hauptamt"}
	change := admin.TenantChange{Settings: &settings}
	w.refused(admin.Precondition, "PATCH", tenant, request{at: w.ofA(), body: change})
	first := w.ok(200, &w.a, "PATCH", tenant, request{at: w.ofA(), body: change, ifMatch: read.etag})
	if w.a.Settings != settings || w.a.Quota.Bytes != 1<<30 || w.a.Name != "Musterstadt" || first.etag == read.etag {
		w.t.Errorf("changed: %+v, ETag %s", w.a, first.etag)
	}
	w.refused(admin.Changed, "PATCH", tenant, request{at: w.ofA(), body: change, ifMatch: read.etag})
	w.ok(200, nil, "PATCH", tenant, request{at: w.ofA(), body: admin.TenantChange{}, ifMatch: `"other", ` + first.etag})
	name, policy := "Stadt Muster", admin.Policy{Sites: []string{w.o.SiteB, w.o.SiteA}, RefuseOnMismatch: true}
	w.ok(200, &w.a, "PATCH", tenant, request{at: w.ofA(), body: admin.TenantChange{Name: &name, Policy: &policy, Quota: &admin.Quota{}}, ifMatch: "*"})
	if w.a.Name != name || !w.a.Policy.RefuseOnMismatch || len(w.a.Policy.Sites) != 2 || w.a.Quota != (admin.Quota{}) || w.a.Settings != settings {
		w.t.Errorf("changed: %+v", w.a)
	}
	w.refused(admin.Exists, "PATCH", tenant, request{at: w.ofA(), body: admin.TenantChange{Name: &w.b.Name}, ifMatch: "*"})
	w.refused(admin.Invalid, "PATCH", tenant, request{at: w.ofA(), body: admin.TenantChange{Policy: &admin.Policy{Sites: []string{w.o.SiteB}}}, ifMatch: "*"})
	name, policy = "Musterstadt", admin.Policy{}
	w.ok(200, &w.a, "PATCH", tenant, request{at: w.ofA(), body: admin.TenantChange{Name: &name, Policy: &policy}, ifMatch: "*"})
}

// bodies that are not what is taken.
func (w *walk) bodies() {
	for _, c := range []struct {
		kind admin.Kind
		body string
		mime string
	}{
		{admin.MediaType, `{}`, "text/plain"},
		{admin.MediaType, `{}`, "none"},
		{admin.Malformed, ``, "application/json"},
		{admin.Malformed, `[]`, "application/json"},
		{admin.Malformed, `null`, "application/json"},
		{admin.Malformed, `{"name": "x"`, "application/json"},
		{admin.Malformed, `{"name": "x"} {}`, "application/json; charset=utf-8"},
		{admin.Malformed, `{"name": 1}`, "application/json"},
		{admin.Malformed, `{"nome": "x"}`, "application/json"},
		{admin.Malformed, strings.Repeat(`{"settings":`, 10500), "application/json"},
		{admin.TooLarge, `{"name": "` + strings.Repeat("x", 200<<10) + `"}`, "application/json"},
	} {
		w.refused(c.kind, "POST", tenants, request{body: []byte(c.body), kind: c.mime})
	}
}

func (w *walk) logo() {
	const path = tenant + "/logo"
	png := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte("."), 100)...)
	w.refused(admin.NotFound, "GET", path, request{at: w.ofA()})
	w.refused(admin.MediaType, "PUT", path, request{at: w.ofA(), body: []byte("<svg/>"), kind: "image/svg+xml"})
	w.refused(admin.Malformed, "PUT", path, request{at: w.ofA(), body: []byte{}, kind: "image/png"})
	w.refused(admin.Invalid, "PUT", path, request{at: w.ofA(), body: []byte("<svg onload=x>"), kind: "image/png"})
	w.refused(admin.Invalid, "PUT", path, request{at: w.ofA(), body: png, kind: "image/jpeg"})
	w.refused(admin.TooLarge, "PUT", path, request{at: w.ofA(), body: append(png, make([]byte, admin.MaxLogo)...), kind: "image/png"})
	w.ok(204, nil, "PUT", path, request{at: w.ofA(), body: png, kind: "image/png"})
	if r := w.ok(200, nil, "GET", path, request{at: w.ofA()}); !bytes.Equal(r.body, png) || r.header.Get("Content-Type") != "image/png" {
		w.t.Errorf("the logo is %s %q", r.header.Get("Content-Type"), r.body)
	}
	w.refused(admin.NotFound, "GET", path, request{at: w.ofB()})
	w.ok(204, nil, "DELETE", path, request{at: w.ofA()})
	w.refused(admin.NotFound, "GET", path, request{at: w.ofA()})
}

func (w *walk) domains() {
	const list, one = tenant + "/domains", tenant + "/domains/{domain}"
	var d admin.Domain
	w.ok(200, &d, "PUT", one, request{at: w.ofA("domain", "Bürger.Musterstadt.example")})
	if d.Name != "xn--brger-kva.musterstadt.example" || d.Tenant != "Musterstadt" {
		w.t.Errorf("added: %+v", d)
	}
	w.ok(200, nil, "PUT", one, request{at: w.ofA("domain", d.Name)}) // it has it
	w.refused(admin.Exists, "PUT", one, request{at: w.ofA("domain", "neudorf.example")})
	w.refused(admin.Invalid, "PUT", one, request{at: w.ofA("domain", "no domain")})
	var all struct{ Items []admin.Domain }
	w.ok(200, &all, "GET", list, request{at: w.ofA()})
	if len(all.Items) != 2 {
		w.t.Errorf("domains: %+v", all)
	}
	w.refused(admin.NotFound, "DELETE", one, request{at: w.ofA("domain", "neudorf.example")})
	w.ok(204, nil, "DELETE", one, request{at: w.ofA("domain", d.Name)})
	w.refused(admin.NotFound, "DELETE", one, request{at: w.ofA("domain", d.Name)})
}

func (w *walk) issuers() {
	const list, one = tenant + "/issuers", tenant + "/issuers/{issuer}"
	secret := "secret-of-the-client"
	own := admin.IssuerBinding{
		URL: "https://login.musterstadt.example", Own: true, ClientID: "fachwerk", ClientSecret: &secret, Audience: "urn:musterstadt:mail",
		Scopes: map[string]string{"mail_read": "lesen"}, GroupsClaim: "roles", AdminGroup: "admins", PrivacyGroup: "dsb",
	}
	var made admin.Issuer
	r := w.ok(201, &made, "POST", list, request{at: w.ofA(), body: own})
	if !made.Own || !made.HasSecret || made.RedirectURI == "" || made.BackChannel == "" || made.Scopes["mail_read"] != "lesen" || made.GroupsClaim != "roles" {
		w.t.Errorf("bound: %+v", made)
	}
	w.refused(admin.Exists, "POST", list, request{at: w.ofA(), body: own})
	for _, wrong := range []admin.IssuerBinding{
		{Own: true, ClientID: "x"}, {URL: "login.example", Own: true, ClientID: "x"}, {URL: "https://x.example", Own: true},
		{URL: "https://x.example", Own: true, ClientID: "x", Audience: "x"}, {URL: "https://x.example"},
		{URL: w.o.Issuer + "/other", ClientID: "x"}, {URL: "https://u:p@x.example", Own: true, ClientID: "x"},
	} {
		w.refused(admin.Invalid, "POST", list, request{at: w.ofA(), body: wrong})
	}
	at := w.ofA("issuer", made.ID)
	read := w.ok(200, &made, "GET", one, request{at: at})
	if read.etag != r.etag {
		w.t.Errorf("ETag %s, then %s", r.etag, read.etag)
	}
	changed := admin.IssuerBinding{Own: true, ClientID: "fachwerk", Audience: "urn:musterstadt:post"}
	w.refused(admin.Precondition, "PUT", one, request{at: at, body: changed})
	w.ok(200, &made, "PUT", one, request{at: at, body: changed, ifMatch: read.etag})
	if !made.HasSecret || made.Audience != "urn:musterstadt:post" || made.AdminGroup != "" {
		w.t.Errorf("changed: %+v", made)
	}
	w.refused(admin.Changed, "PUT", one, request{at: at, body: changed, ifMatch: read.etag})
	changed.URL = "https://other.example"
	w.refused(admin.Invalid, "PUT", one, request{at: at, body: changed, ifMatch: "*"})
	var all struct{ Items []admin.Issuer }
	if r := w.ok(200, &all, "GET", list, request{at: w.ofA()}); len(all.Items) != 2 || strings.Contains(string(r.body), secret) {
		w.t.Errorf("issuers: %s", r.body) // the installation's is bound when a tenant is made
	}
	w.refused(admin.NotFound, "GET", one, request{at: w.ofB("issuer", made.ID)})
	w.refused(admin.NotFound, "DELETE", one, request{at: w.ofB("issuer", made.ID)})
	w.ok(204, nil, "DELETE", one, request{at: at})
	w.refused(admin.NotFound, "GET", one, request{at: at})
	w.ok(201, &made, "POST", list, request{at: w.ofA(), body: own}) // what follows signs in there
}

func (w *walk) accounts() {
	no, quota := int64(-1), int64(5<<20)
	for _, wrong := range []admin.NewAccount{
		{}, {Address: "anna", Kind: "person"}, {Address: "a@musterstadt.example"}, {Address: "a@musterstadt.example", Kind: "robot"},
		{Address: "a@elsewhere.example", Kind: "person"}, {Address: "a@neudorf.example", Kind: "person"},
		{Address: "a@musterstadt.example", Kind: "person", Issuer: "https://login.musterstadt.example"},
		{Address: "a@musterstadt.example", Kind: "room", Issuer: "https://login.musterstadt.example", Subject: "1"},
		{Address: "a@musterstadt.example", Kind: "person", Issuer: "https://unbound.example", Subject: "1"},
		{Address: "a@musterstadt.example", Kind: "person", QuotaBytes: &no},
	} {
		w.refused(admin.Invalid, "POST", accounts, request{at: w.ofA(), body: wrong})
	}
	r := w.ok(201, &w.person, "POST", accounts, request{at: w.ofA(), body: admin.NewAccount{
		Address: "Anna.Schmidt@musterstadt.example", Name: "Anna Schmidt", Kind: "person", QuotaBytes: &quota,
		Issuer: "https://login.musterstadt.example", Subject: "4711",
	}})
	if w.person.Address != "anna.schmidt@musterstadt.example" || w.person.QuotaBytes != quota || w.person.QuotaItems == 0 || w.person.State != "active" {
		w.t.Errorf("made: %+v", w.person)
	}
	w.ok(201, &w.amt, "POST", accounts, request{at: w.ofA(), body: admin.NewAccount{Address: "amt@musterstadt.example", Kind: "function"}})
	w.refused(admin.Exists, "POST", accounts, request{at: w.ofA(), body: admin.NewAccount{Address: "amt@musterstadt.example", Kind: "room"}})
	w.refused(admin.Exists, "POST", accounts, request{at: w.ofA(), body: admin.NewAccount{
		Address: "b@musterstadt.example", Kind: "person", Issuer: "https://login.musterstadt.example", Subject: "4711",
	}})
	at := w.ofA("account", w.person.ID)
	if read := w.ok(200, nil, "GET", account, request{at: at}); read.etag != r.etag || read.etag == "" {
		w.t.Errorf("ETag %s, then %s", r.etag, read.etag)
	}
	name, state, items := "Anna Lang", "disabled", int64(7)
	change := admin.AccountChange{Name: &name, State: &state, QuotaItems: &items}
	w.refused(admin.Precondition, "PATCH", account, request{at: at, body: change})
	w.ok(200, &w.person, "PATCH", account, request{at: at, body: change, ifMatch: r.etag})
	if w.person.Name != name || w.person.State != state || w.person.QuotaItems != 7 || w.person.QuotaBytes != quota {
		w.t.Errorf("changed: %+v", w.person)
	}
	w.refused(admin.Changed, "PATCH", account, request{at: at, body: change, ifMatch: r.etag})
	wrong, long := "asleep", strings.Repeat("x", 1000)
	w.refused(admin.Invalid, "PATCH", account, request{at: at, body: admin.AccountChange{State: &wrong}, ifMatch: "*"})
	w.refused(admin.Invalid, "PATCH", account, request{at: at, body: admin.AccountChange{QuotaBytes: &no}, ifMatch: "*"})
	w.refused(admin.Invalid, "PATCH", account, request{at: at, body: admin.AccountChange{Name: &long}, ifMatch: "*"})
	state = "active"
	w.ok(200, &w.person, "PATCH", account, request{at: at, body: admin.AccountChange{State: &state}, ifMatch: "*"})
	for query, want := range map[string]int{"": 2, "kind=function": 1, "address=Anna.Schmidt%40musterstadt.example": 1, "kind=room": 0} {
		var list struct{ Items []admin.Account }
		w.ok(200, &list, "GET", accounts, request{at: w.ofA(), query: query})
		if len(list.Items) != want {
			w.t.Errorf("?%s: %+v", query, list.Items)
		}
	}
	w.refused(admin.InUse, "DELETE", tenant+"/domains/{domain}", request{at: w.ofA("domain", "musterstadt.example")})

	const alias, aliases = account + "/aliases/{address}", account + "/aliases"
	w.ok(200, nil, "PUT", alias, request{at: append(at, "address", "A.Lang@musterstadt.example")})
	w.ok(200, nil, "PUT", alias, request{at: append(at, "address", "a.lang@musterstadt.example")})
	w.refused(admin.Exists, "PUT", alias, request{at: append(at, "address", "amt@musterstadt.example")})
	w.refused(admin.Exists, "PUT", alias, request{at: append(at, "address", w.person.Address)})
	w.refused(admin.Invalid, "PUT", alias, request{at: append(at, "address", "x@neudorf.example")})
	w.refused(admin.Invalid, "PUT", alias, request{at: append(at, "address", "x")})
	var list struct{ Items []admin.Alias }
	w.ok(200, &list, "GET", aliases, request{at: at})
	if len(list.Items) != 1 || list.Items[0] != (admin.Alias{Address: "a.lang@musterstadt.example", Account: w.person.Address}) {
		w.t.Errorf("aliases: %+v", list)
	}
	w.refused(admin.NotFound, "DELETE", alias, request{at: w.ofA("account", w.amt.ID, "address", "a.lang@musterstadt.example")})
	w.refused(admin.Invalid, "DELETE", alias, request{at: append(at, "address", w.person.Address)})
	w.ok(204, nil, "DELETE", alias, request{at: append(at, "address", "a.lang@musterstadt.example")})
	w.refused(admin.NotFound, "DELETE", alias, request{at: append(at, "address", "a.lang@musterstadt.example")})
}

func (w *walk) persons() {
	at, amt := w.ofA("account", w.person.ID), w.ofA("account", w.amt.ID)
	const subjects, invitations, groups = account + "/subjects", account + "/invitations", account + "/groups"
	known := admin.Subject{Issuer: w.o.Issuer, Subject: "anna"}
	w.ok(204, nil, "POST", subjects, request{at: at, body: known})
	w.ok(204, nil, "POST", subjects, request{at: at, body: known})
	w.refused(admin.Invalid, "POST", subjects, request{at: amt, body: known})
	w.refused(admin.Invalid, "POST", subjects, request{at: at, body: admin.Subject{Issuer: w.o.Issuer}})
	w.refused(admin.Invalid, "POST", subjects, request{at: at, body: admin.Subject{Issuer: "https://unbound.example", Subject: "1"}})
	var other admin.Account
	w.ok(201, &other, "POST", accounts, request{at: w.ofA(), body: admin.NewAccount{Address: "jan@musterstadt.example", Kind: "person"}})
	w.refused(admin.Exists, "POST", subjects, request{at: w.ofA("account", other.ID), body: known})

	var i admin.Invitation
	w.ok(201, &i, "POST", invitations, request{at: w.ofA("account", other.ID), body: map[string]string{"issuer": "https://login.musterstadt.example"}})
	if !strings.Contains(i.Link, "invitation=") {
		w.t.Errorf("invitation: %+v", i)
	}
	w.refused(admin.Invalid, "POST", invitations, request{at: at, body: map[string]string{"issuer": "https://unbound.example"}})
	w.refused(admin.Invalid, "POST", invitations, request{at: amt, body: map[string]string{}})
	w.ok(200, nil, "GET", groups, request{at: at})
	w.refused(admin.Invalid, "GET", groups, request{at: amt})
}

func (w *walk) grants() {
	const grants = account + "/grants"
	at := w.ofA("account", w.amt.ID)
	var g admin.Grant
	w.ok(200, &g, "POST", grants, request{at: at, body: map[string]string{"person": w.person.Address, "rights": "send-as, read"}})
	if g.Rights != "read,send-as" || g.Account != w.amt.Address {
		w.t.Errorf("granted: %+v", g)
	}
	w.ok(200, nil, "POST", grants, request{at: at, body: map[string]string{"group": "/Amt & Bürger", "rights": "read"}})
	for _, wrong := range []map[string]string{
		{"rights": "read"}, {"person": "a@b", "group": "c", "rights": "read"}, {"group": "x", "rights": "own"}, {"group": "x", "rights": ""},
		{"group": strings.Repeat("x", 500), "rights": "read"}, {"person": w.amt.Address, "rights": "read"},
	} {
		w.refused(admin.Invalid, "POST", grants, request{at: at, body: wrong})
	}
	w.refused(admin.Invalid, "POST", grants, request{at: w.ofA("account", w.person.ID), body: map[string]string{"group": "x", "rights": "read"}})
	w.refused(admin.NotFound, "POST", grants, request{at: at, body: map[string]string{"person": "nobody@musterstadt.example", "rights": "read"}})
	var list struct{ Items []admin.Grant }
	w.ok(200, &list, "GET", grants, request{at: at})
	if len(list.Items) != 2 || list.Items[0].Group != "/Amt & Bürger" || list.Items[1].Person != w.person.Address {
		w.t.Errorf("grants: %+v", list)
	}
	w.refused(admin.Invalid, "DELETE", grants, request{at: at})
	w.ok(204, nil, "DELETE", grants, request{at: at, query: "group=%2FAmt+%26+B%C3%BCrger"})
	w.refused(admin.NotFound, "DELETE", grants, request{at: at, query: "group=%2FAmt+%26+B%C3%BCrger"})
	w.ok(204, nil, "DELETE", grants, request{at: at, query: "person=anna.schmidt%40musterstadt.example"})
	w.refused(admin.NotFound, "DELETE", grants, request{at: at, query: "person=anna.schmidt%40musterstadt.example"})
}

// pages of a list hold everything once, also while it changes.
func (w *walk) pages() {
	for n := range 25 {
		w.ok(201, nil, "POST", accounts, request{at: w.ofB(), body: admin.NewAccount{Address: fmt.Sprintf("raum%02d@neudorf.example", n), Kind: "room"}})
	}
	var seen []string
	for cursor := ""; ; {
		var page struct {
			Items []admin.Account
			Next  string
		}
		w.ok(200, &page, "GET", accounts, request{at: w.ofB(), query: "limit=10&cursor=" + cursor})
		for _, a := range page.Items {
			seen = append(seen, a.Address)
		}
		if len(seen) == 10 { // the last one that was seen goes, another comes before it
			w.ok(204, nil, "DELETE", account, request{at: w.ofB("account", page.Items[9].ID), query: "confirm=raum09%40neudorf.example"})
			w.ok(201, nil, "POST", accounts, request{at: w.ofB(), body: admin.NewAccount{Address: "aula@neudorf.example", Kind: "room"}})
		}
		if cursor = page.Next; cursor == "" {
			break
		}
		if len(page.Items) != 10 {
			w.t.Fatalf("a page of %d", len(page.Items))
		}
	}
	if len(seen) != 25 || seen[24] != "raum24@neudorf.example" || seen[10] != "raum10@neudorf.example" {
		w.t.Errorf("seen: %v", seen)
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=x", "cursor=%21"} {
		w.refused(admin.Malformed, "GET", accounts, request{at: w.ofB(), query: query})
	}
}

func (w *walk) overview() {
	var sites struct{ Items []admin.Site }
	w.ok(200, &sites, "GET", "/v1/sites", request{})
	if len(sites.Items) != 2 || sites.Items[0].Tenants != 1 || sites.Items[0].Directory == sites.Items[1].Directory {
		w.t.Errorf("sites: %+v", sites)
	}
	w.ok(200, nil, "GET", "/v1/queue", request{})
	w.ok(200, nil, "GET", tenant+"/where", request{at: w.ofA()})
	w.ok(200, nil, "GET", account+"/where", request{at: w.ofA("account", w.person.ID)})
}

// others: what another tenant has is answered, byte by byte, as what nobody has.
func (w *walk) others() {
	for path, methods := range w.doc.Paths {
		if !strings.HasPrefix(path, account) {
			continue
		}
		for method := range methods {
			q := request{ifMatch: "*", query: "group=x&confirm=x"}
			if method == "POST" || method == "PATCH" {
				q.body = json.RawMessage(map[bool]string{true: `{"group": "x", "rights": "read"}`, false: `{}`}[strings.HasSuffix(path, "/grants")])
			}
			var answers []string
			for _, id := range []string{w.person.ID, "12345"} { // of tenant A, at B's address; of nobody
				q.at = w.ofB("account", id, "address", "amt@musterstadt.example")
				answers = append(answers, w.refused(admin.NotFound, method, path, q))
			}
			if answers[0] != answers[1] {
				w.t.Errorf("%s %s:\n%s%s", method, path, answers[0], answers[1])
			}
		}
	}
	var own admin.Account
	w.ok(201, &own, "POST", accounts, request{at: w.ofB(), body: admin.NewAccount{Address: "amt@neudorf.example", Kind: "function"}})
	for _, person := range []string{w.person.Address, "nobody@musterstadt.example"} {
		w.refused(admin.NotFound, "POST", account+"/grants", request{at: w.ofB("account", own.ID), body: map[string]string{"person": person, "rights": "read"}})
	}
}

func (w *walk) removal() {
	at := w.ofA("account", w.person.ID)
	w.refused(admin.Unconfirmed, "DELETE", account, request{at: at})
	w.refused(admin.Unconfirmed, "DELETE", account, request{at: at, query: "confirm=amt%40musterstadt.example"})
	w.ok(204, nil, "DELETE", account, request{at: at, query: "confirm=anna.schmidt%40musterstadt.example"})
	w.refused(admin.NotFound, "GET", account, request{at: at})
	w.refused(admin.NotFound, "DELETE", account, request{at: at, query: "confirm=anna.schmidt%40musterstadt.example"})

	w.refused(admin.Unconfirmed, "DELETE", tenant, request{at: w.ofA()})
	w.refused(admin.Unconfirmed, "DELETE", tenant, request{at: w.ofA(), query: "confirm=Neudorf%2FSee"})
	w.ok(204, nil, "DELETE", tenant, request{at: w.ofA(), query: "confirm=Musterstadt"})
	for path, methods := range w.doc.Paths {
		if methods["GET"] != nil && strings.HasPrefix(path, tenant) {
			w.refused(admin.NotFound, "GET", path, request{at: w.ofA("account", w.amt.ID, "issuer", "x")})
		}
	}
	var list struct{ Items []admin.Tenant }
	w.ok(200, &list, "GET", tenants, request{})
	if len(list.Items) != 1 || list.Items[0].ID != w.b.ID {
		w.t.Errorf("left: %+v", list)
	}
	w.ok(200, nil, "GET", accounts, request{at: w.ofB()})
}
