package calendar

import (
	"fmt"
	"time"

	"fachwerk/calendar/ical"
)

// A change is a moment at which a time zone's offset changes.
type change struct {
	at             time.Time
	from, to       int // seconds east of UTC
	daylight       bool
	name           string
	month          time.Month
	weekday        time.Weekday
	nth            int // of that weekday in its month, from 1
	last           bool
	hour, min, sec int // by the clock before
}

// The years that a written time zone describes one by one, if no rule does.
const firstYear, lastYear = 1996, 2045

// ZoneText writes a time zone as a calendar with one VTIMEZONE, for clients that know
// calendar-timezone alone (RFC 7809 5.2 asks for both). It goes back as far as the
// rule of today does.
func ZoneText(zone *time.Location, tzid string) []byte {
	tz := &ical.Component{Name: "VTIMEZONE", Properties: []ical.Property{{Name: "TZID", Value: tzid}}}
	changes := changesOf(zone)
	switch a, b, since := ruleOf(changes); {
	case since != 0:
		tz.Components = []*ical.Component{a.observance(true), b.observance(true)}
	case len(changes) > 0:
		for _, c := range changes {
			tz.Components = append(tz.Components, c.observance(false))
		}
	default:
		name, offset := time.Date(lastYear, 1, 1, 0, 0, 0, 0, zone).Zone()
		c := change{at: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC).Add(-time.Duration(offset) * time.Second), from: offset, to: offset, name: name}
		tz.Components = []*ical.Component{c.observance(false)}
	}
	return calendarOf(tz).Append(nil)
}

// changesOf looks for changes day by day: time.Time.ZoneBounds also ends where a year does.
func changesOf(zone *time.Location) []change {
	var list []change
	day := time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)
	for ; day.Year() <= lastYear; day = day.AddDate(0, 0, 1) {
		low, high := day, day.AddDate(0, 0, 1)
		if sameOffset(low, high, zone) {
			continue
		}
		for high.Sub(low) > time.Second {
			middle := low.Add(high.Sub(low) / 2).Truncate(time.Second)
			if sameOffset(low, middle, zone) {
				low = middle
			} else {
				high = middle
			}
		}
		c := change{at: high, daylight: high.In(zone).IsDST()}
		_, c.from = low.In(zone).Zone()
		c.name, c.to = high.In(zone).Zone()
		local := high.Add(time.Duration(c.from) * time.Second)
		c.month, c.weekday, c.nth = local.Month(), local.Weekday(), (local.Day()-1)/7+1
		c.last = local.AddDate(0, 0, 7).Month() != local.Month()
		c.hour, c.min, c.sec = local.Clock()
		list = append(list, c)
	}
	return list
}

func sameOffset(a, b time.Time, zone *time.Location) bool {
	_, x := a.In(zone).Zone()
	_, y := b.In(zone).Zone()
	return x == y
}

// ruleOf finds the two yearly changes that go on to the last year, and the year since
// which they do; 0 where there are none such.
func ruleOf(list []change) (a, b change, since int) {
	if len(list) < 4 || (lastYear-list[len(list)-1].at.Year()) > 0 {
		return a, b, 0
	}
	i := len(list) - 2
	a, b = list[i], list[i+1]
	for ; i >= 0; i -= 2 {
		x, y := list[i], list[i+1]
		if x.at.Year() != y.at.Year() || !a.same(x) || !b.same(y) || since != 0 && x.at.Year() != since-1 {
			break
		}
		since = x.at.Year()
		a, b = x, y
	}
	if lastYear-since < 10 {
		return a, b, 0
	}
	a.last, b.last = everLast(list, a), everLast(list, b)
	return a, b, since
}

// same reports whether both come by one rule: the last, or the nth, weekday of a month.
func (c change) same(d change) bool {
	return c.month == d.month && c.weekday == d.weekday && c.from == d.from && c.to == d.to &&
		c.hour == d.hour && c.min == d.min && c.sec == d.sec && (c.nth == d.nth || c.last && d.last)
}

// everLast reports whether the rule is the last weekday and not the fourth one.
func everLast(list []change, c change) bool {
	for _, d := range list {
		if !d.at.Before(c.at) && d.month == c.month && !d.last {
			return false
		}
	}
	return true
}

func (c change) observance(yearly bool) *ical.Component {
	name := "STANDARD"
	if c.daylight {
		name = "DAYLIGHT"
	}
	local := c.at.UTC().Add(time.Duration(c.from) * time.Second)
	o := &ical.Component{Name: name, Properties: []ical.Property{
		{Name: "DTSTART", Value: local.Format("20060102T150405")},
		{Name: "TZOFFSETFROM", Value: offset(c.from)},
		{Name: "TZOFFSETTO", Value: offset(c.to)},
		{Name: "TZNAME", Value: c.name},
	}}
	if yearly {
		nth := c.nth
		if c.last {
			nth = -1
		}
		day := [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}[c.weekday]
		o.Properties = append(o.Properties, ical.Property{Name: "RRULE",
			Value: fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s", c.month, nth, day)})
	}
	return o
}

// offset writes a UTC-OFFSET (RFC 5545 3.3.14).
func offset(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	s := fmt.Sprintf("%c%02d%02d", sign, seconds/3600, seconds/60%60)
	if seconds%60 != 0 {
		s += fmt.Sprintf("%02d", seconds%60)
	}
	return s
}
