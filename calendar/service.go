package calendar

import (
	"context"
	"encoding/xml"
	"time"

	"fachwerk/calendar/ical"
	"fachwerk/internal/resource"
)

// Limits are what a calendar takes (RFC 4791 5.2.5 to 5.2.9). Zero values mean those
// of DefaultLimits.
type Limits struct {
	Size      int64 // of an object, bytes
	Instances int   // of an object, within the year that follows its first one
	Attendees int   // of an instance
	// Expanded bounds the instances that one answer writes out; one of more than a
	// kilobyte counts as several.
	Expanded int
	// MinDate and MaxDate bound all times; MaxDate itself is outside.
	MinDate, MaxDate time.Time
}

// DefaultLimits are those that zero values stand for. Dates are bounded by what
// iCalendar can write.
func DefaultLimits() Limits {
	return Limits{
		Size:      ical.MaxBytes,
		Instances: 20_000,
		Attendees: 2_000,
		Expanded:  200_000,
		MinDate:   beginning,
		MaxDate:   forever.Add(-time.Second),
	}
}

// Options are what a Service stands on.
type Options struct {
	Resources *resource.Service
	Limits    Limits
	// FirstName is what a person's first calendar is called; "" is "Kalender". That of
	// a shared account bears the account's name: people see it beside their own.
	FirstName string
}

// Service is safe for concurrent use.
type Service struct {
	resources *resource.Service
	limits    Limits
	firstName string
}

// New makes a Service.
func New(o Options) *Service {
	d := DefaultLimits()
	l := &o.Limits
	if l.Size == 0 {
		l.Size = d.Size
	}
	if l.Instances == 0 {
		l.Instances = d.Instances
	}
	if l.Attendees == 0 {
		l.Attendees = d.Attendees
	}
	if l.Expanded == 0 {
		l.Expanded = d.Expanded
	}
	if l.MinDate.IsZero() {
		l.MinDate = d.MinDate
	}
	if l.MaxDate.IsZero() {
		l.MaxDate = d.MaxDate
	}
	if o.FirstName == "" {
		o.FirstName = "Kalender"
	}
	return &Service{o.Resources, o.Limits, o.FirstName}
}

// Limits are those in force.
func (s *Service) Limits() Limits { return s.limits }

// FirstCalendar is the name of the collection that Ensure makes.
const FirstCalendar = "calendar"

// Ensure makes an account's first calendar where it has none at all. That of a shared
// account is called as the account is: people see it among their own. Who does not
// manage the account makes none; someone who does comes sooner or later.
func (s *Service) Ensure(ctx context.Context, a resource.Account) error {
	have, err := s.resources.Collections(ctx, a, resource.Calendar)
	if err != nil || len(have) > 0 || !a.May(resource.Manage) {
		return err
	}
	called := s.firstName
	if !a.Own() && a.DisplayName != "" {
		called = a.DisplayName
	}
	name := resource.Property{Name: displayName, Value: TextElement(displayName, called)}
	_, err = s.resources.EnsureCollection(ctx, a, resource.Calendar, FirstCalendar, []resource.Property{name})
	return err
}

var displayName = xml.Name{Space: "DAV:", Local: "displayname"}
