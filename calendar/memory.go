package calendar

import (
	"context"
	"io"
	"time"

	"fachwerk/calendar/ical"
	"fachwerk/internal/resource"
)

// cost is what a text of so many bytes takes with the object made of it.
func cost(size int64) int64 {
	if size <= resource.Small {
		return size
	}
	return size + ical.Memory(size)
}

// Receive takes in an object that a client sends, however slowly; resource.ErrTooLarge.
// What it answers must be closed.
func (s *Service) Receive(who resource.Account, r io.Reader) (*resource.Received, error) {
	return s.resources.Receive(who, r, s.limits.Size)
}

// large lets judge look at a stored object that is not small; only while that runs there is
// room for it. It is not called where the object has gone or cannot be read.
func (s *Service) large(ctx context.Context, c resource.Collection, i resource.Item, judge func(*ical.Object) error) error {
	return s.resources.Large(ctx, c, i, cost, func(body []byte) error {
		if o, ok := Stored(body); ok {
			return judge(o)
		}
		return nil
	})
}

// Retrieve makes what r asks for of a stored object for the person who uses an account; it
// must be closed. left is how many more instances the whole answer may write out;
// ErrTooMuch.
func (s *Service) Retrieve(ctx context.Context, who resource.Account, r Retrieval, o *ical.Object, floating *time.Location, left *int) (*resource.Received, error) {
	done := func() {}
	defer func() { done() }()
	text, err := r.retrieve(ctx, o, floating, left, func(bytes int64) (err error) {
		done, err = s.resources.Room(ctx, who, bytes)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.resources.PutAside(who, text)
}

// RetrieveLarge is Retrieve of a large object whose text content has. What cannot be read
// is answered as it is stored: nil.
func (s *Service) RetrieveLarge(ctx context.Context, who resource.Account, r Retrieval, content io.Reader, size int64,
	floating *time.Location, left *int,
) (*resource.Received, error) {
	all := cost(size) + 3*size // with the text that is made
	if r.Expand != nil {
		all += expansion(min(*left, maxScan))
	}
	done, err := s.resources.Room(ctx, who, all)
	if err != nil {
		return nil, err
	}
	defer done()
	body := make([]byte, size)
	if _, err := io.ReadFull(content, body); err != nil {
		return nil, err
	}
	o, ok := Stored(body)
	if !ok {
		return nil, nil
	}
	text, err := r.retrieve(ctx, o, floating, left, func(int64) error { return nil })
	if err != nil {
		return nil, err
	}
	return s.resources.PutAside(who, text)
}
