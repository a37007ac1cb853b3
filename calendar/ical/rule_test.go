package ical

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// expand lists the clock times of a rule from start, at most n.
func expand(t testing.TB, start, rule string, n int) string {
	t.Helper()
	m, err := parseMoment(start, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := ParseRecur(rule)
	if err != nil {
		t.Fatal(err)
	}
	c := newRule(r, m)
	k := c.cursor(r.untilClock(m, time.UTC), &budget{left: maxWork})
	list := []string{start}
	for len(list) < n {
		clock, ok, err := k.next()
		if err != nil {
			return err.Error()
		}
		if !ok {
			break
		}
		if clock == m.clock {
			continue
		}
		form := "20060102T150405"
		if m.date {
			form = "20060102"
		}
		list = append(list, time.Unix(clock, 0).UTC().Format(form))
	}
	return strings.Join(list, " ")
}

// TestRules holds cases in which implementations differ, most of them found by
// comparing some thousand made-up rules with python-dateutil 2.9.
func TestRules(t *testing.T) {
	for _, c := range []struct{ why, start, rule, want string }{
		{"the last day of each month", "20250131", "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=4", "20250131 20250228 20250331 20250430"},
		{"months without a 31st are left out", "20250131", "FREQ=MONTHLY;COUNT=4", "20250131 20250331 20250531 20250731"},
		{"so are years without a leap day", "20240229", "FREQ=YEARLY;COUNT=3", "20240229 20280229 20320229"},
		{"SKIP=BACKWARD", "20250131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;COUNT=4", "20250131 20250228 20250331 20250430"},
		{"SKIP=FORWARD", "20250131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;COUNT=4", "20250131 20250301 20250331 20250501"},
		{"SKIP=FORWARD onto a day that is there anyway", "20250131", "RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD;BYMONTHDAY=1,31;COUNT=5", "20250131 20250201 20250301 20250331 20250401"},
		{"SKIP and leap days", "20240229", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD;COUNT=3", "20240229 20250301 20260301"},
		{"the last workday", "20250131", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3", "20250131 20250228 20250331"},
		{"fifth Mondays", "20250331", "FREQ=MONTHLY;BYDAY=5MO;COUNT=3", "20250331 20250630 20250929"},
		{"the 20th Monday of the year", "19970519", "FREQ=YEARLY;BYDAY=20MO;COUNT=3", "19970519 19980518 19990517"},
		{"ordinals in the month with BYMONTH", "20251125", "FREQ=YEARLY;BYMONTH=11;BYDAY=-1TU;COUNT=2", "20251125 20261124"},
		{"Election day", "19961105", "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8;COUNT=3", "19961105 20001107 20041102"},
		{"weeks alone: DTSTART's weekday", "19970512", "FREQ=YEARLY;BYWEEKNO=20;COUNT=3", "19970512 19980511 19990517"},
		{"week 53 counted from the end is the first of a long year", "20040101T000000", "FREQ=YEARLY;BYWEEKNO=-53;BYDAY=TH;COUNT=2", "20040101T000000 20090101T000000"},
		{"two days of a week that begins in December", "20131231T000000", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=TU;COUNT=3", "20131231T000000 20141230T000000 20160105T000000"},
		{"every third year by its weeks, not by its days", "20141228T223200", "FREQ=YEARLY;INTERVAL=3;BYWEEKNO=52;BYDAY=SU;WKST=TU;COUNT=4", "20141228T223200 20171231T223200 20201227T223200 20231231T223200"},
		{"a week of the year before that ends in January", "20100102T000000", "FREQ=YEARLY;BYWEEKNO=-1;BYDAY=SA;COUNT=3", "20100102T000000 20110101T000000 20111231T000000"},
		{"WKST matters", "19970805T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU", "19970805T090000 19970817T090000 19970819T090000 19970831T090000"},
		{"as it does not here", "19970805T090000", "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=MO", "19970805T090000 19970810T090000 19970819T090000 19970824T090000"},
		{"BYSETPOS counts in the whole first week", "19950901T015000", "FREQ=WEEKLY;BYDAY=SA,WE,FR,TH;BYSETPOS=1,2,3;COUNT=4", "19950901T015000 19950906T015000 19950907T015000 19950908T015000"},
		{"BYSETPOS over hours", "20250101T090000", "FREQ=DAILY;BYHOUR=9,12,15;BYSETPOS=1,-1;COUNT=4", "20250101T090000 20250101T150000 20250102T090000 20250102T150000"},
		{"BYSETPOS within a minute", "20250101T090010", "FREQ=MINUTELY;BYSECOND=10,20,30;BYSETPOS=2;COUNT=3", "20250101T090010 20250101T090020 20250101T090120 20250101T090220"},
		{"second 60 is 59", "20250101T090000", "FREQ=MINUTELY;BYSECOND=60;COUNT=2", "20250101T090000 20250101T090059 20250101T090159"},
		{"20 minutes from nine to five", "19970902T161000", "FREQ=MINUTELY;INTERVAL=20;BYHOUR=9,10,11,12,13,14,15,16;COUNT=4", "19970902T161000 19970902T163000 19970902T165000 19970903T091000"},
		{"90 minutes", "19970902T090000", "FREQ=MINUTELY;INTERVAL=90;COUNT=4", "19970902T090000 19970902T103000 19970902T120000 19970902T133000"},
		{"hours through filters on days", "20250101T000000", "FREQ=HOURLY;INTERVAL=7;BYMONTHDAY=15;COUNT=4", "20250101T000000 20250115T000000 20250115T070000 20250115T140000 20250115T210000"},
		{"seconds far apart", "20250101T000000", "FREQ=SECONDLY;INTERVAL=1000000;COUNT=3", "20250101T000000 20250112T134640 20250124T033320"},
		{"UNTIL is inclusive", "20250101T090000", "FREQ=DAILY;UNTIL=20250103T090000", "20250101T090000 20250102T090000 20250103T090000"},
		{"UNTIL as a day means the whole day", "20250101T090000", "FREQ=DAILY;UNTIL=20250102", "20250101T090000 20250102T090000"},
		{"UNTIL in the past leaves DTSTART", "20250101T090000", "FREQ=DAILY;UNTIL=20240102", "20250101T090000"},
		{"DTSTART counts where it matches", "20250103T090000", "FREQ=WEEKLY;BYDAY=FR;COUNT=2", "20250103T090000 20250110T090000"},
		{"and is there beside them where it does not", "20250101T090000", "FREQ=WEEKLY;BYDAY=FR;COUNT=2", "20250101T090000 20250103T090000 20250110T090000"},
		{"times of day mean nothing for days", "20250101", "FREQ=DAILY;BYHOUR=9,10;BYMINUTE=1;COUNT=2", "20250101 20250102"},
		{"hours mean days for days", "20250101", "FREQ=HOURLY;INTERVAL=48;COUNT=3", "20250101 20250103 20250105"},
		{"empty and unknown parts", "20250101", "FREQ=DAILY;;BYDAY=;X-WHY=1;COUNT=2;INTERVAL=0", "20250101 20250102"},
		{"weekly with an ordinal, as Outlook wrote it", "20250106", "FREQ=WEEKLY;BYDAY=1MO;COUNT=2", "20250106 20250113"},
		{"COUNT=-1 beside UNTIL, as a program wrote it", "20250101", "FREQ=DAILY;COUNT=-1;UNTIL=20250102", "20250101 20250102"},
		{"never", "20250101T090000", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "20250101T090000"},
		{"never, day by day", "20250101T090000", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", ErrTooManyInstances.Error()},
		{"the end of time", "99991230T090000", "FREQ=DAILY", "99991230T090000 99991231T090000"},
	} {
		if got := expand(t, c.start, c.rule, 5); got != c.want {
			t.Errorf("%s: %s from %s\n got %s\nwant %s", c.why, c.rule, c.start, got, c.want)
		}
	}
}

func TestRulesThatAreNone(t *testing.T) {
	for _, s := range []string{"", "COUNT=1", "FREQ=FORTNIGHTLY", "FREQ=DAILY;INTERVAL=x", "FREQ=DAILY;COUNT=-2", "FREQ=DAILY;UNTIL=tomorrow",
		"FREQ=DAILY;BYHOUR=24", "FREQ=DAILY;BYMONTHDAY=0", "FREQ=DAILY;BYMONTHDAY=32", "FREQ=DAILY;BYDAY=XX", "FREQ=DAILY;BYDAY=M",
		"FREQ=DAILY;BYDAY=99MO", "FREQ=DAILY;WKST=1MO", "FREQ=YEARLY;BYWEEKNO=54", "FREQ=YEARLY;SKIP=MAYBE", "FREQ=DAILY;X=" + strings.Repeat("1", 10_000)} {
		if r, err := ParseRecur(s); err == nil {
			t.Errorf("%.40q is read as %+v", s, r)
		}
	}
	if _, err := ParseRecur("RSCALE=CHINESE;FREQ=YEARLY"); !errors.Is(err, ErrScale) {
		t.Errorf("another calendar: %v", err)
	}
}

// A window far from the start is reached by a jump, and finds the same.
func TestJumpsFindTheSame(t *testing.T) {
	for _, rule := range []string{"FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;WKST=SU", "FREQ=MONTHLY;INTERVAL=5;BYDAY=-1TU",
		"FREQ=YEARLY;INTERVAL=3;BYWEEKNO=1,52;BYDAY=MO", "FREQ=YEARLY;BYDAY=-1SU", "FREQ=HOURLY;INTERVAL=31", "FREQ=MINUTELY;INTERVAL=1441;BYDAY=TU",
		"RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=FORWARD", "FREQ=SECONDLY;INTERVAL=86401"} {
		m, _ := parseMoment("19900131T100000", nil)
		r, err := ParseRecur(rule)
		if err != nil {
			t.Fatal(err)
		}
		whole := newRule(r, m).cursor(lastClock, &budget{left: 1 << 30})
		low, _ := parseMoment("20600315T000000", nil)
		var want []int64
		for len(want) < 20 {
			clock, _, err := whole.next()
			if err != nil {
				t.Fatal(err)
			}
			if clock >= low.clock {
				want = append(want, clock)
			}
		}
		work := &budget{left: 5000}
		jump := newRule(r, m).cursor(lastClock, work)
		jump.seek(low.clock)
		for i := 0; i < len(want); {
			clock, ok, err := jump.next()
			if err != nil || !ok {
				t.Fatalf("%s: %v after %d", rule, err, i)
			}
			if clock < low.clock {
				continue
			}
			if clock != want[i] {
				t.Errorf("%s: number %d is %v, not %v", rule, i, time.Unix(clock, 0).UTC(), time.Unix(want[i], 0).UTC())
				break
			}
			i++
		}
	}
}

// Rules meant to keep a server busy end quickly.
func TestBombs(t *testing.T) {
	all := func(low, high int) string {
		var b strings.Builder
		for i := low; i <= high; i++ {
			if i > low {
				b.WriteByte(',')
			}
			b.WriteString(time.Duration(i).String()[:len(time.Duration(i).String())-2])
		}
		return b.String()
	}
	every := ";BYHOUR=" + all(0, 23) + ";BYMINUTE=" + all(0, 59) + ";BYSECOND=" + all(0, 59)
	for _, rule := range []string{"FREQ=SECONDLY;UNTIL=20750101T000000Z", "FREQ=SECONDLY;COUNT=1000000000", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=YEARLY" + every, "FREQ=YEARLY;BYMONTHDAY=1,2,3" + every + ";BYSETPOS=-1", "FREQ=MINUTELY;BYSECOND=59;BYDAY=5MO;BYYEARDAY=366;BYMONTH=1",
		"FREQ=HOURLY;INTERVAL=99999999", "FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO;BYMONTH=6", "FREQ=DAILY;COUNT=1000000000;BYYEARDAY=366;BYMONTH=1"} {
		o := object(t, "DTSTART:20250101T000000Z\r\nDTEND:20250101T010000Z\r\n"+strings.Repeat("RRULE:"+rule+"\r\n", 3)+"EXRULE:"+rule+"\r\n")
		began := time.Now()
		o.Bounds()
		_, err := o.Instances(context.Background(), time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC), time.Time{}, nil, 1000)
		_, err2 := o.Overlaps(context.Background(), time.Date(2060, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2060, 2, 1, 0, 0, 0, 0, time.UTC), nil)
		if err != nil && !errors.Is(err, ErrTooManyInstances) || err2 != nil && !errors.Is(err2, ErrTooManyInstances) {
			t.Errorf("%.60s: %v, %v", rule, err, err2)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("%.60s takes %v", rule, took)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	o := object(t, "DTSTART:20250101T000000Z\r\nRRULE:FREQ=DAILY\r\n")
	if _, err := o.Instances(ctx, time.Time{}, time.Time{}, nil, 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a question nobody waits for: %v", err)
	}
}
