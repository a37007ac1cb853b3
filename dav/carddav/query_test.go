package carddav_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fachwerk/dav/davtest"
)

// filled is an address book with a few people.
func filled(t *testing.T) *davtest.Client { return fill(t, open(t, nil)) }

func fill(t *testing.T, h *house) *davtest.Client {
	c := h.Client(t, "anna")
	put(t, c, "jg.vcf", vcard("1", "FN:Jürgen Groß", "N:Groß;Jürgen;;;", "item1.EMAIL;TYPE=WORK:juergen@musterstadt.example",
		"EMAIL;TYPE=HOME:jg@example.org", "NOTE:"+strings.Repeat("lang ", 2000)+"ende"))
	put(t, c, "mm.vcf", vcard("2", "FN:Max Müller", "N:Müller;Max;;;", "EMAIL;TYPE=WORK:max@musterstadt.example", "NICKNAME:Mäxchen"))
	put(t, c, "verein.vcf", vcard("3", "FN:Verein", "X-ADDRESSBOOKSERVER-KIND:group", "X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:2"))
	put(t, c, "foto.vcf", vcard("4", "FN:Foto", "PHOTO;ENCODING=b;TYPE=JPEG:"+strings.Repeat("QUJD", 3000)))
	c.Want(t, http.StatusCreated, http.MethodPut, book(c)+"vier.vcf", "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:urn:uuid:5\r\nFN:Vier\r\n"+
		"EMAIL;PREF=1:vier@example.org\r\nEND:VCARD\r\n", "Content-Type", "text/vcard")
	return c
}

// TestQueries asks over HTTP what contacts.TestFilter asks the filter.
func TestQueries(t *testing.T) { onBoth(t, queries) }

func queries(t *testing.T, h *house) {
	c := fill(t, h)
	all := []string{"foto.vcf", "jg.vcf", "mm.vcf", "verein.vcf", "vier.vcf"}
	text := func(attributes, s string) string {
		return "<CR:text-match " + attributes + ">" + s + "</CR:text-match>"
	}
	for name, q := range map[string]struct {
		filter string
		want   []string
	}{
		"nothing":             {"", all},
		"defined":             {`<CR:prop-filter name="email"/>`, []string{"jg.vcf", "mm.vcf", "vier.vcf"}},
		"not defined":         {`<CR:prop-filter name="EMAIL"><CR:is-not-defined/></CR:prop-filter>`, []string{"foto.vcf", "verein.vcf"}},
		"photo":               {`<CR:prop-filter name="PHOTO"/>`, []string{"foto.vcf"}},
		"name, other case":    {`<CR:prop-filter name="FN">` + text("", "MÜLL") + `</CR:prop-filter>`, []string{"mm.vcf"}},
		"ascii":               {`<CR:prop-filter name="FN">` + text(`collation="i;ascii-casemap"`, "MÜLL") + `</CR:prop-filter>`, nil},
		"octet":               {`<CR:prop-filter name="FN">` + text(`collation="i;octet"`, "Müll") + `</CR:prop-filter>`, []string{"mm.vcf"}},
		"equals":              {`<CR:prop-filter name="FN">` + text(`match-type="equals"`, "verein") + `</CR:prop-filter>`, []string{"verein.vcf"}},
		"starts":              {`<CR:prop-filter name="FN">` + text(`match-type="starts-with"`, "vie") + `</CR:prop-filter>`, []string{"vier.vcf"}},
		"ends":                {`<CR:prop-filter name="EMAIL">` + text(`match-type="ends-with"`, "example.org") + `</CR:prop-filter>`, []string{"jg.vcf", "vier.vcf"}},
		"negated":             {`<CR:prop-filter name="FN">` + text(`negate-condition="yes"`, "r") + `</CR:prop-filter>`, []string{"foto.vcf"}},
		"in a group":          {`<CR:prop-filter name="item1.EMAIL"/>`, []string{"jg.vcf"}},
		"in a large value":    {`<CR:prop-filter name="NOTE">` + text(`match-type="ends-with"`, "ENDE") + `</CR:prop-filter>`, []string{"jg.vcf"}},
		"parameter":           {`<CR:prop-filter name="EMAIL"><CR:param-filter name="TYPE">` + text(`match-type="equals"`, "home") + `</CR:param-filter></CR:prop-filter>`, []string{"jg.vcf"}},
		"parameter not there": {`<CR:prop-filter name="EMAIL"><CR:param-filter name="TYPE"><CR:is-not-defined/></CR:param-filter></CR:prop-filter>`, []string{"vier.vcf"}},
		"allof in one": {`<CR:prop-filter name="EMAIL" test="allof">` + text("", "example.org") + `<CR:param-filter name="TYPE">` +
			text("", "work") + `</CR:param-filter></CR:prop-filter>`, nil},
		"anyof in one": {`<CR:prop-filter name="EMAIL">` + text("", "vier@") + text("", "max@") + `</CR:prop-filter>`, []string{"mm.vcf", "vier.vcf"}},
		"of the group": {`<CR:prop-filter name="X-ADDRESSBOOKSERVER-KIND">` + text(`match-type="equals"`, "group") + `</CR:prop-filter>`, []string{"verein.vcf"}},
	} {
		same(t, name, query(t, c, book(c), q.filter), q.want)
	}
	m := report(t, c, book(c), "addressbook-query", `<CR:filter test="allof"><CR:prop-filter name="EMAIL"/><CR:prop-filter name="NICKNAME"/></CR:filter>`)
	same(t, "allof of two, no properties asked", refs(m), []string{"mm.vcf"})
	put(t, c, "mm.vcf", vcard("2", "FN:Max Meier"))
	same(t, "after a change", query(t, c, book(c), `<CR:prop-filter name="FN">`+text("", "m")+`</CR:prop-filter>`), []string{"mm.vcf"})
	c.Want(t, http.StatusNoContent, http.MethodDelete, book(c)+"mm.vcf", "")
	same(t, "after a removal", query(t, c, book(c), `<CR:prop-filter name="FN">`+text("", "meier")+`</CR:prop-filter>`), nil)
}

// refs are hrefs' last segments, statuses or not.
func refs(m davtest.Multistatus) (list []string) {
	for i := range m.Responses {
		m.Responses[i].Status = 0
	}
	return hrefs(m)
}

// TestQueryDepth heeds Depth as RFC 6352 section 8.6 has it; where there is none, the
// members of the book are meant.
func TestQueryDepth(t *testing.T) {
	c := filled(t)
	body := reportBody("addressbook-query", `<D:prop><D:getetag/></D:prop><CR:filter><CR:prop-filter name="NICKNAME"/></CR:filter>`)
	ask := func(path string, headers ...string) []string {
		return hrefs(c.Want(t, http.StatusMultiStatus, "REPORT", path, body, headers...).Multistatus(t))
	}
	same(t, "no depth", ask(book(c)), []string{"mm.vcf"})
	same(t, "depth 0", ask(book(c), "Depth", "0"), nil)
	same(t, "depth infinity", ask(book(c), "Depth", "infinity"), []string{"mm.vcf"})
	same(t, "the home, all", ask(home(c), "Depth", "infinity"), []string{"mm.vcf"})
	same(t, "the home alone", ask(home(c), "Depth", "1"), nil)
	same(t, "one card", ask(book(c)+"mm.vcf", "Depth", "0"), []string{"mm.vcf"})
	same(t, "another card", ask(book(c)+"jg.vcf", "Depth", "0"), nil)
}

// TestLimit answers 507 for the rest (RFC 6352 sections 8.6.2 and 10.6).
func TestLimit(t *testing.T) {
	c := filled(t)
	first := func(n int) []string {
		return hrefs(report(t, c, book(c), "addressbook-query", fmt.Sprintf(
			`<D:prop><D:getetag/></D:prop><CR:filter/><CR:limit><CR:nresults>%d</CR:nresults></CR:limit>`, n)))
	}
	same(t, "the first by name", first(3), []string{"foto.vcf", "jg.vcf", "mm.vcf"})
	limited := func(n int) (found int, rest *davtest.Response) {
		m := report(t, c, book(c), "addressbook-query", fmt.Sprintf(
			`<D:prop><D:getetag/></D:prop><CR:filter><CR:prop-filter name="EMAIL"/></CR:filter><CR:limit><CR:nresults>%d</CR:nresults></CR:limit>`, n))
		return len(hrefs(m)), m.Find(book(c))
	}
	if n, rest := limited(2); n != 2 || rest == nil || rest.Status != http.StatusInsufficientStorage ||
		!strings.Contains(rest.Error, "number-of-matches-within-limits") {
		t.Errorf("%d of 3, %+v", n, rest)
	}
	if n, rest := limited(3); n != 3 || rest != nil {
		t.Errorf("3 of 3: %d, %+v", n, rest)
	}
}

// TestAddressData gives parts of cards and other versions.
func TestAddressData(t *testing.T) {
	c := filled(t)
	data := func(name, element string) string {
		m := report(t, c, book(c), "addressbook-multiget", "<D:prop>"+element+"</D:prop><D:href>"+book(c)+name+"</D:href>")
		return m.Find(book(c)+name).Text(namespace, "address-data")
	}
	want := func(name, element, want string) {
		t.Helper()
		if got := data(name, element); got != strings.ReplaceAll(want, "\n", "\r\n") {
			t.Errorf("%s of %s:\n%s", element, name, got)
		}
	}
	want("mm.vcf", `<CR:address-data><CR:prop name="FN"/><CR:prop name="EMAIL" novalue="yes"/></CR:address-data>`,
		"BEGIN:VCARD\nVERSION:3.0\nFN:Max Müller\nEMAIL;TYPE=WORK:\nEND:VCARD")
	want("vier.vcf", `<CR:address-data/>`, "BEGIN:VCARD\nVERSION:4.0\nUID:urn:uuid:5\nFN:Vier\nEMAIL;PREF=1:vier@example.org\nEND:VCARD")
	want("vier.vcf", `<CR:address-data content-type="text/vcard" version="3.0"/>`,
		"BEGIN:VCARD\nVERSION:3.0\nUID:urn:uuid:5\nFN:Vier\nEMAIL;TYPE=pref:vier@example.org\nN:Vier;;;;\nEND:VCARD")
	want("verein.vcf", `<CR:address-data version="4.0"><CR:prop name="KIND"/></CR:address-data>`,
		"BEGIN:VCARD\nVERSION:4.0\nKIND:group\nEND:VCARD")
	for _, bad := range []string{`<CR:address-data content-type="text/x-other"/>`, `<CR:address-data version="2.1"/>`} {
		for _, root := range []string{"addressbook-multiget", "addressbook-query"} {
			body := reportBody(root, "<D:prop>"+bad+"</D:prop><CR:filter/><D:href>"+book(c)+"mm.vcf</D:href>")
			refused(t, c.Do(t, "REPORT", book(c), body, "Depth", "1"), http.StatusForbidden, "CR:supported-address-data")
		}
	}
}

func TestMultiget(t *testing.T) {
	c := filled(t)
	m := report(t, c, book(c), "addressbook-multiget", "<D:prop><D:getetag/><CR:address-data/></D:prop>"+
		"<D:href>"+book(c)+"mm.vcf</D:href><D:href>"+strings.ReplaceAll(book(c), "@", "%40")+"vier.vcf</D:href>"+
		"<D:href>"+book(c)+"fehlt.vcf</D:href><D:href>/files/x</D:href><D:href>"+c.URL+book(c)+"jg.vcf</D:href>")
	found, missing := 0, 0
	for _, r := range m.Responses {
		switch {
		case r.Status == http.StatusNotFound:
			missing++
		case strings.HasPrefix(r.Text(namespace, "address-data"), "BEGIN:VCARD"):
			found++
		}
	}
	if found != 3 || missing != 2 {
		t.Errorf("%d found, %d missing: %+v", found, missing, m)
	}
	refused(t, c.Do(t, "REPORT", book(c), reportBody("addressbook-multiget", "<D:prop/>")), http.StatusBadRequest, "")
}

// TestRefusedQueries names what is wrong with them.
func TestRefusedQueries(t *testing.T) {
	c := filled(t)
	for name, q := range map[string]struct {
		inner, condition string
		status           int
	}{
		"no filter":    {"<D:prop/>", "", http.StatusBadRequest},
		"calendar's":   {`<CR:filter><C:comp-filter name="VEVENT"/></CR:filter>`, "CR:supported-filter", http.StatusForbidden},
		"collation":    {`<CR:filter><CR:prop-filter name="FN"><CR:text-match collation="i;x">a</CR:text-match></CR:prop-filter></CR:filter>`, "CR:supported-collation", http.StatusForbidden},
		"too much":     {"<CR:filter>" + strings.Repeat(`<CR:prop-filter name="FN"/>`, 300) + "</CR:filter>", "CR:supported-filter", http.StatusForbidden},
		"limit of nil": {`<CR:filter/><CR:limit><CR:nresults>0</CR:nresults></CR:limit>`, "", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, c.Do(t, "REPORT", book(c), reportBody("addressbook-query", q.inner), "Depth", "1"), q.status, q.condition)
		})
	}
}
