package ical

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An Alarm is one time at which a VALARM of an instance goes off.
type Alarm struct {
	Instance  Instance
	Component *Component // the VALARM
	Trigger   time.Time
}

// alarm is what a VALARM says about when it goes off.
type alarm struct {
	component *Component
	absolute  bool
	at        moment
	offset    Duration
	fromEnd   bool
	repeat    int64
	every     int64 // seconds
}

// maxRepeat bounds REPEAT.
const maxRepeat = 10_000

// readAlarms returns the alarms of a component; those without a TRIGGER that
// can be read never go off.
func readAlarms(c *Component) []alarm {
	var list []alarm
	for _, sub := range c.Components {
		if sub.Name != "VALARM" {
			continue
		}
		if a, ok := readAlarm(sub); ok {
			list = append(list, a)
		}
	}
	return list
}

func readAlarm(c *Component) (a alarm, ok bool) {
	a.component = c
	trigger := c.Property("TRIGGER")
	if trigger == nil {
		return a, false
	}
	value := strings.TrimSpace(trigger.Value)
	d, err := ParseDuration(value)
	if err == nil {
		a.offset = d
		a.fromEnd = contentHas(trigger, "RELATED", "END")
	} else {
		// An absolute trigger is UTC (RFC 5545 3.8.6.3); floating ones are read too.
		if a.at, err = parseMoment(value, nil); err != nil {
			return a, false
		}
		a.absolute = true
	}
	n, err := strconv.ParseInt(strings.TrimSpace(c.Value("REPEAT")), 10, 64)
	every, wrong := ParseDuration(c.Value("DURATION"))
	if err == nil && wrong == nil && n > 0 {
		a.repeat = min(n, maxRepeat)
		a.every = int64(every.Days)*day + int64(every.Exact/time.Second)
		if a.every <= 0 {
			a.repeat = 0
		}
	}
	return a, true
}

// last is when the alarm goes off for the last time, first being the first.
func (a alarm) last(first int64) int64 { return first + a.repeat*a.every }

// alarms returns all alarms of the object.
func (o *Object) alarms() []alarm {
	if o.Kind&HasAlarm == 0 {
		return nil
	}
	var list []alarm
	for _, c := range append([]*Component{o.Master}, o.Overrides...) {
		if c != nil {
			list = append(list, readAlarms(c)...)
		}
	}
	return list
}

// Alarms returns the alarms that go off in the time range (RFC 4791 9.9: start
// <= trigger < end), repetitions included, in their order. An alarm with an
// absolute time belongs to the first instance of its component. Arguments and
// errors are those of Instances.
func (o *Object) Alarms(ctx context.Context, from, to time.Time, floating *time.Location, limit int) ([]Alarm, error) {
	alarms := o.alarms()
	if len(alarms) == 0 {
		return nil, nil
	}
	s := spanOf(from, to)
	wide := s
	for _, a := range alarms {
		if a.absolute {
			continue
		}
		first := a.offset.addUnix(0, time.UTC)
		if s.from > always {
			wide.from = min(wide.from, s.from-a.last(first)-2*day)
		}
		if s.to < lastClock {
			wide.to = max(wide.to, s.to-first+2*day)
		}
	}
	byComponent := map[*Component][]alarm{}
	var list []Alarm
	err := o.each(ctx, wide, floating, func(i Instance) error {
		mine, known := byComponent[i.Component]
		if !known {
			mine = readAlarms(i.Component)
		}
		byComponent[i.Component] = slices.DeleteFunc(slices.Clone(mine), func(a alarm) bool { return a.absolute })
		for _, a := range mine {
			first, ok := a.first(i, floating)
			if !ok {
				continue
			}
			for n := range a.repeat + 1 {
				at := first + n*a.every
				if at < s.from || at >= s.to {
					continue
				}
				if limit > 0 && len(list) == limit || len(list) == maxWork {
					return ErrTooManyInstances
				}
				list = append(list, Alarm{Instance: i, Component: a.component, Trigger: time.Unix(at, 0).UTC()})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b Alarm) int { return a.Trigger.Compare(b.Trigger) })
	return list, nil
}

// first is when the alarm goes off for the first time; false where it hangs on
// a time that the instance does not have.
func (a alarm) first(i Instance, floating *time.Location) (int64, bool) {
	base := i.Start
	switch {
	case a.absolute:
		return a.at.unix(floating), true
	case a.fromEnd || base.IsZero(): // a task may have DUE alone
		base = i.End
	}
	if base.IsZero() {
		return 0, false
	}
	return a.offset.addUnix(base.Unix(), base.Location()), true
}
