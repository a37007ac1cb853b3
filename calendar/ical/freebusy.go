package ical

import (
	"context"
	"time"
)

// A Busy is a period of busy time (RFC 5545 3.2.9).
type Busy struct {
	Start, End time.Time // in UTC
	Type       string    // "BUSY", "BUSY-TENTATIVE" or "BUSY-UNAVAILABLE"
}

// BusyTime returns what the object adds to a free-busy answer for the time
// range (RFC 4791 7.10): opaque events that are not cancelled, tentative ones as BUSY-TENTATIVE,
// and the FREEBUSY properties of a VFREEBUSY but FREE. Periods are cut to the range and not
// merged: [MergeBusy] does that. Arguments and errors are those of Instances.
func (o *Object) BusyTime(ctx context.Context, from, to time.Time, floating *time.Location, limit int) ([]Busy, error) {
	panic("unwritten")
}

// MergeBusy sorts periods and joins those of one type that touch or overlap.
func MergeBusy(periods []Busy) []Busy { panic("unwritten") }
