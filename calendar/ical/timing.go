package ical

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A timing is what one component says about when it is.
type timing struct {
	component *Component
	kind      Kind

	hasStart, hasEnd, hasDuration bool
	start, end                    moment // DTSTART; DTEND or DUE
	duration                      Duration
	open                          bool // a VAVAILABILITY without DTEND

	hasID  bool
	id     moment // RECURRENCE-ID
	future bool   // RANGE=THISANDFUTURE

	hasCompleted, hasCreated bool // of tasks
	completed, created       moment
	periods                  []period // FREEBUSY
}

// sequence is the component's SEQUENCE, 0 without one.
func (t *timing) sequence() int {
	n, err := strconv.Atoi(strings.TrimSpace(t.component.Value("SEQUENCE")))
	if err != nil {
		return 0
	}
	return n
}

// A period is a PERIOD value (RFC 5545 3.3.9) and the FBTYPE it stands under.
type period struct {
	start, end moment
	kind       string
}

// maxPeriods bounds FREEBUSY, RDATE and EXDATE values of one component.
const maxPeriods = 100_000

// readTiming reads the times of a component. The error is an *InvalidError.
func readTiming(c *Component, kind Kind, zones *zones) (*timing, error) {
	t := &timing{component: c, kind: kind}
	for i := range c.Properties {
		p := &c.Properties[i]
		var err error
		switch p.Name {
		case "DTSTART":
			err = once(&t.hasStart, &t.start, p, zones)
		case "DTEND":
			if kind&(Event|FreeBusy|Availability) != 0 {
				err = once(&t.hasEnd, &t.end, p, zones)
			}
		case "DUE":
			if kind&Todo != 0 {
				err = once(&t.hasEnd, &t.end, p, zones)
			}
		case "DURATION":
			if !t.hasDuration {
				t.duration, err = ParseDuration(p.Value)
				t.hasDuration = err == nil
			}
		case "RECURRENCE-ID":
			err = once(&t.hasID, &t.id, p, zones)
			t.future = contentHas(p, "RANGE", "THISANDFUTURE")
		case "COMPLETED":
			err = once(&t.hasCompleted, &t.completed, p, zones)
		case "CREATED":
			_ = once(&t.hasCreated, &t.created, p, zones)
		case "FREEBUSY":
			if kind&FreeBusy != 0 {
				err = t.addPeriods(p)
			}
		}
		if err != nil {
			return nil, invalid(validData, "The value of a "+p.Name+" is not what RFC 5545 asks for.")
		}
	}
	switch {
	case !t.hasStart && kind&Event != 0:
		return nil, invalid(validData, "An event has no DTSTART.")
	case c.Property("RECURRENCE-ID") != nil && !t.hasID:
		return nil, invalid(validData, "A RECURRENCE-ID is empty.")
	case kind&Availability != 0:
		t.open = !t.hasStart || !t.hasEnd && !t.hasDuration
	}
	return t, nil
}

func contentHas(p *Property, name, value string) bool {
	v, ok := p.Param(name)
	return ok && strings.EqualFold(strings.TrimSpace(v), value)
}

// once reads a date or time that stands in a component once; of several the
// first counts. An empty value is as none.
func once(has *bool, m *moment, p *Property, zones *zones) error {
	if *has || strings.TrimSpace(p.Value) == "" {
		return nil
	}
	read, err := parseMoment(p.Value, p.zone(zones.find))
	if err != nil {
		return err
	}
	*has, *m = true, read
	return nil
}

func (t *timing) addPeriods(p *Property) error {
	kind := "BUSY"
	if v, ok := p.Param("FBTYPE"); ok {
		kind = strings.ToUpper(v)
	}
	for v := range strings.SplitSeq(p.Value, ",") {
		if strings.TrimSpace(v) == "" {
			continue
		}
		read, err := parsePeriod(v, nil)
		if err != nil {
			return err
		}
		if len(t.periods) == maxPeriods {
			return errors.New("too many periods")
		}
		read.kind = kind
		t.periods = append(t.periods, read)
	}
	return nil
}

// parsePeriod reads start/end or start/duration.
func parsePeriod(s string, zone *time.Location) (period, error) {
	first, second, ok := strings.Cut(s, "/")
	if !ok {
		return period{}, errTime
	}
	start, err := parseMoment(first, zone)
	if err != nil {
		return period{}, err
	}
	if second = strings.TrimSpace(second); !strings.HasPrefix(strings.TrimLeft(second, "+-"), "P") {
		end, err := parseMoment(second, zone)
		return period{start: start, end: end}, err
	}
	d, err := ParseDuration(second)
	if err != nil {
		return period{}, err
	}
	end := start
	end.clock = clockOf(d.addUnix(start.unix(nil), start.in(nil)), start.in(nil))
	return period{start: start, end: end}, nil
}

// anchor is what recurrence counts from: DTSTART, or DUE of a task without it.
func (t *timing) anchor() (moment, bool) {
	if t.hasStart {
		return t.start, true
	}
	return t.end, t.hasEnd && t.kind&Todo != 0
}

// own returns the component's own start and end.
func (t *timing) own(floating *time.Location) (start, end int64) {
	anchor, _ := t.anchor()
	at := anchor.unix(floating)
	return at, t.endOf(at, floating)
}

// endOf returns the end of an instance that begins at start. RFC 5545 3.8.5.3:
// with DTEND or DUE each instance takes exactly as long as the first, with
// DURATION as long on the clock.
func (t *timing) endOf(start int64, floating *time.Location) int64 {
	if !t.hasStart {
		return start
	}
	zone := t.start.in(floating)
	switch {
	case t.hasEnd && t.start.date && t.end.date:
		days := (t.end.clock - t.start.clock) / day
		if t.kind&Event != 0 {
			days = max(days, 1) // some programs write the same day
		}
		return Duration{Days: int(max(days, 0))}.addUnix(start, zone)
	case t.hasEnd:
		return start + max(0, t.end.unix(floating)-t.start.unix(floating))
	case t.hasDuration:
		return max(start, t.duration.addUnix(start, zone))
	case t.start.date && t.kind&(Event|Journal) != 0:
		return Duration{Days: 1}.addUnix(start, zone)
	}
	return start
}

// A series is what the master says about recurrence.
type series struct {
	rules   []*rule
	but     []*rule // EXRULE (RFC 2445)
	dates   []date  // RDATE
	exclude exclusions
}

// A date is an RDATE value.
type date struct {
	start, end moment
	hasEnd     bool
}

func (s *series) recurs() bool { return len(s.rules)+len(s.dates) > 0 }

// maxRules bounds the RRULEs and EXRULEs of one component.
const maxRules = 100

// read reads the recurrence of the master, which may be nil.
func (s *series) read(c *Component, t *timing, zones *zones) error {
	if c == nil {
		return nil
	}
	anchor, ok := t.anchor()
	if !ok {
		return nil // nothing to count from
	}
	for i := range c.Properties {
		p := &c.Properties[i]
		var err error
		switch p.Name {
		case "RRULE":
			err = addRule(&s.rules, p.Value, anchor)
		case "EXRULE":
			err = addRule(&s.but, p.Value, anchor)
		case "RDATE":
			err = s.addDates(p, anchor, zones)
		case "EXDATE":
			err = s.addExclusions(p, anchor, zones)
		}
		switch {
		case errors.Is(err, ErrScale):
			return invalid(knownScale, "Rules that count in other calendars than the Gregorian one are not supported.")
		case err != nil:
			return invalid(validData, "The value of a "+p.Name+" is not what RFC 5545 asks for: "+err.Error()+".")
		}
	}
	return nil
}

func addRule(list *[]*rule, value string, anchor moment) error {
	if strings.TrimSpace(value) == "" {
		return nil
	}
	r, err := ParseRecur(value)
	if err != nil {
		return err
	}
	if len(*list) == maxRules {
		return errors.New("there are too many of them")
	}
	*list = append(*list, newRule(r, anchor))
	return nil
}

func (s *series) addDates(p *Property, anchor moment, zones *zones) error {
	zone := p.zone(zones.find)
	for v := range strings.SplitSeq(p.Value, ",") {
		if strings.TrimSpace(v) == "" {
			continue
		}
		var d date
		var err error
		if strings.Contains(v, "/") {
			var read period
			read, err = parsePeriod(v, zone)
			d = date{start: read.start, end: read.end, hasEnd: true}
		} else {
			d.start, err = parseMoment(v, zone)
		}
		if err != nil {
			return err
		}
		if len(s.dates) == maxPeriods {
			return errors.New("there are too many of them")
		}
		d.start = onClock(d.start, anchor)
		d.end = onClock(d.end, anchor)
		s.dates = append(s.dates, d)
	}
	return nil
}

func (s *series) addExclusions(p *Property, anchor moment, zones *zones) error {
	zone := p.zone(zones.find)
	for v := range strings.SplitSeq(p.Value, ",") {
		if strings.TrimSpace(v) == "" {
			continue
		}
		m, err := parseMoment(v, zone)
		if err != nil {
			return err
		}
		if len(s.exclude) == maxPeriods {
			return errors.New("there are too many of them")
		}
		s.exclude = append(s.exclude, onClock(m, anchor))
	}
	return nil
}

// onClock reads a time without zone on the anchor's clock: programs forget the
// TZID of RDATE, EXDATE and RECURRENCE-ID.
func onClock(m, anchor moment) moment {
	if m.zone == nil && !m.date {
		m.zone = anchor.zone
	}
	return m
}

// exclusions are the moments that EXDATE or overrides take out of a series.
type exclusions []moment

// A lookup finds exclusions by instant, and by day where one side is a DATE
// and the other is not.
type lookup struct {
	at   map[int64]bool
	days map[int64]bool
}

func (e exclusions) lookup(anchor moment, floating *time.Location) lookup {
	l := lookup{}
	for _, m := range e {
		if m.date != anchor.date {
			if l.days == nil {
				l.days = map[int64]bool{}
			}
			l.days[floorDiv(m.clock, day)] = true
			continue
		}
		if l.at == nil {
			l.at = make(map[int64]bool, len(e))
		}
		l.at[m.unix(floating)] = true
	}
	return l
}

func (l lookup) has(at, clock int64) bool {
	return l.at[at] || l.days != nil && l.days[floorDiv(clock, day)]
}

// String is for tests and messages.
func (m moment) String() string {
	return fmt.Sprint(time.Unix(m.clock, 0).UTC().Format("2006-01-02T15:04:05"), " ", m.zone)
}

// futures returns the overrides with RANGE=THISANDFUTURE, the earliest first.
func futures(overrides []*timing, floating *time.Location) []*timing {
	var list []*timing
	for _, t := range overrides {
		if t.future && t.hasStart {
			list = append(list, t)
		}
	}
	slices.SortStableFunc(list, func(a, b *timing) int {
		return int(max(-1, min(1, a.id.unix(floating)-b.id.unix(floating))))
	})
	return list
}
