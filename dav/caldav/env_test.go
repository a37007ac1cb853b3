package caldav_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fachwerk/calendar"
	"fachwerk/dav"
	"fachwerk/dav/caldav"
	"fachwerk/dav/davtest"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store/storetest"
)

// A desk is a person's calendars on a real server.
type desk struct {
	*davtest.Env
	*davtest.Client
	URL  string
	home string // path
}

func open(t testing.TB, limits ...calendar.Limits) *desk {
	t.Helper()
	e := davtest.Open(t, storetest.Embedded, func(r *resourcetest.Env) []dav.Head {
		o := calendar.Options{Resources: r.Service}
		if len(limits) > 0 {
			o.Limits = limits[0]
		}
		return []dav.Head{caldav.New(calendar.New(o))}
	})
	c := e.Client(t, "eva.beispiel")
	return &desk{e, c, e.URL, "/calendars/" + c.Address + "/"}
}

// first is the path of the first calendar.
func (d *desk) first() string { return d.home + calendar.FirstCalendar + "/" }

// in is a calendar of this text's components, with CRLF.
func in(components string) string {
	return strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//musterstadt.example//Test//DE\n"+components+"END:VCALENDAR\n", "\n", "\r\n")
}

// event is one whose lines follow UID, DTSTAMP.
func event(uid, lines string) string {
	return in(fmt.Sprintf("BEGIN:VEVENT\nUID:%s@musterstadt.example\nDTSTAMP:20260101T080000Z\n%sEND:VEVENT\n", uid, lines))
}

// put stores an object under its UID's name in a calendar and answers its path.
func (d *desk) put(t testing.TB, calendar, name, text string) string {
	t.Helper()
	path := calendar + name + ".ics"
	d.Want(t, http.StatusCreated, "PUT", path, text, "Content-Type", "text/calendar; charset=utf-8", "If-None-Match", "*")
	return path
}

// report asks a REPORT that must answer 207.
func (d *desk) report(t testing.TB, path, depth, root, inside string) davtest.Multistatus {
	t.Helper()
	return d.Want(t, http.StatusMultiStatus, "REPORT", path, body(root, inside), "Depth", depth).Multistatus(t)
}

func body(root, inside string) string {
	return `<?xml version="1.0" encoding="utf-8"?><` + root + ` ` + davtest.Namespaces + `>` + inside + `</` + root + `>`
}

const getData = `<D:prop><D:getetag/><C:calendar-data/></D:prop>`

// events is a filter for events with something inside.
func events(inside string) string {
	return `<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">` + inside + `</C:comp-filter></C:comp-filter></C:filter>`
}

func span(start, end string) string {
	return fmt.Sprintf(`<C:time-range start=%q end=%q/>`, start, end)
}

// hrefs are those of a multistatus.
func hrefs(m davtest.Multistatus) []string {
	list := []string{}
	for _, r := range m.Responses {
		list = append(list, r.Href)
	}
	return list
}
