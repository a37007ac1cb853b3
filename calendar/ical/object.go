package ical

import (
	"errors"
	"slices"
	"strings"
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
func (k Kind) Component() string {
	switch {
	case k&Event != 0:
		return "VEVENT"
	case k&Todo != 0:
		return "VTODO"
	case k&Journal != 0:
		return "VJOURNAL"
	case k&FreeBusy != 0:
		return "VFREEBUSY"
	case k&Availability != 0:
		return "VAVAILABILITY"
	}
	return ""
}

// KindOf returns the kind of a component type by its name (upper case), or 0.
func KindOf(component string) Kind {
	switch component {
	case "VEVENT":
		return Event
	case "VTODO":
		return Todo
	case "VJOURNAL":
		return Journal
	case "VFREEBUSY":
		return FreeBusy
	case "VAVAILABILITY":
		return Availability
	}
	return 0
}

// An InvalidError says why a calendar is no calendar object resource (RFC 4791
// 4.1, 5.3.2.1).
type InvalidError struct {
	// Precondition is a local name in the CalDAV namespace:
	// "valid-calendar-data", "valid-calendar-object-resource",
	// "supported-calendar-component", "supported-calendar-data" (a vCalendar
	// 1.0) or "supported-rscale" (RFC 7529 7).
	Precondition string
	Reason       string // a sentence for people
}

func (e *InvalidError) Error() string { return e.Precondition + ": " + e.Reason }

// The preconditions.
const (
	validData      = "valid-calendar-data"
	validResource  = "valid-calendar-object-resource"
	knownComponent = "supported-calendar-component"
	knownData      = "supported-calendar-data"
	knownScale     = "supported-rscale"
)

func invalid(precondition, reason string) error {
	return &InvalidError{Precondition: precondition, Reason: reason}
}

// An Object is a calendar object resource: one event, task, journal entry or
// free-busy answer with its overrides. It is safe for concurrent use.
type Object struct {
	Calendar  *Component
	UID       string // unescaped
	Kind      Kind
	Master    *Component   // the component without RECURRENCE-ID; nil where there are overrides alone
	Overrides []*Component // in the order of the text

	master    *timing
	overrides []*timing
	series    series
	used      map[string]*time.Location // zones by TZID, of the times that were read
}

// maxOverrides bounds the components of one object.
const maxOverrides = 20_000

// NewObject checks a calendar and makes an Object of it; c must not change
// afterwards. The error is an *InvalidError.
//
// It is strict where RFC 4791 4.1 names a rule and liberal elsewhere: VERSION
// and PRODID may be missing, DTEND may lie before DTSTART (it then counts as
// DTSTART), a TZID may be unknown (the time is then floating), components whose
// name begins with X- are passed over.
func NewObject(c *Component) (*Object, error) {
	if c.Name != "VCALENDAR" {
		return nil, invalid(validData, "This is no VCALENDAR.")
	}
	if v := strings.TrimSpace(c.Value("VERSION")); v == "1.0" {
		return nil, invalid(knownData, "This is vCalendar 1.0; only iCalendar 2.0 can be stored.")
	}
	if c.Property("METHOD") != nil {
		return nil, invalid(validResource, "A stored calendar object has no METHOD: this is a scheduling message.")
	}
	o := &Object{Calendar: c}
	zones := &zones{calendar: c}
	if err := o.collect(zones); err != nil {
		return nil, err
	}
	if zones.broken != nil {
		return nil, invalid(validData, "A VTIMEZONE that is used cannot be understood.")
	}
	o.used = zones.own
	return o, nil
}

// collect finds the components of the object and reads their times.
func (o *Object) collect(zones *zones) error {
	for _, c := range o.Calendar.Components {
		if c.Name == "VTIMEZONE" || strings.HasPrefix(c.Name, "X-") {
			continue
		}
		kind := KindOf(c.Name)
		switch {
		case kind == 0:
			return invalid(knownComponent, "There is a component that calendars here do not hold.")
		case o.Kind != 0 && o.Kind&kind == 0:
			return invalid(validResource, "A calendar object holds components of one type only.")
		}
		o.Kind |= kind
		if err := o.add(c, zones); err != nil {
			return err
		}
	}
	if o.Kind == 0 {
		return invalid(validResource, "There is no event, task, journal entry or free-busy component.")
	}
	o.promote()
	if err := o.series.read(o.Master, o.master, zones); err != nil {
		return err
	}
	if len(o.overrides) > 0 || o.series.recurs() {
		o.Kind |= Recurring
	}
	for _, t := range o.overrides {
		o.adopt(t)
	}
	o.overrides = latest(o.overrides)
	return nil
}

// latest leaves of several overrides of one instance the one with the highest
// SEQUENCE, or the last.
func latest(all []*timing) []*timing {
	best := map[moment]*timing{}
	for _, t := range all {
		if b := best[t.id]; b == nil || t.sequence() >= b.sequence() {
			best[t.id] = t
		}
	}
	return slices.DeleteFunc(all, func(t *timing) bool { return best[t.id] != t })
}

// add takes one component into the object.
func (o *Object) add(c *Component, zones *zones) error {
	uid := c.Property("UID")
	switch {
	case uid == nil || uid.Value == "":
		return invalid(validResource, "A component has no UID.")
	case o.UID != "" && o.UID != uid.Text():
		return invalid(validResource, "A calendar object has one UID; there are several.")
	}
	o.UID = uid.Text()
	t, err := readTiming(c, o.Kind, zones)
	if err != nil {
		return err
	}
	for _, sub := range c.Components {
		if sub.Name == "VALARM" {
			o.Kind |= HasAlarm
		}
	}
	if c.Property("RECURRENCE-ID") != nil {
		if len(o.Overrides) == maxOverrides {
			return invalid(validResource, "There are too many overridden instances.")
		}
		o.Overrides = append(o.Overrides, c)
		o.overrides = append(o.overrides, t)
		return nil
	}
	if o.Master != nil {
		return invalid(validResource, "Two components have the same UID and no RECURRENCE-ID.")
	}
	o.Master, o.master = c, t
	return nil
}

// promote makes a lone component with RECURRENCE-ID and a rule of its own the
// master, as old programs wrote series.
func (o *Object) promote() {
	if o.Master != nil || len(o.Overrides) != 1 {
		return
	}
	c := o.Overrides[0]
	if c.Property("RRULE") == nil && c.Property("RDATE") == nil {
		return
	}
	o.Master, o.master = c, o.overrides[0]
	o.Overrides, o.overrides = nil, nil
}

// adopt reads an override's RECURRENCE-ID on the master's clock where it has no
// zone of its own, as some programs leave its TZID away.
func (o *Object) adopt(t *timing) {
	if o.master != nil && o.master.hasStart && t.id.zone == nil && !t.id.date {
		t.id.zone = o.master.start.zone
	}
}

// Location returns the time zone that a TZID means in this object; false where
// it is unknown. See the package comment.
func (o *Object) Location(tzid string) (*time.Location, bool) {
	if zone, ok := o.used[tzid]; ok {
		return zone, zone != nil
	}
	return (&zones{calendar: o.Calendar}).find(tzid)
}

// slack is how far a floating time may lie from UTC.
const slack = day

// Bounds returns a time range that holds every instance of the object for
// RFC 4791 9.9's purposes, with slack for floating times (which mean another
// instant in each zone). to is exclusive and of no meaning where open says that
// instances go on without end. What overlaps no range at all has from equal to
// to. Alarms may lie outside: see HasAlarm and [Object.AlarmBounds].
func (o *Object) Bounds() (from, to time.Time, open bool) {
	b := o.bounds()
	if b.empty() {
		return time.Time{}, time.Time{}, false
	}
	return time.Unix(b.from, 0).UTC(), time.Unix(b.to, 0).UTC(), b.open
}

// AlarmBounds is Bounds with the alarms' trigger times included.
func (o *Object) AlarmBounds() (from, to time.Time, open bool) {
	b := o.bounds()
	for _, a := range o.alarms() {
		b.addAlarm(a)
	}
	if b.empty() {
		return time.Time{}, time.Time{}, false
	}
	return time.Unix(b.from, 0).UTC(), time.Unix(b.to, 0).UTC(), b.open
}
