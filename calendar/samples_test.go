package calendar

import (
	"strings"
	"testing"
	"time"

	"fachwerk/calendar/ical"
)

// berlin is a VTIMEZONE as clients send it.
const berlin = `BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
`

// samples are objects by name; what is around the components is added by sample.
var samples = map[string]string{
	// One hour in winter: 09:00 to 10:00 UTC.
	"single": `BEGIN:VEVENT
UID:single@musterstadt.example
DTSTAMP:20251201T080000Z
CREATED:20251130T080000Z
DTSTART;TZID=Europe/Berlin:20260112T100000
DTEND;TZID=Europe/Berlin:20260112T110000
SUMMARY:Sitzung des Hauptausschusses\, öffentlich
CATEGORIES:Gremien,Rathaus
LOCATION:Großer Saal
STATUS:CONFIRMED
ORGANIZER;CN=Jan Muster:mailto:jan.muster@musterstadt.example
ATTENDEE;PARTSTAT=ACCEPTED;CN=Eva Beispiel:mailto:eva.beispiel@musterstadt.example
ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:presse@musterstadt.example
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Sitzung
TRIGGER:-PT30M
END:VALARM
END:VEVENT
`,
	// Every Monday at 14:00 for ten weeks from 2026-03-02; DST begins on the 29th. The
	// third is moved to Tuesday and renamed, the fifth does not take place.
	"weekly": `BEGIN:VEVENT
UID:weekly@musterstadt.example
DTSTAMP:20260201T080000Z
DTSTART;TZID=Europe/Berlin:20260302T140000
DURATION:PT1H
RRULE:FREQ=WEEKLY;COUNT=10
EXDATE;TZID=Europe/Berlin:20260330T140000
SUMMARY:Dienstbesprechung
END:VEVENT
BEGIN:VEVENT
UID:weekly@musterstadt.example
DTSTAMP:20260201T080000Z
RECURRENCE-ID;TZID=Europe/Berlin:20260316T140000
DTSTART;TZID=Europe/Berlin:20260317T160000
DURATION:PT1H
SUMMARY:Dienstbesprechung (verlegt)
STATUS:TENTATIVE
END:VEVENT
`,
	"daily-for-ever": `BEGIN:VEVENT
UID:daily@musterstadt.example
DTSTAMP:20260201T080000Z
DTSTART:20260101T060000Z
DTEND:20260101T061500Z
RRULE:FREQ=DAILY
SUMMARY:Postrunde
TRANSP:TRANSPARENT
END:VEVENT
`,
	"all-day": `BEGIN:VEVENT
UID:holiday@musterstadt.example
DTSTAMP:20260201T080000Z
DTSTART;VALUE=DATE:20260501
SUMMARY:Tag der Arbeit
END:VEVENT
`,
	"floating": `BEGIN:VEVENT
UID:floating@musterstadt.example
DTSTAMP:20260201T080000Z
DTSTART:20260601T080000
DTEND:20260601T090000
SUMMARY:Frühstück
END:VEVENT
`,
	"task": `BEGIN:VTODO
UID:task@musterstadt.example
DTSTAMP:20260201T080000Z
CREATED:20260201T080000Z
DUE:20260215T120000Z
SUMMARY:Haushalt prüfen
STATUS:NEEDS-ACTION
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:bald
TRIGGER;RELATED=END:-P1D
END:VALARM
END:VTODO
`,
	"timeless-task": `BEGIN:VTODO
UID:timeless@musterstadt.example
DTSTAMP:20260201T080000Z
SUMMARY:Archiv aufräumen
END:VTODO
`,
	"done-task": `BEGIN:VTODO
UID:done@musterstadt.example
DTSTAMP:20260201T080000Z
CREATED:20260201T080000Z
COMPLETED:20260210T090000Z
SUMMARY:Erledigt
STATUS:COMPLETED
END:VTODO
`,
	"journal": `BEGIN:VJOURNAL
UID:journal@musterstadt.example
DTSTAMP:20260201T080000Z
DTSTART;VALUE=DATE:20260203
SUMMARY:Protokoll
END:VJOURNAL
`,
	"free-busy": `BEGIN:VFREEBUSY
UID:fb@musterstadt.example
DTSTAMP:20260201T080000Z
FREEBUSY;FBTYPE=BUSY:20260204T080000Z/PT1H,20260206T080000Z/20260206T100000Z
FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260210T080000Z/PT2H
END:VFREEBUSY
`,
	// From the third Monday on everything is an hour later.
	"this-and-future": `BEGIN:VEVENT
UID:future@musterstadt.example
DTSTAMP:20260201T080000Z
DTSTART:20260302T100000Z
DTEND:20260302T110000Z
RRULE:FREQ=WEEKLY;COUNT=6
SUMMARY:Kurs
END:VEVENT
BEGIN:VEVENT
UID:future@musterstadt.example
DTSTAMP:20260201T080000Z
RECURRENCE-ID;RANGE=THISANDFUTURE:20260316T100000Z
DTSTART:20260316T110000Z
DTEND:20260316T120000Z
SUMMARY:Kurs (später)
END:VEVENT
`,
}

// text is a whole object with CRLF.
func text(components string) []byte {
	zone := ""
	if strings.Contains(components, "TZID=Europe/Berlin") {
		zone = berlin
	}
	return []byte(strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//musterstadt.example//Test//DE\n"+
		zone+components+"END:VCALENDAR\n", "\n", "\r\n"))
}

func sample(t testing.TB, name string) *ical.Object {
	t.Helper()
	components, ok := samples[name]
	if !ok {
		t.Fatalf("no sample %s", name)
	}
	return object(t, text(components))
}

func object(t testing.TB, data []byte) *ical.Object {
	t.Helper()
	o, err := parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func utc(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse("20060102T150405Z", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// between is a range of moments such as 20260102T150405Z; "" is open.
func between(t testing.TB, start, end string) *TimeRange {
	var r TimeRange
	if start != "" {
		r.Start = utc(t, start)
	}
	if end != "" {
		r.End = utc(t, end)
	}
	return &r
}
