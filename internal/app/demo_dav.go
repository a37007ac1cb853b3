package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"fachwerk/auth"
	"fachwerk/contacts"
	"fachwerk/dav/carddav"
	"fachwerk/files"
	"fachwerk/internal/resource"
)

// belongings puts a few events, contacts and files into the demo, so that every
// program has something to show.
func (f *demoFiller) belongings(ctx context.Context) error {
	d := demoDAV{services: f.in.services(), books: nil}
	d.books = carddav.New(carddav.Config{Resources: d.resources})
	for _, p := range demoPeople {
		ref, err := f.in.person(ctx, p.local+"@"+demoDomain)
		if err != nil {
			return err
		}
		who, err := d.asPrincipal(ctx, f.in, ref)
		if err != nil {
			return err
		}
		accounts, err := d.resources.Accounts(ctx, who)
		if err != nil {
			return err
		}
		for _, a := range accounts {
			if !a.Own() && p != demoPeople[0] {
				continue // the function mailbox is filled once, by who manages it
			}
			if err := d.fill(ctx, who, a); err != nil {
				return fmt.Errorf("samples for %s: %w", a.Address, err)
			}
		}
	}
	return nil
}

type demoDAV struct {
	*services
	books *carddav.Head
}

func (d *demoDAV) fill(ctx context.Context, who *auth.Principal, a resource.Account) error {
	if err := d.calendar.Ensure(ctx, a); err != nil {
		return err
	}
	if err := d.books.Ensure(ctx, a); err != nil {
		return err
	}
	events, cards, documents := demoEvents(a), demoCards(a), demoDocuments(a)
	c, err := d.first(ctx, a, resource.Calendar)
	if err != nil {
		return err
	}
	for name, text := range events {
		at := resource.Place{Collection: c, Name: name}
		draft, err := d.calendar.Accept(ctx, at, resource.Item{}, []byte(text))
		if err != nil {
			return err
		}
		if _, err := d.resources.Put(ctx, at, draft, resource.Guard{}); err != nil {
			return err
		}
	}
	if c, err = d.first(ctx, a, resource.AddressBook); err != nil {
		return err
	}
	for name, text := range cards {
		if err := d.card(ctx, resource.Place{Collection: c, Name: name}, text); err != nil {
			return err
		}
	}
	if c, err = d.files.Drive(ctx, a); err != nil {
		return err
	}
	for path, text := range documents {
		if err := d.document(ctx, c, path, text); err != nil {
			return err
		}
	}
	return nil
}

func (d *demoDAV) first(ctx context.Context, a resource.Account, kind resource.Kind) (resource.Collection, error) {
	list, err := d.resources.Collections(ctx, a, kind)
	if err == nil && len(list) == 0 {
		err = resource.ErrNotFound
	}
	if err != nil {
		return resource.Collection{}, err
	}
	return list[0], nil
}

func (d *demoDAV) card(ctx context.Context, at resource.Place, text string) error {
	card, err := contacts.Parse([]byte(text))
	if err != nil {
		return err
	}
	draft, err := d.files.Receive(ctx, at.Collection.Account, files.Upload{Body: strings.NewReader(text), Size: int64(len(text))})
	if err != nil {
		return err
	}
	draft.Facts, draft.Encoder, draft.Index = card.Facts(), contacts.FactsEncoder, card.Index()
	_, err = d.resources.Put(ctx, at, draft, resource.Guard{})
	return err
}

func (d *demoDAV) document(ctx context.Context, c resource.Collection, path, text string) error {
	names := strings.Split(path, "/")
	parent := resource.Root
	for _, folder := range names[:len(names)-1] {
		found, err := d.resources.Named(ctx, c, parent, []string{folder})
		if err != nil {
			return err
		}
		if found[0].ID == 0 {
			if found[0], err = d.resources.MakeFolder(ctx, resource.Place{Collection: c, Parent: parent, Name: folder}, nil, resource.Guard{}); err != nil {
				return err
			}
		}
		parent = found[0].ID
	}
	draft, err := d.files.Receive(ctx, c.Account, files.Upload{Body: strings.NewReader(text), Size: int64(len(text))})
	if err != nil {
		return err
	}
	_, err = d.resources.Put(ctx, resource.Place{Collection: c, Parent: parent, Name: names[len(names)-1]}, draft, resource.Guard{})
	return err
}

// demoEvent makes one event of the coming days; rule may be "".
func demoEvent(uid, summary, place string, start time.Time, length time.Duration, rule string) string {
	const local = "20060102T150405"
	lines := []string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Fachwerk//Demo//DE", "BEGIN:VEVENT", "UID:" + uid,
		"DTSTAMP:" + time.Now().UTC().Format(local) + "Z", "DTSTART;TZID=Europe/Berlin:" + start.Format(local),
		"DTEND;TZID=Europe/Berlin:" + start.Add(length).Format(local), "SUMMARY:" + summary, "LOCATION:" + place,
	}
	if rule != "" {
		lines = append(lines, "RRULE:"+rule)
	}
	return strings.Join(append(lines, "END:VEVENT", "END:VCALENDAR", ""), "\r\n")
}

func demoEvents(a resource.Account) map[string]string {
	now := time.Now()
	monday := now.AddDate(0, 0, (8-int(now.Weekday()))%7)
	at := func(day, hour int) time.Time {
		return time.Date(monday.Year(), monday.Month(), monday.Day()+day, hour, 0, 0, 0, time.UTC)
	}
	if !a.Own() {
		return map[string]string{
			"demo-schulung.ics": demoEvent("demo-schulung@"+demoDomain, "Schulung: neues Meldewesen", "Rathaus\\, Sitzungssaal", at(2, 9), 3*time.Hour, ""),
			"demo-dienst.ics":   demoEvent("demo-dienst@"+demoDomain, "Langer Donnerstag", "Bürgeramt", at(3, 16), 2*time.Hour, "FREQ=WEEKLY"),
		}
	}
	return map[string]string{
		"demo-besprechung.ics": demoEvent("demo-besprechung@"+demoDomain, "Dienstbesprechung", "Rathaus\\, Raum 12", at(0, 10), time.Hour, "FREQ=WEEKLY;COUNT=20"),
		"demo-ausschuss.ics":   demoEvent("demo-ausschuss@"+demoDomain, "Bauausschuss", "Rathaus\\, Ratssaal", at(1, 17), 2*time.Hour, ""),
	}
}

func demoCards(a resource.Account) map[string]string {
	card := func(uid, family, given, organization, mail, phone string) string {
		return strings.Join([]string{
			"BEGIN:VCARD", "VERSION:3.0", "UID:" + uid, "FN:" + strings.TrimSpace(given+" "+family), "N:" + family + ";" + given + ";;;",
			"ORG:" + organization, "EMAIL;TYPE=WORK:" + mail, "TEL;TYPE=WORK:" + phone, "END:VCARD", "",
		}, "\r\n")
	}
	if !a.Own() {
		return map[string]string{
			"demo-druckerei.vcf": card("demo-druckerei", "Druckerei Beispiel", "", "Druckerei Beispiel", "kontakt@druckerei.example", "+49 30 23125 200"),
		}
	}
	return map[string]string{
		"demo-mueller.vcf": card("demo-mueller", "Müller", "Grete", "Bürgerverein Musterstadt", "grete.mueller@beispiel.example", "+49 30 23125 014"),
		"demo-yilmaz.vcf":  card("demo-yilmaz", "Yılmaz", "Deniz", "Stadtwerke Musterstadt", "deniz.yilmaz@stadtwerke.example", "+49 30 23125 077"),
	}
}

func demoDocuments(a resource.Account) map[string]string {
	if !a.Own() {
		return map[string]string{
			"Aushänge/Öffnungszeiten.txt": "Bürgeramt Musterstadt\n\nMontag bis Freitag 8 bis 12 Uhr\nDonnerstag zusätzlich 16 bis 18 Uhr\n",
			"Vorlagen/Anschreiben.txt":    "Sehr geehrte Damen und Herren,\n\n\n\nMit freundlichen Grüßen\nIhr Bürgeramt\n",
		}
	}
	return map[string]string{
		"Willkommen.txt": "Dies ist Ihr Laufwerk. Was Sie hier ablegen, sehen nur Sie.\n\n" +
			"Gelöschtes bleibt 30 Tage im Papierkorb, auch im Portal.\n",
		"Protokolle/Dienstbesprechung.txt": "Protokoll der Dienstbesprechung\n\n1. Öffnungszeiten über die Feiertage\n2. Sperrung Lange Straße\n",
	}
}
