package ical

import (
	"time"
)

// A Time is a DATE or DATE-TIME value (RFC 5545 3.3.4, 3.3.5).
type Time struct {
	Time     time.Time // floating times and dates in the floating zone
	Floating bool      // without time zone: a DATE, or local time
	Date     bool      // a DATE: Time is its midnight
}

// Zones finds a time zone by its TZID; false where it is unknown.
type Zones func(tzid string) (*time.Location, bool)

// ParseTime reads the value of a property of type DATE or DATE-TIME with its
// TZID, floating times in the zone floating (nil: UTC). A local time that a time zone skips or has
// twice means what RFC 5545 3.3.5 says.
func ParseTime(p Property, zones Zones, floating *time.Location) (Time, error) { panic("unwritten") }

// A Duration is a DURATION value (RFC 5545 3.3.6): days are nominal, they are
// 23 or 25 hours where daylight saving time begins or ends; the rest is exact.
type Duration struct {
	Days  int           // weeks are 7 days
	Exact time.Duration // of the same sign as Days
}

// ParseDuration reads a DURATION value.
func ParseDuration(s string) (Duration, error) { panic("unwritten") }

// Add adds the duration to t: days first, on t's clock, then the exact part.
func (d Duration) Add(t time.Time) time.Time { panic("unwritten") }

// FormatUTC writes a DATE-TIME in UTC, such as 20260705T120000Z.
func FormatUTC(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// FormatDate writes a DATE of t in its own zone, such as 20260705.
func FormatDate(t time.Time) string { return t.Format("20060102") }
