package caldav_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/calendar"
)

func TestObjectsAreRefused(t *testing.T) {
	d := open(t, calendar.Limits{Size: 100_000, Attendees: 5})
	d.put(t, d.first(), "there", event("there", "DTSTART:20260112T090000Z\n"))
	plain := event("x", "DTSTART:20260112T090000Z\n")
	for _, c := range []struct{ what, precondition, kind, text string }{
		{"no calendar", "valid-calendar-data", "text/calendar", "Guten Tag"},
		{"Latin-1", "valid-calendar-data", "text/calendar", event("x", "SUMMARY:Gr\xfc\xdfe\n")},
		{"a card", "supported-calendar-data", "text/vcard", "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:x\r\nEND:VCARD\r\n"},
		{"jCal", "supported-calendar-data", "application/calendar+json", "[]"},
		{"another charset", "supported-calendar-data", "text/calendar; charset=iso-8859-1", plain},
		{"METHOD", "valid-calendar-object-resource", "text/calendar", strings.Replace(plain, "VERSION:2.0", "VERSION:2.0\r\nMETHOD:PUBLISH", 1)},
		{"two UIDs", "valid-calendar-object-resource", "text/calendar", in("BEGIN:VEVENT\nUID:a\nDTSTAMP:20260101T080000Z\nDTSTART:20260112T090000Z\nEND:VEVENT\nBEGIN:VEVENT\nUID:b\nDTSTAMP:20260101T080000Z\nDTSTART:20260112T090000Z\nEND:VEVENT\n")},
		{"every second", "max-instances", "text/calendar", event("x", "DTSTART:20260112T090000Z\nRRULE:FREQ=SECONDLY;UNTIL=20760112T090000Z\n")},
		{"large", "max-resource-size", "text/calendar", event("x", "DTSTART:20260112T090000Z\nDESCRIPTION:"+strings.Repeat("x", 100_000)+"\n")},
		{"attendees", "max-attendees-per-instance", "text/calendar", event("x", "DTSTART:20260112T090000Z\n"+strings.Repeat("ATTENDEE:mailto:a@musterstadt.example\n", 6))},
		{"its UID is there", "no-uid-conflict", "text/calendar", event("there", "DTSTART:20260112T090000Z\n")},
	} {
		t.Run(c.what, func(t *testing.T) {
			refused(t, d, "PUT", d.first()+"new.ics", c.text, c.precondition, "Content-Type", c.kind)
			d.Want(t, http.StatusNotFound, "GET", d.first()+"new.ics", "")
		})
	}
	a := d.Do(t, "PUT", d.first()+"new.ics", event("there", "DTSTART:20260112T090000Z\n"))
	if !strings.Contains(a.Body, "<D:href>"+d.first()+"there.ics</D:href>") {
		t.Errorf("no-uid-conflict does not say with whom: %s", a.Body)
	}
	refused(t, d, "PUT", d.first()+"there.ics", plain, "no-uid-conflict")
	d.Want(t, http.StatusCreated, "PUT", d.first()+"new.ics", plain) // nothing was left behind
	d.Sound(t)
}

func TestCopyAndMoveBetweenCalendars(t *testing.T) {
	d := open(t)
	a := d.put(t, d.first(), "a", event("a", "DTSTART:20260112T090000Z\n"))
	d.Want(t, http.StatusCreated, "MKCALENDAR", d.home+"tasks/", body("C:mkcalendar", `<D:set><D:prop><C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set></D:prop></D:set>`))
	d.Want(t, http.StatusCreated, "MKCALENDAR", d.home+"second/", "")
	refused(t, d, "MOVE", a, "", "supported-calendar-component", "Destination", d.home+"tasks/a.ics")
	refused(t, d, "COPY", a, "", "no-uid-conflict", "Destination", d.first()+"b.ics")
	other := d.put(t, d.first(), "other", event("other", "DTSTART:20260112T090000Z\n"))
	refused(t, d, "MOVE", a, "", "no-uid-conflict", "Destination", other)
	d.put(t, d.home+"second/", "other", event("third", "DTSTART:20260112T090000Z\n"))
	refused(t, d, "MOVE", other, "", "no-uid-conflict", "Destination", d.home+"second/other.ics")
	d.Want(t, http.StatusNoContent, "DELETE", other, "")
	d.Want(t, http.StatusCreated, "MOVE", a, "", "Destination", d.home+"second/b.ics")
	d.Want(t, http.StatusNotFound, "GET", a, "")
	d.Want(t, http.StatusCreated, "COPY", d.home+"second/b.ics", "", "Destination", a)
	d.Want(t, http.StatusNoContent, "COPY", d.home+"second/b.ics", "", "Destination", a)
	m := d.report(t, d.first(), "1", "C:calendar-query", getData+events(span("20260112T090000Z", "20260112T090001Z")))
	same(t, "what was copied is found", hrefs(m), []string{a})
	d.Sound(t)
}

// Of sixteen writers with one ETag one wins.
func TestOneWriterWins(t *testing.T) {
	d := open(t)
	a := d.put(t, d.first(), "a", event("a", "DTSTART:20260112T090000Z\n"))
	tag := d.Want(t, http.StatusOK, "GET", a, "").Header.Get("ETag")
	for round := range 5 {
		var wait sync.WaitGroup
		var mu sync.Mutex
		var won []string
		for i := range 16 {
			wait.Go(func() {
				answer, err := d.Try("PUT", a, event("a", fmt.Sprintf("DTSTART:20260112T090000Z\nSUMMARY:%d-%d\n", round, i)), "If-Match", tag)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					t.Error(err)
				case answer.Status == http.StatusNoContent:
					won = append(won, answer.Header.Get("ETag"))
				case answer.Status != http.StatusPreconditionFailed:
					t.Errorf("a loser got %d", answer.Status)
				}
			})
		}
		wait.Wait()
		if len(won) != 1 {
			t.Fatalf("%d have won", len(won))
		}
		tag = won[0]
	}
}

// 100 MB are refused without being kept in memory.
func TestHugeObject(t *testing.T) {
	d := open(t)
	d.Propfind(t, d.home, "1", "<D:displayname/>")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, announced := range []bool{true, false} {
		const size = 100 << 20
		req, err := http.NewRequest("PUT", d.URL+d.first()+"huge.ics", io.LimitReader(endless{}, size))
		if err != nil {
			t.Fatal(err)
		}
		if announced {
			req.ContentLength = size
		}
		req.SetBasicAuth(d.Address, d.Client.Password)
		began := time.Now()
		res, err := d.HTTP.Do(req)
		if err != nil {
			// The server may close before all of it is sent.
			if !strings.Contains(err.Error(), "reset") && !strings.Contains(err.Error(), "broken pipe") && !strings.Contains(err.Error(), "closed") {
				t.Error(err)
			}
		} else {
			text, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusForbidden || !strings.Contains(string(text), "<C:max-resource-size") {
				t.Errorf("%d: %s", res.StatusCode, text)
			}
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("it took %v", took)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 150<<20 {
		t.Errorf("%d MB were allocated", grown>>20)
	}
	d.Want(t, http.StatusNotFound, "GET", d.first()+"huge.ics", "")
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// What recurs as often as may be still answers soon.
func TestQueryOverManyInstances(t *testing.T) {
	d := open(t)
	for i := range 20 {
		d.put(t, d.first(), fmt.Sprint("h", i), event(fmt.Sprint("h", i), "DTSTART:20260101T000000Z\nDURATION:PT1M\nRRULE:FREQ=HOURLY\nEXDATE:20260101T010000Z\n"))
	}
	for name, filter := range map[string]string{
		"far away":       events(span("21250101T003000Z", "21250101T004000Z")),
		"for ever":       events(span("00010101T000000Z", "99991231T235959Z")),
		"by its start":   events(`<C:prop-filter name="DTSTART">` + span("20260101T000000Z", "21260101T000000Z") + `</C:prop-filter>`),
		"alarms":         events(`<C:comp-filter name="VALARM">` + span("20260101T000000Z", "21260101T000000Z") + `</C:comp-filter>`),
		"text and times": events(span("20260101T000000Z", "21260101T000000Z") + `<C:prop-filter name="UID"><C:text-match>h1</C:text-match></C:prop-filter>`),
	} {
		began := time.Now()
		d.report(t, d.first(), "1", "C:calendar-query", `<D:prop><D:getetag/></D:prop>`+filter)
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	a := d.Do(t, "REPORT", d.first(), body("C:free-busy-query", span("20260101T000000Z", "99991231T000000Z")), "Depth", "1")
	if a.Status != http.StatusInsufficientStorage || !strings.Contains(a.Body, "number-of-matches-within-limits") {
		t.Errorf("busy for ever: %d %.300s", a.Status, a.Body)
	}
}
