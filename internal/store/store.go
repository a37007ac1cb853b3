package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// ErrTemporary says that a part of the store does not answer or has no space;
// nothing was lost, and trying later may succeed. Every error of the database's
// or the blob store's absence wraps it.
var ErrTemporary = errors.New("the store is temporarily unavailable")

// ErrTooLarge says that an object passes the limit given for it.
var ErrTooLarge = errors.New("larger than allowed")

// Options are the parts a Store is made of.
type Options struct {
	DB        *meta.DB
	Blobs     blob.Store
	Keys      *content.KeyDir
	Site      location.Site
	Placement location.Placement

	// InlineLimit is the largest sealed size, in bytes, that is kept in the
	// database's row; 0 means 64 KiB. The PostgreSQL default is set by the
	// caller (DESIGN: 8 to 16 KiB).
	InlineLimit int64
	// SpoolDir holds temporary files of what is being received, sealed.
	SpoolDir string
	// Retention is how long an object outlives its content row: not shorter
	// than backups are kept. 0 means seven days.
	Retention time.Duration
	// History is how long tombstones are kept, at least 90 days. 0 means 90.
	History time.Duration
	// Poll is how often watched accounts are compared for changes of other
	// processes. 0 means one second.
	Poll time.Duration
	// Engines name where rows and objects lie, for people: "SQLite", "S3".
	MetadataName, BlobsName string

	Log *slog.Logger
}

// Store is everything of one site. It is safe for concurrent use.
type Store struct {
	o       Options
	db      *meta.DB
	blobs   blob.Store
	keys    *content.KeyDir
	log     *slog.Logger
	hints   *hints
	sealers sealers
	tenants tenantCache
	queued  bell

	orphansSwept time.Time // by Maintain's goroutine

	threadOnce sync.Once
	threadKey  []byte

	stop context.CancelFunc
	done sync.WaitGroup
}

// New composes a store and starts polling for changes of other processes.
func New(ctx context.Context, o Options) (*Store, error) {
	if o.DB == nil || o.Blobs == nil || o.Keys == nil || o.Placement == nil {
		return nil, errors.New("store: database, blobs, keys and placement are all needed")
	}
	if o.InlineLimit == 0 {
		o.InlineLimit = 64 << 10
	}
	if o.Retention == 0 {
		o.Retention = 7 * 24 * time.Hour
	}
	if o.History < 90*24*time.Hour {
		o.History = 90 * 24 * time.Hour
	}
	if o.Poll == 0 {
		o.Poll = time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Store{o: o, db: o.DB, blobs: o.Blobs, keys: o.Keys, log: o.Log, stop: stop}
	s.hints = newHints(s, o.Poll)
	s.done.Go(func() { s.hints.poll(running) })
	return s, nil
}

// Close stops the store's own work. The engines are closed by who opened them.
func (s *Store) Close() error {
	s.stop()
	s.done.Wait()
	return nil
}

// Check reports whether database and blob store answer, for readiness.
func (s *Store) Check(ctx context.Context) error {
	if _, err := s.db.Now(ctx); err != nil {
		return fmt.Errorf("metadata database: %w", outer(err))
	}
	if err := s.blobs.Check(ctx); err != nil {
		return fmt.Errorf("blob store: %w", outer(err))
	}
	return nil
}

// Site is where this store's data lies.
func (s *Store) Site() location.Site { return s.o.Site }

// Now is the database's clock: all expiries use it.
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	us, err := s.db.Now(ctx)
	return timeOf(us), outer(err)
}

// outer adds ErrTemporary to what is temporary, keeping the cause.
func outer(err error) error {
	switch {
	case err == nil || errors.Is(err, ErrTemporary):
		return err
	case errors.Is(err, meta.ErrUnavailable), errors.Is(err, meta.ErrFull),
		errors.Is(err, meta.ErrConflict), errors.Is(err, meta.ErrOutcomeUnknown),
		errors.Is(err, blob.ErrTemporary), errors.Is(err, blob.ErrStopped),
		errors.Is(err, location.ErrElsewhere): // mail that may not lie here yet waits where it is
		return fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	return err
}

// Time turns the database's microseconds, as rows have them, into a time; 0 is the
// zero time.
func Time(us int64) time.Time { return timeOf(us) }

func timeOf(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

func microsOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
