package carddav_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// completion is the query that address book programs send while somebody types.
func completion(what string) string {
	var b strings.Builder
	b.WriteString("<D:prop><D:getetag/><CR:address-data/></D:prop><CR:filter>")
	for _, p := range []string{"FN", "N", "NICKNAME", "EMAIL"} {
		fmt.Fprintf(&b, `<CR:prop-filter name="%s"><CR:text-match collation="i;unicode-casemap" match-type="contains">%s</CR:text-match></CR:prop-filter>`, p, what)
	}
	b.WriteString("</CR:filter><CR:limit><CR:nresults>50</CR:nresults></CR:limit>")
	return reportBody("addressbook-query", b.String())
}

// BenchmarkDirectoryCompletion asks a directory of 100,000 over HTTP.
func BenchmarkDirectoryCompletion(b *testing.B) {
	h := open(b, city(100_000))
	c := h.Client(b, "anna")
	path := home(c) + "directory/"
	for _, what := range []string{"müller 4321", "p99999@", "mül", "niemand"} {
		b.Run(what, func(b *testing.B) {
			body := completion(what)
			for b.Loop() {
				c.Want(b, http.StatusMultiStatus, "REPORT", path, body, "Depth", "1")
			}
		})
	}
}

// BenchmarkQuery asks an address book of 10,000 over HTTP.
func BenchmarkQuery(b *testing.B) {
	h := open(b, nil)
	c := h.Client(b, "anna")
	c.Propfind(b, home(c), "1", "<D:displayname/>")
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for i := w; i < 10_000; i += 8 {
				a, err := c.Try(http.MethodPut, fmt.Sprint(book(c), i, ".vcf"), vcard(fmt.Sprint("uid-", i),
					fmt.Sprintf("FN:Person %d Müller%d", i, i%100), fmt.Sprintf("N:Müller%d;Person %d;;;", i%100, i),
					fmt.Sprintf("EMAIL;TYPE=WORK:p%d@firma%d.example", i, i%97), "TEL;TYPE=WORK:+49 30 123", "ADR;TYPE=WORK:;;Am Markt 1;Musterstadt;;12345;",
					"ORG:Musterstadt;Bauamt", "NOTE:"+strings.Repeat("Notiz ", 20)), "Content-Type", "text/vcard")
				if err != nil || a.Status != http.StatusCreated {
					b.Error(i, a, err)
					return
				}
			}
		})
	}
	all.Wait()
	for _, what := range []string{"person 4321 ", "p4321@", "müller77"} {
		b.Run(what, func(b *testing.B) {
			body := strings.Replace(completion(what), "<CR:limit><CR:nresults>50</CR:nresults></CR:limit>", "", 1)
			for b.Loop() {
				c.Want(b, http.StatusMultiStatus, "REPORT", book(c), body, "Depth", "1")
			}
		})
	}
	b.Run("after a change", func(b *testing.B) {
		n := 0
		for b.Loop() {
			n++
			put(b, c, "77.vcf", vcard("uid-77", fmt.Sprint("FN:Neu ", n)))
			c.Want(b, http.StatusMultiStatus, "REPORT", book(c), completion(fmt.Sprint("neu ", n)), "Depth", "1")
		}
	})
}
