package carddav_test

import (
	"net/http"
	"strings"
	"testing"

	"fachwerk/dav/davtest"
)

// A card with a large photo is answered as small ones are, by each way there is.
func TestLargeCards(t *testing.T) {
	h := open(t, nil)
	c := h.Client(t, "anna")
	photo := strings.Repeat("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2\r\n ", 8000)
	large := vcard("groß", "FN:Jürgen Groß & Söhne", "N:Groß;Jürgen;;;", "PHOTO;ENCODING=b;TYPE=JPEG:"+photo, "NOTE:"+strings.Repeat("lang ", 30_000)+"ende")
	small := vcard("klein", "FN:Klein", "N:Klein;;;;")
	put(t, c, "gross.vcf", large)
	put(t, c, "klein.vcf", small)
	a, b := book(c)+"gross.vcf", book(c)+"klein.vcf"
	data := func(root, depth, inside string) (string, string) {
		t.Helper()
		m := c.Want(t, http.StatusMultiStatus, "REPORT", book(c), `<?xml version="1.0"?><`+root+" "+davtest.Namespaces+">"+inside+"</"+root+">", "Depth", depth).Multistatus(t)
		if m.Find(a) == nil || m.Find(b) == nil {
			t.Fatalf("%s: not both are in the answer", root)
		}
		return m.Find(a).Text(namespace, "address-data"), m.Find(b).Text(namespace, "address-data")
	}
	want := "<D:prop><D:getetag/><CR:address-data/></D:prop>"
	both := "<D:href>" + a + "</D:href><D:href>" + b + "</D:href>"
	for root, ask := range map[string][2]string{
		"CR:addressbook-multiget": {"0", want + both},
		"CR:addressbook-query":    {"1", want + `<CR:filter><CR:prop-filter name="FN"/></CR:filter>`},
		"D:sync-collection":       {"0", "<D:sync-token/><D:sync-level>1</D:sync-level>" + want},
	} {
		l, s := data(root, ask[0], ask[1])
		if l != strings.TrimSpace(large) || s != strings.TrimSpace(small) {
			t.Errorf("%s answers %d and %d bytes, want %d and %d", root, len(l), len(s), len(large), len(small))
		}
	}
	l, s := data("CR:addressbook-multiget", "0", `<D:prop><CR:address-data content-type="text/vcard" version="4.0"/></D:prop>`+both)
	if !strings.Contains(l, "VERSION:4.0") || !strings.Contains(l, "PHOTO:data:image/jpeg;base64,QUJD") || !strings.Contains(s, "VERSION:4.0") {
		t.Errorf("as version 4: %.200q and %q", l, s)
	}
	l, _ = data("CR:addressbook-multiget", "0", `<D:prop><CR:address-data><CR:prop name="FN"/></CR:address-data></D:prop>`+both)
	if !strings.Contains(l, "FN:Jürgen Groß & Söhne") || strings.Contains(l, "PHOTO") {
		t.Errorf("its name alone: %.200q", l)
	}
	// The searchable form leaves the long note out; the card itself is asked.
	ends := `<CR:prop-filter name="NOTE"><CR:text-match match-type="ends-with">ENDE</CR:text-match></CR:prop-filter>`
	same(t, "in a large card", query(t, c, book(c), ends), []string{"gross.vcf"})
	same(t, "in itself", query(t, c, a, ends), []string{"gross.vcf"})
	same(t, "not in itself", query(t, c, a, `<CR:prop-filter name="TEL"/>`), nil)

	c.Want(t, http.StatusForbidden, "COPY", a, "", "Destination", h.URL+b)
	c.Want(t, http.StatusNoContent, "DELETE", b, "")
	c.Want(t, http.StatusCreated, "MOVE", a, "", "Destination", h.URL+book(c)+"neu.vcf")
	if got := c.Want(t, http.StatusOK, "GET", book(c)+"neu.vcf", "").Body; got != large {
		t.Errorf("after MOVE: %d bytes", len(got))
	}
}
