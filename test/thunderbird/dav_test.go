package thunderbird

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"fachwerk/internal/testenv/parts"
	"fachwerk/internal/testenv/thunderbird"
	"fachwerk/test/system/harness"
)

const (
	mailDomain = "musterstadt.example"
	davHost    = "dav." + mailDomain
)

// Thunderbird finds calendars and address books by a mail address, and a clerk works
// in them: in their own, in one more that they made, in the function mailbox's, and
// with the addresses of the directory.
func TestThunderbirdCalendarsAndContacts(t *testing.T) {
	demo := harness.Start(t, harness.Options{})
	authority := parts.NewAuthority(t)
	p := thunderbird.Start(t, thunderbird.Options{
		Web: strings.TrimPrefix(demo.Portal, "http://"), Secure: startSite(t, authority, davHost, demo.HTTP), Authority: authority.DER(),
	})
	p.ServeDomain(mailDomain, davHost)
	anna, jan := &dav{t, demo.HTTP, demo.Anna()}, &dav{t, demo.HTTP, demo.Jan()}
	anna.want(http.StatusCreated, "MKCALENDAR", anna.calendar("abfuhr"), `<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop>`+
		`<displayname>Müllabfuhr</displayname><calendar-color xmlns="http://apple.com/ns/ical/">#AA5500FF</calendar-color></prop></set></C:mkcalendar>`)

	findsCalendars(t, p, anna)
	ownEvent(t, p, anna)
	eventFromElsewhere(t, p, anna)
	oneOccurrence(t, p, anna)
	officeEvent(t, p, anna, jan)

	findsBooks(t, p, anna)
	ownContact(t, p, anna)
	contactFromElsewhere(t, p, anna)
	completesAddresses(t, p, jan)
	demo.Check(t)
}

func (d *dav) calendar(name string) string { return "/calendars/" + d.Address + "/" + name + "/" }

func (d *dav) book(name string) string { return "/addressbooks/" + d.Address + "/" + name + "/" }

// What the demo gives a person, by the names that Thunderbird shows.
const (
	ownCalendar = "Kalender"
	ownBook     = "Kontakte"
	officeName  = "Bürgeramt Musterstadt"
)

// findsCalendars by the address that the portal tells, and by the mail address alone.
func findsCalendars(t *testing.T, p *thunderbird.Program, anna *dav) {
	want := map[string]string{ownCalendar: anna.calendar("calendar"), "Müllabfuhr": anna.calendar("abfuhr"), officeName: anna.calendar(harness.Office + ":calendar")}
	for _, place := range []string{"https://" + davHost + "/", "https://" + mailDomain} {
		got := p.FindCalendars(anna.Address, anna.AppPassword, place, place == "https://"+mailDomain)
		if len(got) != len(want) {
			t.Fatalf("Thunderbird found %+v", got)
		}
		for _, c := range got {
			if c.At != "https://"+davHost+want[c.Name] || c.ReadOnly || c.Name == "Müllabfuhr" && !strings.EqualFold(c.Colour, "#AA5500") {
				t.Errorf("Thunderbird found %+v", c)
			}
		}
	}
}

// ownEvent is made, changed and removed in Thunderbird.
func ownEvent(t *testing.T, p *thunderbird.Program, anna *dav) {
	const title, later = "Bürgersprechstunde im Gänsemarkt", "Bürgersprechstunde bis halb fünf: verlängert"
	home := anna.calendar("calendar")
	p.MakeEvent(ownCalendar, event("", "20261201T090000", title))
	path, text := anna.arrives(home, "SUMMARY:"+title)
	if !strings.Contains(text, "DTSTART;TZID=Europe/Berlin:20261201T090000") {
		t.Errorf("the event arrived as\n%s", text)
	}
	p.ChangeEvent(ownCalendar, title, later, "Mit Müller & Söhne, größer als sonst")
	if text = anna.get(path); !strings.Contains(text, later) || !strings.Contains(text, "Müller & Söhne\\, größer") {
		t.Errorf("the changed event arrived as\n%s", text)
	}
	p.RemoveEvent(ownCalendar, later)
	anna.want(http.StatusNotFound, "GET", path, "")
}

// eventFromElsewhere is made and removed by another program, and changed by both.
func eventFromElsewhere(t *testing.T, p *thunderbird.Program, anna *dav) {
	const name, title = "Müllabfuhr", "Sperrmüll in der Bäckerstraße"
	path := anna.calendar("abfuhr") + "sperrmüll.ics"
	anna.want(http.StatusCreated, "PUT", path, event("sperrmuell@"+mailDomain, "20261203T070000", title))
	got := p.SeeEvent(name, title)
	if got.Begin != "2026-12-03T07:00:00" || got.Place != "Rathaus, Zimmer 5" {
		t.Errorf("the event shows as %+v", got)
	}
	p.ChangeEvent(name, title, title+" (früh)", "Für alle Häuser")
	text := anna.get(path)
	if !strings.Contains(text, title+" (früh)") || !strings.Contains(text, "Für alle Häuser") || !strings.Contains(text, "X-VON-ANDERSWO:bleibt") {
		t.Errorf("the changed event arrived as\n%s", text)
	}
	anna.want(http.StatusNoContent, "PUT", path, event("sperrmuell@"+mailDomain, "20261204T070000", title+" (verschoben)"))
	if got = p.SeeEvent(name, title+" (verschoben)"); got.Begin != "2026-12-04T07:00:00" {
		t.Errorf("the moved event shows as %+v", got)
	}
	anna.want(http.StatusNoContent, "DELETE", path, "")
	p.MissEvent(name, title+" (verschoben)")
}

// oneOccurrence changes one time of the weekly meeting that the demo has.
func oneOccurrence(t *testing.T, p *thunderbird.Program, anna *dav) {
	const title, changed = "Dienstbesprechung", "Dienstbesprechung mit Frühstück"
	id := p.ChangeOccurrence(ownCalendar, title, changed)
	_, text := anna.arrives(anna.calendar("calendar"), "SUMMARY:"+changed)
	if strings.Count(text, "BEGIN:VEVENT") != 2 || !strings.Contains(text, "RECURRENCE-ID;TZID=Europe/Berlin:"+id) || !strings.Contains(text, "SUMMARY:"+title+"\r\n") {
		t.Errorf("the occurrence %s arrived as\n%s", id, text)
	}
}

// officeEvent is one of the function mailbox's that both people see.
func officeEvent(t *testing.T, p *thunderbird.Program, anna, jan *dav) {
	const title = "Passbilder-Automat wird geprüft"
	p.SeeEvent(officeName, "Schulung: neues Meldewesen")
	p.MakeEvent(officeName, event("", "20261207T100000", title))
	jan.arrives("/calendars/"+harness.Office+"/calendar/", "SUMMARY:"+title)
	p.RemoveEvent(officeName, title)
	jan.leaves("/calendars/"+harness.Office+"/calendar/", "SUMMARY:"+title)
}

func findsBooks(t *testing.T, p *thunderbird.Program, anna *dav) {
	at := p.FindBooks(anna.Address, anna.AppPassword, "https://"+davHost+"/", false)
	got := p.FindBooks(anna.Address, anna.AppPassword, "https://"+mailDomain, true)
	want := map[string]thunderbird.Book{
		ownBook:                   {At: anna.book("contacts"), Cards: []string{"Grete Müller", "Deniz Yılmaz"}},
		"Verzeichnis Musterstadt": {At: anna.book("directory"), ReadOnly: true, Cards: []string{"Jan Petersen", officeName}},
		officeName:                {At: anna.book(harness.Office + ":contacts"), Cards: []string{"Druckerei Beispiel"}},
	}
	if len(got) != len(want) || len(at) != len(want) {
		t.Fatalf("Thunderbird found %+v and %+v", at, got)
	}
	for _, b := range got {
		w := want[b.Name]
		if b.At != "https://"+davHost+w.At || b.ReadOnly != w.ReadOnly {
			t.Errorf("Thunderbird found %+v", b)
		}
		for _, name := range w.Cards {
			if !slices.Contains(b.Cards, name) {
				t.Errorf("%s shows no %s but %q", b.Name, name, b.Cards)
			}
		}
	}
}

// ownContact is made, changed and removed in Thunderbird.
func ownContact(t *testing.T, p *thunderbird.Program, anna *dav) {
	const name = "Änne Größmann"
	home := anna.book("contacts")
	p.MakeCard(ownBook, card("", name, "aenne@verein.example"))
	path, text := anna.arrives(home, "FN:"+name)
	if !strings.Contains(text, "aenne@verein.example") || !strings.Contains(text, "Kleingärtner") {
		t.Errorf("the contact arrived as\n%s", text)
	}
	p.ChangeCard(ownBook, name, "Kleingärtner", "Großgärtner")
	if again, _ := anna.arrives(home, "Großgärtner"); again != path {
		t.Errorf("the changed contact is %s, it was %s", again, path)
	}
	p.RemoveCard(ownBook, name)
	anna.leaves(home, "FN:"+name)
}

// contactFromElsewhere is made and removed by another program, and changed by both.
func contactFromElsewhere(t *testing.T, p *thunderbird.Program, anna *dav) {
	const name = "Jörg Weißhaupt"
	path := anna.book("contacts") + "weißhaupt.vcf"
	anna.want(http.StatusCreated, "PUT", path, card("weisshaupt", name, "joerg@verein.example"))
	if address := p.SeeCard(ownBook, name); address != "joerg@verein.example" {
		t.Errorf("the contact shows %q", address)
	}
	p.ChangeCard(ownBook, name, "joerg@verein.example", "weisshaupt@verein.example")
	if again, text := anna.arrives(anna.book("contacts"), "weisshaupt@verein.example"); again != path || !strings.Contains(text, "X-VON-ANDERSWO:bleibt") {
		t.Errorf("the changed contact arrived as %s\n%s", again, text)
	}
	anna.want(http.StatusNoContent, "DELETE", path, "")
	p.MissCard(ownBook, name)
}

// completesAddresses of people and function mailboxes that only the directory has.
func completesAddresses(t *testing.T, p *thunderbird.Program, jan *dav) {
	for letters, address := range map[string]string{"peters": jan.Address, "jan.p": jan.Address, "Bürger": harness.Office} {
		got := p.Complete(letters)
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "<"+address+">") }) {
			t.Errorf("%s is completed by %q", letters, got)
		}
	}
}

// event is one of an hour; uid may be "".
func event(uid, start, title string) string {
	lines := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//musterstadt.example//Test//DE", "BEGIN:VEVENT",
		"DTSTAMP:20261101T080000Z", "DTSTART;TZID=Europe/Berlin:" + start, "DURATION:PT1H", "SUMMARY:" + title,
		`LOCATION:Rathaus\, Zimmer 5`, "X-VON-ANDERSWO:bleibt"}
	if uid != "" {
		lines = append(lines, "UID:"+uid)
	}
	return strings.Join(append(lines, "END:VEVENT", "END:VCALENDAR", ""), "\r\n")
}

// card is one of a gardener; uid may be "".
func card(uid, name, address string) string {
	given, family, _ := strings.Cut(name, " ")
	lines := []string{"BEGIN:VCARD", "VERSION:4.0", "FN:" + name, "N:" + family + ";" + given + ";;;", "EMAIL;PREF=1:" + address,
		"ORG:Kleingärtner;Vorstand", "X-VON-ANDERSWO:bleibt"}
	if uid != "" {
		lines = append(lines, "UID:"+uid)
	}
	return strings.Join(append(lines, "END:VCARD", ""), "\r\n")
}
