package ical

import (
	"context"
	"time"
)

// An Instance is one occurrence of an object.
type Instance struct {
	// RecurrenceID is the original start of an instance of a recurring object
	// (RFC 5545 3.8.4.4), whether or not an override moved it.
	RecurrenceID    time.Time
	HasRecurrenceID bool

	// Start and End are what DTSTART, DTEND, DUE and DURATION come to; dates
	// and floating times stand in the floating zone. A point in time has End equal to Start. Both are zero
	// where the component has no time of its own (a VTODO without dates).
	Start, End time.Time
	HasEnd     bool // DTEND, DUE or DURATION was given
	AllDay     bool // DTSTART is a DATE
	Floating   bool // DTSTART is a DATE or without time zone

	Component *Component // the master, or the override that stands for this instance
	Override  bool       // Component is an override (RANGE=THISANDFUTURE included)
}

// Instances returns the instances that overlap the time range as RFC 4791 9.9
// has it for each type of component, by their start. A zero from or to leaves that side open. Floating
// times and dates are read in the zone floating (nil: UTC). More than limit instances, or
// too much work on the way, is ErrTooManyInstances.
func (o *Object) Instances(ctx context.Context, from, to time.Time, floating *time.Location, limit int) ([]Instance, error) {
	panic("unwritten")
}

// Overlaps reports whether any instance overlaps the time range; it stops at
// the first.
func (o *Object) Overlaps(ctx context.Context, from, to time.Time, floating *time.Location) (bool, error) {
	panic("unwritten")
}

// Count returns how many instances the object has, counted up to limit+1.
func (o *Object) Count(ctx context.Context, limit int) (int, error) { panic("unwritten") }

// PropertyOverlaps reports whether a DATE, DATE-TIME or PERIOD property of the
// object (COMPLETED, DTSTAMP, EXDATE, FREEBUSY …) overlaps the time range: RFC 4791 9.7.2 with
// 9.9. A property of another type never does.
func (o *Object) PropertyOverlaps(p Property, from, to time.Time, floating *time.Location) bool {
	panic("unwritten")
}
