package store

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"fachwerk/internal/budget"
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

	of       budget.Holder
	kept     int64 // bytes of memory that are taken for it
	reserved int64 // bytes of disk likewise

	memory []byte
	sealed *content.Sealed
	closed atomic.Bool
}

const (
	// spoolFree is how much memory a spool has that nobody counts, and spoolMemoryStep
	// and spoolStep are how much of memory and of disk it takes at a time.
	spoolFree       = 4 << 10
	spoolMemoryStep = 64 << 10
	spoolStep       = 1 << 20
)

// SpoolUse tells how many bytes all spools have taken of how many, on disk and in
// memory, and how often one got none of them.
func (s *Store) SpoolUse() (disk, memory SpoolShare) {
	disk.Used, disk.Limit, disk.Refused = s.o.SpoolBytes.Used()
	memory.Used, memory.Limit, memory.Refused = s.o.SpoolMemory.Used()
	return disk, memory
}

// SpoolShare are bytes; Refused counts.
type SpoolShare struct{ Used, Limit, Refused int64 }

// NewSpool returns an empty one that takes at most limit bytes (0: any number).
func (s *Store) NewSpool(limit int64) *Spool {
	return &Spool{s: s, limit: limit, keep: blob.SpoolMemory}
}

// Keep sets how many bytes stay in memory, for who holds many spools at once. It
// must be called before the first Write.
func (sp *Spool) Keep(bytes int) { sp.keep = bytes }

// For says whose bytes come, so that nobody has more than a share of what there is. It
// must be called before the first Write.
func (sp *Spool) For(of budget.Holder) { sp.of = of }

// Reserve asks whether so many bytes would fit now, for who knows how many come and can
// still refuse them: ErrTemporary. To be stored they need as much again. Only the first of them are taken: who announces much
// and sends nothing keeps it from nobody, and so it may be too much later. It must be
// called before the first Write.
func (sp *Spool) Reserve(bytes int64) error {
	if bytes <= int64(sp.keep) {
		return nil
	}
	first := min(bytes, spoolStep)
	if err := sp.s.o.SpoolBytes.TakeOf(sp.of, first, 2*bytes); err != nil {
		return fmt.Errorf("store: spool: %w: %w", ErrTemporary, err)
	}
	sp.reserved += first
	return nil
}

// grow takes what memory of so many bytes needs; without it the bytes go to disk.
func (sp *Spool) grow(bytes int) bool {
	more := int64(bytes-spoolFree) - sp.kept
	if more <= 0 {
		return true
	}
	more = (more + spoolMemoryStep - 1) / spoolMemoryStep * spoolMemoryStep
	if sp.s.o.SpoolMemory.Take(sp.of, more) != nil {
		return false
	}
	sp.kept += more
	return true
}

// forget gives the memory back.
func (sp *Spool) forget() {
	sp.memory = nil
	sp.s.o.SpoolMemory.Give(sp.of, sp.kept)
	sp.kept = 0
}

// Write appends p; ErrTooLarge beyond the limit, ErrTemporary where too much is on its
// way in. Nothing of p is kept then.
func (sp *Spool) Write(p []byte) (int, error) {
	if sp.limit > 0 && sp.size+int64(len(p)) > sp.limit {
		return 0, fmt.Errorf("%w: limit %d bytes", ErrTooLarge, sp.limit)
	}
	if sp.sealed == nil && len(sp.memory)+len(p) <= sp.keep && sp.grow(len(sp.memory)+len(p)) {
		sp.memory = append(sp.memory, p...)
		sp.size += int64(len(p))
		return len(p), nil
	}
	if all := sp.size + int64(len(p)); all > sp.reserved {
		all = max(all, min(sp.reserved+spoolStep, max(sp.limit, all)))
		if err := sp.s.o.SpoolBytes.Take(sp.of, all-sp.reserved); err != nil {
			return 0, fmt.Errorf("store: spool: %w: %w", ErrTemporary, err)
		}
		sp.reserved = all
	}
	if sp.sealed == nil {
		sp.sealed = sp.s.sealers.spool(sp.s.keys).NewSealed(content.NewID(), content.PurposeSpool,
			content.SpoolConfig{Folder: sp.s.o.SpoolDir, Memory: 1})
		if _, err := sp.sealed.Write(sp.memory); err != nil {
			return 0, outer(err)
		}
		sp.forget()
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
	sp.forget()
	var err error
	if sp.sealed != nil {
		err = sp.sealed.Discard()
	}
	sp.s.o.SpoolBytes.Give(sp.of, sp.reserved)
	sp.reserved = 0
	return err
}
