package resource

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"fachwerk/internal/budget"
	"fachwerk/internal/store"
)

// Small is up to how many bytes content is held in memory without further ado. What is
// larger is gathered in a spool, and whoever holds it whole asks for Room first, for it and
// for what is made of it.
const Small = 64 << 10

// What all requests together hold of large content, and how
// much of it is one person's at most. The heap is about twice as large until the next
// collection of garbage.
const (
	defaultMemory = 64 << 20
	personsMemory = defaultMemory / 2
)

// Room waits until the person who uses an account may have so many bytes in memory; done
// gives them back and is never nil. Up to Small bytes cost nothing. Who has room asks for
// no more of it, and waits for no client, until it has given it back. The error is that
// of ctx.
func (s *Service) Room(ctx context.Context, a Account, bytes int64) (done func(), err error) {
	return s.memory.Take(ctx, budget.Holder{Tenant: a.Key.Tenant, Account: a.Person}, bytes)
}

// Contents calls f with the content of items in their order, as Bodies does, large ones
// included: each of these has room for cost(its size) bytes while f looks at it. Items
// that have gone are passed over.
func (s *Service) Contents(ctx context.Context, c Collection, items []Item, cost func(size int64) int64,
	f func(i int, body []byte) error,
) error {
	return s.Split(ctx, c, items, f, func(i int) error {
		return s.Large(ctx, c, items[i], cost, func(body []byte) error { return f(i, body) })
	})
}

// Split calls small with the contents of items that are Small, many at a time, and large
// for each of the others, in their order.
func (s *Service) Split(ctx context.Context, c Collection, items []Item, small func(i int, body []byte) error, large func(i int) error) error {
	for at := 0; at < len(items); {
		n := 0
		for at+n < len(items) && items[at+n].Size <= Small {
			n++
		}
		if n > 0 {
			first := at
			if err := s.Bodies(ctx, c, items[at:at+n], func(i int, body []byte) error { return small(first+i, body) }); err != nil {
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

// Large reads an item whole, with room for cost(its size) bytes while f looks at it. One
// that has gone is passed over.
func (s *Service) Large(ctx context.Context, c Collection, i Item, cost func(size int64) int64, f func(body []byte) error) error {
	done, err := s.Room(ctx, c.Account, cost(i.Size))
	if err != nil {
		return err
	}
	defer done()
	body, err := s.Content(ctx, c, i)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return f(body)
}

// Content reads a resource whole; ErrNotFound where it was replaced or removed. Room for it
// is the caller's to ask for.
func (s *Service) Content(ctx context.Context, c Collection, i Item) ([]byte, error) {
	b, err := s.Open(ctx, c, i)
	if err != nil {
		return nil, err
	}
	r, err := b.Open(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	return whole(r, b.Size())
}

func whole(r io.ReadCloser, size int64) ([]byte, error) {
	data := make([]byte, size)
	_, err := io.ReadFull(r, data)
	return data, errors.Join(err, r.Close())
}

// Received is content on its way between a client and the store, to be judged before it is
// stored or made for an answer: small content in memory, large in a spool, so that slow
// clients cost no memory.
type Received struct {
	data  []byte
	spool *store.Spool
}

// Held is content that is in memory already.
func Held(data []byte) *Received { return &Received{data: data} }

// Receive reads r to its end, for the person who uses an account; ErrTooLarge beyond limit
// bytes, ErrTemporary where too much is on its way in. Errors of r come as they are. What
// it answers must be closed.
func (s *Service) Receive(of Account, r io.Reader, limit int64) (*Received, error) {
	data, err := io.ReadAll(io.LimitReader(r, min(Small, limit)+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > limit:
		return nil, fmt.Errorf("%w: limit %d bytes", ErrTooLarge, limit)
	case len(data) <= Small:
		return Held(data), nil
	}
	spool := s.o.Store.NewSpool(limit)
	spool.Keep(0)
	spool.For(budget.Holder{Tenant: of.Key.Tenant, Account: of.Person})
	_, err = spool.Write(data)
	if err == nil {
		_, err = io.CopyBuffer(onlyWriter{spool}, onlyReader{r}, data)
	}
	if err == nil {
		err = spool.Finish()
	}
	if err != nil {
		return nil, errors.Join(err, spool.Close())
	}
	return &Received{spool: spool}, nil
}

// io.CopyBuffer uses its buffer for what can do nothing else.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

// PutAside keeps what was made for a client until it is sent, without room for it.
func (s *Service) PutAside(of Account, data []byte) (*Received, error) {
	if len(data) <= Small {
		return Held(data), nil
	}
	return s.Receive(of, bytes.NewReader(data), int64(len(data)))
}

// Size is the number of bytes.
func (c *Received) Size() int64 {
	if c.spool != nil {
		return c.spool.Size()
	}
	return int64(len(c.data))
}

// Bytes is all of it in memory; room for it is the caller's to ask for.
func (c *Received) Bytes() ([]byte, error) {
	if c.spool == nil {
		return c.data, nil
	}
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	return whole(r, c.Size())
}

// Open reads it from the first byte on.
func (c *Received) Open() (io.ReadCloser, error) {
	if c.spool == nil {
		return io.NopCloser(bytes.NewReader(c.data)), nil
	}
	return c.spool.Open()
}

// Upload makes an upload of it, finished, that replaces old.
func (s *Service) Upload(ctx context.Context, a Account, c *Received, old Item) (*Upload, error) {
	u, err := s.NewUpload(ctx, a, UploadOptions{Size: c.Size(), Replaces: old.Size})
	if err != nil {
		return nil, err
	}
	if c.spool == nil {
		_, err = u.Write(c.data)
	} else {
		err = c.copy(u)
	}
	if err == nil {
		err = u.Finish()
	}
	if err != nil {
		return nil, errors.Join(err, u.Close())
	}
	return u, nil
}

func (c *Received) copy(u *Upload) error {
	r, err := c.Open()
	if err != nil {
		return err
	}
	_, err = io.Copy(u, r)
	return errors.Join(err, r.Close())
}

// Close frees it. It may be called more than once.
func (c *Received) Close() error {
	if c.spool == nil {
		return nil
	}
	return c.spool.Close()
}
