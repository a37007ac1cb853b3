package ical

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// An Instance is one occurrence of an object.
type Instance struct {
	// RecurrenceID is the original start of an instance of a recurring object
	// (RFC 5545 3.8.4.4), whether or not an override moved it.
	RecurrenceID    time.Time
	HasRecurrenceID bool

	// Start and End are what DTSTART, DTEND, DUE and DURATION come to; dates
	// and floating times stand in the floating zone. A point in time has End
	// equal to Start. Start is zero without DTSTART, and both are zero where
	// the component has no time of its own (a VTODO without dates).
	Start, End time.Time
	HasEnd     bool // DTEND, DUE or DURATION was given
	AllDay     bool // DTSTART is a DATE
	Floating   bool // DTSTART is a DATE or without time zone

	Component *Component // the master, or the override that stands for this instance
	Override  bool       // Component is an override (RANGE=THISANDFUTURE included)

	timing *timing
}

// Instances returns the instances that overlap the time range as RFC 4791 9.9
// has it for each type of component, by their start. A zero from or to leaves
// that side open. Floating times and dates are read in the zone floating (nil:
// UTC). More than limit instances (0: as many as the work allows), or too much
// work on the way, is ErrTooManyInstances.
func (o *Object) Instances(ctx context.Context, from, to time.Time, floating *time.Location, limit int) ([]Instance, error) {
	s := spanOf(from, to)
	var list []Instance
	err := o.each(ctx, s, floating, func(i Instance) error {
		if !i.overlaps(s, floating) {
			return nil
		}
		if limit > 0 && len(list) == limit {
			return ErrTooManyInstances
		}
		list = append(list, i)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b Instance) int { return a.order().Compare(b.order()) })
	return list, nil
}

// order is what instances are sorted by.
func (i Instance) order() time.Time {
	if i.Start.IsZero() {
		return i.End
	}
	return i.Start
}

// errFound ends a walk early.
var errFound = errors.New("found")

// Overlaps reports whether any instance overlaps the time range; it stops at
// the first. Arguments and errors are those of Instances.
func (o *Object) Overlaps(ctx context.Context, from, to time.Time, floating *time.Location) (bool, error) {
	s := spanOf(from, to)
	err := o.each(ctx, s, floating, func(i Instance) error {
		if i.overlaps(s, floating) {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// Count returns how many instances the object has, counted up to limit+1: what
// is more than limit, or cannot be counted with bounded work, is limit+1.
func (o *Object) Count(ctx context.Context, limit int) (int, error) {
	n := 0
	err := o.each(ctx, spanOf(time.Time{}, time.Time{}), nil, func(Instance) error {
		if n++; n > limit {
			return errFound
		}
		return nil
	})
	switch {
	case errors.Is(err, errFound), errors.Is(err, ErrTooManyInstances):
		return limit + 1, nil
	}
	return n, err
}

// overlaps is RFC 4791 9.9's table for the instance's type of component.
func (i Instance) overlaps(s span, floating *time.Location) bool {
	t := i.timing
	start, end := i.Start.Unix(), i.End.Unix()
	switch {
	case t.kind&Todo != 0:
		return i.taskOverlaps(s, floating)
	case t.kind&FreeBusy != 0:
		if t.hasStart && t.hasEnd {
			return s.from <= t.end.unix(floating) && s.to > start
		}
		return slices.ContainsFunc(t.periods, func(p period) bool {
			return s.from < p.end.unix(floating) && s.to > p.start.unix(floating)
		})
	case t.kind&Availability != 0: // RFC 7953: without DTSTART or DTEND that side is open
		return (!t.hasStart || s.to > start) && (t.open && !t.hasEnd && !t.hasDuration || s.from < i.endOr(t, floating))
	case !t.hasStart: // a journal entry without a date
		return false
	case end == start:
		return s.from <= start && s.to > start
	}
	return s.from < end && s.to > start
}

// endOr is the end of a component whose start may be missing.
func (i Instance) endOr(t *timing, floating *time.Location) int64 {
	if t.hasEnd && !t.hasStart {
		return t.end.unix(floating)
	}
	return i.End.Unix()
}

func (i Instance) taskOverlaps(s span, floating *time.Location) bool {
	t := i.timing
	start, due := i.Start.Unix(), i.End.Unix()
	switch {
	case t.hasStart && t.hasEnd:
		return (s.from < due || s.from <= start) && (s.to > start || s.to >= due)
	case t.hasStart && t.hasDuration:
		return s.from <= due && (s.to > start || s.to >= due)
	case t.hasStart:
		return s.from <= start && s.to > start
	case t.hasEnd:
		return s.from < due && s.to >= due
	}
	completed, created := t.completed.unix(floating), t.created.unix(floating)
	switch {
	case t.hasCompleted && t.hasCreated:
		return (s.from <= created || s.from <= completed) && (s.to >= created || s.to >= completed)
	case t.hasCompleted:
		return s.from <= completed && s.to >= completed
	case t.hasCreated:
		return s.to > created
	}
	return true
}

// PropertyOverlaps reports whether a DATE, DATE-TIME or PERIOD property of the
// object (COMPLETED, DTSTAMP, EXDATE, FREEBUSY …) overlaps the time range: RFC
// 4791 9.7.2 with 9.9. A DATE is its whole day. A property of another type
// never does.
func (o *Object) PropertyOverlaps(p Property, from, to time.Time, floating *time.Location) bool {
	switch p.Name {
	case "DTSTART", "DTEND", "DUE", "COMPLETED", "CREATED", "DTSTAMP", "LAST-MODIFIED", "RECURRENCE-ID", "EXDATE",
		"RDATE", "FREEBUSY", "ACKNOWLEDGED", "TRIGGER":
	default:
		v, _ := p.Param("VALUE")
		if !slices.Contains([]string{"DATE", "DATE-TIME", "PERIOD"}, strings.ToUpper(v)) {
			return false
		}
	}
	s := spanOf(from, to)
	zone := p.zone(o.Location)
	for v := range strings.SplitSeq(p.Value, ",") {
		if strings.Contains(v, "/") {
			if read, err := parsePeriod(v, zone); err == nil &&
				s.from < read.end.unix(floating) && s.to > read.start.unix(floating) {
				return true
			}
			continue
		}
		m, err := parseMoment(v, zone)
		if err != nil {
			continue
		}
		start := m.unix(floating)
		if m.date {
			if s.from < (Duration{Days: 1}).addUnix(start, m.in(floating)) && s.to > start {
				return true
			}
		} else if s.from <= start && s.to > start {
			return true
		}
	}
	return false
}
