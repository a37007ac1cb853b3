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
// for a calendar that takes components (nil: all). The error is a *Refusal. Memory for a
// large one is the caller's to take.
func (s *Service) Read(ctx context.Context, data []byte, components []string) (*ical.Object, error) {
	if int64(len(data)) > s.limits.Size {
		return nil, s.tooLarge()
	}
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
	// The UID is a part of the object's text, which must not be kept for its sake.
	i := &resource.Index{UID: strings.Clone(o.UID), Components: int64(o.Kind), From: math.MinInt64, To: math.MaxInt64}
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
	return s.AcceptReceived(ctx, at, old, resource.Held(data))
}

// AcceptReceived is Accept of what came from a client; a large object is in memory only
// while it is judged, and only when there is room for it.
func (s *Service) AcceptReceived(ctx context.Context, at resource.Place, old resource.Item, in *resource.Received) (resource.Draft, error) {
	stored, err := s.resources.Properties(ctx, at.Collection, nil)
	if err != nil {
		return resource.Draft{}, err
	}
	index, err := s.judge(ctx, at.Collection.Account, in, Components(stored[0]))
	if err != nil {
		return resource.Draft{}, err
	}
	index.Same = true // RFC 4791 section 5.3.2.1
	u, err := s.resources.Upload(ctx, at.Collection.Account, in, old)
	if err != nil {
		return resource.Draft{}, err
	}
	return resource.Draft{Upload: u, Index: index}, nil
}

// judge reads an object for a calendar that takes components.
func (s *Service) judge(ctx context.Context, who resource.Account, in *resource.Received, components []string) (*resource.Index, error) {
	if in.Size() > s.limits.Size {
		return nil, s.tooLarge()
	}
	done, err := s.resources.Room(ctx, who, cost(in.Size()))
	if err != nil {
		return nil, err
	}
	defer done()
	data, err := in.Bytes()
	if err != nil {
		return nil, err
	}
	o, err := s.Read(ctx, data, components)
	if err != nil {
		return nil, err
	}
	return Index(o), nil
}

func (s *Service) tooLarge() error {
	return refuse("max-resource-size", "The object has more than %d bytes.", s.limits.Size)
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

// Fits judges a stored object that is copied or moved into a calendar, where old is what
// it would overwrite, if anything. The errors are a *Refusal, a *resource.UIDError and
// resource.ErrChanged.
func (s *Service) Fits(ctx context.Context, from resource.Collection, item resource.Item, to resource.Collection, old resource.Item) error {
	stored, err := s.resources.Properties(ctx, to, nil)
	if err != nil {
		return err
	}
	uid, err := s.uidFor(ctx, from, item, Components(stored[0]))
	if err != nil {
		return err
	}
	return s.sameUID(ctx, to, old, uid)
}

// uidFor is the UID of an object that a calendar takes which holds components.
func (s *Service) uidFor(ctx context.Context, from resource.Collection, item resource.Item, components []string) (string, error) {
	done, err := s.resources.Room(ctx, from.Account, cost(item.Size))
	if err != nil {
		return "", err
	}
	defer done()
	data, err := s.resources.Content(ctx, from, item)
	if errors.Is(err, resource.ErrNotFound) {
		return "", resource.ErrChanged
	}
	if err != nil {
		return "", err
	}
	o, err := parse(data)
	if err != nil {
		return "", err
	}
	return strings.Clone(o.UID), takes(components, o)
}
