package caldav_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"fachwerk/dav"
)

func same(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestCalendarQuery(t *testing.T) {
	d := open(t)
	single := event("single", "DTSTART:20260112T090000Z\nDTEND:20260112T100000Z\nSUMMARY:Sitzung\\, Bär\n")
	a := d.put(t, d.first(), "single", single)
	weekly := event("weekly", "DTSTART:20260302T130000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY\nSUMMARY:Runde\n")
	b := d.put(t, d.first(), "weekly", weekly)
	c := d.put(t, d.first(), "task", in("BEGIN:VTODO\nUID:t@musterstadt.example\nDTSTAMP:20260101T080000Z\nSUMMARY:Tun\nEND:VTODO\n"))

	m := d.report(t, d.first(), "1", "C:calendar-query", getData+events(span("20260112T000000Z", "20260113T000000Z")))
	same(t, "by time", hrefs(m), []string{a})
	get := d.Want(t, http.StatusOK, "GET", a, "")
	r := m.Find(a)
	if r.Text(dav.NamespaceDAV, "getetag") != get.Header.Get("ETag") {
		t.Errorf("getetag %q, ETag %q", r.Text(dav.NamespaceDAV, "getetag"), get.Header.Get("ETag"))
	}
	// Text trims; the bytes are looked at in TestCorpus.
	if got := r.Text(dav.NamespaceCalDAV, "calendar-data"); got != strings.TrimSpace(single) {
		t.Errorf("calendar-data is %q", got)
	}
	m = d.report(t, d.first(), "1", "C:calendar-query", getData+events(span("20301111T000000Z", "20301112T000000Z")))
	same(t, "far away", hrefs(m), []string{b})
	m = d.report(t, d.first(), "1", "C:calendar-query", `<D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter>`)
	same(t, "all", hrefs(m), []string{a, b, c})
	m = d.report(t, d.first(), "0", "C:calendar-query", getData+events(""))
	same(t, "Depth 0", hrefs(m), []string{})
	m = d.Want(t, http.StatusMultiStatus, "REPORT", d.first(), body("C:calendar-query", getData+events(span("20260112T000000Z", "20260113T000000Z")))).Multistatus(t)
	same(t, "without Depth", hrefs(m), []string{a})
	m = d.report(t, a, "0", "C:calendar-query", getData+events(span("20260112T000000Z", "20260113T000000Z")))
	same(t, "of one object", hrefs(m), []string{a})
	m = d.report(t, a, "0", "C:calendar-query", getData+events(span("20260113T000000Z", "20260114T000000Z")))
	same(t, "of one object that does not match", hrefs(m), []string{})
	m = d.report(t, d.home, "infinity", "C:calendar-query", getData+events(`<C:prop-filter name="SUMMARY"><C:text-match collation="i;unicode-casemap">BÄR</C:text-match></C:prop-filter>`))
	same(t, "in all calendars", hrefs(m), []string{a})
	m = d.report(t, d.first(), "1", "C:calendar-query", `<D:propname/>`+events(""))
	if r := m.Find(a); r == nil || r.Has(dav.NamespaceCalDAV, "calendar-data") != 0 {
		t.Error("calendar-data is among the names of properties")
	}
}

func TestQueryExpandsAndLimits(t *testing.T) {
	d := open(t)
	a := d.put(t, d.first(), "weekly", event("weekly", "DTSTART:20260302T130000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY\nSUMMARY:Runde\n"))
	times := span("20260309T000000Z", "20260401T000000Z")
	ask := func(data string) string {
		m := d.report(t, d.first(), "1", "C:calendar-query", `<D:prop>`+data+`</D:prop>`+events(times))
		return m.Find(a).Text(dav.NamespaceCalDAV, "calendar-data")
	}
	expanded := ask(`<C:calendar-data><C:expand start="20260309T000000Z" end="20260401T000000Z"/></C:calendar-data>`)
	if strings.Count(expanded, "BEGIN:VEVENT") != 4 || strings.Contains(expanded, "RRULE") || !strings.Contains(expanded, "RECURRENCE-ID:20260330T130000Z") {
		t.Errorf("expanded: %q", expanded)
	}
	some := ask(`<C:calendar-data><C:comp name="VCALENDAR"><C:comp name="VEVENT"><C:prop name="SUMMARY"/></C:comp></C:comp></C:calendar-data>`)
	if some != "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Runde\r\nEND:VEVENT\r\nEND:VCALENDAR" {
		t.Errorf("partial: %q", some)
	}
	// The same by multiget and by sync-collection.
	for root, inside := range map[string]string{
		"C:calendar-multiget": `<D:href>` + a + `</D:href>`,
		"D:sync-collection":   `<D:sync-token/><D:sync-level>1</D:sync-level>`,
	} {
		m := d.report(t, d.first(), "0", root, `<D:prop><C:calendar-data><C:expand start="20260309T000000Z" end="20260401T000000Z"/></C:calendar-data></D:prop>`+inside)
		if got := m.Find(a).Text(dav.NamespaceCalDAV, "calendar-data"); got != expanded {
			t.Errorf("%s: %q", root, got)
		}
	}
}

func TestQueryReadsFloatingTimes(t *testing.T) {
	d := open(t)
	a := d.put(t, d.first(), "floating", event("floating", "DTSTART:20260601T080000\nDTEND:20260601T090000\n"))
	at := events(span("20260531T230000Z", "20260531T233000Z")) // 08:00 in Tokyo
	find := func(extra string) []string {
		return hrefs(d.report(t, d.first(), "1", "C:calendar-query", getData+at+extra))
	}
	same(t, "in UTC", find(""), []string{})
	same(t, "in Tokyo", find(`<C:timezone-id>Asia/Tokyo</C:timezone-id>`), []string{a})
	tokyo := "BEGIN:VTIMEZONE\nTZID:Dort\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0900\nTZOFFSETTO:+0900\nEND:STANDARD\nEND:VTIMEZONE\n"
	same(t, "in a zone of its own", find(`<C:timezone><![CDATA[`+in(tokyo)+`]]></C:timezone>`), []string{a})
	d.Want(t, http.StatusMultiStatus, "PROPPATCH", d.first(), body("D:propertyupdate", `<D:set><D:prop><C:calendar-timezone><![CDATA[`+in(tokyo)+`]]></C:calendar-timezone></D:prop></D:set>`))
	same(t, "in the calendar's zone", find(""), []string{a})
	same(t, "in another zone than the calendar's", find(`<C:timezone-id>UTC</C:timezone-id>`), []string{})
	refused(t, d, "REPORT", d.first(), body("C:calendar-query", getData+at+`<C:timezone-id>Mars/Olympus</C:timezone-id>`), "valid-timezone", "Depth", "1")
	refused(t, d, "REPORT", d.first(), body("C:calendar-query", getData+at+`<C:timezone>BEGIN:VCALENDAR</C:timezone>`), "valid-calendar-data", "Depth", "1")
}

// refused sends a request that must fail with a precondition of CalDAV and a sentence.
func refused(t *testing.T, d *desk, method, path, body, precondition string, headers ...string) {
	t.Helper()
	a := d.Do(t, method, path, body, headers...)
	if a.Status != http.StatusForbidden || !strings.Contains(a.Body, "<C:"+precondition) || !strings.Contains(a.Body, ".") {
		t.Errorf("%s %s: %d, want %s: %s", method, path, a.Status, precondition, a.Body)
	}
}

func TestQueriesAreRefused(t *testing.T) {
	d := open(t)
	for precondition, inside := range map[string]string{
		"valid-filter":            getData,
		"supported-collation":     getData + events(`<C:prop-filter name="SUMMARY"><C:text-match collation="i;klingon">x</C:text-match></C:prop-filter>`),
		"supported-filter":        getData + `<C:filter><C:comp-filter name="VCALENDAR" test="anyof"/></C:filter>`,
		"supported-calendar-data": `<D:prop><C:calendar-data content-type="text/plain"/></D:prop>` + events(""),
		"min-date-time":           getData + events(span("00000101T000000Z", "20260101T000000Z")),
	} {
		refused(t, d, "REPORT", d.first(), body("C:calendar-query", inside), precondition, "Depth", "1")
	}
}

func TestMultiget(t *testing.T) {
	d := open(t)
	var all []string
	var ask strings.Builder
	for i := range 450 {
		p := d.put(t, d.first(), fmt.Sprintf("e%03d", i), event(fmt.Sprint("e", i), "DTSTART:20260112T090000Z\n"))
		all = append(all, p)
		fmt.Fprintf(&ask, "<D:href>%s</D:href>", p)
	}
	ask.WriteString("<D:href>" + d.first() + "none.ics</D:href><D:href>/somewhere/else.ics</D:href><D:href>" + d.URL + strings.Replace(all[0], "@", "%40", 1) + "</D:href>")
	m := d.report(t, d.first(), "0", "C:calendar-multiget", getData+ask.String())
	found := 0
	for _, p := range all {
		if r := m.Find(p); r.Has(dav.NamespaceCalDAV, "calendar-data") == http.StatusOK {
			found++
		}
	}
	if found != len(all) || len(m.Responses) != len(all)+3 {
		t.Errorf("%d of %d found in %d answers", found, len(all), len(m.Responses))
	}
	for _, p := range []string{d.first() + "none.ics", "/somewhere/else.ics"} {
		if r := m.Find(p); r == nil || r.Status != http.StatusNotFound {
			t.Errorf("%s: %+v", p, r)
		}
	}
	m = d.report(t, d.home, "1", "C:calendar-multiget", getData+"<D:href>"+all[3]+"</D:href>")
	same(t, "asked of the home", hrefs(m), []string{all[3]})
	d.Want(t, http.StatusBadRequest, "REPORT", d.first(), body("C:calendar-multiget", getData), "Depth", "0")
}

func TestFreeBusyQuery(t *testing.T) {
	d := open(t)
	d.put(t, d.first(), "a", event("a", "DTSTART:20260112T090000Z\nDTEND:20260112T100000Z\n"))
	d.put(t, d.first(), "b", event("b", "DTSTART:20260112T093000Z\nDTEND:20260112T110000Z\n"))
	d.put(t, d.first(), "c", event("c", "DTSTART:20260113T090000Z\nDURATION:PT1H\nSTATUS:TENTATIVE\n"))
	d.put(t, d.first(), "d", event("d", "DTSTART:20260114T090000Z\nDURATION:PT1H\nTRANSP:TRANSPARENT\n"))
	ask := func(path, depth, start, end string) string {
		a := d.Want(t, http.StatusOK, "REPORT", path, body("C:free-busy-query", span(start, end)), "Depth", depth)
		if kind := a.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/calendar") {
			t.Errorf("it is %s", kind)
		}
		return a.Body
	}
	got := ask(d.first(), "1", "20260112T000000Z", "20260116T000000Z")
	for _, want := range []string{"FREEBUSY:20260112T090000Z/20260112T110000Z\r\n", "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260113T090000Z/20260113T100000Z\r\n",
		"DTSTART:20260112T000000Z\r\n", "DTEND:20260116T000000Z\r\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if strings.Contains(got, "20260114T090000Z") {
		t.Error("a transparent event is busy")
	}
	if got := ask(d.home, "infinity", "20260112T000000Z", "20260113T000000Z"); !strings.Contains(got, "FREEBUSY:20260112T090000Z") {
		t.Errorf("of the home: %q", got)
	}
	if got := ask(d.first(), "1", "20270112T000000Z", "20270113T000000Z"); strings.Contains(got, "FREEBUSY:") || !strings.Contains(got, "BEGIN:VFREEBUSY") {
		t.Errorf("of an empty time: %q", got)
	}
	// It has no filter that could be invalid.
	for _, start := range []string{"20260101", "20260101T000000", "99990101T000000Z"} {
		if a := d.Do(t, "REPORT", d.first(), body("C:free-busy-query", span(start, "20260201T000000Z")), "Depth", "1"); a.Status != http.StatusBadRequest && !strings.Contains(a.Body, "max-date-time") {
			t.Errorf("from %s: %d %s", start, a.Status, a.Body)
		}
	}
	a := d.Do(t, "REPORT", d.first()+"a.ics", body("C:free-busy-query", span("20260112T000000Z", "20260113T000000Z")), "Depth", "1")
	if a.Status != http.StatusForbidden {
		t.Errorf("of an object: %d", a.Status)
	}
	for path, want := range map[string]bool{d.home: true, d.first(): true, d.first() + "a.ics": false} {
		list := d.Want(t, http.StatusMultiStatus, "PROPFIND", path, `<propfind xmlns="DAV:"><prop><supported-report-set/></prop></propfind>`, "Depth", "0").Body
		if strings.Contains(list, "free-busy-query") != want || !strings.Contains(list, "calendar-query") {
			t.Errorf("%s offers %s", path, list)
		}
	}
}

// What recurs for ever is expanded in bounds.
func TestExpansionIsBounded(t *testing.T) {
	d := open(t)
	a := d.put(t, d.first(), "hourly", event("hourly", "DTSTART:20260101T000000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY\n"))
	m := d.report(t, d.first(), "0", "C:calendar-multiget", `<D:prop><C:calendar-data><C:expand start="20260101T000000Z" end="21260101T000000Z"/></C:calendar-data></D:prop><D:href>`+a+`</D:href>`)
	if got := m.Find(a).Has(dav.NamespaceCalDAV, "calendar-data"); got != http.StatusInsufficientStorage {
		t.Errorf("876,000 instances: %d", got)
	}
}
