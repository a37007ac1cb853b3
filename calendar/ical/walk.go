package ical

import (
	"context"
	"math"
	"slices"
	"time"
)

// A span is a time range in Unix seconds; the ends may be open.
type span struct{ from, to int64 }

func spanOf(from, to time.Time) span {
	s := span{math.MinInt64, math.MaxInt64}
	if !from.IsZero() {
		s.from = from.Unix()
	}
	if !to.IsZero() {
		s.to = to.Unix()
	}
	return s
}

// A walk goes through the instances of an object that may touch a span.
type walk struct {
	*Object
	ctx      context.Context
	floating *time.Location
	span     span
	work     *budget
	yield    func(Instance) error

	replaced lookup // by overrides
	excluded lookup
	futures  []*timing
	seen     map[int64]bool // nil where no instant can come twice
}

// each calls yield with every instance that touches the span and perhaps some
// that do not, in no order. It stops at yield's first error and returns it.
func (o *Object) each(ctx context.Context, s span, floating *time.Location, yield func(Instance) error) error {
	if floating == nil {
		floating = time.UTC
	}
	w := &walk{Object: o, ctx: ctx, floating: floating, span: s, work: &budget{left: maxWork}, yield: yield}
	for _, t := range o.overrides {
		if err := w.override(t); err != nil {
			return err
		}
	}
	if o.master == nil {
		return nil
	}
	anchor, ok := o.master.anchor()
	if !ok || !o.series.recurs() && len(o.overrides) == 0 {
		return yield(o.instance(o.master, floating))
	}
	return w.recurring(anchor)
}

// instance is the one instance of a component that does not recur.
func (o *Object) instance(t *timing, floating *time.Location) Instance {
	i := Instance{Component: t.component, Override: t.hasID, timing: t}
	i.HasEnd = t.hasEnd || t.hasDuration && t.hasStart
	if t.hasID {
		i.HasRecurrenceID = true
		i.RecurrenceID = t.id.at(floating)
	}
	anchor, ok := t.anchor()
	if !ok {
		return i
	}
	start, end := t.own(floating)
	return i.at(anchor, start, end, floating)
}

// at sets the times of an instance.
func (i Instance) at(anchor moment, start, end int64, floating *time.Location) Instance {
	zone := anchor.in(floating)
	i.AllDay, i.Floating = anchor.date, anchor.zone == nil
	if i.timing.hasStart {
		i.Start = time.Unix(start, 0).In(zone)
	}
	if i.timing.hasStart || i.timing.hasEnd {
		i.End = time.Unix(end, 0).In(zone)
	}
	return i
}

func (w *walk) override(t *timing) error {
	return w.yield(w.instance(t, w.floating))
}

// recurring walks through the recurrence set of the master.
func (w *walk) recurring(anchor moment) error {
	ids := make(exclusions, 0, len(w.overrides))
	for _, t := range w.overrides {
		ids = append(ids, t.id)
	}
	w.replaced = ids.lookup(anchor, w.floating)
	w.excluded = w.series.exclude.lookup(anchor, w.floating)
	w.futures = futures(w.overrides, w.floating)
	if n := len(w.series.rules) + len(w.series.dates); n > 1 || n == 1 && len(w.series.rules) == 1 && w.series.rules[0].Freq < Daily {
		w.seen = map[int64]bool{}
	}

	if err := w.occurrence(anchor, anchor.clock, w.but(anchor), nil); err != nil {
		return err
	}
	for _, r := range w.series.rules {
		if err := w.rule(r, anchor); err != nil {
			return err
		}
	}
	return w.dates(anchor)
}

// rule walks through the times of one RRULE that lie near the span.
func (w *walk) rule(r *rule, anchor moment) error {
	zone := anchor.in(w.floating)
	margin := int64(26 * 3600) // for the changes of the zone's offset, which may be a whole day
	if r.Freq < Hourly {
		margin = 3 * 3600
	}
	low, high := int64(math.MinInt64), int64(math.MaxInt64)
	if w.span.from > always {
		low = clockOf(w.span.from, zone) - margin - w.longest() - w.farthest(w.floating)
	}
	if w.span.to < lastClock {
		high = clockOf(w.span.to, zone) + margin + w.farthest(w.floating)
	}
	but := w.but(anchor)
	cursor := r.cursor(min(high, r.untilClock(anchor, w.floating)), w.work)
	cursor.seek(low)
	for n := 0; ; n++ {
		clock, ok, err := cursor.next()
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		if n%1024 == 0 && w.ctx.Err() != nil {
			return w.ctx.Err()
		}
		if clock < low || clock == anchor.clock { // DTSTART was there before
			continue
		}
		if err := w.occurrence(anchor, clock, but, nil); err != nil {
			return err
		}
	}
}

// dates walks through RDATE.
func (w *walk) dates(anchor moment) error {
	if len(w.series.dates) == 0 {
		return nil
	}
	type occurrence struct {
		clock int64
		date  *date
	}
	zone := anchor.in(w.floating)
	list := make([]occurrence, len(w.series.dates))
	for i := range w.series.dates {
		d := &w.series.dates[i]
		list[i] = occurrence{d.start.clock, d}
		if !d.start.date && d.start.zone != anchor.zone {
			list[i].clock = clockOf(d.start.unix(w.floating), zone)
		}
		switch {
		case anchor.date:
			list[i].clock = floorDiv(list[i].clock, day) * day
		case d.start.date: // a day alone: at the time of day of the others
			list[i].clock += floorMod(anchor.clock, day)
		}
	}
	slices.SortFunc(list, func(a, b occurrence) int { return int(max(-1, min(1, a.clock-b.clock))) })
	but := w.but(anchor)
	for _, o := range list {
		if err := w.work.spend(1); err != nil {
			return err
		}
		if err := w.occurrence(anchor, o.clock, but, o.date); err != nil {
			return err
		}
	}
	return nil
}

// occurrence yields the instance of one time of the series, unless something
// takes it out.
func (w *walk) occurrence(anchor moment, clock int64, but *butRules, d *date) error {
	at := instant(clock, anchor.in(w.floating))
	if w.seen != nil {
		if w.seen[at] {
			return nil
		}
		w.seen[at] = true
	}
	if w.replaced.has(at, clock) || w.excluded.has(at, clock) {
		return nil
	}
	if out, err := but.has(clock); out || err != nil {
		return err
	}
	i := Instance{Component: w.master.component, timing: w.master, HasRecurrenceID: true,
		RecurrenceID: time.Unix(at, 0).In(anchor.in(w.floating)), HasEnd: w.master.hasEnd || w.master.hasDuration && w.master.hasStart}
	if d != nil && d.hasEnd {
		i.HasEnd = true
		return w.yield(i.at(anchor, at, max(at, d.end.unix(w.floating)), w.floating))
	}
	if t := w.future(at); t != nil {
		zone := t.start.in(w.floating)
		shift := t.start.clock - clockOf(t.id.unix(w.floating), zone)
		moved := clockOf(at, zone) + shift
		if t.start.date {
			moved = floorDiv(moved, day) * day
		}
		start := instant(moved, zone)
		i.Component, i.timing, i.Override, i.HasEnd = t.component, t, true, t.hasEnd || t.hasDuration
		return w.yield(i.at(t.start, start, t.endOf(start, w.floating), w.floating))
	}
	return w.yield(i.at(anchor, at, w.master.endOf(at, w.floating), w.floating))
}

// future returns the THISANDFUTURE override that holds at an instant.
func (w *walk) future(at int64) *timing {
	for i := len(w.futures) - 1; i >= 0; i-- {
		if w.futures[i].id.unix(w.floating) <= at {
			return w.futures[i]
		}
	}
	return nil
}

// longest is the longest duration of an instance, in seconds and some more.
func (o *Object) longest() int64 {
	longest := int64(0)
	for _, t := range append([]*timing{o.master}, o.overrides...) {
		if t == nil || !t.hasStart {
			continue
		}
		start, end := t.own(time.UTC)
		longest = max(longest, end-start+2*day)
	}
	return longest
}

// farthest is how far THISANDFUTURE moves instances, in seconds and some more.
func (o *Object) farthest(floating *time.Location) int64 {
	far := int64(0)
	for _, t := range o.overrides {
		if t.future && t.hasStart {
			moved := t.start.unix(floating) - t.id.unix(floating)
			far = max(far, moved, -moved)
		}
	}
	if far > 0 {
		far += 2 * day
	}
	return far
}

// butRules are the EXRULEs, asked in the order of time.
type butRules struct {
	cursors []*cursor
	next    []int64
}

func (w *walk) but(anchor moment) *butRules {
	b := &butRules{}
	for _, r := range w.series.but {
		c := r.cursor(r.untilClock(anchor, w.floating), w.work)
		b.cursors = append(b.cursors, c)
		b.next = append(b.next, math.MinInt64)
	}
	return b
}

// has reports whether an EXRULE takes a clock time out. Times are asked in
// order.
func (b *butRules) has(clock int64) (bool, error) {
	for i, c := range b.cursors {
		if b.next[i] < clock {
			c.seek(clock)
		}
		for b.next[i] < clock {
			next, ok, err := c.next()
			if err != nil {
				return false, err
			}
			if !ok {
				next = math.MaxInt64
			}
			b.next[i] = next
		}
		if b.next[i] == clock {
			return true, nil
		}
	}
	return false, nil
}
