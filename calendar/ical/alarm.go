package ical

import (
	"context"
	"time"
)

// An Alarm is one time at which a VALARM of an instance goes off.
type Alarm struct {
	Instance  Instance
	Component *Component // the VALARM
	Trigger   time.Time
}

// Alarms returns the alarms that go off in the time range (RFC 4791 9.9:
// start <= trigger < end), repetitions included. Arguments and errors are those of Instances.
func (o *Object) Alarms(ctx context.Context, from, to time.Time, floating *time.Location, limit int) ([]Alarm, error) {
	panic("unwritten")
}
