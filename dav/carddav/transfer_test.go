package carddav_test

import (
	"net/http"
	"strings"
	"testing"
)

// A whole address book is moved and copied; the directory is not, and nothing takes its
// place.
func TestAddressBooksMoveWhole(t *testing.T) { onBoth(t, addressBooksMoveWhole) }

func addressBooksMoveWhole(t *testing.T, h *house) {
	c := h.Client(t, "anna")
	put(t, c, "a.vcf", vcard("1", "FN:Erika Mustermann"))
	c.Want(t, http.StatusCreated, "COPY", book(c), "", "Destination", home(c)+"copy/")
	c.Want(t, http.StatusCreated, "MOVE", book(c), "", "Destination", home(c)+"moved/")
	for _, at := range []string{"copy/", "moved/"} {
		m := report(t, c, home(c)+at, "addressbook-query", `<D:prop><D:getetag/></D:prop><CR:filter><CR:prop-filter name="FN">`+
			`<CR:text-match>Erika</CR:text-match></CR:prop-filter></CR:filter>`)
		if len(m.Responses) != 1 || m.Responses[0].Href != home(c)+at+"a.vcf" {
			t.Errorf("%s: %+v", at, m)
		}
	}
	c.Want(t, http.StatusForbidden, "MOVE", home(c)+"moved/", "", "Destination", home(c)+"directory/")
	c.Want(t, http.StatusForbidden, "MOVE", home(c)+"directory/", "", "Destination", home(c)+"mine/")
	c.Want(t, http.StatusForbidden, "COPY", home(c)+"directory/", "", "Destination", home(c)+"mine/")
	a := c.Want(t, http.StatusForbidden, "COPY", home(c)+"moved/", "", "Destination", home(c)+"copy/inside/")
	if !strings.Contains(a.Body, "addressbook-collection-location-ok") {
		t.Errorf("into another: %s", a.Body)
	}
	c.Want(t, http.StatusNoContent, "MOVE", home(c)+"moved/", "", "Destination", home(c)+"copy/")
	h.Sound(t)
}
