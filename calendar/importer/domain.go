package importer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fachwerk/calendar"
	"fachwerk/internal/importing"
	"fachwerk/internal/resource"
)

const suffix = ".ics"

// Domain stores calendar objects.
type Domain struct{ calendar *calendar.Service }

// NewDomain makes one.
func NewDomain(s *calendar.Service) *Domain { return &Domain{s} }

// Kind is resource.Calendar.
func (d *Domain) Kind() resource.Kind { return resource.Calendar }

// Reserved has none.
func (d *Domain) Reserved() string { return "" }

// Path is the name that the source gave.
func (d *Domain) Path(e *importing.Entry) ([]string, error) { return e.Path, nil }

// Other is that name with a digest.
func (d *Domain) Other(e *importing.Entry) []string {
	return []string{importing.OtherName(e.Path[0], suffix, e.Name)}
}

// Load reads an object.
func (d *Domain) Load(_ context.Context, l importing.Loading) (importing.Loaded, error) {
	received, err := d.calendar.Receive(l.Account, io.TeeReader(l.Content.Body, l.Hash))
	switch {
	case errors.Is(err, resource.ErrTooLarge):
		return nil, importing.Refuse(importing.TooLarge, "it has more than %d bytes", d.calendar.Limits().Size)
	case err != nil:
		return nil, err
	case l.Content.Size >= 0 && received.Size() != l.Content.Size:
		return nil, errors.Join(fmt.Errorf("%w gives %d bytes of %d", importing.ErrSource, received.Size(), l.Content.Size), received.Close())
	}
	return &loaded{d, received}, nil
}

type loaded struct {
	domain   *Domain
	received *resource.Received
}

// Draft has the calendar judge it.
func (l *loaded) Draft(ctx context.Context, at resource.Place, old resource.Item) (resource.Draft, error) {
	draft, err := l.domain.calendar.AcceptReceived(ctx, at, old, l.received)
	var refused *calendar.Refusal
	if errors.As(err, &refused) {
		code := importing.Invalid
		if refused.Precondition == "max-resource-size" {
			code = importing.TooLarge
		}
		return draft, importing.Refuse(code, "%s: %s", refused.Precondition, refused.Reason)
	}
	return draft, err
}

// Note has nothing to tell: what came is kept as it is.
func (l *loaded) Note() string { return "" }

// Close frees it.
func (l *loaded) Close() error { return l.received.Close() }
