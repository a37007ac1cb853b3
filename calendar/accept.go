package calendar

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"fachwerk/calendar/ical"
	"fachwerk/internal/resource"
)

// Read makes an object of the text of a calendar object resource and judges it
// for a calendar that takes components (nil: all). The error is a *Refusal.
func (s *Service) Read(ctx context.Context, data []byte, components []string) (*ical.Object, error) {
	if int64(len(data)) > s.limits.Size {
		return nil, refuse("max-resource-size", "The object has more than %d bytes.", s.limits.Size)
	}
	done, err := s.turn(ctx, len(data))
	if err != nil {
		return nil, err
	}
	defer done()
	o, err := parse(data)
	if err != nil {
		return nil, err
	}
	if err := takes(components, o); err != nil {
		return nil, err
	}
	return o, s.within(ctx, o)
}

func parse(data []byte) (*ical.Object, error) {
	if !utf8.Valid(data) {
		return nil, refuse("valid-calendar-data", "The text is not UTF-8.")
	}
	c, err := ical.Parse(data)
	if syntax := (*ical.SyntaxError)(nil); errors.As(err, &syntax) {
		return nil, refuse("valid-calendar-data", "This is no iCalendar: in line %d, %s.", syntax.Line, strings.TrimSuffix(syntax.Reason, "."))
	} else if err != nil {
		return nil, refuse("valid-calendar-data", "This is no iCalendar.")
	}
	return ical.NewObject(c)
}

// takes is supported-calendar-component.
func takes(components []string, o *ical.Object) error {
	name := o.Kind.Component()
	if components == nil {
		components = AllComponents()
	}
	for _, c := range components {
		if c == name {
			return nil
		}
	}
	return refuse("supported-calendar-component", "This calendar takes %s and no %s.", strings.Join(components, ", "), name)
}

// within is min-date-time, max-date-time, max-instances and max-attendees-per-instance.
func (s *Service) within(ctx context.Context, o *ical.Object) error {
	from, to, open := o.Bounds()
	const slack = 48 * time.Hour // the bounds are widened for floating times
	if !from.IsZero() && from.Add(slack).Before(s.limits.MinDate) {
		return refuse("min-date-time", "There is a time before %s.", ical.FormatUTC(s.limits.MinDate))
	}
	if !open && to.Add(-slack).After(s.limits.MaxDate) {
		return refuse("max-date-time", "There is a time after %s.", ical.FormatUTC(s.limits.MaxDate))
	}
	for _, c := range o.Calendar.Components {
		n := 0
		for i := range c.Properties {
			if c.Properties[i].Name == "ATTENDEE" {
				n++
			}
		}
		if n > s.limits.Attendees {
			return refuse("max-attendees-per-instance", "There are %d attendees; %d are allowed.", n, s.limits.Attendees)
		}
	}
	if o.Kind&ical.Recurring == 0 {
		return nil
	}
	_, err := o.Instances(ctx, from, from.AddDate(1, 0, 0), nil, s.limits.Instances)
	if errors.Is(err, ical.ErrTooManyInstances) {
		return refuse("max-instances", "It recurs too often: more than %d times in the first year, or by a rule that takes too long to work out.", s.limits.Instances)
	}
	return err
}

// Index is how an object is found again.
func Index(o *ical.Object) *resource.Index {
	from, to, open := o.AlarmBounds()
	i := &resource.Index{UID: o.UID, Components: int64(o.Kind), From: math.MinInt64, To: math.MaxInt64}
	if !from.IsZero() {
		i.From = from.UnixMicro()
	}
	if !open && !to.IsZero() {
		i.To = to.UnixMicro()
	}
	return i
}

// Accept makes a draft of an object that is to be stored at a place, byte for byte;
// old is what is stored there now, if anything. Besides a *Refusal the errors are
// those of an upload. The draft must be put in place or its Upload closed.
func (s *Service) Accept(ctx context.Context, at resource.Place, old resource.Item, data []byte) (resource.Draft, error) {
	stored, err := s.resources.Properties(ctx, at.Collection, nil)
	if err != nil {
		return resource.Draft{}, err
	}
	o, err := s.Read(ctx, data, Components(stored[0]))
	if err != nil {
		return resource.Draft{}, err
	}
	if err := s.sameUID(ctx, at.Collection, old, o.UID); err != nil {
		return resource.Draft{}, err
	}
	u, err := s.resources.NewUpload(ctx, at.Collection.Account, resource.UploadOptions{Size: int64(len(data)), Limit: s.limits.Size})
	if err != nil {
		return resource.Draft{}, err
	}
	if _, err = u.Write(data); err == nil {
		err = u.Finish()
	}
	if err != nil {
		u.Close()
		return resource.Draft{}, err
	}
	return resource.Draft{Upload: u, Index: Index(o)}, nil
}

// sameUID refuses to overwrite an object with one of another UID (RFC 4791
// 5.3.2.1 no-uid-conflict).
func (s *Service) sameUID(ctx context.Context, c resource.Collection, old resource.Item, uid string) error {
	if old.ID == 0 {
		return nil
	}
	found, err := s.resources.ByUID(ctx, c, uid)
	switch {
	case errors.Is(err, resource.ErrNotFound):
		return &resource.UIDError{Name: old.Name}
	case err != nil:
		return err
	case found.ID != old.ID:
		return &resource.UIDError{Name: found.Name}
	}
	return nil
}

// Fits judges an object that is copied or moved into a calendar, where old is what it
// would overwrite, if anything. The errors are a *Refusal and a *resource.UIDError.
func (s *Service) Fits(ctx context.Context, to resource.Collection, old resource.Item, data []byte) error {
	stored, err := s.resources.Properties(ctx, to, nil)
	if err != nil {
		return err
	}
	o, err := parse(data)
	if err != nil {
		return err
	}
	if err := takes(Components(stored[0]), o); err != nil {
		return err
	}
	return s.sameUID(ctx, to, old, o.UID)
}
