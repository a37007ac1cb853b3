//go:build bench

package davbench

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDAV measures everything against one process of the product, so that its
// peak memory is that of all the work.
func TestDAV(t *testing.T) {
	p := product(t)
	groupware := present(p, cyrus(t), radicale(t))
	t.Run("Calendars", func(t *testing.T) { calendars(t, present(groupware...)) })
	t.Run("Contacts", func(t *testing.T) { addressBooks(t, present(groupware...)) })
	t.Run("Files", func(t *testing.T) { drives(t, p) })
	t.Logf("peak memory of the server through all of it: %d MB (bar 150)", peakMemory(t, p.pid)>>10)
}

// present are the peers that are there, each with the time that it has at the
// beginning of a group of measurements.
func present(peers ...*peer) []*peer {
	for _, p := range peers {
		if p != nil {
			p.late = false
		}
	}
	return slices.DeleteFunc(peers, func(p *peer) bool { return p == nil })
}

const (
	makeCalendar = `<c:mkcalendar xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><set><prop><displayname>Messung</displayname></prop></set></c:mkcalendar>`
	makeBook     = `<mkcol xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav"><set><prop><resourcetype><collection/><c:addressbook/></resourcetype><displayname>Messung</displayname></prop></set></mkcol>`
	askToken     = `<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>`
	month        = `<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/>%s</prop><c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"><c:time-range start="%s" end="%s"/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>`
	changesSince = `<sync-collection xmlns="DAV:"><sync-token>%s</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`
)

func calendars(t *testing.T, peers []*peer) {
	at := func(p *peer) string { return p.calendar + "messung/" }
	for _, p := range peers {
		p.report(t, "PROPFIND", p.calendar, askToken, "0") // makes Cyrus make the home
		p.ask(t, "MKCALENDAR", at(p), []byte(makeCalendar), "Content-Type", "application/xml")
		began := time.Now()
		p.fill(t, at(p), "text/calendar; charset=utf-8", events, eventName, func(i int) []byte { return event(t, i, 0).text })
		t.Logf("%s: %d events in %.1f s", p.name, events, time.Since(began).Seconds())
	}

	list := map[string]bool{}
	for i := range 1000 {
		list[eventName(i*10%events+i%7)] = true
	}
	measurement{"multiget of 1,000 of 10,000 events", "ms", false, 7, 5, func(p *peer) float64 {
		var b strings.Builder
		b.WriteString(`<c:calendar-multiget xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/><c:calendar-data/></prop>`)
		for name := range list {
			b.WriteString("<href>" + at(p) + name + "</href>")
		}
		b.WriteString("</c:calendar-multiget>")
		took, answer := p.report(t, "REPORT", at(p), b.String(), "1")
		p.same(t, "multiget", answer, list, true)
		return took
	}}.run(t, peers)

	query := func(what, data string, from, to time.Time) {
		right := during(t, from, to)
		t.Logf("%s: %d events are right", what, len(right))
		measurement{what, "ms", false, 7, 5, func(p *peer) float64 {
			body := fmt.Sprintf(month, data, from.UTC().Format("20060102T150405Z"), to.UTC().Format("20060102T150405Z"))
			took, answer := p.report(t, "REPORT", at(p), body, "1")
			p.same(t, what, answer, right, data != "")
			return took
		}}.run(t, peers)
	}
	june := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	query("a month of 10,000 events: ETags", "", june, june.AddDate(0, 1, 0))
	query("a month of 10,000 events: with their data", "<c:calendar-data/>", june, june.AddDate(0, 1, 0))
	query("a week of 10,000 events: with their data", "<c:calendar-data/>", june, june.AddDate(0, 0, 7))

	// Radicale takes a second for each change.
	peers = slices.DeleteFunc(slices.Clone(peers), func(p *peer) bool { return p.disk != "" })
	tokens := map[string]string{}
	changed := map[string]bool{}
	for _, p := range peers {
		_, answer := p.report(t, "PROPFIND", at(p), askToken, "0")
		_, rest, _ := strings.Cut(string(answer), "sync-token>")
		tokens[p.name], _, _ = strings.Cut(rest, "<")
		for i := range 75 {
			name, kind := eventName(i*131), "text/calendar; charset=utf-8"
			switch {
			case i < 50:
				p.ask(t, http.MethodPut, at(p)+name, event(t, i*131, 1).text, "Content-Type", kind)
			case i < 65:
				name = eventName(events + i)
				p.ask(t, http.MethodPut, at(p)+name, event(t, events+i, 0).text, "Content-Type", kind)
			default:
				p.ask(t, http.MethodDelete, at(p)+name, nil)
			}
			changed[name] = true
		}
	}
	measurement{"sync with 75 changes in 10,000", "ms", false, 9, 5, func(p *peer) float64 {
		took, answer := p.report(t, "REPORT", at(p), fmt.Sprintf(changesSince, tokens[p.name]), "1")
		p.same(t, "sync", answer, changed, false)
		return took
	}}.run(t, peers)
}

const findContacts = `<c:addressbook-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav"><prop><getetag/><c:address-data/></prop><c:filter><c:prop-filter name="%s"><c:text-match collation="i;unicode-casemap" match-type="contains">%s</c:text-match></c:prop-filter></c:filter></c:addressbook-query>`

func addressBooks(t *testing.T, peers []*peer) {
	at := func(p *peer) string { return p.book + "karten/" }
	for _, p := range peers {
		p.report(t, "PROPFIND", p.book, askToken, "0") // makes Cyrus make the home
		p.ask(t, "MKCOL", at(p), []byte(makeBook), "Content-Type", "application/xml")
		began := time.Now()
		p.fill(t, at(p), "text/vcard; charset=utf-8", contacts, contactName, contact)
		t.Logf("%s: %d contacts in %.1f s", p.name, contacts, time.Since(began).Seconds())
	}
	query := func(what, property, text string, right map[string]bool) {
		t.Logf("%s: %d are right", what, len(right))
		measurement{what, "ms", false, 9, 5, func(p *peer) float64 {
			took, answer := p.report(t, "REPORT", at(p), fmt.Sprintf(findContacts, property, text), "1")
			p.same(t, what, answer, right, true)
			return took
		}}.run(t, peers)
	}
	name := func(family string) map[string]bool {
		return named(func(i int) bool {
			_, f := person(i)
			return strings.HasPrefix(f, family)
		})
	}
	query("contacts by name in 10,000", "FN", "richter-12", name("Richter-12"))
	query("contacts by a name with an umlaut", "FN", "özdemir-12", name("Özdemir-12"))
	query("contacts by address in 10,000", "EMAIL", "person0123", named(func(i int) bool { return i/10 == 123 }))
}

// fill puts members into a collection. Radicale takes a second for each in a large
// one, so its files are written past it.
func (p *peer) fill(t *testing.T, at, kind string, n int, name func(int) string, text func(int) []byte) {
	t.Helper()
	if p.late {
		return
	}
	each(t, 4, n, func(i int) error {
		if p.disk != "" {
			return os.WriteFile(filepath.Join(p.disk, path.Base(at), name(i)), text(i), 0o600)
		}
		return p.exchange(http.MethodPut, at+name(i), bytes.NewReader(text(i)), io.Discard, "Content-Type", kind)
	})
}

const listing = `<propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/><getetag/></prop></propfind>`

func drives(t *testing.T, product *peer) {
	durable := apache(t, true)
	peers := present(product, apache(t, false))
	const members, tree = 10_000, 1000
	for _, p := range present(append(peers, durable)...) {
		for _, folder := range []string{"viele", "klein", "gross", "baum"} {
			p.ask(t, "MKCOL", p.files+folder+"/", nil)
		}
		if p == durable {
			continue // it only takes part in PUT of small files: 100 MB take it half a minute
		}
		began := time.Now()
		each(t, 16, members, func(i int) error {
			return p.exchange(http.MethodPut, fmt.Sprintf("%sviele/datei-%05d.txt", p.files, i), strings.NewReader("Inhalt"), io.Discard)
		})
		t.Logf("%s: %d files in %.1f s", p.name, members, time.Since(began).Seconds())
		for folder := range 10 {
			p.ask(t, "MKCOL", fmt.Sprintf("%sbaum/%d/", p.files, folder), nil)
		}
		each(t, 16, tree, func(i int) error {
			return p.exchange(http.MethodPut, fmt.Sprintf("%sbaum/%d/datei-%05d.txt", p.files, i%10, i), strings.NewReader("Inhalt"), io.Discard)
		})
	}
	right := map[string]bool{}
	for i := range members {
		right[fmt.Sprintf("datei-%05d.txt", i)] = true
	}
	measurement{"PROPFIND of 10,000 members", "ms", false, 9, 1, func(p *peer) float64 {
		took, answer := p.report(t, "PROPFIND", p.files+"viele/", listing, "1")
		p.same(t, "PROPFIND", answer, right, false)
		return took
	}}.run(t, peers)

	large := make([]byte, 100<<20)
	rand.NewChaCha8([32]byte{}).Read(large)
	n := 0
	measurement{"PUT of 100 MB", "MB/s", true, 7, 0.8, func(p *peer) float64 {
		n++
		at := fmt.Sprintf("%sgross/%d", p.files, n)
		began := time.Now()
		p.ask(t, http.MethodPut, at, large)
		took := time.Since(began).Seconds()
		p.ask(t, http.MethodDelete, at, nil)
		return 100 / took
	}}.run(t, peers)
	for _, p := range peers {
		p.ask(t, http.MethodPut, p.files+"gross/eine", large)
	}
	measurement{"GET of 100 MB", "MB/s", true, 9, 0.8, func(p *peer) float64 {
		var got counter
		began := time.Now()
		must(t, p.exchange(http.MethodGet, p.files+"gross/eine", nil, &got))
		took := time.Since(began).Seconds()
		if got != 100<<20 {
			t.Fatalf("%s: %d bytes", p.name, got)
		}
		return 100 / took
	}}.run(t, peers)

	small := large[:4096]
	measurement{"PUT of 4 KB by 16 clients", "/s", true, 7, 1, func(p *peer) float64 {
		const files = 2000
		n++
		began := time.Now()
		each(t, 16, files, func(i int) error {
			return p.exchange(http.MethodPut, fmt.Sprintf("%sklein/%d-%d", p.files, n, i), bytes.NewReader(small), io.Discard)
		})
		return files / time.Since(began).Seconds()
	}}.run(t, present(append(peers, durable)...))

	move := func(p *peer, method, from, to string) float64 {
		began := time.Now()
		p.ask(t, method, p.files+from, nil, "Destination", p.url+p.files+to, "Overwrite", "F")
		return milliseconds(began)
	}
	measurement{"MOVE of a tree of 1,000 files", "ms", false, 9, 1, func(p *peer) float64 {
		took := move(p, "MOVE", "baum/", "stamm/")
		move(p, "MOVE", "stamm/", "baum/")
		return took
	}}.run(t, peers)
	measurement{"COPY of a tree of 1,000 files", "ms", false, 5, 1, func(p *peer) float64 {
		took := move(p, "COPY", "baum/", "abzug/")
		p.ask(t, http.MethodDelete, p.files+"abzug/", nil)
		return took
	}}.run(t, peers)
	measurement{"DELETE of a tree of 1,000 files", "ms", false, 5, 1, func(p *peer) float64 {
		move(p, "COPY", "baum/", "abzug/")
		began := time.Now()
		p.ask(t, http.MethodDelete, p.files+"abzug/", nil)
		return milliseconds(began)
	}}.run(t, peers)
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }
