package ical

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// made is an event with a rule, exceptions and overrides that nobody thought of.
func made(r *rand.Rand) []string {
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	start := time.Date(2018+r.IntN(4), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), 0, 0, time.UTC)
	form, prefix := "20060102T150405", pick(":", ";TZID=Europe/Berlin:", ";TZID=America/New_York:", ";TZID=Pacific/Apia:")
	if prefix == ":" {
		form = pick("20060102T150405", "20060102T150405Z")
	}
	length := pick("DURATION:PT1H", "DURATION:P3D", "DURATION:P1DT5H", "DURATION:P40D", "")
	if r.IntN(4) == 0 {
		form, prefix, length = "20060102", ";VALUE=DATE:", pick("DURATION:P1D", "DURATION:P10D", "")
	}
	rule := pick("FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;BYDAY=MO,SA", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;BYMONTHDAY=31", "FREQ=YEARLY;BYWEEKNO=1,53;BYDAY=SU",
		"FREQ=YEARLY", "FREQ=DAILY;BYHOUR=2,3", "FREQ=HOURLY;INTERVAL=11", "FREQ=MINUTELY;INTERVAL=1000") + pick("", "", ";COUNT=40", ";UNTIL=20230601", ";UNTIL=20230601T000000Z")
	day := func(n int) string { return start.AddDate(0, 0, n).Format(form) }
	master := "DTSTART" + prefix + start.Format(form) + "\r\n" + length + "\r\nRRULE:" + rule + "\r\nEXDATE" + prefix + day(3) + "," + day(31) + "\r\nRDATE" + prefix + day(500) + "," + day(1) + "\r\n"
	events := []string{strings.ReplaceAll(master, "\r\n\r\n", "\r\n")}
	if r.IntN(2) == 0 {
		events = append(events, "RECURRENCE-ID"+prefix+day(6)+"\r\nDTSTART"+prefix+day(6+r.IntN(400)-200)+"\r\n")
	}
	if r.IntN(2) == 0 {
		events = append(events, "RECURRENCE-ID;RANGE=THISANDFUTURE"+prefix+day(90)+"\r\nDTSTART"+prefix+day(90+r.IntN(20)-10)+"\r\nDURATION:"+pick("P2D", "P15D")+"\r\n")
	}
	return events
}

// What a window shows is what the whole shows of it, and all lies within the
// bounds: an index and a jump must never lose an instance.
func TestWindowsAgree(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	ctx := context.Background()
	write := func(i Instance) string {
		return fmt.Sprint(FormatUTC(i.Start), FormatUTC(i.End), FormatUTC(i.RecurrenceID), i.Override)
	}
	for n := range 400 {
		events := made(r)
		o := object(t, events...)
		zone := []*time.Location{time.UTC, time.FixedZone("", -11*3600), time.FixedZone("", 14*3600)}[n%3]
		whole, err := o.Instances(ctx, time.Time{}, time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), zone, 0)
		if err != nil {
			t.Fatal(err)
		}
		low, high, open := o.Bounds()
		for _, i := range whole {
			if i.Start.Before(low) || !open && !i.End.Before(high) {
				t.Fatalf("seed %d: %v to %v is outside of %v to %v\n%s", seed, i.Start, i.End, low, high, strings.Join(events, "\r\n"))
			}
		}
		from := time.Date(2017+r.IntN(9), time.Month(1+r.IntN(12)), 1, r.IntN(24), 0, 0, 0, time.UTC)
		to := from.Add(time.Duration(1+r.IntN(24*60)) * time.Hour)
		var want, got []string
		for _, i := range whole {
			if i.overlaps(spanOf(from, to), zone) {
				want = append(want, write(i))
			}
		}
		part, err := o.Instances(ctx, from, to, zone, 0)
		for _, i := range part {
			got = append(got, write(i))
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("seed %d: from %v to %v: %v\n got %v\nwant %v\n%s", seed, from, to, err, got, want, strings.Join(events, "\r\n"))
		}
	}
}
