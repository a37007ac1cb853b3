package thunderbird

import (
	"net/http"
	"slices"
	"strings"
	"testing"

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
	site := startSite(t, davHost, demo.HTTP)
	p := startThunderbird(t, demo.Portal)
	p.do("start", waitForWindow, nil)
	p.do("arrange", arrange, nil, mailDomain, davHost, site.port, site.authority)
	anna, jan := &dav{t, demo.HTTP, demo.Anna()}, &dav{t, demo.HTTP, demo.Jan()}
	anna.want(http.StatusCreated, "MKCALENDAR", anna.calendar("abfuhr"), `<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop>`+
		`<displayname>Müllabfuhr</displayname><calendar-color xmlns="http://apple.com/ns/ical/">#AA5500FF</calendar-color></prop></set></C:mkcalendar>`)

	findsCalendars(p, anna)
	ownEvent(p, anna)
	eventFromElsewhere(p, anna)
	oneOccurrence(p, anna)
	officeEvent(p, anna, jan)

	findsBooks(p, anna)
	ownContact(p, anna)
	contactFromElsewhere(p, anna)
	completesAddresses(p, jan)
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
func findsCalendars(p *program, anna *dav) {
	type calendar struct {
		Name, At, Colour string
		ReadOnly         bool
	}
	want := map[string]string{ownCalendar: anna.calendar("calendar"), "Müllabfuhr": anna.calendar("abfuhr"), officeName: anna.calendar(harness.Office + ":calendar")}
	for _, place := range []string{"https://" + davHost + "/", "https://" + mailDomain} {
		var got []calendar
		p.do("find the calendars at "+place, findCalendars, &got, anna.Address, anna.AppPassword, place, place == "https://"+mailDomain)
		if len(got) != len(want) {
			p.t.Fatalf("Thunderbird found %+v", got)
		}
		for _, c := range got {
			if c.At != "https://"+davHost+want[c.Name] || c.ReadOnly || c.Name == "Müllabfuhr" && !strings.EqualFold(c.Colour, "#AA5500") {
				p.t.Errorf("Thunderbird found %+v", c)
			}
		}
	}
}

// ownEvent is made, changed and removed in Thunderbird.
func ownEvent(p *program, anna *dav) {
	const title, later = "Bürgersprechstunde im Gänsemarkt", "Bürgersprechstunde bis halb fünf: verlängert"
	home := anna.calendar("calendar")
	p.do("make an event", makeEvent, nil, ownCalendar, event("", "20261201T090000", title))
	path, text := anna.arrives(home, "SUMMARY:"+title)
	if !strings.Contains(text, "DTSTART;TZID=Europe/Berlin:20261201T090000") {
		p.t.Errorf("the event arrived as\n%s", text)
	}
	p.do("change it", changeEvent, nil, ownCalendar, title, later, "Mit Müller & Söhne, größer als sonst")
	if text = anna.get(path); !strings.Contains(text, later) || !strings.Contains(text, "Müller & Söhne\\, größer") {
		p.t.Errorf("the changed event arrived as\n%s", text)
	}
	p.do("remove it", removeEvent, nil, ownCalendar, later)
	anna.want(http.StatusNotFound, "GET", path, "")
}

// eventFromElsewhere is made and removed by another program, and changed by both.
func eventFromElsewhere(p *program, anna *dav) {
	const name, title = "Müllabfuhr", "Sperrmüll in der Bäckerstraße"
	path := anna.calendar("abfuhr") + "sperrmüll.ics"
	anna.want(http.StatusCreated, "PUT", path, event("sperrmuell@"+mailDomain, "20261203T070000", title))
	var got struct{ Begin, Place, Text string }
	p.do("see an event from elsewhere", seeEvent, &got, name, title)
	if got.Begin != "2026-12-03T07:00:00" || got.Place != "Rathaus, Zimmer 5" {
		p.t.Errorf("the event shows as %+v", got)
	}
	p.do("change it", changeEvent, nil, name, title, title+" (früh)", "Für alle Häuser")
	text := anna.get(path)
	if !strings.Contains(text, title+" (früh)") || !strings.Contains(text, "Für alle Häuser") || !strings.Contains(text, "X-VON-ANDERSWO:bleibt") {
		p.t.Errorf("the changed event arrived as\n%s", text)
	}
	anna.want(http.StatusNoContent, "PUT", path, event("sperrmuell@"+mailDomain, "20261204T070000", title+" (verschoben)"))
	p.do("see the change from elsewhere", seeEvent, &got, name, title+" (verschoben)")
	if got.Begin != "2026-12-04T07:00:00" {
		p.t.Errorf("the moved event shows as %+v", got)
	}
	anna.want(http.StatusNoContent, "DELETE", path, "")
	p.do("see it gone", missEvent, nil, name, title+" (verschoben)")
}

// oneOccurrence changes one time of the weekly meeting that the demo has.
func oneOccurrence(p *program, anna *dav) {
	const title, changed = "Dienstbesprechung", "Dienstbesprechung mit Frühstück"
	var id string
	p.do("change one occurrence", changeOccurrence, &id, ownCalendar, title, changed)
	_, text := anna.arrives(anna.calendar("calendar"), "SUMMARY:"+changed)
	if strings.Count(text, "BEGIN:VEVENT") != 2 || !strings.Contains(text, "RECURRENCE-ID;TZID=Europe/Berlin:"+id) || !strings.Contains(text, "SUMMARY:"+title+"\r\n") {
		p.t.Errorf("the occurrence %s arrived as\n%s", id, text)
	}
}

// officeEvent is one of the function mailbox's that both people see.
func officeEvent(p *program, anna, jan *dav) {
	const title = "Passbilder-Automat wird geprüft"
	p.do("see the function mailbox's event", seeEvent, nil, officeName, "Schulung: neues Meldewesen")
	p.do("make an event of the function mailbox", makeEvent, nil, officeName, event("", "20261207T100000", title))
	jan.arrives("/calendars/"+harness.Office+"/calendar/", "SUMMARY:"+title)
	p.do("remove it", removeEvent, nil, officeName, title)
	jan.leaves("/calendars/"+harness.Office+"/calendar/", "SUMMARY:"+title)
}

func findsBooks(p *program, anna *dav) {
	type book struct {
		Name, At string
		ReadOnly bool
		Cards    []string
	}
	var at, got []book
	p.do("find the address books at the server", findBooks, &at, anna.Address, anna.AppPassword, "https://"+davHost+"/", false)
	p.do("find the address books at the domain", findBooks, &got, anna.Address, anna.AppPassword, "https://"+mailDomain, true)
	want := map[string]book{
		ownBook:                   {At: anna.book("contacts"), Cards: []string{"Grete Müller", "Deniz Yılmaz"}},
		"Verzeichnis Musterstadt": {At: anna.book("directory"), ReadOnly: true, Cards: []string{"Jan Petersen", officeName}},
		officeName:                {At: anna.book(harness.Office + ":contacts"), Cards: []string{"Druckerei Beispiel"}},
	}
	if len(got) != len(want) || len(at) != len(want) {
		p.t.Fatalf("Thunderbird found %+v and %+v", at, got)
	}
	for _, b := range got {
		w := want[b.Name]
		if b.At != "https://"+davHost+w.At || b.ReadOnly != w.ReadOnly {
			p.t.Errorf("Thunderbird found %+v", b)
		}
		for _, name := range w.Cards {
			if !slices.Contains(b.Cards, name) {
				p.t.Errorf("%s shows no %s but %q", b.Name, name, b.Cards)
			}
		}
	}
}

// ownContact is made, changed and removed in Thunderbird.
func ownContact(p *program, anna *dav) {
	const name = "Änne Größmann"
	home := anna.book("contacts")
	p.do("make a contact", makeCard, nil, ownBook, card("", name, "aenne@verein.example"))
	path, text := anna.arrives(home, "FN:"+name)
	if !strings.Contains(text, "aenne@verein.example") || !strings.Contains(text, "Kleingärtner") {
		p.t.Errorf("the contact arrived as\n%s", text)
	}
	p.do("change it", changeCard, nil, ownBook, name, "Kleingärtner", "Großgärtner")
	if again, _ := anna.arrives(home, "Großgärtner"); again != path {
		p.t.Errorf("the changed contact is %s, it was %s", again, path)
	}
	p.do("remove it", removeCard, nil, ownBook, name)
	anna.leaves(home, "FN:"+name)
}

// contactFromElsewhere is made and removed by another program, and changed by both.
func contactFromElsewhere(p *program, anna *dav) {
	const name = "Jörg Weißhaupt"
	path := anna.book("contacts") + "weißhaupt.vcf"
	anna.want(http.StatusCreated, "PUT", path, card("weisshaupt", name, "joerg@verein.example"))
	var address string
	p.do("see a contact from elsewhere", seeCard, &address, ownBook, name)
	if address != "joerg@verein.example" {
		p.t.Errorf("the contact shows %q", address)
	}
	p.do("change it", changeCard, nil, ownBook, name, "joerg@verein.example", "weisshaupt@verein.example")
	if again, text := anna.arrives(anna.book("contacts"), "weisshaupt@verein.example"); again != path || !strings.Contains(text, "X-VON-ANDERSWO:bleibt") {
		p.t.Errorf("the changed contact arrived as %s\n%s", again, text)
	}
	anna.want(http.StatusNoContent, "DELETE", path, "")
	p.do("see it gone", missCard, nil, ownBook, name)
}

// completesAddresses of people and function mailboxes that only the directory has.
func completesAddresses(p *program, jan *dav) {
	for letters, address := range map[string]string{"peters": jan.Address, "jan.p": jan.Address, "Bürger": harness.Office} {
		var got []string
		p.do("complete "+letters, complete, &got, letters)
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "<"+address+">") }) {
			p.t.Errorf("%s is completed by %q", letters, got)
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
