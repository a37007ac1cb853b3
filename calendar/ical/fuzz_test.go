package ical

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(text(component("VEVENT", "DTSTART:20250101T000000\r\nRRULE:FREQ=DAILY;COUNT=3\r\nBEGIN:VALARM\r\nTRIGGER:-PT1H\r\nREPEAT:2\r\nDURATION:PT5M\r\nEND:VALARM\r\n"),
		component("VEVENT", "RECURRENCE-ID;RANGE=THISANDFUTURE:20250102T000000\r\nDTSTART:20250102T100000\r\n"))))
	f.Add([]byte(text(strings.ReplaceAll(outlook, "\n", "\r\n"), component("VTODO", "DUE;TZID=Customized Time Zone:20250101T000000\r\nRDATE;VALUE=PERIOD:20250101T000000Z/P1D\r\n"))))
	f.Add([]byte(text(component("VFREEBUSY", "FREEBUSY:20250101T000000Z/P1D\r\n"))))
	f.Add([]byte(text(component("VAVAILABILITY", ""))))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err != nil {
			if !errors.As(err, new(*SyntaxError)) {
				t.Error(err)
			}
			return
		}
		if again, err := Parse(c.Append(nil)); err != nil || !reflect.DeepEqual(c, again) {
			t.Errorf("it comes back otherwise: %v", err)
		}
		for _, part := range split(c) {
			askEverything(t, "input", part)
		}
	})
}

func FuzzRecurrence(f *testing.F) {
	for _, s := range []string{"FREQ=MONTHLY;BYDAY=-1MO,TU;BYSETPOS=2", "RSCALE=GREGORIAN;FREQ=YEARLY;BYWEEKNO=53,-1;SKIP=FORWARD", "FREQ=SECONDLY;INTERVAL=7;UNTIL=20260101T000000Z"} {
		f.Add("20250131T100000", s, uint32(2000000000))
	}
	f.Fuzz(func(t *testing.T, start, rule string, later uint32) {
		m, err := parseMoment(start, nil)
		if err != nil {
			return
		}
		r, err := ParseRecur(rule)
		if err != nil {
			return
		}
		k := newRule(r, m).cursor(r.untilClock(m, time.UTC), &budget{left: 20_000})
		k.seek(m.clock + int64(later))
		last := m.clock - 1
		for {
			clock, ok, err := k.next()
			if err != nil || !ok {
				return
			}
			if clock <= last {
				t.Fatalf("%d after %d", clock, last)
			}
			last = clock
		}
	})
}

func FuzzZone(f *testing.F) {
	f.Add(outlook, int64(1750000000))
	f.Fuzz(func(t *testing.T, s string, clock int64) {
		LookupZone(s)
		c, err := Parse([]byte("BEGIN:VCALENDAR\n" + s + "END:VCALENDAR\n"))
		if err != nil {
			return
		}
		if zone, _, err := CalendarZone(c); err == nil {
			clock %= lastClock
			instant(clock, zone)
		}
	})
}

func FuzzDuration(f *testing.F) {
	f.Add("-P1W2DT3H4M5S")
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			return
		}
		if d.Days > maxDays*2 || d.Days < -maxDays*2 || d.Days > 0 && d.Exact < 0 || d.Days < 0 && d.Exact > 0 {
			t.Errorf("%q is %+v", s, d)
		}
		d.Add(time.Unix(0, 0))
	})
}
