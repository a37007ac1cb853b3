package carddav_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"fachwerk/dav/davtest"
)

// TestWritersFindWhatTheyWrote has several programs write into one address book and ask
// it at once: each finds its own card as soon as the server has answered the PUT, and not
// any more when it has answered the DELETE.
func TestWritersFindWhatTheyWrote(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		c := h.Client(t, "anna")
		c.Propfind(t, home(c), "1", "<D:displayname/>")
		var writers sync.WaitGroup
		for w := range 4 {
			writers.Go(func() {
				for i := range 15 {
					name := fmt.Sprintf("w%d-%d.vcf", w, i%5)
					word := fmt.Sprintf("Wort%dx%dx", w, i)
					a, err := c.Try(http.MethodPut, book(c)+name, vcard(name, "FN:"+word, "NOTE:x"), "Content-Type", "text/vcard")
					if err != nil || a.Status/100 != 2 {
						t.Error(a, err)
						return
					}
					found(t, c, word, name)
					if i%3 == 0 {
						if a, err := c.Try(http.MethodDelete, book(c)+name, ""); err != nil || a.Status != http.StatusNoContent {
							t.Error(a, err)
							return
						}
						found(t, c, word)
					}
				}
			})
		}
		writers.Wait()
		if got := query(t, c, book(c), `<CR:prop-filter name="NOTE"/>`); len(got) != len(query(t, c, book(c), "")) || len(got) == 0 {
			t.Errorf("%d cards with a note", len(got))
		}
	})
}

// found asks for a word in FN; it may be called from any goroutine.
func found(t *testing.T, c *davtest.Client, word string, want ...string) {
	a, err := c.Try("REPORT", book(c), reportBody("addressbook-query", `<D:prop><D:getetag/></D:prop><CR:filter><CR:prop-filter name="FN">`+
		`<CR:text-match>`+word+`</CR:text-match></CR:prop-filter></CR:filter>`), "Depth", "1")
	if err != nil || a.Status != http.StatusMultiStatus {
		t.Error(a, err)
		return
	}
	same(t, word, hrefs(a.Multistatus(t)), want)
}
