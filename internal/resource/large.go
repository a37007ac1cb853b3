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
// larger is gathered in a spool, and whoever holds it whole takes its cost, and that of
// what is made of it, from Memory first.
const Small = 64 << 10

// What all requests together hold of large content, and how
// much of it is one person's at most. The heap is about twice as large until the next
// collection of garbage.
const (
	defaultMemory = 64 << 20
	personsMemory = defaultMemory / 2
)

// Memory is the budget of all who hold large content in memory, bytes. Nobody may take
// from it who holds something of it, or while a client is waited for.
func (s *Service) Memory() *budget.Budget { return s.memory }

// Holder is whom memory is counted for: who asks.
func (a Account) Holder() budget.Holder {
	return budget.Holder{Tenant: a.Key.Tenant, Account: a.Person}
}

// Content reads a resource whole; ErrNotFound where it was replaced or removed. Memory
// for it is the caller's to take.
func (s *Service) Content(ctx context.Context, c Collection, i Item) ([]byte, error) {
	b, err := s.Open(ctx, c, i)
	if err != nil {
		return nil, err
	}
	r, err := b.Open(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	data := make([]byte, b.Size())
	_, err = io.ReadFull(r, data)
	return data, errors.Join(err, r.Close())
}

// Received is content that came from a client and is to be judged before it is stored:
// small content in memory, large in a spool, so that slow clients cost no memory.
type Received struct {
	data  []byte
	spool *store.Spool
}

// Held is content that is in memory already.
func Held(data []byte) *Received { return &Received{data: data} }

// Receive reads r to its end; ErrTooLarge beyond limit bytes. Errors of r come as they
// are. What it answers must be closed.
func (s *Service) Receive(r io.Reader, limit int64) (*Received, error) {
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

// Size is the number of bytes.
func (c *Received) Size() int64 {
	if c.spool != nil {
		return c.spool.Size()
	}
	return int64(len(c.data))
}

// Bytes is all of it in memory, which is the caller's to take from Memory where it is
// not Small.
func (c *Received) Bytes() ([]byte, error) {
	if c.spool == nil {
		return c.data, nil
	}
	r, err := c.Open()
	if err != nil {
		return nil, err
	}
	data := make([]byte, c.Size())
	_, err = io.ReadFull(r, data)
	return data, errors.Join(err, r.Close())
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
