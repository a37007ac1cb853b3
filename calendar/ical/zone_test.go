package ical

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

const outlook = `BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
`

func timezone(t testing.TB, s string) *Component {
	t.Helper()
	c, err := Parse([]byte("BEGIN:VCALENDAR\n" + s + "END:VCALENDAR\n"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A VTIMEZONE with Berlin's rules is Berlin's time.
func TestOwnZone(t *testing.T) {
	zone, tzid, err := CalendarZone(timezone(t, outlook))
	if err != nil || tzid != "Customized Time Zone" {
		t.Fatal(tzid, err)
	}
	berlin, _ := LookupZone("Europe/Berlin")
	for at := time.Date(1997, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2037; at = at.Add(6*time.Hour + time.Minute) {
		if offset(at.Unix(), zone) != offset(at.Unix(), berlin) {
			t.Fatalf("%v: %d, in Berlin %d", at, offset(at.Unix(), zone), offset(at.Unix(), berlin))
		}
	}
	summer := time.Date(2140, 7, 1, 0, 0, 0, 0, time.UTC)
	if offset(summer.Unix(), zone) != 7200 || !summer.In(zone).IsDST() {
		t.Error("summer of 2140")
	}
}

func TestZoneForms(t *testing.T) {
	part := func(kind, properties string) string {
		return "BEGIN:VTIMEZONE\nTZID:X\nBEGIN:" + kind + "\n" + properties + "END:" + kind + "\nEND:VTIMEZONE\n"
	}
	for name, c := range map[string]struct {
		in     string
		before int64 // offset in 1980
		after  int64 // offset in 2025
		bad    bool
	}{
		"fixed":       {in: part("STANDARD", "DTSTART:19700101T000000\nTZOFFSETFROM:+0530\nTZOFFSETTO:+0530\n"), before: 19800, after: 19800},
		"seconds":     {in: part("STANDARD", "DTSTART:20000101T000000\nTZOFFSETFROM:-123456\nTZOFFSETTO:+0000\n"), before: -45296},
		"RDATE":       {in: part("DAYLIGHT", "DTSTART:19000101T000000\nRDATE:20000101T000000\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0100\n"), before: 3600, after: 3600},
		"UNTIL":       {in: part("STANDARD", "DTSTART:19700101T000000\nRRULE:FREQ=YEARLY;UNTIL=19900101T000000Z\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n"), before: 3600, after: 3600},
		"empty":       {in: "BEGIN:VTIMEZONE\nTZID:X\nEND:VTIMEZONE\n", bad: true},
		"no offset":   {in: part("STANDARD", "DTSTART:19700101T000000\n"), bad: true},
		"odd offset":  {in: part("STANDARD", "DTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+9900\n"), bad: true},
		"no start":    {in: part("STANDARD", "TZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n"), bad: true},
		"no rule":     {in: part("STANDARD", "DTSTART:19700101T000000\nRRULE:X\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\n"), bad: true},
		"by seconds":  {in: part("STANDARD", "DTSTART:19700101T000000\nRRULE:FREQ=SECONDLY\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n"), bad: true},
		"two of them": {in: outlook + outlook, bad: true},
		"none":        {bad: true},
	} {
		zone, _, err := CalendarZone(timezone(t, c.in))
		if c.bad != (err != nil) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		if b, a := offset(at("19800701").Unix(), zone), offset(at("20250701").Unix(), zone); b != c.before || a != c.after {
			t.Errorf("%s: %d and %d", name, b, a)
		}
	}
}

func TestZoneNames(t *testing.T) {
	for tzid, want := range map[string]string{
		"Europe/Berlin": "Europe/Berlin", "/mozilla.org/20050126_1/Europe/Berlin": "Europe/Berlin",
		"/freeassociation.sourceforge.net/Tzfile/Europe/Berlin": "Europe/Berlin", "/freeassociation.sourceforge.net/Europe/Berlin": "Europe/Berlin",
		"/softwarestudio.org/Olson_20011030_5/America/Indiana/Knox": "America/Indiana/Knox",
		"W. Europe Standard Time":                                   "Europe/Berlin", "(UTC+01:00) Amsterdam, Berlin, Bern, Rom, Stockholm, Wien": "Europe/Berlin",
		"Eastern Standard Time": "America/New_York", "Etc/UTC": "UTC", "GMT": "UTC", `"Europe/Berlin"`: "Europe/Berlin", "CET": "CET",
		"Atlantis": "", "": "", "Local": "", "../../etc/passwd": "", "Europe/../Europe/Berlin": "", "posix/Europe/Berlin": "Europe/Berlin", "right/Europe/Berlin": "", "/etc/localtime": "",
		"/unknown.example/Europe/Berlin": "Europe/Berlin", "/Europe/Berlin": "Europe/Berlin", "/a/b/c": "", "Western/Central Europe": "Europe/Berlin", strings.Repeat("A", 1000): "",
	} {
		zone, ok := LookupZone(tzid)
		if ok != (want != "") || ok && zone.String() != want {
			t.Errorf("%.60q: %v %v", tzid, zone, ok)
		}
	}
}

// Every zone of the table of Windows' names is one that there is.
func TestWindowsZones(t *testing.T) {
	source, err := os.ReadFile("windows.go")
	if err != nil {
		t.Fatal(err)
	}
	names := 0
	for line := range strings.Lines(string(source)) {
		line, isCase := strings.CutPrefix(strings.TrimSpace(line), "case ")
		if !isCase {
			continue
		}
		for _, name := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(line, -1) {
			names++
			if _, ok := LookupZone(name[1]); !ok {
				t.Errorf("%s is no zone", name[1])
			}
		}
	}
	if names < 160 {
		t.Errorf("only %d names", names)
	}
}

func TestWhichZoneWins(t *testing.T) {
	odd := strings.ReplaceAll(strings.ReplaceAll(outlook, "\n", "\r\n"), "+0100", "+0500")
	for tzid, want := range map[string]string{
		"Customized Time Zone":    "20250101T050000Z", // its own VTIMEZONE
		"W. Europe Standard Time": "20250101T050000Z", // likewise
		"Europe/Berlin":           "20250101T090000Z", // an IANA name means that zone
	} {
		o := parsed(t, text(strings.ReplaceAll(odd, "Customized Time Zone", tzid), component("VEVENT", "DTSTART;TZID="+tzid+":20250101T100000\r\n")))
		if got := list(t, o, "", "", nil); got != want+"/"+want {
			t.Errorf("%s: %s", tzid, got)
		}
	}
	o := object(t, "DTSTART;TZID=W. Europe Standard Time:20250101T100000\r\n") // RFC 7809: by name alone
	if got := list(t, o, "", "", nil); got != "20250101T090000Z/20250101T090000Z" {
		t.Error(got)
	}
	o = object(t, "DTSTART;TZID=Atlantis:20250101T100000\r\n") // floating
	berlin, _ := LookupZone("Europe/Berlin")
	if got := list(t, o, "", "", berlin); got != "20250101T090000Z/20250101T090000Z" {
		t.Error(got)
	}
	if zone, ok := o.Location("Europe/Berlin"); !ok || zone != berlin {
		t.Error("a zone that no time of the object names")
	}
}

// RFC 5545 3.3.5 in gaps and folds, those of whole days and half hours too.
func TestLocalTimes(t *testing.T) {
	for _, c := range []struct{ zone, local, want string }{
		{"Europe/Berlin", "20250330T015959", "20250330T005959Z"},
		{"Europe/Berlin", "20250330T020000", "20250330T010000Z"},
		{"Europe/Berlin", "20250330T025959", "20250330T015959Z"},
		{"Europe/Berlin", "20250330T030000", "20250330T010000Z"},
		{"Europe/Berlin", "20251026T015959", "20251025T235959Z"},
		{"Europe/Berlin", "20251026T020000", "20251026T000000Z"},
		{"Europe/Berlin", "20251026T025959", "20251026T005959Z"},
		{"Europe/Berlin", "20251026T030000", "20251026T020000Z"},
		{"America/New_York", "20070311T023000", "20070311T073000Z"},
		{"America/New_York", "20071104T013000", "20071104T053000Z"},
		{"Australia/Lord_Howe", "20251005T021500", "20251004T154500Z"},
		{"Pacific/Apia", "20111230T120000", "20111230T220000Z"},
		{"Pacific/Apia", "20111231T120000", "20111230T220000Z"},
		{"Asia/Kathmandu", "20250101T120000", "20250101T061500Z"},
	} {
		zone, ok := LookupZone(c.zone)
		if !ok {
			t.Fatal(c.zone)
		}
		m, err := parseMoment(c.local, zone)
		if err != nil || FormatUTC(m.at(nil)) != c.want {
			t.Errorf("%s in %s is %s, not %s", c.local, c.zone, FormatUTC(m.at(nil)), c.want)
		}
	}
}
