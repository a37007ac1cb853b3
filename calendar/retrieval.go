package calendar

import (
	"context"
	"slices"
	"time"

	"fachwerk/calendar/ical"
	"fachwerk/internal/contentline"
)

// Retrieval says what of an object is asked for (RFC 4791 9.6). The zero value asks
// for all of it, as it is stored.
type Retrieval struct {
	Comp *Selection // what CALDAV:comp names; nil: all
	// At most one of Expand and LimitRecurrence is set; both their ends are given.
	Expand, LimitRecurrence, LimitFreeBusy *TimeRange
}

// Selection is a CALDAV:comp (RFC 4791 9.6.1).
type Selection struct {
	Name               string // upper case
	AllProps, AllComps bool
	Props              []SelectedProperty
	Comps              []Selection
}

// SelectedProperty is a CALDAV:prop (RFC 4791 9.6.4).
type SelectedProperty struct {
	Name    string // upper case
	NoValue bool
}

// Whole reports whether the stored bytes are what is asked for.
func (r Retrieval) Whole() bool { return r == Retrieval{} }

// Append appends what is asked for of an object. left is how many more instances
// the whole answer may write out; ErrTooMuch.
func (r Retrieval) Append(ctx context.Context, dst []byte, o *ical.Object, floating *time.Location, left *int) ([]byte, error) {
	text, err := r.retrieve(ctx, o, floating, left, func(int64) error { return nil })
	return append(dst, text...), err
}

// retrieve makes what is asked for; room is asked once how many bytes more than the object
// has may be made.
func (r Retrieval) retrieve(ctx context.Context, o *ical.Object, floating *time.Location, left *int, room func(bytes int64) error) ([]byte, error) {
	c := o.Calendar
	var err error
	switch {
	case r.Expand != nil:
		c, err = expand(ctx, o, *r.Expand, floating, left, room)
	case r.LimitRecurrence != nil:
		c, err = limitRecurrence(ctx, o, *r.LimitRecurrence, floating)
	}
	if err != nil {
		return nil, err
	}
	if r.LimitFreeBusy != nil {
		c = limitFreeBusy(o, c, *r.LimitFreeBusy)
	}
	if r.Comp != nil {
		if c = r.Comp.of(c); c == nil {
			return nil, nil
		}
	}
	return c.Append(nil), nil
}

// all reports whether nothing is left out: RFC 4791 7.8.1 shows that a comp without
// anything in it asks for the whole component.
func (s Selection) all() bool {
	return s.AllProps && s.AllComps || !s.AllProps && !s.AllComps && len(s.Props) == 0 && len(s.Comps) == 0
}

// of cuts a component to the selection; nil if it is of another name.
func (s Selection) of(c *ical.Component) *ical.Component {
	if c.Name != s.Name {
		return nil
	}
	if s.all() {
		return c
	}
	cut := &ical.Component{Name: c.Name}
	if s.AllProps {
		cut.Properties = c.Properties
	} else {
		for _, p := range c.Properties {
			i := slices.IndexFunc(s.Props, func(want SelectedProperty) bool { return want.Name == p.Name })
			if i < 0 {
				continue
			}
			if s.Props[i].NoValue {
				p.Value = ""
			}
			cut.Properties = append(cut.Properties, p)
		}
	}
	if s.AllComps {
		cut.Components = c.Components
		return cut
	}
	for _, sub := range c.Components {
		for _, want := range s.Comps {
			if kept := want.of(sub); kept != nil {
				cut.Components = append(cut.Components, kept)
				break
			}
		}
	}
	return cut
}

// limitRecurrence is RFC 4791 9.6.6: of the overrides only those that impact the range.
func limitRecurrence(ctx context.Context, o *ical.Object, r TimeRange, floating *time.Location) (*ical.Component, error) {
	if len(o.Overrides) == 0 {
		return o.Calendar, nil
	}
	list, err := o.Instances(ctx, r.Start, r.End, floating, maxScan)
	all, err := tooMany(false, err)
	if err != nil {
		return nil, err
	}
	kept := map[*ical.Component]bool{}
	for _, i := range list {
		kept[i.Component] = true
	}
	cut := &ical.Component{Name: o.Calendar.Name, Properties: o.Calendar.Properties}
	for _, c := range o.Calendar.Components {
		if !slices.Contains(o.Overrides, c) || all || kept[c] || impacts(o, c, r, floating) {
			cut.Components = append(cut.Components, c)
		}
	}
	return cut, nil
}

// impacts reports whether the instance that an override replaces would lie in the
// range, or one that follows it where it speaks for these too.
func impacts(o *ical.Object, override *ical.Component, r TimeRange, floating *time.Location) bool {
	p := override.Property("RECURRENCE-ID")
	if p == nil {
		return true
	}
	at, err := ical.ParseTime(*p, o.Location, floating)
	if err != nil {
		return true
	}
	if contentline.HasValue(p.Params, "RANGE", "THISANDFUTURE") {
		return at.Time.Before(r.End)
	}
	end := at.Time
	if o.Master != nil {
		if length, ok := nominalLength(o, o.Master, floating); ok {
			end = length.Add(at.Time)
		}
	}
	if end.After(at.Time) {
		return at.Time.Before(r.End) && end.After(r.Start)
	}
	return r.holds(at.Time)
}

// nominalLength is how long each instance of a component lasts.
func nominalLength(o *ical.Object, c *ical.Component, floating *time.Location) (ical.Duration, bool) {
	if p := c.Property("DURATION"); p != nil {
		d, err := ical.ParseDuration(p.Value)
		return d, err == nil
	}
	start := c.Property("DTSTART")
	if start == nil {
		return ical.Duration{}, false
	}
	from, err := ical.ParseTime(*start, o.Location, floating)
	if err != nil {
		return ical.Duration{}, false
	}
	end := c.Property("DTEND")
	if c.Name == "VTODO" {
		end = c.Property("DUE")
	}
	if end == nil {
		if from.Date {
			return ical.Duration{Days: 1}, true
		}
		return ical.Duration{}, true
	}
	to, err := ical.ParseTime(*end, o.Location, floating)
	return ical.Duration{Exact: to.Time.Sub(from.Time)}, err == nil
}

// limitFreeBusy is RFC 4791 9.6.7: of FREEBUSY values only those in the range.
func limitFreeBusy(o *ical.Object, c *ical.Component, r TimeRange) *ical.Component {
	if o.Kind&ical.FreeBusy == 0 {
		return c
	}
	cut := &ical.Component{Name: c.Name, Properties: c.Properties}
	for _, sub := range c.Components {
		if sub.Name == "VFREEBUSY" {
			limited := &ical.Component{Name: sub.Name, Components: sub.Components}
			for _, p := range sub.Properties {
				if p.Name == "FREEBUSY" && !limitPeriods(o, &p, r) {
					continue
				}
				limited.Properties = append(limited.Properties, p)
			}
			sub = limited
		}
		cut.Components = append(cut.Components, sub)
	}
	return cut
}

// limitPeriods leaves those periods of a FREEBUSY property that overlap the range
// and reports whether there are any.
func limitPeriods(o *ical.Object, p *ical.Property, r TimeRange) bool {
	var value []byte
	for _, period := range contentline.SplitList(p.Value) {
		one := *p
		one.Value = period
		if !o.PropertyOverlaps(one, r.Start, r.End, time.UTC) {
			continue
		}
		if value != nil {
			value = append(value, ',')
		}
		value = append(value, period...)
	}
	p.Value = string(value)
	return value != nil
}
