package caldav_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A whole calendar that was moved or copied answers queries as before, takes what it took
// and no more, and lies directly in a home.
func TestCalendarsMoveWhole(t *testing.T) {
	d := open(t)
	d.put(t, d.first(), "a", event("a", "DTSTART:20260112T090000Z\nRRULE:FREQ=WEEKLY\n"))
	d.put(t, d.first(), "b", event("b", "DTSTART:20250112T090000Z\n"))
	d.Want(t, http.StatusCreated, "MKCALENDAR", d.home+"tasks/", body("C:mkcalendar",
		`<D:set><D:prop><C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set></D:prop></D:set>`))
	in2026 := func(at string) []string {
		return hrefs(d.report(t, at, "1", "C:calendar-query", getData+events(span("20260301T000000Z", "20260401T000000Z"))))
	}
	d.Want(t, http.StatusCreated, "COPY", d.first(), "", "Destination", d.home+"copy/")
	d.Want(t, http.StatusCreated, "MOVE", d.first(), "", "Destination", d.home+"moved/")
	d.Want(t, http.StatusCreated, "MOVE", d.home+"tasks/", "", "Destination", d.home+"todo/")
	for _, at := range []string{"copy/", "moved/"} {
		if got := in2026(d.home + at); !slices.Equal(got, []string{d.home + at + "a.ics"}) {
			t.Errorf("%s: found %v", at, got)
		}
		refused(t, d, "PUT", d.home+at+"c.ics", event("a", "DTSTART:20260112T090000Z\n"), "no-uid-conflict")
	}
	refused(t, d, "PUT", d.home+"todo/c.ics", event("c", "DTSTART:20260112T090000Z\n"), "supported-calendar-component")
	refused(t, d, "MOVE", d.home+"moved/", "", "calendar-collection-location-ok", "Destination", d.home+"copy/inside/")
	// Who has calendars gets no first one again.
	if got := d.Propfind(t, d.home, "1", "<D:resourcetype/>"); len(got.Responses) != 4 {
		t.Errorf("the home: %v", hrefs(got))
	}
	if a := d.Do(t, "OPTIONS", d.home+"moved/", ""); !strings.Contains(a.Header.Get("Allow"), "MOVE") {
		t.Errorf("Allow: %s", a.Header.Get("Allow"))
	}
	d.Sound(t)
}
