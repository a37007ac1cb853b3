package ical

import "time"

// LookupZone finds the time zone that a TZID means without any VTIMEZONE: an
// IANA name, plain or behind a known prefix, or a name of Windows or Outlook.
func LookupZone(tzid string) (*time.Location, bool) { panic("unwritten") }

// NewZone makes a time zone of a VTIMEZONE component (RFC 5545 3.6.5).
func NewZone(vtimezone *Component) (*time.Location, error) { panic("unwritten") }

// CalendarZone finds the time zone of a calendar-timezone property (RFC 4791
// 5.2.2), whose value is a VCALENDAR with one VTIMEZONE; it also gives its TZID.
func CalendarZone(calendar *Component) (zone *time.Location, tzid string, err error) {
	panic("unwritten")
}
