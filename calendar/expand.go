package calendar

import (
	"context"
	"errors"
	"slices"
	"time"

	"fachwerk/calendar/ical"
	"fachwerk/internal/contentline"
)

// expand is RFC 4791 9.6.5: each instance in the range is a component of its own, in
// UTC, without recurrence and time zones. Dates stay dates and floating times
// floating: they refer to no time zone.
func expand(ctx context.Context, o *ical.Object, r TimeRange, floating *time.Location, left *int, room func(bytes int64) error) (*ical.Component, error) {
	list, err := o.Instances(ctx, r.Start, r.End, floating, min(*left, maxScan))
	if errors.Is(err, ical.ErrTooManyInstances) {
		return nil, ErrTooMuch
	} else if err != nil {
		return nil, err
	}
	spent := spend(list)
	if spent > min(*left, maxScan) {
		return nil, ErrTooMuch
	}
	*left -= spent
	if err := room(expansion(spent)); err != nil {
		return nil, err
	}
	out := &ical.Component{Name: o.Calendar.Name, Properties: o.Calendar.Properties}
	for _, i := range list {
		out.Components = append(out.Components, single(o, i, floating))
	}
	return out, nil
}

// unit is how many bytes of an instance count as one, and expansion what so many take
// together, with the text that is made of them.
const unit = 1024

func expansion(units int) int64 { return int64(units) * 4 * unit }

// spend counts instances, those above a unit by their size: a large component that
// recurs often would fill the memory.
func spend(list []ical.Instance) int {
	total := 0
	known := map[*ical.Component]int{}
	for _, i := range list {
		n, ok := known[i.Component]
		if !ok {
			n = 1 + weight(i.Component)/unit
			known[i.Component] = n
		}
		total += n
	}
	return total
}

// weight is about how many bytes a component has in memory.
func weight(c *ical.Component) int {
	const property, parameter, value = 56, 40, 16 // beside their texts
	n := 0
	for i := range c.Properties {
		n += property + len(c.Properties[i].Name) + len(c.Properties[i].Value)
		for _, p := range c.Properties[i].Params {
			n += parameter + len(p.Name)
			for _, v := range p.Values {
				n += value + len(v)
			}
		}
	}
	for _, sub := range c.Components {
		n += weight(sub)
	}
	return n
}

// single makes a component of one instance.
func single(o *ical.Object, i ical.Instance, floating *time.Location) *ical.Component {
	c := &ical.Component{Name: i.Component.Name}
	for _, p := range i.Component.Properties {
		switch p.Name {
		case "RRULE", "RDATE", "EXRULE", "EXDATE", "RECURRENCE-ID":
			continue
		case "DTSTART":
			p = written(p, i.Start, i.AllDay, i.Floating)
		case "DTEND", "DUE":
			if t, err := ical.ParseTime(p, o.Location, floating); err == nil && i.HasEnd {
				p = written(p, i.End, t.Date, t.Floating)
			}
		case "DURATION":
			if d, err := ical.ParseDuration(p.Value); err == nil && d.Days != 0 && i.HasEnd && !i.Floating {
				// A day is not 24 hours in every zone, in UTC it is.
				p = written(endOf(i.Component), i.End, false, false)
			}
		default:
			p = inUTC(o, p, floating)
		}
		c.Properties = append(c.Properties, p)
	}
	if i.HasRecurrenceID && !initial(o, i, floating) {
		c.Properties = append(c.Properties, recurrenceID(o, i, floating))
	}
	for _, sub := range i.Component.Components {
		c.Components = append(c.Components, utcComponent(o, sub, floating))
	}
	return c
}

// initial reports whether it is the first instance, as the master has it: that one goes
// without RECURRENCE-ID.
func initial(o *ical.Object, i ical.Instance, floating *time.Location) bool {
	if o.Master == nil || i.Component != o.Master {
		return false
	}
	p := o.Master.Property("DTSTART")
	if p == nil {
		return false
	}
	t, err := ical.ParseTime(*p, o.Location, floating)
	return err == nil && t.Time.Equal(i.RecurrenceID)
}

func endOf(c *ical.Component) ical.Property {
	if c.Name == "VTODO" {
		return ical.Property{Name: "DUE"}
	}
	return ical.Property{Name: "DTEND"}
}

// recurrenceID says which instance it is, in the form in which the object's other
// RECURRENCE-IDs are, or its DTSTART.
func recurrenceID(o *ical.Object, i ical.Instance, floating *time.Location) ical.Property {
	date, local := i.AllDay, i.Floating
	if p := i.Component.Property("RECURRENCE-ID"); p != nil {
		if t, err := ical.ParseTime(*p, o.Location, floating); err == nil {
			date, local = t.Date, t.Floating
		}
	}
	return written(ical.Property{Name: "RECURRENCE-ID"}, i.RecurrenceID, date, local)
}

// written gives a property a time as its value.
func written(p ical.Property, t time.Time, date, local bool) ical.Property {
	p.Params = slices.DeleteFunc(slices.Clone(p.Params), func(q contentline.Param) bool {
		return q.Name == "TZID" || q.Name == "VALUE"
	})
	switch {
	case date:
		p.Params = append(p.Params, contentline.Param{Name: "VALUE", Values: []string{"DATE"}})
		p.Value = ical.FormatDate(t)
	case local:
		p.Value = t.Format("20060102T150405")
	default:
		p.Value = ical.FormatUTC(t)
	}
	return p
}

// inUTC rewrites a property that refers to a time zone.
func inUTC(o *ical.Object, p ical.Property, floating *time.Location) ical.Property {
	if _, zoned := p.Param("TZID"); !zoned {
		return p
	}
	t, err := ical.ParseTime(p, o.Location, floating)
	if err != nil {
		return p
	}
	return written(p, t.Time, t.Date, t.Floating)
}

func utcComponent(o *ical.Object, c *ical.Component, floating *time.Location) *ical.Component {
	out := &ical.Component{Name: c.Name}
	for _, p := range c.Properties {
		out.Properties = append(out.Properties, inUTC(o, p, floating))
	}
	for _, sub := range c.Components {
		out.Components = append(out.Components, utcComponent(o, sub, floating))
	}
	return out
}

func freeBusyType(kind string) []contentline.Param {
	if kind == "BUSY" {
		return nil // the default of RFC 5545 3.2.9
	}
	return []contentline.Param{{Name: "FBTYPE", Values: []string{kind}}}
}
