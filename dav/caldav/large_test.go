package caldav_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fachwerk/dav"
)

// What is too large to be held is answered as small objects are, by each way there is.
func TestLargeObjects(t *testing.T) {
	d := open(t)
	var lines strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&lines, "X-MUSTERSTADT-%d:Größe <&> \"%s\" 🙂\n", i, strings.Repeat("ü", i%40))
	}
	times := "DTSTART:20260302T130000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY\n"
	large := event("large", times+"SUMMARY:Groß\n"+lines.String())
	small := event("small", times+"SUMMARY:Klein\n")
	a, b := d.put(t, d.first(), "large", large), d.put(t, d.first(), "small", small)
	if got := d.Want(t, http.StatusOK, "GET", a, "").Body; got != large {
		t.Fatalf("GET answers %d bytes, want %d", len(got), len(large))
	}
	text := func(root, depth, inside string) (ofLarge, ofSmall string) {
		t.Helper()
		m := d.report(t, d.first(), depth, root, inside)
		for _, href := range []string{a, b} {
			r := m.Find(href)
			if r == nil {
				t.Fatalf("%s: %s is not in the answer: %v", root, href, hrefs(m))
			}
			if etag := d.Want(t, http.StatusOK, "HEAD", href, "").Header.Get("ETag"); r.Text(dav.NamespaceDAV, "getetag") != etag {
				t.Errorf("%s: ETag %s", root, r.Text(dav.NamespaceDAV, "getetag"))
			}
		}
		return m.Find(a).Text(dav.NamespaceCalDAV, "calendar-data"), m.Find(b).Text(dav.NamespaceCalDAV, "calendar-data")
	}
	both := "<D:href>" + a + "</D:href><D:href>" + b + "</D:href>"
	summary := events(`<C:prop-filter name="SUMMARY"/>`)
	for what, ask := range map[string][3]string{
		"multiget":        {"C:calendar-multiget", "0", getData + both},
		"query":           {"C:calendar-query", "1", getData + summary},
		"query by time":   {"C:calendar-query", "1", getData + events(span("20260309T000000Z", "20260401T000000Z"))},
		"sync-collection": {"D:sync-collection", "0", "<D:sync-token/><D:sync-level>1</D:sync-level>" + getData},
	} {
		l, s := text(ask[0], ask[1], ask[2])
		if l != strings.TrimSpace(large) || s != strings.TrimSpace(small) {
			t.Errorf("%s answers %d and %d bytes, want %d and %d", what, len(l), len(s), len(large), len(small))
		}
	}

	part := func(inside string) string {
		return "<D:prop><D:getetag/><C:calendar-data>" + inside + "</C:calendar-data></D:prop>"
	}
	expand := part(`<C:expand start="20260309T000000Z" end="20260401T000000Z"/>`)
	l, s := text("C:calendar-multiget", "0", expand+both)
	if strings.Count(l, "BEGIN:VEVENT") != 4 || strings.Count(l, "X-MUSTERSTADT-3999:") != 4 || strings.Count(s, "BEGIN:VEVENT") != 4 {
		t.Errorf("expanded: %d and %d bytes", len(l), len(s))
	}
	if l, _ = text("C:calendar-query", "1", expand+summary); strings.Count(l, "BEGIN:VEVENT") != 4 {
		t.Errorf("expanded by a query: %d bytes", len(l))
	}
	l, s = text("C:calendar-multiget", "0", part(`<C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="SUMMARY"/></C:comp></C:comp>`)+both)
	if !strings.Contains(l, "SUMMARY:Groß") || strings.Contains(l, "X-MUSTERSTADT") || !strings.Contains(s, "SUMMARY:Klein") {
		t.Errorf("one property: %q and %q", l, s)
	}

	// It is judged where it is copied to, and counted where time is asked for.
	if r := d.Do(t, "COPY", a, "", "Destination", d.URL+d.first()+"copy.ics"); r.Status != http.StatusForbidden {
		t.Errorf("a second one with its UID: %d", r.Status)
	}
	other := d.home + "other/"
	d.Want(t, http.StatusCreated, "MKCALENDAR", other, "")
	d.Want(t, http.StatusCreated, "COPY", a, "", "Destination", d.URL+other+"copy.ics")
	busy := d.Want(t, http.StatusOK, "REPORT", other, body("C:free-busy-query", span("20260309T000000Z", "20260310T000000Z")), "Depth", "1")
	if !strings.Contains(busy.Body, "20260309T130000Z/20260309T140000Z") {
		t.Errorf("free-busy: %s", busy.Body)
	}
	m := d.report(t, a, "0", "C:calendar-query", getData+events(span("20260309T000000Z", "20260310T000000Z")))
	same(t, "of itself", hrefs(m), []string{a})
}

// Many instances of a small object are as much as a large one.
func TestManyInstances(t *testing.T) {
	d := open(t)
	a := d.put(t, d.first(), "daily", event("daily", "DTSTART:20260101T130000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY\nSUMMARY:Täglich\n"))
	m := d.report(t, d.first(), "1", "C:calendar-query", `<D:prop><C:calendar-data><C:expand start="20260101T000000Z" end="20360101T000000Z"/></C:calendar-data></D:prop>`+events(""))
	if n := strings.Count(m.Find(a).Text(dav.NamespaceCalDAV, "calendar-data"), "SUMMARY:Täglich"); n != 3652 {
		t.Errorf("%d instances in ten years", n)
	}
}
