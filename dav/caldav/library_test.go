package caldav_test

import (
	"bytes"
	"testing"
	"time"

	goical "github.com/emersion/go-ical"
	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/caldav"
)

// An independent client finds its way from the root and does what calendars are for.
func TestLibraryClient(t *testing.T) {
	d := open(t)
	ctx := t.Context()
	c, err := caldav.NewClient(webdav.HTTPClientWithBasicAuth(d.HTTP, d.Address, d.Client.Password), d.URL+"/")
	if err != nil {
		t.Fatal(err)
	}
	principal, err := c.FindCurrentUserPrincipal(ctx)
	if err != nil {
		t.Fatal(err)
	}
	home, err := c.FindCalendarHomeSet(ctx, principal)
	if err != nil {
		t.Fatal(err)
	}
	calendars, err := c.FindCalendars(ctx, home)
	if err != nil || len(calendars) != 1 {
		t.Fatalf("calendars: %v, %v", calendars, err)
	}
	cal := calendars[0]
	if cal.Path != d.first() || cal.Name != "Kalender" || cal.MaxResourceSize != 10<<20 || len(cal.SupportedComponentSet) != 4 {
		t.Errorf("the calendar is %+v", cal)
	}
	object, err := goical.NewDecoder(bytes.NewReader([]byte(event("lib", "DTSTART:20260112T090000Z\nDTEND:20260112T100000Z\nRRULE:FREQ=DAILY;COUNT=3\n")))).Decode()
	if err != nil {
		t.Fatal(err)
	}
	put, err := c.PutCalendarObject(ctx, cal.Path+"lib.ics", object)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.GetCalendarObject(ctx, cal.Path+"lib.ics")
	if err != nil || got.ETag != put.ETag || got.Data.Events()[0].Props.Get("UID").Value != "lib@musterstadt.example" {
		t.Errorf("GET: %+v, %v", got, err)
	}
	at := func(day int) time.Time { return time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC) }
	for day, want := range map[int]int{12: 1, 14: 1, 15: 0} {
		found, err := c.QueryCalendar(ctx, cal.Path, &caldav.CalendarQuery{
			CompRequest: caldav.CalendarCompRequest{Name: "VCALENDAR", AllProps: true, AllComps: true},
			CompFilter:  caldav.CompFilter{Name: "VCALENDAR", Comps: []caldav.CompFilter{{Name: "VEVENT", Start: at(day), End: at(day + 1)}}},
		})
		if err != nil || len(found) != want {
			t.Errorf("day %d: %d found, %v", day, len(found), err)
		}
	}
	many, err := c.MultiGetCalendar(ctx, cal.Path, &caldav.CalendarMultiGet{
		Paths: []string{cal.Path + "lib.ics"}, CompRequest: caldav.CalendarCompRequest{Name: "VCALENDAR", AllProps: true, AllComps: true},
	})
	if err != nil || len(many) != 1 {
		t.Errorf("multiget: %v, %v", many, err)
	}
	if err := c.RemoveAll(ctx, cal.Path+"lib.ics"); err != nil {
		t.Error(err)
	}
}
