package ical

import (
	"context"
	"slices"
	"strings"
	"time"
)

// A Busy is a period of busy time (RFC 5545 3.2.9).
type Busy struct {
	Start, End time.Time // in UTC
	Type       string    // "BUSY", "BUSY-TENTATIVE" or "BUSY-UNAVAILABLE"
}

// The types of busy time.
const (
	busy        = "BUSY"
	tentative   = "BUSY-TENTATIVE"
	unavailable = "BUSY-UNAVAILABLE"
)

// BusyTime returns what the object adds to a free-busy answer for the time
// range (RFC 4791 7.10): opaque events that are not cancelled, tentative ones as
// BUSY-TENTATIVE, and the FREEBUSY properties of a VFREEBUSY but FREE. Periods
// are cut to the range and not merged: [MergeBusy] does that. Arguments and
// errors are those of Instances.
func (o *Object) BusyTime(ctx context.Context, from, to time.Time, floating *time.Location, limit int) ([]Busy, error) {
	s := spanOf(from, to)
	if o.Kind&FreeBusy != 0 {
		return o.reported(s, floating, limit)
	}
	if o.Kind&Event == 0 {
		return nil, nil
	}
	var list []Busy
	err := o.each(ctx, s, floating, func(i Instance) error {
		kind := busyType(i.Component)
		start, end := max(i.Start.Unix(), s.from), min(i.End.Unix(), s.to)
		if kind == "" || start >= end {
			return nil
		}
		if limit > 0 && len(list) == limit {
			return ErrTooManyInstances
		}
		list = append(list, Busy{Start: time.Unix(start, 0).UTC(), End: time.Unix(end, 0).UTC(), Type: kind})
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, byStart)
	return list, nil
}

// busyType is the type of an event's time, "" where it is free.
func busyType(c *Component) string {
	if strings.EqualFold(strings.TrimSpace(c.Value("TRANSP")), "TRANSPARENT") {
		return ""
	}
	switch strings.ToUpper(strings.TrimSpace(c.Value("STATUS"))) {
	case "CANCELLED":
		return ""
	case "TENTATIVE":
		return tentative
	}
	return busy
}

// reported is the busy time that VFREEBUSY components report.
func (o *Object) reported(s span, floating *time.Location, limit int) ([]Busy, error) {
	var list []Busy
	for _, t := range append([]*timing{o.master}, o.overrides...) {
		if t == nil {
			continue
		}
		for _, p := range t.periods {
			start, end := max(p.start.unix(floating), s.from), min(p.end.unix(floating), s.to)
			if p.kind == "FREE" || start >= end {
				continue
			}
			if limit > 0 && len(list) == limit {
				return nil, ErrTooManyInstances
			}
			b := Busy{Start: time.Unix(start, 0).UTC(), End: time.Unix(end, 0).UTC(), Type: busy}
			if p.kind == tentative || p.kind == unavailable { // others count as BUSY (RFC 5545 3.2.9)
				b.Type = p.kind
			}
			list = append(list, b)
		}
	}
	slices.SortStableFunc(list, byStart)
	return list, nil
}

func byStart(a, b Busy) int { return a.Start.Compare(b.Start) }

// MergeBusy sorts periods and joins those of one type that touch or overlap.
func MergeBusy(periods []Busy) []Busy {
	sorted := slices.Clone(periods)
	slices.SortStableFunc(sorted, byStart)
	var merged []Busy
	last := map[string]int{} // by type: the latest period
	for _, p := range sorted {
		at, ok := last[p.Type]
		if ok && !p.Start.After(merged[at].End) {
			if p.End.After(merged[at].End) {
				merged[at].End = p.End
			}
			continue
		}
		last[p.Type] = len(merged)
		merged = append(merged, p)
	}
	return merged
}
