package portaltest

import (
	"encoding/hex"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/portal"
)

func formatHex(b []byte) string { return hex.EncodeToString(b) }
func formatInt(n int64) string  { return strconv.FormatInt(n, 10) }
func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	must(t, err)
	return u
}

var profileLink = regexp.MustCompile(`href="(/apple-profile/[^"]+)"`)

func TestAppleProfileIsFetchedOnceByItsOwner(t *testing.T) {
	h := newHouse(t)
	v, w := newVisitor(t, h), newVisitor(t, h)
	v.signIn(anna)
	w.signIn(bert)
	page := v.post("/apple-profile", nil)
	m := profileLink.FindStringSubmatch(page.body)
	if m == nil {
		t.Fatalf("no link: %d %s", page.StatusCode, page.body)
	}
	if a := w.get(m[1]); a.StatusCode != http.StatusNotFound {
		t.Errorf("Bert gets Anna's profile: %d", a.StatusCode)
	}
	if a := newVisitor(t, h).stop().get(m[1]); a.StatusCode != http.StatusSeeOther {
		t.Errorf("nobody gets it: %d", a.StatusCode)
	}
	if a := v.do(v.request(http.MethodHead, m[1], nil)); a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("HEAD: %d", a.StatusCode)
	}
	a := v.get(m[1])
	if a.StatusCode != http.StatusOK || a.Header.Get("Content-Type") != "application/x-apple-aspen-config" || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", a.StatusCode, a.Header)
	}
	values := readPlist(t, a.body)
	if values["EmailAddress"] != anna || values["IncomingMailServerPortNumber"] != "993" || values["OutgoingMailServerHostName"] != "smtp.musterstadt.example" {
		t.Errorf("the profile says %v", values)
	}
	secret := values["IncomingPassword"]
	must(t, h.accepts(t, anna, secret, auth.MailRead|auth.MailSend|auth.Calendars|auth.Contacts))
	if err := h.accepts(t, anna, secret, auth.Files); !errors.Is(err, auth.ErrScope) {
		t.Errorf("the profile's password opens files: %v", err)
	}
	for key, want := range map[string]string{
		"HostName": "dav.musterstadt.example", "Port": "443", "UseSSL": "true", "Username": anna, "Password": secret,
		"PrincipalURL": "/principals/" + anna + "/",
	} {
		for _, kind := range []string{"CalDAV", "CardDAV"} {
			if got := values[kind+key]; got != want {
				t.Errorf("%s%s is %q, want %q", kind, key, got, want)
			}
		}
	}
	if again := v.get(m[1]); again.StatusCode != http.StatusNotFound {
		t.Errorf("a second time: %d", again.StatusCode)
	}
	if strings.Contains(h.log.String(), m[1]) || strings.Contains(h.log.String(), values["IncomingPassword"]) {
		t.Error("the log knows the profile")
	}
}

// readPlist reads the keys and values of a property list, and that it is one.
func readPlist(t *testing.T, text string) map[string]string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(text))
	values := map[string]string{}
	var key, inside string
	depth := 0
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		switch x := token.(type) {
		case xml.StartElement:
			depth++
			inside = x.Name.Local
			if depth == 1 && inside != "plist" {
				t.Errorf("it is a %s", inside)
			}
			if inside == "true" || inside == "false" {
				values[key] = inside
			}
		case xml.EndElement:
			depth--
			inside = ""
		case xml.CharData:
			switch inside {
			case "key":
				key = string(x)
			case "string", "integer":
				values[key] = string(x)
			}
		}
	}
	return values
}

func TestAppleProfileEscapes(t *testing.T) {
	h := newHouse(t)
	name := `Özgür </string><key>x</key> & "Söhne"`
	a, err := h.CreateAccount(t.Context(), store.NewAccount{
		Tenant: h.Tenant.ID, Kind: store.Person, Address: "odd&one@musterstadt.example", DisplayName: name,
	})
	must(t, err)
	phc, err := passwordHash()
	must(t, err)
	must(t, h.SetPasswordHash(t.Context(), auth.AccountRef{Tenant: a.Tenant, Account: a.Account}, phc))
	v := newVisitor(t, h)
	start := v.login(v.get("/login?return=/"), "odd&one@musterstadt.example")
	if strings.Contains(start.body, "</string>") || !strings.Contains(start.body, "Özgür &lt;/string&gt;") {
		t.Error("the page does not escape the name")
	}
	m := profileLink.FindStringSubmatch(v.post("/apple-profile", nil).body)
	if m == nil {
		t.Fatal("no profile")
	}
	values := readPlist(t, v.get(m[1]).body)
	if values["EmailAccountName"] != name || values["EmailAddress"] != "odd&one@musterstadt.example" || values["x"] != "" {
		t.Errorf("the profile says %v", values)
	}
}

func TestProfileNeedsSomethingToSetUp(t *testing.T) {
	h := newHouse(t, func(c *portal.Config) { c.IMAP, c.DAV = portal.Server{}, "" })
	v := newVisitor(t, h)
	v.signIn(anna)
	if page := v.get("/setup/iphone"); strings.Contains(page.body, "/apple-profile") {
		t.Error("a profile is offered without a server")
	}
	if a := v.post("/apple-profile", nil); a.StatusCode != http.StatusNotFound || len(h.passwords(t, h.anna)) != 0 {
		t.Errorf("%d", a.StatusCode)
	}
}

// Where there is no mail a profile sets up the rest, and only that.
func TestProfileWithoutMail(t *testing.T) {
	h := newHouse(t, func(c *portal.Config) { c.IMAP, c.DAV = portal.Server{}, "http://127.0.0.3:8080" })
	v := newVisitor(t, h)
	v.signIn(anna)
	m := profileLink.FindStringSubmatch(v.post("/apple-profile", nil).body)
	if m == nil {
		t.Fatal("no profile")
	}
	values := readPlist(t, v.get(m[1]).body)
	if values["EmailAddress"] != "" || values["CalDAVHostName"] != "127.0.0.3" || values["CalDAVPort"] != "8080" || values["CardDAVUseSSL"] != "false" {
		t.Errorf("the profile says %v", values)
	}
	if err := h.accepts(t, anna, values["CalDAVPassword"], auth.MailRead); !errors.Is(err, auth.ErrScope) {
		t.Errorf("its password opens mail: %v", err)
	}
}

// Autoconfig says the same of every address, and what it says is XML.
func TestAutoconfigTellsNothingOfPeople(t *testing.T) {
	h := newHouse(t)
	v := newVisitor(t, h)
	const path = "/mail/config-v1.1.xml?emailaddress="
	known := v.get(path + url.QueryEscape(anna))
	if unknown := v.get(path + "niemand%40musterstadt.example"); unknown.body != known.body || unknown.StatusCode != 200 {
		t.Errorf("they differ:\n%s\n%s", known.body, unknown.body)
	}
	if other := v.get("/.well-known/autoconfig" + path + url.QueryEscape(anna)); other.body != known.body {
		t.Error("the two places differ")
	}
	for _, odd := range []string{"", "x", "@", "a@b@c", "a@<x>", "a@" + strings.Repeat("x", 300), `a@"&'`} {
		a := v.get(path + url.QueryEscape(odd))
		var doc config
		if err := xml.Unmarshal([]byte(a.body), &doc); err != nil || doc.Provider.Domain != "127.0.0.1" {
			t.Errorf("%q: %v, domain %q", odd, err, doc.Provider.Domain)
		}
	}
	r := v.request(http.MethodGet, "/mail/config-v1.1.xml", nil)
	r.Host = "autoconfig.Musterstadt.example:8080"
	var doc config
	must(t, xml.Unmarshal([]byte(v.do(r).body), &doc))
	p := doc.Provider
	if p.ID != "musterstadt.example" || len(p.Incoming) != 1 || len(p.Outgoing) != 2 {
		t.Fatalf("%+v", p)
	}
	if got := p.Incoming[0]; got != (server{"imap", "imap.musterstadt.example", 993, "SSL", "%EMAILADDRESS%", "password-cleartext"}) {
		t.Errorf("incoming %+v", got)
	}
	for _, got := range []webServer{doc.Calendar, doc.AddressBook, doc.FileShare} {
		if !strings.HasPrefix(got.URL, "https://dav.musterstadt.example/") || got.Auth != "basic" || got.User != "%EMAILADDRESS%" {
			t.Errorf("for WebDAV: %+v", got)
		}
	}
	if got := p.Outgoing[1]; got.Type != "smtp" || got.Port != 587 || got.Socket != "STARTTLS" {
		t.Errorf("outgoing %+v", got)
	}
}

// config is what a client reads of the document.
type config struct {
	XMLName  xml.Name `xml:"clientConfig"`
	Version  string   `xml:"version,attr"`
	Provider struct {
		ID       string   `xml:"id,attr"`
		Domain   string   `xml:"domain"`
		Incoming []server `xml:"incomingServer"`
		Outgoing []server `xml:"outgoingServer"`
	} `xml:"emailProvider"`
	Calendar    webServer `xml:"calendar"`
	AddressBook webServer `xml:"addressbook"`
	FileShare   webServer `xml:"fileShare"`
}

type webServer struct {
	Type string `xml:"type,attr"`
	URL  string `xml:"url"`
	Auth string `xml:"authentication"`
	User string `xml:"username"`
}

type server struct {
	Type   string `xml:"type,attr"`
	Host   string `xml:"hostname"`
	Port   int    `xml:"port"`
	Socket string `xml:"socketType"`
	User   string `xml:"username"`
	Auth   string `xml:"authentication"`
}
