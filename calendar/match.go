package calendar

import (
	"context"
	"errors"
	"slices"
	"time"

	"fachwerk/calendar/ical"
	"fachwerk/internal/contentline"
)

// maxScan bounds the instances of one object that a filter looks at one by one.
const maxScan = 20_000

// matcher holds one object against a filter.
type matcher struct {
	object   *ical.Object
	floating *time.Location
}

// Matches reports whether an object fulfils the filter (RFC 4791 9.7). Floating times
// and dates are read in the zone floating; nil is UTC. An object whose instances
// cannot be told within bounds counts as one that matches: who asks sees rather too
// much than too little. The error is the context's.
func (f Filter) Matches(ctx context.Context, o *ical.Object, floating *time.Location) (bool, error) {
	if f.Comp.Name != "VCALENDAR" {
		return f.Comp.NotDefined, nil
	}
	if f.Comp.NotDefined {
		return false, nil
	}
	m := matcher{o, floating}
	return m.inside(ctx, f.Comp, o.Calendar)
}

// inside reports whether a component fulfils what stands inside a filter.
func (m matcher) inside(ctx context.Context, f CompFilter, c *ical.Component) (bool, error) {
	for _, p := range f.Props {
		if ok, err := m.property(ctx, p, c); !ok {
			return false, err
		}
	}
	for _, sub := range f.Comps {
		if ok, err := m.component(ctx, sub, c); !ok {
			return false, err
		}
	}
	return true, nil
}

// component is RFC 4791 9.7.1: the scope holds a component that fulfils it all.
func (m matcher) component(ctx context.Context, f CompFilter, scope *ical.Component) (bool, error) {
	var those []*ical.Component
	named := 0
	for _, c := range scope.Components {
		if c.Name != f.Name {
			continue
		}
		named++
		if f.NotDefined {
			continue
		}
		ok, err := m.inside(ctx, f, c)
		if err != nil {
			return false, err
		}
		if ok {
			those = append(those, c)
		}
	}
	switch {
	case f.NotDefined:
		return named == 0, nil
	case len(those) == 0 || f.Range == nil:
		return len(those) > 0, nil
	case f.Name == "VALARM":
		return m.alarms(ctx, *f.Range, those)
	default:
		return m.instances(ctx, *f.Range, those, len(those) == named)
	}
}

// instances reports whether an instance of one of the components overlaps the range.
func (m matcher) instances(ctx context.Context, r TimeRange, those []*ical.Component, all bool) (bool, error) {
	if all {
		return tooMany(m.object.Overlaps(ctx, r.Start, r.End, m.floating))
	}
	list, err := m.object.Instances(ctx, r.Start, r.End, m.floating, maxScan)
	return tooMany(slices.ContainsFunc(list, func(i ical.Instance) bool {
		return slices.Contains(those, i.Component)
	}), err)
}

// alarms reports whether one of the VALARM components goes off in the range.
func (m matcher) alarms(ctx context.Context, r TimeRange, those []*ical.Component) (bool, error) {
	list, err := m.object.Alarms(ctx, r.Start, r.End, m.floating, maxScan)
	return tooMany(slices.ContainsFunc(list, func(a ical.Alarm) bool {
		return slices.Contains(those, a.Component)
	}), err)
}

// tooMany makes a match of an object that has more instances than anyone can look at.
func tooMany(ok bool, err error) (bool, error) {
	if errors.Is(err, ical.ErrTooManyInstances) {
		return true, nil
	}
	return ok, err
}

// property is RFC 4791 9.7.2: the component has a property that fulfils it all.
func (m matcher) property(ctx context.Context, f PropFilter, c *ical.Component) (bool, error) {
	defined := false
	for _, p := range c.Properties {
		if p.Name != f.Name {
			continue
		}
		defined = true
		if f.NotDefined {
			return false, nil
		}
		if !f.parameters(p) || f.Text != nil && !f.Text.matches(p.Text()) {
			continue
		}
		if f.Range == nil {
			return true, nil
		}
		if m.object.PropertyOverlaps(p, f.Range.Start, f.Range.End, m.floating) {
			return true, nil
		}
	}
	if f.NotDefined || f.Range == nil || len(f.Params) > 0 && !defined {
		return f.NotDefined, nil
	}
	return m.effective(ctx, f, c)
}

// effective looks at the values that DTSTART, DTEND and DUE have in each instance
// and where DURATION stands for them (RFC 4791 9.9).
func (m matcher) effective(ctx context.Context, f PropFilter, c *ical.Component) (bool, error) {
	start := f.Name == "DTSTART"
	if !start && f.Name != "DTEND" && f.Name != "DUE" || !slices.Contains(m.object.Calendar.Components, c) {
		return false, nil
	}
	// The ends of a range are inside for some kinds and outside for others.
	from, to := f.Range.bounds()
	list, err := m.object.Instances(ctx, from.Add(-time.Second), to.Add(time.Second), m.floating, maxScan)
	return tooMany(slices.ContainsFunc(list, func(i ical.Instance) bool {
		if i.Component != c {
			return false
		}
		if start {
			return !i.Start.IsZero() && f.Range.holds(i.Start)
		}
		return i.HasEnd && f.Range.holds(i.End)
	}), err)
}

// parameters reports whether a property has all parameters that are asked for.
func (f PropFilter) parameters(p ical.Property) bool {
	for _, want := range f.Params {
		values := contentline.Values(p.Params, want.Name)
		_, defined := contentline.Lookup(p.Params, want.Name)
		switch {
		case want.NotDefined:
			if defined {
				return false
			}
		case !defined:
			return false
		case want.Text != nil && !slices.ContainsFunc(values, want.Text.matches):
			return false
		}
	}
	return true
}
