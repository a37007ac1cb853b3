package carddav_test

import (
	"net/http"
	"strings"
	"testing"

	"fachwerk/dav/carddav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
)

// mkcol is the body of an extended MKCOL.
func mkcol(types, props string) string {
	return "<D:mkcol " + davtest.Namespaces + "><D:set><D:prop><D:resourcetype><D:collection/>" + types + "</D:resourcetype>" + props +
		"</D:prop></D:set></D:mkcol>"
}

// TestDiscovery goes the way of RFC 6352 section 7.1 and RFC 6764 from the root to the
// address books.
func TestDiscovery(t *testing.T) {
	h := open(t, nil)
	c := h.Client(t, "anna")
	if a := c.Do(t, "PROPFIND", "/.well-known/carddav", ""); a.Status != http.StatusMovedPermanently {
		t.Errorf("well-known: %d", a.Status)
	}
	m := c.Propfind(t, "/", "0", "<D:current-user-principal/>")
	principal := m.Find("/").Text("DAV:", "current-user-principal")
	if inner := m.Find("/").Props; principal == "" && len(inner) == 0 {
		t.Fatalf("no principal: %+v", m)
	}
	principal = "/principals/" + c.Address + "/"
	r := c.Propfind(t, principal, "0", "<CR:addressbook-home-set/><CR:principal-address/><CR:directory-gateway/>").Find(principal)
	for local, want := range map[string]string{
		"addressbook-home-set": home(c), "directory-gateway": home(c) + "directory/", "principal-address": home(c) + "directory/",
	} {
		if got := prop(r, local).Inner; !strings.Contains(got, "href>"+want) {
			t.Errorf("%s: %q, want %s", local, got, want)
		}
	}
	_, href, _ := strings.Cut(prop(r, "principal-address").Inner, "href>")
	href, _, _ = strings.Cut(href, "<")
	if card := c.Want(t, http.StatusOK, http.MethodGet, href, "").Body; !strings.Contains(card, c.Address) {
		t.Errorf("the principal's card: %s", card)
	}
	if a := c.Do(t, http.MethodOptions, home(c), ""); !strings.Contains(a.Header.Get("DAV"), "addressbook") {
		t.Errorf("DAV: %s", a.Header.Get("DAV"))
	}
	m = c.Propfind(t, home(c), "1", "<D:resourcetype/><D:displayname/>")
	first, directory := m.Find(book(c)), m.Find(home(c)+"directory/")
	if first.Text("DAV:", "displayname") != "Kontakte" || directory.Text("DAV:", "displayname") != "Verzeichnis Musterstadt" {
		t.Errorf("the home: %+v", m)
	}
	for _, r := range []*davtest.Response{first, directory} {
		if r == nil || !strings.Contains(r.Props[davName("resourcetype")].Inner, "addressbook") {
			t.Errorf("no address book: %+v", r)
		}
	}
}

func TestProperties(t *testing.T) {
	h := open(t, nil)
	c := h.Client(t, "anna")
	ask := "<CR:supported-address-data/><CR:supported-collation-set/><CR:max-resource-size/><CR:addressbook-description/>" +
		"<CS:getctag/><D:sync-token/><D:supported-report-set/>"
	r := c.Propfind(t, book(c), "0", ask).Find(book(c))
	for local, want := range map[string][]string{
		"supported-address-data":  {`content-type="text/vcard" version="3.0"`, `version="4.0"`},
		"supported-collation-set": {"i;ascii-casemap", "i;unicode-casemap", "i;octet"},
		"max-resource-size":       {"4194304"},
	} {
		for _, w := range want {
			if got := prop(r, local); got.Status != http.StatusOK || !strings.Contains(got.Inner, w) {
				t.Errorf("%s: %+v", local, got)
			}
		}
	}
	if got := prop(r, "addressbook-description").Status; got != http.StatusNotFound {
		t.Errorf("a description that nobody wrote: %d", got)
	}
	for _, w := range []string{"addressbook-query", "addressbook-multiget", "sync-collection", "expand-property"} {
		if !strings.Contains(r.Props[davName("supported-report-set")].Inner, w) {
			t.Errorf("supported-report-set without %s", w)
		}
	}
	patch := "<D:propertyupdate " + davtest.Namespaces + "><D:set><D:prop>%</D:prop></D:set></D:propertyupdate>"
	set := func(p string) davtest.Multistatus {
		return c.Want(t, http.StatusMultiStatus, "PROPPATCH", book(c), strings.Replace(patch, "%", p, 1)).Multistatus(t)
	}
	set("<CR:addressbook-description xml:lang=\"de\">Alle &amp; jeder</CR:addressbook-description><D:displayname>Leute</D:displayname>")
	r = c.Propfind(t, book(c), "0", ask+"<D:displayname/>").Find(book(c))
	if r.Text(namespace, "addressbook-description") != "Alle & jeder" || r.Text("DAV:", "displayname") != "Leute" {
		t.Errorf("after PROPPATCH: %+v", r)
	}
	for _, p := range []string{"max-resource-size", "supported-address-data", "supported-collation-set"} {
		if got := prop(set("<CR:"+p+">1</CR:"+p+">").Find(book(c)), p).Status; got != http.StatusForbidden {
			t.Errorf("%s set: %d", p, got)
		}
	}
	// RFC 6352 section 6.2: none of them in allprop.
	all := c.Want(t, http.StatusMultiStatus, "PROPFIND", book(c), "<D:propfind "+davtest.Namespaces+"><D:allprop/></D:propfind>", "Depth", "1").Body
	for _, p := range []string{"max-resource-size", "supported-address-data", "address-data"} {
		if strings.Contains(all, p) {
			t.Errorf("%s is in allprop", p)
		}
	}
}

func TestMakeAddressBooks(t *testing.T) {
	h := open(t, nil)
	c := h.Client(t, "anna")
	make := func(path, body string) *davtest.Answer {
		return c.Do(t, "MKCOL", path, body, "Content-Type", "application/xml")
	}
	c.Propfind(t, home(c), "1", "<D:displayname/>") // makes the first one
	made := home(c) + "verein/"
	if a := make(made, mkcol("<CR:addressbook/>", "<D:displayname>Verein</D:displayname><CR:addressbook-description>x</CR:addressbook-description>")); a.Status != http.StatusCreated {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	r := c.Propfind(t, home(c), "1", "<D:displayname/><CR:addressbook-description/><D:resourcetype/>").Find(made)
	if r.Text("DAV:", "displayname") != "Verein" || r.Text(namespace, "addressbook-description") != "x" {
		t.Errorf("made: %+v", r)
	}
	c.Want(t, http.StatusCreated, http.MethodPut, made+"a.vcf", vcard("1", "FN:a"), "Content-Type", "text/vcard")
	refused(t, make(home(c)+"plain/", ""), http.StatusForbidden, "D:valid-resourcetype")
	refused(t, make(home(c)+"cal/", mkcol("<C:calendar/>", "")), http.StatusForbidden, "D:valid-resourcetype")
	refused(t, make(made+"inner/", mkcol("<CR:addressbook/>", "")), http.StatusForbidden, "")
	refused(t, make(made, mkcol("<CR:addressbook/>", "")), http.StatusMethodNotAllowed, "")
	if a := make(home(c)+"directory/", mkcol("<CR:addressbook/>", "")); a.Status < 400 {
		t.Errorf("the directory was made: %d", a.Status)
	}
	// Nobody gets an address book back that they removed while they have another.
	c.Want(t, http.StatusNoContent, http.MethodDelete, book(c), "")
	if err := carddav.New(carddav.Config{Resources: h.Service}).Ensure(t.Context(), c.Account); err != nil {
		t.Fatal(err)
	}
	if c.Propfind(t, home(c), "1", "<D:displayname/>").Find(book(c)) != nil {
		t.Error("the first address book is there again")
	}
	c.Want(t, http.StatusNoContent, http.MethodDelete, made, "")
	c.Want(t, http.StatusNotFound, http.MethodGet, made+"a.vcf", "")
}

// TestSharedAddressBooks follows grants on a function mailbox's address book.
func TestSharedAddressBooks(t *testing.T) { onBoth(t, sharedAddressBooks) }

func sharedAddressBooks(t *testing.T, h *house) {
	anna, jan, otto := h.Client(t, "anna"), h.Client(t, "jan"), h.Client(t, "otto")
	office := h.Shared(t, store.Function, "amt")
	h.Grant(t, office, anna.Principal, resource.Read|resource.Write|resource.Manage)
	h.Grant(t, office, jan.Principal, resource.Read)
	shared := "/addressbooks/amt@musterstadt.example/contacts/"
	anna.Propfind(t, "/addressbooks/amt@musterstadt.example/", "1", "<D:displayname/>")
	anna.Want(t, http.StatusCreated, http.MethodPut, shared+"a.vcf", vcard("1", "FN:Buergerin"), "Content-Type", "text/vcard")
	jan.Want(t, http.StatusOK, http.MethodGet, shared+"a.vcf", "")
	same(t, "found by who may read", query(t, jan, shared, `<CR:prop-filter name="FN"><CR:text-match>buerg</CR:text-match></CR:prop-filter>`), []string{"a.vcf"})
	jan.Want(t, http.StatusForbidden, http.MethodPut, shared+"b.vcf", vcard("2", "FN:x"), "Content-Type", "text/vcard")
	jan.Want(t, http.StatusForbidden, http.MethodDelete, shared+"a.vcf", "")
	for _, path := range []string{shared + "a.vcf", shared, "/addressbooks/amt@musterstadt.example/"} {
		otto.Want(t, http.StatusNotFound, "PROPFIND", path, "", "Depth", "0")
	}
	// In the own home too, as most programs look into one home only.
	member := home(jan) + "amt@musterstadt.example:contacts/"
	if jan.Propfind(t, home(jan), "1", "<D:displayname/>").Find(member) == nil {
		t.Errorf("%s is not in the home", member)
	}
	jan.Want(t, http.StatusOK, http.MethodGet, member+"a.vcf", "")
	same(t, "found there", query(t, jan, member, `<CR:prop-filter name="UID"/>`), []string{"a.vcf"})
	h.Grant(t, office, jan.Principal, 0)
	jan.Want(t, http.StatusNotFound, http.MethodGet, member+"a.vcf", "")
	jan.Want(t, http.StatusNotFound, "REPORT", shared, reportBody("addressbook-query", "<CR:filter/>"), "Depth", "1")
}

// Sync tells of cards as of any members (RFC 6578).
func TestSync(t *testing.T) { onBoth(t, followsChanges) }

func followsChanges(t *testing.T, h *house) {
	c := h.Client(t, "anna")
	put(t, c, "a.vcf", vcard("1", "FN:a"))
	put(t, c, "b.vcf", vcard("2", "FN:b"))
	sync := func(path, token string) davtest.Multistatus {
		return c.Want(t, http.StatusMultiStatus, "REPORT", path, "<D:sync-collection "+davtest.Namespaces+"><D:sync-token>"+token+
			"</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>").Multistatus(t)
	}
	// Thunderbird's address books begin anew at 400 and at nothing else.
	old := "<D:sync-collection " + davtest.Namespaces + "><D:sync-token>http://example.org/old</D:sync-token><D:sync-level>1</D:sync-level><D:prop/></D:sync-collection>"
	c.Want(t, http.StatusForbidden, "REPORT", book(c), old)
	if a := c.Want(t, http.StatusBadRequest, "REPORT", book(c), old, "User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Thunderbird/153.0"); !strings.Contains(a.Body, "valid-sync-token") {
		t.Errorf("to Thunderbird: %s", a.Body)
	}
	first := sync(book(c), "")
	same(t, "at first", hrefs(first), []string{"a.vcf", "b.vcf"})
	put(t, c, "a.vcf", vcard("1", "FN:other"))
	c.Want(t, http.StatusNoContent, http.MethodDelete, book(c)+"b.vcf", "")
	second := sync(book(c), first.SyncToken)
	same(t, "changed", hrefs(second), []string{"a.vcf"})
	if r := second.Find(book(c) + "b.vcf"); r == nil || r.Status != http.StatusNotFound {
		t.Errorf("removed: %+v", r)
	}

	people := home(c) + "directory/"
	first = sync(people, "")
	if len(first.Responses) != 1 || first.SyncToken == "" {
		t.Fatalf("the directory: %+v", first)
	}
	same(t, "nothing new", hrefs(sync(people, first.SyncToken)), nil)
	h.Client(t, "neu")
	var got []string
	for range 100 { // the directory looks every millisecond
		if got = hrefs(sync(people, first.SyncToken)); len(got) > 0 {
			break
		}
	}
	if len(got) != 1 {
		t.Errorf("one joined, %d came", len(got))
	}
}
