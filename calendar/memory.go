package calendar

import (
	"context"
	"errors"
	"io"

	"fachwerk/calendar/ical"
	"fachwerk/internal/resource"
)

// room waits until an object of so many bytes may be read and made an object of; done
// gives the memory back. Small ones cost nothing. Neither a client nor a lock may be
// waited for until then, nor more room be asked for.
func (s *Service) room(ctx context.Context, who resource.Account, size int64) (done func(), err error) {
	if size <= resource.Small {
		return func() {}, nil
	}
	return s.resources.Memory().Take(ctx, who.Holder(), size+ical.Memory(size))
}

// Receive takes in an object that a client sends, however slowly; resource.ErrTooLarge.
// What it answers must be closed.
func (s *Service) Receive(r io.Reader) (*resource.Received, error) {
	return s.resources.Receive(r, s.limits.Size)
}

// large reads a stored object that is not small, as Stored does, and lets judge look at
// it: only while that runs there is room for it. It is not called where the object has
// gone or cannot be read.
func (s *Service) large(ctx context.Context, c resource.Collection, i resource.Item, judge func(*ical.Object) error) error {
	done, err := s.room(ctx, c.Account, i.Size)
	if err != nil {
		return err
	}
	defer done()
	body, err := s.resources.Content(ctx, c, i)
	if errors.Is(err, resource.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if o, ok := Stored(body); ok {
		return judge(o)
	}
	return nil
}

// smallOnes is how many of the items from the first on are small.
func smallOnes(items []resource.Item) int {
	for n := range items {
		if items[n].Size > resource.Small {
			return n
		}
	}
	return len(items)
}

// each calls small with the bodies of items that are small, many at a time, and large
// with each of the others, in their order.
func (s *Service) each(ctx context.Context, c resource.Collection, items []resource.Item,
	small func(i int, body []byte) error, large func(i int) error,
) error {
	for at := 0; at < len(items); {
		if n := smallOnes(items[at:]); n > 0 {
			first := at
			if err := s.resources.Bodies(ctx, c, items[at:at+n], func(i int, body []byte) error { return small(first+i, body) }); err != nil {
				return err
			}
			at += n
			continue
		}
		if err := large(at); err != nil {
			return err
		}
		at++
	}
	return nil
}
