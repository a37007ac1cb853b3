package ical

import (
	"errors"
	"time"
)

// ErrTooManyInstances says that an object has more instances in a range, or
// needs more work to find them, than the caller or this package allows.
var ErrTooManyInstances = errors.New("ical: too many instances")

// Kind tells what an object holds, as bits that an index can keep.
type Kind uint32

// The kinds. An object has one of the first five and any of the others. The
// values are stored: they do not change.
const (
	Event        Kind = 1 << iota // VEVENT
	Todo                          // VTODO
	Journal                       // VJOURNAL
	FreeBusy                      // VFREEBUSY
	Availability                  // VAVAILABILITY (RFC 7953)
	HasAlarm                      // a VALARM in some component
	Recurring                     // RRULE, RDATE or an override: more than one instance, perhaps
)

// Component returns the name of the component type, such as VEVENT.
func (k Kind) Component() string { panic("unwritten") }

// KindOf returns the kind of a component type by its name (upper case), or 0.
func KindOf(component string) Kind { panic("unwritten") }

// An InvalidError says why a calendar is no calendar object resource (RFC 4791
// 4.1, 5.3.2.1).
type InvalidError struct {
	Precondition string // local name in the CalDAV namespace: "valid-calendar-data", "valid-calendar-object-resource" or "supported-calendar-component"
	Reason       string // a sentence for people
}

func (e *InvalidError) Error() string { return e.Precondition + ": " + e.Reason }

// An Object is a calendar object resource: one event, task, journal entry or
// free-busy answer with its overrides. It is safe for concurrent use.
type Object struct {
	Calendar  *Component
	UID       string // unescaped
	Kind      Kind
	Master    *Component   // the component without RECURRENCE-ID; nil where there are overrides alone
	Overrides []*Component // in the order of the text

	unwritten bool
}

// NewObject checks a calendar and makes an Object of it; c must not change
// afterwards. The error is an *InvalidError.
func NewObject(c *Component) (*Object, error) { panic("unwritten") }

// Bounds returns a time range that holds every instance of the object for
// RFC 4791 9.9's purposes, with slack for floating times (which mean another
// instant in each zone). to is exclusive and of no meaning where open says that
// instances go on without end. Alarms may lie outside: see HasAlarm and [Object.AlarmBounds].
func (o *Object) Bounds() (from, to time.Time, open bool) { panic("unwritten") }

// AlarmBounds is Bounds with the alarms' trigger times included.
func (o *Object) AlarmBounds() (from, to time.Time, open bool) { panic("unwritten") }

// Location returns the time zone that a TZID means in this object; false where
// it is unknown. See the package comment.
func (o *Object) Location(tzid string) (*time.Location, bool) { panic("unwritten") }
