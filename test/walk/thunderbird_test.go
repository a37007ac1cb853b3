package walk

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/thunderbird"
)

// thunderbirds work at the same time, each at a server of its own.
func (h *house) thunderbirds(t *testing.T, anna, jan person) {
	t.Helper()
	annas, jans := anna.thunderbird(t, 0), jan.thunderbird(t, 1)
	for _, c := range []struct {
		from, to             *thunderbird.Program
		who                  person // to whom
		subject, text, words string
	}{
		{annas, jans, jan, "Frage aus Musterstadt", "Wann ist die nächste Sitzung?\n", "die nächste Sitzung"},
		{jans, annas, anna, "Antwort aus Neustadt", "Am Montag.\n", "Am Montag"},
	} {
		c.to.Watch(c.subject)
		c.from.Send(c.who.address, c.subject, c.text)
		c.who.sees(t, c.to, c.subject)
		c.to.Read("", c.subject, c.words)
	}
}

// sees waits until a Thunderbird has heard of new mail by IDLE; it looks by itself only
// every hour. What comes while it is not idling yet it notices with the next message
// only, so more come, by the other servers' LMTP too.
func (p person) sees(t *testing.T, tb *thunderbird.Program, subject string) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				done <- nil
				return
			case <-time.After(4 * time.Second):
			}
			if err := p.lmtp(n%2, p.address, fmt.Sprint(subject, ", noch einmal ", n)); err != nil {
				done <- err
				return
			}
		}
	}()
	_, err := tb.Seen()
	close(stop)
	if err = errors.Join(err, <-done); err != nil {
		t.Fatalf("%s's Thunderbird does not hear of %s: %v", p.address, subject, err)
	}
}

// thunderbird is one that has been set up by the person's address alone, at a server.
// It shows what came and what stands in the calendar.
func (p person) thunderbird(t *testing.T, replica int) *thunderbird.Program {
	t.Helper()
	tb := thunderbird.Start(t, thunderbird.Options{Secure: p.names[replica], Address: p.replicas[replica], Authority: p.authority.DER()})
	if got := tb.SetUp(p.name, p.address, p.password); got.IMAP != mailHost+":20993" || got.SMTP != mailHost+":20465" || got.User != p.address {
		t.Fatalf("Thunderbird has set up %+v", got)
	}
	tb.Inbox("an mich")
	tb.Read("", "an mich", "Hallo")
	if path := tb.SharedFolder("amt"); !strings.HasPrefix(path, "Other Users/") {
		t.Errorf("the office is shown as %q", path)
	} else {
		tb.Read(path, "an das Amt", "Hallo")
	}
	p.organise(t, tb, replica)
	return tb
}

// organise has Thunderbird find calendars and address books by the town's domain: it
// shows the event that came by another program, that one gets the event made here, and
// the directory knows nobody of the other town.
func (p person) organise(t *testing.T, tb *thunderbird.Program, replica int) {
	t.Helper()
	const calendar, event = "Kalender", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//walk//EN\r\nBEGIN:VEVENT\r\nUID:sitzung\r\n" +
		"DTSTAMP:20261122T080000Z\r\nDTSTART:20261124T090000Z\r\nSUMMARY:Sitzung\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	_, domain, _ := strings.Cut(p.address, "@")
	tb.ServeDomain(domain, davHost)
	calendars := tb.FindCalendars(p.address, p.password, "https://"+domain, true)
	own := slices.ContainsFunc(calendars, func(c thunderbird.Calendar) bool { return c.Name == calendar })
	office := slices.ContainsFunc(calendars, func(c thunderbird.Calendar) bool {
		return strings.Contains(c.At, "/amt@"+domain) || strings.Contains(c.At, p.address+"/amt@")
	})
	if !own || !office || len(calendars) != 2 {
		t.Fatalf("Thunderbird found the calendars %+v", calendars)
	}
	if e := tb.SeeEvent(calendar, "Beratung"); e.Begin != "2026-11-23T10:00:00" {
		t.Errorf("%s's Thunderbird shows the event as %+v", p.address, e)
	}
	tb.MakeEvent(calendar, event)
	if got := p.calendars(t, 1-replica, ""); strings.Count(got, ".ics") != 2 {
		t.Errorf("%s has the events %q by way of the other server", p.address, got)
	}
	var everybody []string
	for _, b := range tb.FindBooks(p.address, p.password, "https://"+domain, true) {
		everybody = append(everybody, b.Cards...)
	}
	if slices.Sort(everybody); !slices.Equal(everybody, []string{p.name, "amt@" + domain}) {
		t.Errorf("%s's Thunderbird knows %q", p.address, everybody)
	}
}
