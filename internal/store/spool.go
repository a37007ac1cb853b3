package store

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
)

// Spool holds bytes on their way in, of a length not yet known: in memory up to
// 1 MiB, beyond that in a temporary file without a name, sealed under a key that
// only this process knows. It is written once, then read any number of times.
type Spool struct {
	s     *Store
	limit int64
	size  int64
	keep  int // bytes in memory before a file is made

	memory []byte
	sealed *content.Sealed
	closed atomic.Bool
}

// NewSpool returns an empty one that takes at most limit bytes (0: any number).
func (s *Store) NewSpool(limit int64) *Spool {
	return &Spool{s: s, limit: limit, keep: blob.SpoolMemory}
}

// Keep sets how many bytes stay in memory, for who holds many spools at once. It
// must be called before the first Write.
func (sp *Spool) Keep(bytes int) { sp.keep = bytes }

// Write appends p; ErrTooLarge beyond the limit, and nothing of p is kept then.
func (sp *Spool) Write(p []byte) (int, error) {
	if sp.limit > 0 && sp.size+int64(len(p)) > sp.limit {
		return 0, fmt.Errorf("%w: limit %d bytes", ErrTooLarge, sp.limit)
	}
	if sp.sealed == nil && len(sp.memory)+len(p) <= sp.keep {
		sp.memory = append(sp.memory, p...)
		sp.size += int64(len(p))
		return len(p), nil
	}
	if sp.sealed == nil {
		sp.sealed = sp.s.sealers.spool(sp.s.keys).NewSealed(content.NewID(), content.PurposeSpool,
			content.SpoolConfig{Folder: sp.s.o.SpoolDir, Memory: 1})
		if _, err := sp.sealed.Write(sp.memory); err != nil {
			return 0, outer(err)
		}
		sp.memory = nil
	}
	n, err := sp.sealed.Write(p)
	sp.size += int64(n)
	return n, outer(err)
}

// Finish ends the writing; reading may begin. It may be called again.
func (sp *Spool) Finish() error {
	if sp.sealed != nil {
		return outer(sp.sealed.Close())
	}
	return nil
}

// Size is the number of bytes written.
func (sp *Spool) Size() int64 { return sp.size }

// Open reads the bytes from the first on.
func (sp *Spool) Open() (io.ReadCloser, error) { return sp.OpenRange(0, -1) }

// OpenRange reads length bytes from offset on, cut at the end; negative: all.
func (sp *Spool) OpenRange(offset, length int64) (io.ReadCloser, error) {
	if err := sp.Finish(); err != nil {
		return nil, err
	}
	if sp.sealed == nil {
		return rangeOf(sp.memory, offset, length), nil
	}
	r, err := sp.s.sealers.spool(sp.s.keys).Open(context.Background(), sp.sealed.ID(), content.PurposeSpool,
		sp.sealed.Source(), offset, length)
	if err != nil {
		return nil, outer(err)
	}
	return r, nil
}

// Close frees memory and file. It may be called more than once.
func (sp *Spool) Close() error {
	if sp.closed.Swap(true) {
		return nil
	}
	sp.memory = nil
	if sp.sealed != nil {
		return sp.sealed.Discard()
	}
	return nil
}
