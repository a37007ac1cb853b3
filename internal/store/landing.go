package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fachwerk/internal/store/blob"
)

// sealedMore is how much longer a content of one chunk may be when it is sealed.
const sealedMore = 128

// landingCleanup bounds the removal of an object that nobody took, whose own context
// may have ended.
const landingCleanup = 30 * time.Second

// landing is where the sealed bytes of an upload come down: in memory as long as
// they may go inline with their row, else in an object.
type landing struct {
	s      *Store
	at     *site
	ctx    context.Context
	tenant int64

	inline []byte
	key    string // of the object, "" for none
	object blob.Writer
	tried  bool // to make the object visible
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
	n, err := l.object.Write(p)
	if err != nil {
		return n, fmt.Errorf("store: put object: %w", err)
	}
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
