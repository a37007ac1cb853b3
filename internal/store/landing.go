package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"fachwerk/internal/budget"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
)

// sealedMore is how much longer a content of one chunk may be when it is sealed.
const sealedMore = 128

// landingCleanup bounds the removal of an object that nobody took, whose own context
// may have ended.
const landingCleanup = 30 * time.Second

// landingMost is how much of an upload waits on disk at most: what an object store takes
// in one request, with the parts of a larger one that are filled and sent.
const landingMost = 96 << 20

// landing is where the sealed bytes of an upload come down: in memory as long as
// they may go inline with their row, else in an object.
type landing struct {
	s      *Store
	at     *site
	ctx    context.Context
	tenant int64

	inline []byte
	last   []byte // of the object: at least its last content.MaxEnding bytes, of the stream so far
	key    string // of the object, "" for none
	object blob.Writer
	tried  bool // to make the object visible

	of    budget.Holder
	size  int64 // of what came for the object
	taken int64 // of the spool's disk
}

// Write implements io.Writer.
func (l *landing) Write(p []byte) (int, error) {
	if l.object == nil && int64(len(l.inline)+len(p)) <= l.at.inline+sealedMore {
		l.inline = append(l.inline, p...)
		return len(p), nil
	}
	if l.object == nil {
		if err := l.create(); err != nil {
			return 0, err
		}
	}
	if err := l.take(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := l.object.Write(p)
	if err != nil {
		return n, fmt.Errorf("store: put object: %w", err)
	}
	l.keep(p)
	return n, nil
}

// create begins the object with what was in memory.
func (l *landing) create() (err error) {
	key := blob.NewKey(l.tenant, time.Now())
	if l.object, err = l.at.blobs.Create(l.ctx, key, l.s.o.SpoolDir); err != nil {
		return fmt.Errorf("store: put object: %w", err)
	}
	l.key = key
	if _, err := l.object.Write(l.inline); err != nil {
		return fmt.Errorf("store: put object: %w", err)
	}
	l.inline = nil
	return nil
}

// take takes disk for what waits there until it is sent; what has been sent makes room for
// what comes.
func (l *landing) take(bytes int64) error {
	l.size += bytes
	if l.size <= l.taken || l.taken == landingMost {
		return nil
	}
	more := min(max(l.size-l.taken, spoolStep), landingMost-l.taken)
	if err := l.s.o.SpoolBytes.Take(l.of, more); err != nil {
		return fmt.Errorf("store: put object: %w: %w", ErrTemporary, err)
	}
	l.taken += more
	return nil
}

// keep remembers the end of what was written.
func (l *landing) keep(p []byte) {
	if len(p) >= content.MaxEnding {
		l.last = append(l.last[:0], p[len(p)-content.MaxEnding:]...)
		return
	}
	if l.last = append(l.last, p...); len(l.last) > 4*content.MaxEnding {
		l.last = append(l.last[:0], l.last[len(l.last)-content.MaxEnding:]...)
	}
}

// row is what stands in the content's row: all of it, or the end of its object.
func (l *landing) row(sealed int64) []byte {
	if l.key == "" {
		return l.inline
	}
	return slices.Clone(content.Ending(l.last, sealed))
}

// commit makes the bytes durable, unless they travel with their row.
func (l *landing) commit() error {
	if l.object == nil {
		return nil
	}
	l.tried = true
	if err := l.object.Commit(); err != nil {
		return fmt.Errorf("store: put object: %w", err)
	}
	return nil
}

// close frees everything. An object that no row names is deleted, also where it is
// not known whether it came to be: an answer may have been lost.
func (l *landing) close(used bool) error {
	l.s.o.SpoolBytes.Give(l.of, l.taken)
	l.taken = 0
	if l.object == nil {
		return nil
	}
	err := l.object.Close()
	l.object = nil
	if used || !l.tried {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), landingCleanup)
	defer cancel()
	return errors.Join(err, l.at.blobs.Delete(ctx, l.key))
}
