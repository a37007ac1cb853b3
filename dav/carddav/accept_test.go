package carddav_test

import (
	"net/http"
	"strings"
	"testing"
)

// A GET that takes one version of vCard alone gets the card in it; what cannot be had is
// 406, and all other headers get what is stored.
func TestAcceptOfCards(t *testing.T) { onBoth(t, acceptOfCards) }

func acceptOfCards(t *testing.T, h *house) {
	c := h.Client(t, "anna")
	three, four := book(c)+"3.vcf", book(c)+"4.vcf"
	tag := put(t, c, "3.vcf", vcard("1", "FN:Erika Mustermann")).Header.Get("ETag")
	put(t, c, "4.vcf", strings.Replace(vcard("2", "FN:Jan"), "VERSION:3.0", "VERSION:4.0", 1))
	version := func(at, accept string) string {
		t.Helper()
		a := c.Want(t, http.StatusOK, http.MethodGet, at, "", "Accept", accept)
		if !strings.Contains(a.Header.Get("Vary"), "Accept") {
			t.Errorf("Vary: %v", a.Header["Vary"])
		}
		_, rest, _ := strings.Cut(a.Body, "VERSION:")
		v, _, _ := strings.Cut(rest, "\r\n")
		return v
	}
	for _, x := range []struct{ at, accept, want string }{
		{three, "", "3.0"}, {three, "*/*", "3.0"}, {three, "text/vcard", "3.0"}, {three, "text/html, image/png", "3.0"},
		{three, "text/vcard;version=4.0, text/vcard;charset=utf-8;q=0.8, text/vcard;q=0.5", "3.0"},
		{three, "text/vcard; version=4.0", "4.0"}, {three, `text/vcard; version="4.0"; q=0.1`, "4.0"},
		{three, "text/vcard;version=3.0;q=0, */*", "4.0"}, {three, "application/vcard+json, text/*;q=0.2", "3.0"},
		{four, "text/vcard", "4.0"}, {four, "text/vcard;version=3.0", "3.0"}, {four, "text/vcard;version=4.0", "4.0"},
		{four, "text/x-vcard;version=3.0, nonsense/;;, text/vcard;version=9", "3.0"},
	} {
		if got := version(x.at, x.accept); got != x.want {
			t.Errorf("%s with Accept: %s is version %s, want %s", x.at, x.accept, got, x.want)
		}
	}
	for _, accept := range []string{"application/vcard+json", "application/vcard+xml, text/vcard;q=0", "text/vcard;version=2.1"} {
		if a := c.Want(t, http.StatusNotAcceptable, http.MethodGet, three, "", "Accept", accept); !strings.Contains(a.Body, "supported-address-data") {
			t.Errorf("%s: %s", accept, a.Body)
		}
	}
	// It is the same resource: conditions hold, and a part of another text is none of it.
	c.Want(t, http.StatusNotModified, http.MethodGet, three, "", "Accept", "text/vcard;version=4.0", "If-None-Match", tag)
	a := c.Want(t, http.StatusOK, http.MethodGet, three, "", "Accept", "text/vcard;version=4.0", "Range", "bytes=0-4")
	if a.Header.Get("ETag") != tag || !strings.HasSuffix(a.Body, "END:VCARD\r\n") {
		t.Errorf("%v %q", a.Header, a.Body)
	}
	c.Want(t, http.StatusOK, http.MethodHead, three, "", "Accept", "text/vcard;version=4.0")
	c.Want(t, http.StatusNoContent, http.MethodPut, three, vcard("1", "FN:Neu"), "Content-Type", "text/vcard", "If-Match", tag)
}
