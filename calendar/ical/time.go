package ical

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Time is a DATE or DATE-TIME value (RFC 5545 3.3.4, 3.3.5).
type Time struct {
	Time     time.Time // floating times and dates in the floating zone
	Floating bool      // without time zone: a DATE, or local time
	Date     bool      // a DATE: Time is its midnight
}

// Zones finds a time zone by its TZID; false where it is unknown.
type Zones func(tzid string) (*time.Location, bool)

// ParseTime reads the value of a property of type DATE or DATE-TIME with its
// TZID, floating times in the zone floating (nil: UTC). A local time that a
// time zone skips or has twice means what RFC 5545 3.3.5 says: with the offset
// from before the gap, and the first of the two. A TZID that is unknown makes the time floating.
func ParseTime(p Property, zones Zones, floating *time.Location) (Time, error) {
	m, err := parseMoment(p.Value, p.zone(zones))
	if err != nil {
		return Time{}, err
	}
	return Time{Time: m.at(floating), Floating: m.zone == nil, Date: m.date}, nil
}

// zone returns the time zone of the property's TZID, nil without one.
func (p Property) zone(zones Zones) *time.Location {
	tzid, ok := p.Param("TZID")
	if !ok || tzid == "" || zones == nil {
		return nil
	}
	if zone, ok := zones(tzid); ok {
		return zone
	}
	return nil
}

const day = 24 * 60 * 60

// A moment is a DATE or DATE-TIME as written: seconds of a clock that knows no
// time zone, counted from 1970, and the zone whose clock it is.
type moment struct {
	clock int64
	zone  *time.Location // nil: floating
	date  bool
}

// unix returns the moment in Unix seconds.
func (m moment) unix(floating *time.Location) int64 {
	return instant(m.clock, m.in(floating))
}

func (m moment) at(floating *time.Location) time.Time {
	return time.Unix(m.unix(floating), 0).In(m.in(floating))
}

// in returns the zone in which the moment is read.
func (m moment) in(floating *time.Location) *time.Location {
	switch {
	case m.zone != nil:
		return m.zone
	case floating != nil:
		return floating
	}
	return time.UTC
}

var errTime = errors.New("a date or time that is none")

// parseMoment reads 20260705, 20260705T120000 or 20260705T120000Z.
func parseMoment(s string, zone *time.Location) (moment, error) {
	s = strings.TrimSpace(s)
	if len(s) < 8 {
		return moment{}, errTime
	}
	year, ok1 := digits(s[:4])
	month, ok2 := digits(s[4:6])
	dom, ok3 := digits(s[6:8])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || dom < 1 || dom > daysIn(year, month) {
		return moment{}, errTime
	}
	m := moment{clock: int64(daysTo(year, month, dom)) * day}
	if len(s) == 8 {
		m.date = true
		return m, nil
	}
	if len(s) == 16 && (s[15] == 'Z' || s[15] == 'z') {
		zone = time.UTC
		s = s[:15]
	}
	if len(s) != 15 || s[8] != 'T' && s[8] != 't' {
		return moment{}, errTime
	}
	hour, ok1 := digits(s[9:11])
	minute, ok2 := digits(s[11:13])
	second, ok3 := digits(s[13:15])
	if !ok1 || !ok2 || !ok3 || hour > 24 || minute > 59 || second > 60 || hour == 24 && minute+second > 0 {
		return moment{}, errTime
	}
	second = min(second, 59) // RFC 5545 3.3.12: no leap seconds here
	m.clock += int64(hour*3600 + minute*60 + second)
	m.zone = zone
	return m, nil
}

func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// instant returns the Unix time at which clocks in zone show clock. RFC 5545
// 3.3.5: in a gap the offset from before it counts, of two the first is meant.
func instant(clock int64, zone *time.Location) int64 {
	if zone == time.UTC {
		return clock
	}
	before, after := offset(clock-day, zone), offset(clock+day, zone)
	at := clock - before
	if before == after && offset(at, zone) == before {
		return at
	}
	if offset(at, zone) == before {
		return at
	}
	if later := clock - after; offset(later, zone) == after {
		return later
	}
	// Two changes within two days, or a gap.
	if now := offset(at, zone); now != before && now != after {
		if other := clock - now; offset(other, zone) == now {
			return other
		}
	}
	return at
}

// offset returns how many seconds east of UTC zone is at a Unix time.
func offset(unix int64, zone *time.Location) int64 {
	_, seconds := time.Unix(unix, 0).In(zone).Zone()
	return int64(seconds)
}

// clockOf returns what clocks in zone show at a Unix time.
func clockOf(unix int64, zone *time.Location) int64 { return unix + offset(unix, zone) }

// A Duration is a DURATION value (RFC 5545 3.3.6): days are nominal, they are
// 23 or 25 hours where daylight saving time begins or ends; the rest is exact.
type Duration struct {
	Days  int           // weeks are 7 days
	Exact time.Duration // of the same sign as Days
}

// maxDays bounds durations: longer ones are refused, so that sums of times stay
// in range.
const maxDays = 366 * 1000

// ParseDuration reads a DURATION value. Weeks beside other units are accepted,
// as programs write them.
func ParseDuration(s string) (Duration, error) {
	rest := strings.ToUpper(strings.TrimSpace(s))
	sign := 1
	if strings.HasPrefix(rest, "-") {
		sign = -1
	}
	rest = strings.TrimLeft(rest, "+-")
	fail := fmt.Errorf("a duration that is none")
	rest, ok := strings.CutPrefix(rest, "P")
	if !ok || rest == "" {
		return Duration{}, fail
	}
	var days, seconds int64
	clock := false
	for rest != "" {
		if rest[0] == 'T' && !clock {
			clock = true
			rest = rest[1:]
			continue
		}
		n := 0
		for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
			n++
		}
		if n == 0 || n > 12 || n == len(rest) {
			return Duration{}, fail
		}
		var value int64
		for _, c := range rest[:n] {
			value = value*10 + int64(c-'0')
		}
		switch unit := rest[n]; {
		case unit == 'W' && !clock:
			days += 7 * value
		case unit == 'D' && !clock:
			days += value
		case unit == 'H' && clock:
			seconds += 3600 * value
		case unit == 'M' && clock:
			seconds += 60 * value
		case unit == 'S' && clock:
			seconds += value
		default:
			return Duration{}, fail
		}
		rest = rest[n+1:]
		if days > maxDays || seconds > maxDays*day {
			return Duration{}, fmt.Errorf("a duration of more than 1000 years")
		}
	}
	// A time.Duration ends after 292 years: whole days of more are nominal.
	if seconds > 200*366*day {
		days, seconds = days+seconds/day, seconds%day
	}
	return Duration{Days: sign * int(days), Exact: time.Duration(int64(sign)*seconds) * time.Second}, nil
}

// Add adds the duration to t: days first, on t's clock, then the exact part.
func (d Duration) Add(t time.Time) time.Time {
	if d.Days != 0 {
		zone := t.Location()
		at := instant(clockOf(t.Unix(), zone)+int64(d.Days)*day, zone)
		t = time.Unix(at, 0).In(zone)
	}
	return t.Add(d.Exact)
}

func (d Duration) addUnix(unix int64, zone *time.Location) int64 {
	if d.Days != 0 {
		unix = instant(clockOf(unix, zone)+int64(d.Days)*day, zone)
	}
	return unix + int64(d.Exact/time.Second)
}

// FormatUTC writes a DATE-TIME in UTC, such as 20260705T120000Z.
func FormatUTC(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// FormatDate writes a DATE of t in its own zone, such as 20260705.
func FormatDate(t time.Time) string { return t.Format("20060102") }
