package groups

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/pen"
	"fachwerk/internal/testenv/samples"
	"fachwerk/test/system/harness"
)

// patience is far above what anything here takes.
const patience = time.Minute

// group is the one that grants name; its name is what a provider may say.
const group = "/Ämter/Bau und Grün"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// start runs a server that lets probes send as many messages as they like.
func start(t *testing.T, e harness.Engines) *harness.Demo {
	t.Helper()
	return harness.Start(t, harness.Options{Engines: e, Env: []string{"FACHWERK_LIMITS_MESSAGES_PER_MINUTE=0"}})
}

// A town is a tenant of a running server, with a person whose rights are looked at and
// one who manages every shared account.
type town struct {
	*harness.Demo
	domain string
	issuer *issuer // nil: people sign in at the embedded provider
	anna   person
	keeper person
}

// A person signs in by an app password or, where there is one, by a token.
type person struct {
	address, password, token string
}

// by shows which.
func (p person) by() string {
	if p.token != "" {
		return "token"
	}
	return "app password"
}

// embedded is the demo's tenant.
func embedded(t *testing.T, d *harness.Demo) *town {
	t.Helper()
	login := func(a harness.Account) person { return person{address: a.Address, password: a.AppPassword} }
	return &town{Demo: d, domain: "musterstadt.example", anna: login(d.Anna()), keeper: login(d.Jan())}
}

// independent is a tenant with a provider of its own.
func independent(t *testing.T, d *harness.Demo) *town {
	t.Helper()
	w := &town{Demo: d, domain: "neustadt.example", issuer: newIssuer(t)}
	var sites []struct{ Site string }
	must(t, json.Unmarshal([]byte(d.Command(t, "tenant", "list", "--json")), &sites))
	d.Command(t, "tenant", "create", "Neustadt", "--site", sites[0].Site, "--domain", w.domain)
	if out, errs, err := d.Try(t, "a secret of the portal\n", "issuer", "bind", w.issuer.URL, "--tenant", "Neustadt", "--client-id", "portal",
		"--client-secret-file", "-", "--audience", pen.Audience, "--groups-claim", "groups"); err != nil {
		t.Fatalf("issuer bind: %v\n%s%s", err, out, errs)
	}
	for name, p := range map[string]*person{"anna": &w.anna, "jan": &w.keeper} {
		p.address = name + "@" + w.domain
		d.Command(t, "account", "add", p.address, "--issuer", w.issuer.URL, "--subject", name)
		p.password = strings.TrimSpace(d.Command(t, "app-password", "add", p.address))
	}
	return w
}

// says has the town's provider say in which groups anna is. With a provider of the
// town's own that is the next token, which is given back.
func (w *town) says(t *testing.T, groups ...string) (token string) {
	t.Helper()
	if w.issuer == nil {
		for _, g := range w.known(t) {
			w.Command(t, "group", "remove", g, w.anna.address)
		}
		for _, g := range groups {
			w.Command(t, "group", "add", g, w.anna.address)
		}
		return ""
	}
	token = w.issuer.token("anna", groups...)
	me := person{address: w.anna.address, token: token}
	harness.Eventually(t, patience, "the provider is known and the token is seen", func() bool { return me.dav(t, w, "PROPFIND", "/files/"+me.address+"/", "") == 207 })
	return token
}

// known lists the groups that the server knows anna to be in.
func (w *town) known(t *testing.T) (list []string) {
	t.Helper()
	must(t, json.Unmarshal([]byte(w.Command(t, "group", "list", w.anna.address, "--json")), &list))
	return list
}

// office makes a function mailbox that the keeper manages, with something of each kind
// in it.
func (w *town) office(t *testing.T, name string) string {
	t.Helper()
	address := name + "@" + w.domain
	w.Command(t, "account", "add", address, "--kind", "function")
	w.Command(t, "grant", "add", address, w.keeper.address, "read,write,manage")
	c := w.keeper.imap(t, w)
	defer c.Close()
	must(t, add(c, inbox(address)))
	for _, r := range []struct {
		method, path, body string
		want               int
	}{
		{"MKCALENDAR", "/calendars/" + address + "/akten/", "", 201},
		{"PUT", "/calendars/" + address + "/akten/da.ics", samples.Event("da", "Sprechstunde"), 201},
		{"MKCOL", "/addressbooks/" + address + "/akten/", newBook, 201},
		{"PUT", "/addressbooks/" + address + "/akten/da.vcf", samples.Card("da", "Bauhof"), 201},
		{"PUT", "/files/" + address + "/da.txt", "da", 201},
	} {
		if got := w.keeper.dav(t, w, r.method, r.path, r.body); got != r.want {
			t.Fatalf("%s %s by the keeper: %d, want %d", r.method, r.path, got, r.want)
		}
	}
	return address
}

const newBook = `<mkcol xmlns="DAV:"><set><prop><resourcetype><collection/><addressbook xmlns="urn:ietf:params:xml:ns:carddav"/></resourcetype></prop></set></mkcol>`
