package ical

import (
	"errors"
	"time"
)

// bounds is a growing range of Unix times.
type bounds struct {
	from, to int64 // to is exclusive
	open     bool
	any      bool
}

func (b *bounds) empty() bool { return !b.any }

func (b *bounds) add(from, to int64) {
	if !b.any {
		b.from, b.to, b.any = from, to, true
		return
	}
	b.from, b.to = min(b.from, from), max(b.to, to)
}

// always is before everything that can be written as a time.
const always = -62135596800 // year 1

func (o *Object) bounds() bounds {
	var b bounds
	if o.master != nil {
		o.addTiming(&b, o.master)
		o.addSeries(&b)
	}
	for _, t := range o.overrides {
		o.addTiming(&b, t)
	}
	return b
}

// addTiming adds the component's own time.
func (o *Object) addTiming(b *bounds, t *timing) {
	for _, p := range t.periods {
		b.add(p.start.unix(nil)-slack, p.end.unix(nil)+slack+1)
	}
	if t.open {
		b.add(always, always+1)
		b.open = true
		return
	}
	if _, ok := t.anchor(); !ok {
		if t.kind&(Todo|Availability) != 0 { // RFC 4791 9.9: such tasks overlap (almost) everything
			b.add(always, always+1)
			b.open = true
		}
		return
	}
	start, end := t.own(time.UTC)
	margin := t.margin()
	b.add(min(start, end)-margin-1, max(start, end)+margin+1)
	if t.hasEnd && t.kind&FreeBusy != 0 {
		b.add(start-margin-1, t.end.unix(nil)+margin+1)
	}
}

// margin is the slack that a component's times need.
func (t *timing) margin() int64 {
	if t.hasStart && t.start.zone == nil || t.hasEnd && t.end.zone == nil {
		return slack
	}
	return 0
}

// addSeries adds the instances that rules and RDATE make.
func (o *Object) addSeries(b *bounds) {
	anchor, ok := o.master.anchor()
	if !ok || !o.series.recurs() {
		return
	}
	margin := o.master.margin() + o.longest() + o.farthest(time.UTC) + 1
	for _, r := range o.series.rules {
		last, open := lastOf(r, anchor)
		b.open = b.open || open
		if !open {
			b.add(b.from, instant(min(last, lastClock), anchor.in(nil))+margin)
		}
	}
	for _, d := range o.series.dates {
		at := d.start.unix(nil)
		b.add(at-margin-slack, at+margin+slack)
		if d.hasEnd {
			b.add(at, d.end.unix(nil)+margin+slack)
		}
	}
	if o.farthest(time.UTC) > 0 {
		b.from -= o.farthest(time.UTC)
	}
}

// lastOf returns the last clock time of a rule, or that it has none that could
// be found with bounded work.
func lastOf(r *rule, anchor moment) (clock int64, open bool) {
	if r.Count == 0 {
		if !r.HasUntil {
			return 0, true
		}
		return max(min(r.untilClock(anchor, nil), lastClock)+slack, anchor.clock), false
	}
	cursor := r.cursor(min(r.untilClock(anchor, nil), lastClock)+slack, &budget{left: maxWork})
	last := anchor.clock // an instance whatever the rule says
	for {
		clock, ok, err := cursor.next()
		switch {
		case errors.Is(err, ErrTooManyInstances):
			return 0, true
		case !ok:
			return last, false
		}
		last = clock
	}
}

// addAlarm widens the range by an alarm of any instance.
func (b *bounds) addAlarm(a alarm) {
	if a.absolute {
		at := a.at.unix(nil)
		b.add(at-slack, a.last(at)+slack+1)
		return
	}
	if !b.any || b.from == always {
		return
	}
	first := a.offset.addUnix(0, time.UTC)
	b.add(b.from+min(0, first)-slack, b.to+max(0, a.last(first))+slack)
}
