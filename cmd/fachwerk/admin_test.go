package main

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fachwerk/internal/app"
)

// towns makes an installation of two sites on this machine.
func towns(t *testing.T) *operator {
	t.Helper()
	const site = `  - {name: NAME, operator: Kommunale IT, country: DE, place: NAME, networks: [10.0.0.0/8],
     metadata: {dsn: "sqlite:NAME.db"}, blobs: {url: "dir:NAME"}}
`
	text, _, _ := strings.Cut(testConfig, "metadata:")
	_, rest, _ := strings.Cut(testConfig, "keys:")
	rest, _, _ = strings.Cut("keys:"+rest, "sites:")
	text += rest + "directory: nord\nsites:\n" + strings.ReplaceAll(site, "NAME", "nord") + strings.ReplaceAll(site, "NAME", "sued")
	return operatorOf(t, text)
}

// Two towns at two sites, with everything that a tenant can have.
func TestTenantsByCommandLine(t *testing.T) {
	o := towns(t)
	must, refused := o.must, o.refused
	refused("Name its site", "tenant", "create", "Musterdorf")
	refused("is not declared", "tenant", "create", "Musterdorf", "--site", "west")
	refused("has to allow nord", "tenant", "create", "Musterdorf", "--site", "nord", "--allow-sites", "sued")
	refused("language", "tenant", "create", "Musterdorf", "--site", "nord", "--language", "fr")

	var made app.Tenant // what was refused has left nothing in its way
	decode(t, must("tenant", "create", "Musterdorf", "--site", "nord", "--domain", "musterdorf.example", "--language", "de",
		"--contact", "IT-Service", "--contact-address", "it@musterdorf.example", "--allow-sites", "nord,sued",
		"--refuse-on-mismatch", "--quota", "5 GiB", "--quota-accounts", "3", "--json"), &made)
	if made.Site != "nord" || made.Settings.Language != "de" || made.Settings.Contact != "IT-Service" || len(made.Policy.Sites) != 2 ||
		!made.Policy.RefuseOnMismatch || made.Quota.Bytes != 5<<30 || made.Quota.Accounts != 3 {
		t.Errorf("made: %+v", made)
	}
	refused("belongs to tenant", "tenant", "create", "Neudorf", "--site", "sued", "--domain", "musterdorf.example")
	refused("there is a tenant", "tenant", "create", "Musterdorf", "--site", "sued")
	must("tenant", "add", "Neustadt", "--site", "sued", "--domain", "neustadt.example")

	// A policy without the town's home stops its writes, and only where that is meant.
	refused("a policy moves no data", "tenant", "set", "Musterdorf", "--allow-sites", "sued")
	refused("stops no writes", "tenant", "set", "Musterdorf", "--allow-sites", "nord,sued", "--stop-writes")
	refused("name other sites", "tenant", "set", "Musterdorf", "--contact", "IT", "--stop-writes")
	refused("is not declared", "tenant", "set", "Musterdorf", "--allow-sites", "sued,west", "--stop-writes")
	must("tenant", "set", "Musterdorf", "--allow-sites", "sued", "--stop-writes")
	refused("may not lie", "domain", "add", "neu.musterdorf.example", "--tenant", "Musterdorf")
	must("tenant", "set", "Musterdorf", "--allow-sites", "nord,sued")

	// What is not named stays.
	must("tenant", "set", "Musterdorf", "--contact", "Hauptamt", "--refuse-on-mismatch=false")
	decode(t, must("tenant", "show", "Musterdorf", "--json"), &made)
	if made.Settings.Contact != "Hauptamt" || made.Settings.ContactAddress != "it@musterdorf.example" || made.Policy.RefuseOnMismatch ||
		len(made.Policy.Sites) != 2 || made.Quota.Bytes != 5<<30 {
		t.Errorf("set: %+v", made)
	}
	if text := must("tenant", "show", "Neustadt"); !strings.Contains(text, "sued") {
		t.Errorf("show: %s", text)
	}

	logo := filepath.Join(t.TempDir(), "logo.png")
	if err := os.WriteFile(logo, []byte("\x89PNG\r\n\x1a\nnot much of an image"), 0o600); err != nil {
		t.Fatal(err)
	}
	must("tenant", "logo", "Musterdorf", logo)
	must("tenant", "logo", "Musterdorf", "--output", logo+".again")
	if again, err := os.ReadFile(logo + ".again"); err != nil || !bytes.HasPrefix(again, []byte("\x89PNG")) {
		t.Errorf("the logo read again: %q, %v", again, err)
	}
	must("tenant", "logo", "Musterdorf", "--remove")
	refused("has no logo", "tenant", "logo", "Musterdorf", "--output", logo)
	refused("say --remove", "tenant", "logo", "Musterdorf")

	// The quota of accounts holds.
	for _, name := range []string{"a", "b", "c"} {
		must("account", "add", name+"@musterdorf.example", "--kind", "function")
	}
	refused("as many accounts", "account", "add", "d@musterdorf.example")

	must("account", "name", "a@musterdorf.example", "Bauamt")
	var a app.Account
	decode(t, must("account", "disable", "a@musterdorf.example", "--json"), &a)
	if a.State != "disabled" {
		t.Errorf("disabled: %+v", a)
	}
	must("account", "enable", "a@musterdorf.example")
	must("account", "quota", "a@musterdorf.example", "2 GiB")
	decode(t, must("account", "show", "a@musterdorf.example", "--json"), &a)
	if a.Name != "Bauamt" || a.State != "active" || a.QuotaBytes != 2<<30 || a.QuotaItems == 0 {
		t.Errorf("account: %+v", a)
	}
}

// A tenant's own provider; its secret stands in no argument and no answer.
func TestIssuersByCommandLine(t *testing.T) {
	o := towns(t)
	must, run := o.given, o.run
	must("", "tenant", "create", "Neustadt", "--site", "sued", "--domain", "neustadt.example")
	out := must("geheim-4711\n", "issuer", "bind", "https://login.neustadt.example", "--client-id", "fachwerk", "--client-secret-file", "-",
		"--audience", "urn:neustadt:mail", "--scope", "mail_read=lesen", "--admin-group", "admins", "--json")
	var i app.Issuer
	decode(t, out, &i)
	if !i.HasSecret || !i.Own || i.RedirectURI == "" || i.Scopes["mail_read"] != "lesen" || strings.Contains(out, "geheim") {
		t.Errorf("bound: %s", out)
	}
	// What is not named stays, the secret too; what is named empty goes.
	decode(t, must("", "issuer", "bind", "https://login.neustadt.example", "--audience", "urn:neustadt:post", "--json"), &i)
	if !i.HasSecret || i.ClientID != "fachwerk" || i.Audience != "urn:neustadt:post" || i.AdminGroup != "admins" || i.Scopes["mail_read"] != "lesen" {
		t.Errorf("changed: %+v", i)
	}
	i = app.Issuer{}
	decode(t, must("", "issuer", "bind", "https://login.neustadt.example", "--admin-group", "", "--scope", "mail_send=senden", "--json"), &i)
	if !i.HasSecret || i.AdminGroup != "" || i.Scopes["mail_read"] != "" || i.Scopes["mail_send"] != "senden" {
		t.Errorf("taken away: %+v", i)
	}
	var list []app.Issuer
	decode(t, must("", "issuer", "list", "--json"), &list)
	if len(list) != 2 {
		t.Errorf("issuers: %+v", list)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"never a client id", []string{"issuer", "bind", "https://a.example", "--client-id", "x", "--audience", "x"}},
		{"needs a client id", []string{"issuer", "bind", "https://a.example"}},
		{"cannot be a tenant's own", []string{"issuer", "bind", "https://login.musterstadt.example", "--client-id", "x", "--audience", "y"}},
		{"unless the issuer is the tenant's own", []string{"issuer", "bind", "--client-id", "x"}},
		{"is not the URL of an issuer", []string{"issuer", "bind", "login.example", "--client-id", "x"}},
		{"OURS=THEIRS", []string{"issuer", "bind", "https://a.example", "--scope", "mail_read"}},
		{"no scope of ours", []string{"issuer", "bind", "https://a.example", "--client-id", "x", "--scope", "mail_raed=lesen"}},
		{"is not bound to tenant", []string{"issuer", "unbind", "https://b.example"}},
		{"name both", []string{"account", "bind", "eva@neustadt.example"}},
		{"bind it first", []string{"account", "bind", "eva@neustadt.example", "--issuer", "https://b.example", "--subject", "1"}},
		{"another person", []string{"account", "bind", "jan@neustadt.example", "--issuer", "https://login.neustadt.example", "--subject", "1"}},
	} {
		if c.args[1] == "bind" && c.args[0] == "account" {
			_, _ = run("", "account", "add", "eva@neustadt.example", "--issuer", "https://login.neustadt.example", "--subject", "1")
			_, _ = run("", "account", "add", "jan@neustadt.example")
		}
		if _, err := run("", c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.args, err, c.want)
		}
	}
	must("", "account", "bind", "jan@neustadt.example", "--issuer", "https://login.neustadt.example", "--subject", "2")
	must("", "account", "add", "amt@neustadt.example", "--kind", "function")
	must("", "grant", "group", "add", "amt@neustadt.example", "/Bürgeramt", "read,send-as")
	must("", "grant", "add", "amt@neustadt.example", "jan@neustadt.example", "read")
	var grants []app.Grant
	decode(t, must("", "grant", "list", "amt@neustadt.example", "--json"), &grants)
	if len(grants) != 2 || grants[1].Group != "/Bürgeramt" || grants[1].Rights != "read,send-as" || grants[0].Person != "jan@neustadt.example" {
		t.Errorf("grants: %+v", grants)
	}
	must("", "grant", "group", "remove", "amt@neustadt.example", "/Bürgeramt")
	must("", "issuer", "unbind", "https://login.neustadt.example")
}

// Of two who change different things of a tenant at the same time neither undoes what the
// other did.
func TestTenantIsSetByTwo(t *testing.T) {
	o := towns(t)
	o.must("tenant", "create", "Neustadt", "--site", "sued")
	changes := [][]string{{"--contact", "Hauptamt"}, {"--language", "de"}, {"--display-name", "Neustadt am See"}, {"--quota-accounts", "7"}, {"--allow-sites", "nord,sued"}}
	var all sync.WaitGroup
	for _, c := range changes {
		all.Go(func() {
			one := &operator{t: t, dir: o.dir}
			if _, err := one.run("", append([]string{"tenant", "set", "Neustadt"}, c...)...); err != nil {
				t.Errorf("%v: %v", c, err)
			}
		})
	}
	all.Wait()
	var is app.Tenant
	decode(t, o.must("tenant", "show", "Neustadt", "--json"), &is)
	if is.Settings.Contact != "Hauptamt" || is.Settings.Language != "de" || is.Settings.DisplayName != "Neustadt am See" || is.Quota.Accounts != 7 || len(is.Policy.Sites) != 2 {
		t.Errorf("%+v", is)
	}
}

// While a site is away the command line shows what is there, and names what is not.
func TestCommandLineWhileASiteIsAway(t *testing.T) {
	o := towns(t)
	for town, site := range map[string]string{"neustadt": "nord", "altstadt": "sued"} {
		o.must("tenant", "create", town, "--site", site, "--domain", town+".example")
		o.must("account", "add", "amt@"+town+".example", "--kind", "function")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody is there any more
	file := filepath.Join(o.dir, app.ConfigName)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	away := strings.Replace(string(text), "sqlite:sued.db", "postgres://fachwerk@"+l.Addr().String()+"/fachwerk?sslmode=disable", 1)
	if err := os.WriteFile(file, []byte(away), 0o600); err != nil {
		t.Fatal(err)
	}
	var tenants []app.Tenant
	decode(t, o.must("tenant", "list", "--json"), &tenants)
	if len(tenants) != 2 || !tenants[0].Unavailable || tenants[1].Unavailable || !strings.Contains(o.told, "site sued does not answer") {
		t.Errorf("tenants: %+v\n%s", tenants, o.told)
	}
	var sites []app.Site
	decode(t, o.must("location", "sites", "--json"), &sites)
	if len(sites) != 2 || sites[0].Unavailable || !sites[1].Unavailable {
		t.Errorf("sites: %+v", sites)
	}
	if o.must("tenant", "show", "altstadt"); !strings.Contains(o.told, "site sued does not answer") {
		t.Errorf("tenant show: %s", o.told)
	}
	for _, name := range []string{"altstadt", "amt@altstadt.example"} {
		var where []app.Whereabouts
		decode(t, o.must("where", name, "--json"), &where)
		if len(where) != 1 || !where[0].Unavailable || where[0].Place != "sued" {
			t.Errorf("where %s: %+v", name, where)
		}
	}
	o.must("account", "show", "amt@neustadt.example")
	o.refused("site sued does not answer", "account", "show", "amt@altstadt.example")
	out, err := o.run("", "account", "list", "--json")
	var accounts []app.Account
	if decode(t, out, &accounts); err == nil || !strings.Contains(err.Error(), "site sued") || len(accounts) != 1 {
		t.Errorf("accounts: %s, %v", out, err)
	}
	o.refused("site sued", "queue", "list")
	o.must("account", "add", "anna@neustadt.example")
	o.must("tenant", "set", "neustadt", "--contact", "IT-Service")
}
