package carddav_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/contacts"
	"fachwerk/internal/testenv/need"
)

func TestCardsComeBackAsTheyWere(t *testing.T) {
	h := open(t, nil)
	c := h.Client(t, "anna")
	// Folded, with group, odd parameters, bare LF at one place: kept as it is.
	body := "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nFN:An\r\n na\nN:A;An\r\n na;;;\r\nitem1.X-Odd;a=\"b,c\";TYPE=x:\\,<&>\r\nEND:VCARD"
	a := put(t, c, "a.vcf", body)
	got := c.Want(t, http.StatusOK, http.MethodGet, book(c)+"a.vcf", "")
	if got.Body != body || got.Header.Get("ETag") == "" || got.Header.Get("ETag") != a.Header.Get("ETag") {
		t.Errorf("%q, ETag %s, of the PUT %s", got.Body, got.Header.Get("ETag"), a.Header.Get("ETag"))
	}
	if ct := got.Header.Get("Content-Type"); ct != "text/vcard; charset=utf-8" {
		t.Errorf("Content-Type %s", ct)
	}
	m := report(t, c, book(c), "addressbook-multiget", "<D:prop><D:getetag/><CR:address-data/></D:prop><D:href>"+book(c)+"a.vcf</D:href>")
	if data := m.Find(book(c)+"a.vcf").Text(namespace, "address-data"); data != strings.TrimSpace(body) {
		t.Errorf("multiget %q", data)
	}
}

func TestRefusedCards(t *testing.T) { onBoth(t, refusedCards) }

func refusedCards(t *testing.T, h *house) {
	c := h.Client(t, "anna")
	put(t, c, "a.vcf", vcard("1", "FN:a"))
	put(t, c, "b.vcf", vcard("2", "FN:b"))
	for name, x := range map[string]struct {
		target, contentType, body, condition string
	}{
		"no card":                 {"c.vcf", "text/vcard", "hello", "CR:valid-address-data"},
		"no UID":                  {"c.vcf", "text/vcard", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:x\r\nEND:VCARD\r\n", "CR:valid-address-data"},
		"two cards":               {"c.vcf", "text/vcard", vcard("3", "FN:x") + vcard("4", "FN:x"), "CR:valid-address-data"},
		"version 2.1":             {"c.vcf", "text/vcard", strings.Replace(vcard("3", "FN:x"), "3.0", "2.1", 1), "CR:supported-address-data"},
		"a calendar":              {"c.vcf", "text/calendar", vcard("3", "FN:x"), "CR:supported-address-data"},
		"too large":               {"c.vcf", "text/vcard", vcard("3", "FN:x", "NOTE:"+strings.Repeat("x", contacts.MaxSize)), "CR:max-resource-size"},
		"a UID that is in use":    {"c.vcf", "text/vcard", vcard("1", "FN:x"), "CR:no-uid-conflict"},
		"the UID of another":      {"b.vcf", "text/vcard", vcard("1", "FN:x"), "CR:no-uid-conflict"},
		"another UID than before": {"b.vcf", "text/vcard", vcard("3", "FN:x"), "CR:no-uid-conflict"},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.Do(t, http.MethodPut, book(c)+x.target, x.body, "Content-Type", x.contentType)
			refused(t, a, http.StatusForbidden, x.condition)
			if strings.HasPrefix(x.condition, "CR:no-uid") && !strings.Contains(a.Body, "<D:href>"+book(c)) {
				t.Errorf("no href in %s", a.Body)
			}
			if x.target == "c.vcf" {
				c.Want(t, http.StatusNotFound, http.MethodGet, book(c)+"c.vcf", "")
			}
		})
	}
	if got := c.Do(t, http.MethodGet, book(c)+"b.vcf", "").Body; got != vcard("2", "FN:b") {
		t.Errorf("b.vcf is now %s", got)
	}
	// The same UID in another address book is no conflict; moving it where it is one is.
	c.Want(t, http.StatusCreated, "MKCOL", home(c)+"andere/", mkcol("<CR:addressbook/>", ""), "Content-Type", "application/xml")
	c.Want(t, http.StatusCreated, http.MethodPut, home(c)+"andere/a.vcf", vcard("1", "FN:x"), "Content-Type", "text/vcard")
	refused(t, c.Do(t, "COPY", home(c)+"andere/a.vcf", "", "Destination", book(c)+"kopie.vcf"), http.StatusForbidden, "CR:no-uid-conflict")
	refused(t, c.Do(t, "MOVE", home(c)+"andere/a.vcf", "", "Destination", book(c)+"b.vcf"), http.StatusForbidden, "CR:no-uid-conflict")
	refused(t, c.Do(t, "MOVE", book(c)+"a.vcf", "", "Destination", book(c)+"b.vcf"), http.StatusForbidden, "CR:no-uid-conflict")
	c.Want(t, http.StatusNoContent, "MOVE", home(c)+"andere/a.vcf", "", "Destination", book(c)+"a.vcf")
}

// TestConditions has one winner of two who write with the same ETag.
func TestConditions(t *testing.T) {
	h := open(t, nil)
	c := h.Client(t, "anna")
	etag := put(t, c, "a.vcf", vcard("1", "FN:a")).Header.Get("ETag")
	c.Want(t, http.StatusPreconditionFailed, http.MethodPut, book(c)+"a.vcf", vcard("1", "FN:x"), "Content-Type", "text/vcard", "If-None-Match", "*")
	c.Want(t, http.StatusNoContent, http.MethodPut, book(c)+"a.vcf", vcard("1", "FN:b"), "Content-Type", "text/vcard", "If-Match", etag)
	c.Want(t, http.StatusPreconditionFailed, http.MethodPut, book(c)+"a.vcf", vcard("1", "FN:c"), "Content-Type", "text/vcard", "If-Match", etag)
	c.Want(t, http.StatusPreconditionFailed, http.MethodDelete, book(c)+"a.vcf", "", "If-Match", etag)
}

// refusedInCorpus are the cards of the corpus that are not stored, by what their path
// contains, with the reason. All others come back byte for byte.
var refusedInCorpus = []struct{ path, condition, because string }{
	{"CardDAV/bulk/simple/15.vcf", "CR:valid-address-data", "a line without a name"},
	{"CardDAV/bulk/simple/4.vcf", "CR:valid-address-data", "two cards"},
	{"CardDAV/bulk/simple/7.vcf", "CR:valid-address-data", "two cards"},
	{"vcarderrors/4.vcf", "CR:valid-address-data", "does not begin with BEGIN"},
	{"vcarderrors/6.vcf", "CR:supported-address-data", "version 2.1"},
	{"vcarderrors/8.vcf", "CR:valid-address-data", "a control character"},
	{"addrbook/test/unit/data/export.vcf", "CR:valid-address-data", "several cards"},
	{"basic_vcard_addressbook.vcf", "CR:supported-address-data", "version 2.1"},
	{"emptylines_vcard_addressbook.vcf", "CR:supported-address-data", "version 2.1"},
	{"book-migration/vcards/migrate-", "CR:valid-address-data", "no VERSION"},
	{"libebook/data/vcards/custom-", "CR:valid-address-data", "no VERSION"},
	{"libebook/data/vcards/name-only.vcf", "CR:valid-address-data", "no VERSION"},
	{"libebook/data/vcards/simple-", "CR:valid-address-data", "no VERSION"},
	{"libebook/data/vcards/sorted-", "CR:valid-address-data", "no VERSION"},
	{"libebook/vcard/12.vcf", "CR:supported-address-data", "version 2.1"},
	{"libebook/vcard/3.vcf", "CR:supported-address-data", "version 2.1"},
	{"libebook/vcard/4.vcf", "CR:supported-address-data", "version 2.1"},
	{"libebook/vcard/5.vcf", "CR:supported-address-data", "version 2.1"},
	{"libebook/vcard/7.vcf", "CR:valid-address-data", "does not begin with BEGIN"},
	{"libebook/vcard/8.vcf", "CR:valid-address-data", "does not end"},
	{"libebook/vcard/9.vcf", "CR:valid-address-data", "a line without a colon"},
	{"John_Doe_ANDROID.vcf", "CR:supported-address-data", "version 2.1"},
	{"John_Doe_BLACK_BERRY.vcf", "CR:supported-address-data", "version 2.1"},
	{"John_Doe_MS_OUTLOOK.vcf", "CR:supported-address-data", "version 2.1"},
	{"gmail-list.vcf", "CR:valid-address-data", "several cards"},
	{"outlook-2003.vcf", "CR:supported-address-data", "version 2.1"},
	{"outlook-2007.vcf", "CR:supported-address-data", "version 2.1"},
	{"rfc2426-example.vcf", "CR:valid-address-data", "two cards"},
	{"libical/test-data/leaktest.vcf", "CR:valid-address-data", "several cards"},
	{"libical/test-data/test.vcf", "CR:valid-address-data", "several cards"},
	{"libical/test-data/user-cal.vcf", "CR:valid-address-data", "a calendar"},
	{"sabre-vobject/tests/VObject/issue64.vcf", "CR:supported-address-data", "version 2.1"},
}

// TestCorpus stores every card there is. Exports to files often have no UID, which is
// refused; they are stored with one then.
func TestCorpus(t *testing.T) {
	root, ok := need.Corpus(t)
	if !ok {
		need.Missing(t, "the refusals are listed by the names of the corpus")
	}
	h := open(t, nil)
	c := h.Client(t, "anna")
	seen := map[string]bool{}
	stored, completed := 0, 0
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.EqualFold(filepath.Ext(path), ".vcf") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		body := string(raw)
		target := book(c) + "card.vcf"
		a := c.Do(t, http.MethodPut, target, body, "Content-Type", "text/vcard")
		if a.Status == http.StatusForbidden && strings.Contains(a.Body, "has no UID") {
			at := strings.Index(strings.ToUpper(body), "END:VCARD")
			body = body[:at] + "UID:added\r\n" + body[at:]
			completed++
			a = c.Do(t, http.MethodPut, target, body, "Content-Type", "text/vcard")
		}
		for _, r := range refusedInCorpus {
			if strings.Contains(path, r.path) {
				seen[r.path] = true
				if a.Status != http.StatusForbidden || !strings.Contains(a.Body, r.condition) || !strings.Contains(a.Body, "error-description") {
					t.Errorf("%s (%s): %d %s", path, r.because, a.Status, a.Body)
				}
				return nil
			}
		}
		if a.Status != http.StatusCreated {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
			return nil
		}
		stored++
		if got := c.Do(t, http.MethodGet, target, "").Body; got != body {
			t.Errorf("%s came back otherwise", path)
		}
		m := report(t, c, book(c), "addressbook-query", "<D:prop><CR:address-data/></D:prop><CR:filter><CR:prop-filter name=\"UID\"/></CR:filter>")
		if len(m.Responses) != 1 || m.Responses[0].Text(namespace, "address-data") != strings.TrimSpace(body) {
			t.Errorf("%s came otherwise from a query", path)
		}
		c.Want(t, http.StatusNoContent, http.MethodDelete, target, "")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range refusedInCorpus {
		if !seen[r.path] {
			t.Errorf("%s is in the table and not in the corpus", r.path)
		}
	}
	t.Logf("%d cards stored, %d of them with a UID added", stored, completed)
}
