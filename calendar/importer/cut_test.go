package importer

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fachwerk/calendar/ical"
	"fachwerk/internal/testenv/need"
)

func crlf(text string) []byte {
	return []byte(strings.ReplaceAll(strings.TrimLeft(text, "\n"), "\n", "\r\n"))
}

const zone = `
BEGIN:VTIMEZONE
TZID:Eigene\, Zone
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0100
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
`

// An export of many becomes objects, each with the zones it names and its overrides,
// its own bytes untouched.
func TestAnExportIsCutByUID(t *testing.T) {
	one := "BEGIN:VEVENT\nUID:eins\nDTSTART;TZID=\"Eigene\\, Zone\":20261201T090000\nRRULE:FREQ=DAILY\nSUMMARY:Fr\n üh\nX-A;B=c:d\nEND:VEVENT\n"
	override := "BEGIN:VEVENT\nRECURRENCE-ID;TZID=\"Eigene\\, Zone\":20261202T090000\nUID:ei\n ns\nDTSTART:20261202T100000Z\nEND:VEVENT\n"
	two := "BEGIN:VTODO\nUID:zwei\nSUMMARY:Tun\nBEGIN:VALARM\nUID:wecker\nACTION:DISPLAY\nEND:VALARM\nEND:VTODO\n"
	x := take(crlf("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Alt//\n DE\nMETHOD:PUBLISH\nX-WR-CALNAME:Mein\\, Plan\n" +
		zone[1:] + one + two + override + "END:VCALENDAR\nBEGIN:VCALENDAR\nPRODID:x\n" + "BEGIN:VJOURNAL\nUID:drei\nEND:VJOURNAL\nEND:VCALENDAR\n"))
	if x.Title != "Mein, Plan" || x.Single || len(x.Objects) != 3 {
		t.Fatalf("%q, single %v, %d objects", x.Title, x.Single, len(x.Objects))
	}
	want := crlf("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Alt//\n DE\n" + zone[1:] + one + override + "END:VCALENDAR\n")
	if !bytes.Equal(x.Objects[0].Bytes(), want) {
		t.Errorf("the first object is\n%s\nwant\n%s", x.Objects[0].Bytes(), want)
	}
	if data := x.Objects[1].Bytes(); bytes.Contains(data, []byte("VTIMEZONE")) || !bytes.Contains(data, crlf(two)) {
		t.Errorf("the second object is\n%s", data)
	}
	for i, uid := range []string{"eins", "zwei", "drei"} {
		if x.Objects[i].Key != uid || !whole(x.Objects[i].Bytes()) {
			t.Errorf("object %d is %q:\n%s", i, x.Objects[i].Key, x.Objects[i].Bytes())
		}
	}
}

// Components outside a calendar, without UID, without an end, and other things.
func TestOddExports(t *testing.T) {
	x := take(crlf("BEGIN:VEVENT\nDTSTART:20261201T090000Z\nEND:VEVENT\n"))
	if len(x.Objects) != 1 || !whole(x.Objects[0].Bytes()) || x.Objects[0].Key == "" {
		t.Fatalf("a bare event: %+v", x)
	}
	if again := take(crlf("BEGIN:VEVENT\nDTSTART:20261201T090000Z\nEND:VEVENT\n")); again.Objects[0].Key != x.Objects[0].Key {
		t.Error("the same event gets another UID the second time")
	}
	x = take(crlf("BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:a\nEND:VCALENDAR\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:b\nDTSTART:20261201\nEND:VEVENT\n" +
		"BEGIN:VWEIRD\nUID:c\nEND:VWEIRD\nEND:VCALENDAR\n"))
	if len(x.Objects) != 3 || x.Objects[0].Err == nil || x.Objects[1].Err != nil || x.Objects[2].Err == nil {
		t.Errorf("broken ones: %+v", x.Objects)
	}
	for _, text := range []string{"", "kein Kalender", "BEGIN:VCARD\r\nEND:VCARD"} {
		if x := take([]byte(text)); len(x.Objects) != 1 || x.Objects[0].Err == nil {
			t.Errorf("%q: %+v", text, x)
		}
	}
	mac := take([]byte("BEGIN:VCALENDAR\rVERSION:2.0\rBEGIN:VEVENT\rUID:m\rDTSTART:20261201\rEND:VEVENT\rEND:VCALENDAR\r"))
	if len(mac.Objects) != 1 || mac.Objects[0].Err != nil {
		t.Errorf("lines of an old Mac: %+v", mac.Objects)
	}
}

// Instances of a series that stand in calendars of their own come to the series; two
// objects of one UID stay two, for the list of what did not come.
func TestInstancesComeToTheirSeries(t *testing.T) {
	wrap := func(text string) string { return "BEGIN:VCALENDAR\nVERSION:2.0\n" + text + "END:VCALENDAR\n" }
	x := take(crlf(wrap("BEGIN:VEVENT\nUID:a\nDTSTART:20261201T090000Z\nRRULE:FREQ=DAILY\nEND:VEVENT\n") +
		wrap(zone[1:]+"BEGIN:VEVENT\nUID:a\nRECURRENCE-ID:20261202T090000Z\nDTSTART;TZID=Eigene\\, Zone:20261202T100000\nEND:VEVENT\n") +
		wrap("BEGIN:VEVENT\nUID:b\nDTSTART:20261201\nEND:VEVENT\n") + wrap("BEGIN:VEVENT\nUID:b\nDTSTART:20261202\nEND:VEVENT\n")))
	if len(x.Objects) != 3 {
		t.Fatalf("%d objects", len(x.Objects))
	}
	if a := x.Objects[0].Bytes(); bytes.Count(a, []byte("BEGIN:VEVENT")) != 2 || !bytes.Contains(a, []byte("BEGIN:VTIMEZONE")) || !whole(a) {
		t.Errorf("the series is\n%s", a)
	}
}

// One object in a file stays as it stands, byte for byte.
func TestASingleObjectIsKept(t *testing.T) {
	data := []byte("BEGIN:VCALENDAR\nVERSION:2.0\nX-OWN:1\nBEGIN:VEVENT\nUID:a\nDTSTART:20261201\nEND:VEVENT\nEND:VCALENDAR\n\n")
	x := take(data)
	if !x.Single || len(x.Objects) != 1 || !bytes.Equal(x.Objects[0].Bytes(), data) {
		t.Errorf("%+v", x)
	}
}

// FuzzTake: no file is a panic, and what is cut out of a calendar that can be read
// can be read, too, and has the UID that is said.
func FuzzTake(f *testing.F) {
	f.Add(crlf("BEGIN:VCALENDAR\nVERSION:2.0\n" + zone[1:] + "BEGIN:VEVENT\nUID:a\nDTSTART;TZID=Eigene\\, Zone:20261201T090000\nEND:VEVENT\nEND:VCALENDAR\n"))
	f.Add([]byte("BEGIN:VEVENT\nUID\n ;A=\";:\":x\nEND:VEVENT"))
	f.Add([]byte("BEGIN:VCALENDAR\rBEGIN:VEVENT\rUID:\r"))
	f.Fuzz(func(t *testing.T, data []byte) {
		x := take(data)
		for _, o := range x.Objects {
			if o.Err != nil {
				continue
			}
			if o.Key == "" || len(o.Bytes()) == 0 {
				t.Fatalf("an object without key or data: %+v", o)
			}
			if c, err := ical.Parse(o.Bytes()); err == nil {
				if made, err := ical.NewObject(c); err == nil && strings.TrimSpace(made.UID) != strings.TrimSpace(o.Key) {
					t.Fatalf("UID %q is called %q", made.UID, o.Key)
				}
			}
		}
	})
}

// Every calendar of the corpus that can be read is cut into objects of the UIDs that
// package ical reads in it, each with as many components.
func TestCorpusIsCutAsItIsRead(t *testing.T) {
	dir, ok := need.Corpus(t)
	if !ok {
		return
	}
	seen := 0
	err := filepath.WalkDir(filepath.Join(dir, "ics"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(name) != ".ics" {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		c, err := ical.Parse(data)
		if err != nil {
			take(data) // no panic
			return nil
		}
		if slices.ContainsFunc(c.Components, func(sub *ical.Component) bool { return sub.Name == "VCALENDAR" }) {
			return nil // a calendar in a calendar: cut as if it stood alone
		}
		seen++
		want := map[string]int{}
		for _, sub := range c.Components {
			if ical.KindOf(sub.Name) == 0 {
				continue
			}
			uid := "" // one is made for it
			if p := sub.Property("UID"); p != nil {
				uid = strings.TrimSpace(p.Text())
			}
			want[sub.Name+" "+uid]++
		}
		got := map[string]int{}
		for i, o := range onlyOne(read(data)).cut() {
			if o.bad != "" {
				continue
			}
			cut, err := ical.Parse(o.text())
			if err != nil {
				t.Errorf("%s: object %d cannot be read: %v", name, i, err)
				continue
			}
			for _, sub := range cut.Components {
				if ical.KindOf(sub.Name) != 0 {
					got[sub.Name+" "+strings.TrimSpace(sub.Property("UID").Text())]++
				}
			}
		}
		made := 0 // where there was no UID one was made
		for key, n := range want {
			if got[key] != n {
				made += n
			}
			delete(got, key)
		}
		for _, n := range got {
			made -= n
		}
		if made != 0 {
			t.Errorf("%s: %d components more or less than were read", name, made)
		}
		return nil
	})
	if err != nil || seen < 100 {
		t.Errorf("%d calendars were read: %v", seen, err)
	}
}

func onlyOne(list []container) *container {
	if len(list) == 0 {
		return &container{}
	}
	return &list[0]
}
