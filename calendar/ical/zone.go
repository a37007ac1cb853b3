package ical

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // for hosts without time zone data of their own
)

// loaded remembers the zones of the time zone data: immutable facts, at most as
// many as there are names, which take a file each to read.
var loaded sync.Map

// LookupZone finds the time zone that a TZID means without any VTIMEZONE: an
// IANA name, plain or behind a prefix, or a name of Windows or Outlook.
func LookupZone(tzid string) (*time.Location, bool) {
	if zone, ok := ianaZone(tzid); ok {
		return zone, true
	}
	name := strings.Trim(tzid, `" `)
	if name, ok := windowsZone(name); ok {
		return ianaZone(name)
	}
	// Behind a prefix that nobody knows, or a slash alone.
	for at := strings.IndexByte(name, '/'); at == 0; at = strings.IndexByte(name, '/') {
		_, rest, more := strings.Cut(name[1:], "/")
		if zone, ok := ianaZone(name[1:]); ok {
			return zone, true
		}
		if !more || len(name) > 200 {
			break
		}
		name = "/" + rest
	}
	return nil, false
}

// ianaZone finds a zone of the time zone data by its name, with or without one
// of the prefixes that some programs put before it.
func ianaZone(tzid string) (*time.Location, bool) {
	name := strings.TrimPrefix(strings.Trim(tzid, `" `), "posix/")
	if strings.HasPrefix(name, "/") {
		name = withoutPrefix(name)
	}
	switch name {
	case "UTC", "Z", "GMT", "Etc/UTC", "Etc/GMT":
		return time.UTC, true
	}
	if !ianaName(name) {
		return nil, false
	}
	if zone, ok := loaded.Load(name); ok {
		return zone.(*time.Location), true
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, false
	}
	loaded.Store(name, zone)
	return zone, true
}

// withoutPrefix leaves the IANA name of a globally unique TZID (RFC 5545
// 3.8.3.1): /mozilla.org/20050126_1/Europe/Berlin,
// /freeassociation.sourceforge.net/Tzfile/Europe/Berlin,
// /softwarestudio.org/Olson_20011030_5/Europe/Berlin, /citadel.org/….
func withoutPrefix(tzid string) string {
	parts := strings.Split(tzid[1:], "/")
	if len(parts) < 2 || !slices.Contains([]string{"freeassociation.sourceforge.net", "mozilla.org", "softwarestudio.org",
		"citadel.org", "kolab.org", "example.com", "www.olsontz.org"}, parts[0]) {
		return tzid
	}
	parts = parts[1:]
	if strings.ContainsAny(parts[0], "0123456789") || parts[0] == "Tzfile" || parts[0] == "olson" {
		parts = parts[1:]
	}
	return strings.Join(parts, "/")
}

// ianaName keeps what is no name of a zone away from the file system.
func ianaName(s string) bool {
	if len(s) < 3 || len(s) > 40 || s[0] < 'A' || s[0] > 'Z' || s == "Local" || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("/_-+", c) >= 0) {
			return false
		}
	}
	return true
}

// A VTIMEZONE is worked out for these years; outside them the first and the
// last offset hold.
const (
	firstZoneYear = 1900
	lastZoneYear  = 2150
)

// Bounds of a VTIMEZONE.
const (
	maxObservances = 200
	maxTransitions = 5000
)

var errZone = errors.New("a time zone that cannot be worked out")

// A transition is a change of offset.
type transition struct {
	at       int64 // Unix time
	from, to int64 // seconds east of UTC
	name     string
	daylight bool
}

// NewZone makes a time zone of a VTIMEZONE component (RFC 5545 3.6.5), for the
// years 1900 to 2150.
func NewZone(vtimezone *Component) (*time.Location, error) {
	var all []transition
	observances := 0
	for _, c := range vtimezone.Components {
		if c.Name != "STANDARD" && c.Name != "DAYLIGHT" {
			continue
		}
		if observances++; observances > maxObservances {
			return nil, fmt.Errorf("%w: it has too many parts", errZone)
		}
		list, err := observance(c)
		if err != nil {
			return nil, err
		}
		if all = append(all, list...); len(all) > maxTransitions {
			return nil, fmt.Errorf("%w: it changes too often", errZone)
		}
	}
	if observances == 0 || len(all) == 0 {
		return nil, fmt.Errorf("%w: it has neither STANDARD nor DAYLIGHT", errZone)
	}
	slices.SortStableFunc(all, func(a, b transition) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	zone, err := time.LoadLocationFromTZData(vtimezone.Value("TZID"), tzif(all))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errZone, err)
	}
	return zone, nil
}

// observance works out when a STANDARD or DAYLIGHT part begins to hold.
func observance(c *Component) ([]transition, error) {
	from, ok1 := parseOffset(c.Value("TZOFFSETFROM"))
	to, ok2 := parseOffset(c.Value("TZOFFSETTO"))
	if !ok2 {
		return nil, fmt.Errorf("%w: an offset is missing or none", errZone)
	}
	if !ok1 { // some programs leave it away
		from = to
	}
	start, err := parseMoment(c.Value("DTSTART"), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: a DTSTART is missing or none", errZone)
	}
	t := transition{from: from, to: to, daylight: c.Name == "DAYLIGHT"}
	if p := c.Property("TZNAME"); p != nil {
		t.name = p.Text()
	}
	// DTSTART and RDATE are local times with the offset from before.
	t.at = start.clock - from
	list := []transition{t}
	work := &budget{left: 1 << 15}
	for _, p := range c.Properties {
		switch p.Name {
		case "RDATE":
			for v := range strings.SplitSeq(p.Value, ",") {
				if m, err := parseMoment(v, nil); err == nil {
					t.at = m.clock
					if m.zone == nil {
						t.at -= from
					}
					list = append(list, t)
				}
			}
		case "RRULE":
			r, err := ParseRecur(p.Value)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", errZone, err)
			}
			until := min(int64(daysTo(lastZoneYear+1, 1, 1))*day, untilOnset(r, from))
			cursor := newRule(r, start).cursor(until, work)
			cursor.seek(int64(daysTo(firstZoneYear, 1, 1)) * day)
			for {
				clock, ok, err := cursor.next()
				if err != nil || len(list) > maxTransitions {
					return nil, fmt.Errorf("%w: it changes too often", errZone)
				}
				if !ok {
					break
				}
				if clock != start.clock {
					t.at = clock - from
					list = append(list, t)
				}
			}
		}
	}
	return list, nil
}

// untilOnset returns UNTIL, which is UTC in a VTIMEZONE, as local time.
func untilOnset(r *Recur, from int64) int64 {
	until := r.untilClock(moment{}, time.UTC)
	if r.HasUntil && r.until.zone != nil {
		until += from
	}
	return until
}

// parseOffset reads a UTC-OFFSET (RFC 5545 3.3.14) such as +0100 or -123456.
func parseOffset(s string) (seconds int64, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return 0, false
	}
	sign := int64(1)
	switch s[0] {
	case '-':
		sign = -1
		s = s[1:]
	case '+':
		s = s[1:]
	}
	if len(s) != 4 && len(s) != 6 {
		return 0, false
	}
	n, ok := digits(s)
	if len(s) == 4 {
		n *= 100
	}
	h, m, sec := n/10000, n/100%100, n%100
	if !ok || h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	return sign * int64(h*3600+m*60+sec), true
}

// tzif writes transitions in the form of RFC 9636, which Go's time package
// reads: an empty block of version 1, then one of version 2.
func tzif(all []transition) []byte {
	type kind struct {
		offset   int64
		daylight bool
	}
	kinds := []kind{{offset: all[0].from}} // what held before the first change
	index := make([]byte, len(all))
	for i, t := range all {
		k := kind{t.to, t.daylight}
		at := slices.Index(kinds, k)
		if at < 0 {
			if len(kinds) == 255 {
				at = len(kinds) - 1
			} else {
				at = len(kinds)
				kinds = append(kinds, k)
			}
		}
		index[i] = byte(at)
	}
	head := func(times, types, chars int) []byte {
		b := append([]byte("TZif2"), make([]byte, 15)...)
		for _, n := range []int{0, 0, 0, times, types, chars} {
			b = binary.BigEndian.AppendUint32(b, uint32(n))
		}
		return b
	}
	b := append(head(0, 0, 0), head(len(all), len(kinds), 1)...)
	for _, t := range all {
		b = binary.BigEndian.AppendUint64(b, uint64(t.at))
	}
	b = append(b, index...)
	for _, k := range kinds {
		b = binary.BigEndian.AppendUint32(b, uint32(int32(k.offset)))
		dst := byte(0)
		if k.daylight {
			dst = 1
		}
		b = append(b, dst, 0)
	}
	return append(b, 0, '\n', '\n')
}

// CalendarZone finds the time zone of a calendar-timezone property (RFC 4791
// 5.2.2), whose value is a VCALENDAR with one VTIMEZONE; it also gives its
// TZID.
func CalendarZone(calendar *Component) (zone *time.Location, tzid string, err error) {
	var found *Component
	for _, c := range calendar.Components {
		if c.Name != "VTIMEZONE" || found != nil {
			return nil, "", fmt.Errorf("%w: the calendar holds more than one VTIMEZONE", errZone)
		}
		found = c
	}
	if calendar.Name != "VCALENDAR" || found == nil {
		return nil, "", fmt.Errorf("%w: the calendar holds no VTIMEZONE", errZone)
	}
	tzid = found.Value("TZID")
	if tzid == "" {
		return nil, "", fmt.Errorf("%w: it has no TZID", errZone)
	}
	if zone, ok := ianaZone(tzid); ok {
		return zone, tzid, nil
	}
	zone, err = NewZone(found)
	return zone, tzid, err
}

// zones answers for one calendar: IANA names first, then its own VTIMEZONEs,
// then names of Windows.
type zones struct {
	calendar *Component
	own      map[string]*time.Location // nil values: cannot be worked out
	broken   error
}

func (z *zones) find(tzid string) (*time.Location, bool) {
	if zone, ok := z.own[tzid]; ok {
		return zone, zone != nil
	}
	zone, ok := ianaZone(tzid)
	for i := 0; !ok && i < len(z.calendar.Components); i++ {
		c := z.calendar.Components[i]
		// TZID is text, with escapes; in parameters it has none.
		if p := c.Property("TZID"); c.Name != "VTIMEZONE" || p == nil || p.Value != tzid && p.Text() != tzid {
			continue
		}
		made, err := NewZone(c)
		if err != nil {
			z.broken = err
			break
		}
		zone, ok = made, true
	}
	if !ok {
		zone, ok = LookupZone(tzid)
	}
	if z.own == nil {
		z.own = map[string]*time.Location{}
	}
	if len(z.own) < 1000 {
		z.own[tzid] = zone
	}
	return zone, ok
}
