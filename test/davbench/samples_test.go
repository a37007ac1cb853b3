//go:build bench

package davbench

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const events = 10_000

// A sample is an event whose instances are known by arithmetic, not by what is
// measured.
type sample struct {
	text      []byte
	instances [][2]time.Time
}

const berlin = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n" +
	"BEGIN:DAYLIGHT\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\nDTSTART:19700329T020000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\n" +
	"BEGIN:STANDARD\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\nDTSTART:19701025T030000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n" +
	"END:VTIMEZONE\r\n"

func eventName(i int) string { return fmt.Sprintf("termin-%05d.ics", i) }

// event is number i of a calendar that fills the days of three years; every
// twentieth recurs. What changes with revision is the text.
func event(t testing.TB, i, revision int) sample {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2025, 1, 1+i*7919%1096, 8+i%9, i%4*15, 0, 0, zone)
	length := time.Duration(30+i%5*30) * time.Minute
	rule, times := "", 1
	step := func(n int) time.Time { return start }
	if i%20 == 0 {
		times = 5 + i/20%90
		switch i / 20 % 3 {
		case 0:
			rule = fmt.Sprintf("RRULE:FREQ=WEEKLY;COUNT=%d\r\n", times)
			step = func(n int) time.Time { return start.AddDate(0, 0, 7*n) }
		case 1:
			rule = fmt.Sprintf("RRULE:FREQ=DAILY;INTERVAL=3;COUNT=%d\r\n", times)
			step = func(n int) time.Time { return start.AddDate(0, 0, 3*n) }
		default: // a month has 28 days at least
			start = time.Date(start.Year(), start.Month(), 1+i/20%28, start.Hour(), start.Minute(), 0, 0, zone)
			rule = fmt.Sprintf("RRULE:FREQ=MONTHLY;COUNT=%d\r\n", times)
			step = func(n int) time.Time { return start.AddDate(0, n, 0) }
		}
	}
	s := sample{}
	for n := range times {
		if n == 2 {
			rule += "EXDATE;TZID=Europe/Berlin:" + step(n).Format("20060102T150405") + "\r\n"
			continue
		}
		s.instances = append(s.instances, [2]time.Time{step(n), step(n).Add(length)})
	}
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Fachwerk//Messung//DE\r\n" + berlin + "BEGIN:VEVENT\r\n")
	fmt.Fprintf(&b, "UID:termin-%05d\r\nDTSTAMP:20250101T000000Z\r\nSEQUENCE:%d\r\n", i, revision)
	fmt.Fprintf(&b, "DTSTART;TZID=Europe/Berlin:%s\r\nDTEND;TZID=Europe/Berlin:%s\r\n", start.Format("20060102T150405"),
		start.Add(length).Format("20060102T150405"))
	fmt.Fprintf(&b, "%sSUMMARY:Besprechung %d zum Haushalt\r\nLOCATION:Rathaus\\, Raum %d\r\n", rule, i, i%40)
	b.WriteString("DESCRIPTION:Tagesordnung\\n1. Begrüßung\\n2. Bericht aus den Fachbereichen\\n3. Verschiedenes\r\nCLASS:PUBLIC\r\n")
	b.WriteString("BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:Besprechung\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	s.text = []byte(b.String())
	return s
}

// during names the events with an instance between two times (RFC 4791 section 9.9).
func during(t testing.TB, from, to time.Time) map[string]bool {
	found := map[string]bool{}
	for i := range events {
		for _, x := range event(t, i, 0).instances {
			if x[0].Before(to) && x[1].After(from) {
				found[eventName(i)] = true
			}
		}
	}
	return found
}

const contacts = 10_000

var (
	given  = []string{"Anna", "Bernd", "Çiğdem", "Dieter", "Emine", "Friedrich", "Greta", "Hüseyin", "Inge", "Jörg", "Karin", "Lukas", "Marta"}
	family = []string{"Ahrens", "Böhm", "Çelik", "Dietrich", "Engel", "Fuchs", "Großmann", "Hahn", "Iversen", "Jansen", "Krämer", "Lorenz", "Möller",
		"Neumann", "Özdemir", "Peters", "Quast", "Richter", "Schäfer"}
)

func contactName(i int) string { return fmt.Sprintf("karte-%05d.vcf", i) }

func person(i int) (given0, family0 string) {
	return given[i%len(given)], fmt.Sprintf("%s-%03d", family[i%len(family)], i%500)
}

func contact(i int) []byte {
	g, f := person(i)
	var b strings.Builder
	fmt.Fprintf(&b, "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Fachwerk//Messung//DE\r\nUID:karte-%05d\r\nFN:%s %s\r\nN:%s;%s;;;\r\n", i, g, f, f, g)
	fmt.Fprintf(&b, "ORG:Stadtverwaltung Musterstadt;Amt %d\r\nTITLE:Sachbearbeitung\r\n", i%30)
	fmt.Fprintf(&b, "EMAIL;TYPE=INTERNET,WORK:person%05d@musterstadt.example\r\nTEL;TYPE=WORK,VOICE:+49 30 23125 %03d\r\n", i, i%1000)
	fmt.Fprintf(&b, "ADR;TYPE=WORK:;;Lange Straße %d;Musterstadt;;12345;Deutschland\r\nNOTE:Vertretung durch das Vorzimmer\r\nEND:VCARD\r\n", i%200)
	return []byte(b.String())
}

// named names the contacts for which f holds.
func named(f func(i int) bool) map[string]bool {
	found := map[string]bool{}
	for i := range contacts {
		if f(i) {
			found[contactName(i)] = true
		}
	}
	return found
}
