package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fachwerk/internal/budget"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// ErrTemporary says that a part of the store does not answer or has no space;
// nothing was lost, and trying later may succeed. Every error of the database's
// or the blob store's absence wraps it.
var ErrTemporary = errors.New("the store is temporarily unavailable")

// ErrPlacement comes with ErrTemporary where nothing may be written at present because of
// where it would lie; package location says why.
var ErrPlacement = errors.New("nothing may be written there")

// ErrTenantQuota is an ErrQuota of the whole tenant: no account need be full.
var ErrTenantQuota = fmt.Errorf("the tenant's storage is used up: %w", ErrQuota)

// ErrTooLarge says that an object passes the limit given for it.
var ErrTooLarge = errors.New("larger than allowed")

// Options are the parts a Store is made of.
type Options struct {
	// Sites are all declared places, each with its engines.
	Sites []Site
	// Directory names the site whose database says which tenants there are,
	// with their domains and homes. It may be empty where there is one site.
	Directory string
	Keys      *content.KeyDir
	// Placement is asked before every write whether a tenant's data may lie where it
	// would be written: location.Guard's Allow.
	Placement func(at string, whose location.Subject, kind location.Kind) error

	// SpoolDir holds temporary files of what is being received, sealed.
	SpoolDir string
	// SpoolBytes and SpoolMemory are what all that is being received may take of its disk
	// and of memory; nil: any number.
	SpoolBytes, SpoolMemory *budget.Pool
	// Retention is how long an object outlives its content row: not shorter
	// than backups are kept. 0 means seven days, a nanosecond not at all.
	Retention time.Duration
	// History is how long tombstones are kept, at least 90 days. 0 means 90.
	History time.Duration
	// Poll is how often watched accounts are compared for changes of other
	// processes. 0 means one second.
	Poll time.Duration
	Log  *slog.Logger
}

// Store is everything of all sites: each call goes to the one where its tenant
// lives. It is safe for concurrent use.
type Store struct {
	o         Options
	sites     []*site
	only      *site // where there is one
	directory *site
	keys      *content.KeyDir
	log       *slog.Logger
	hints     *hints
	sealers   sealers
	tenants   tenantCache
	queued    bell
	claims    atomic.Uint64 // of the queue, asked for so far
	changed   chan struct{} // that the directory has changed

	threadOnce sync.Once
	threadKey  []byte

	stop context.CancelFunc
	done sync.WaitGroup
}

// New composes a store and starts polling for changes of other processes.
func New(ctx context.Context, o Options) (*Store, error) {
	if len(o.Sites) == 0 || o.Keys == nil || o.Placement == nil {
		return nil, errors.New("store: sites, keys and placement are all needed")
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
	s := &Store{o: o, keys: o.Keys, log: o.Log, stop: stop, changed: make(chan struct{}, 1)}
	if err := s.addSites(o); err != nil {
		stop()
		return nil, err
	}
	s.hints = newHints(s, o.Poll)
	s.done.Go(func() { s.hints.poll(running) })
	s.done.Go(func() { s.followDirectory(running, o.Poll) })
	s.done.Go(func() { s.followUsage(running, 10*o.Poll) })
	return s, nil
}

// Close stops the store's own work. The engines are closed by who opened them.
func (s *Store) Close() error {
	s.stop()
	s.done.Wait()
	return nil
}

// addSites takes the sites and finds the one with the directory.
func (s *Store) addSites(o Options) error {
	if o.Directory == "" && len(o.Sites) == 1 {
		o.Directory = o.Sites[0].Name
	}
	for _, one := range o.Sites {
		at, err := newSite(one)
		if err != nil {
			return err
		}
		s.sites = append(s.sites, at)
		if at.Name == o.Directory {
			s.directory = at
		}
	}
	if s.directory == nil {
		return fmt.Errorf("store: the site %q, whose database holds the directory of tenants, is not declared", o.Directory)
	}
	if len(s.sites) == 1 {
		s.only = s.sites[0]
	}
	return nil
}

// Now is the clock of the database where a tenant lives: all its expiries use it.
func (s *Store) Now(ctx context.Context, tenant int64) (time.Time, error) {
	return s.at(ctx, tenant).now(ctx)
}

// outer adds ErrTemporary to what is temporary, keeping the cause.
func outer(err error) error {
	switch {
	case err == nil || errors.Is(err, ErrTemporary):
		return err
	case errors.Is(err, meta.ErrUnavailable), errors.Is(err, meta.ErrFull),
		errors.Is(err, meta.ErrConflict), errors.Is(err, meta.ErrOutcomeUnknown),
		errors.Is(err, blob.ErrTemporary), errors.Is(err, blob.ErrStopped):
		return fmt.Errorf("%w: %w", ErrTemporary, err)
	case errors.Is(err, location.ErrElsewhere), errors.Is(err, location.ErrMismatch): // mail that may not lie here yet waits where it is
		return fmt.Errorf("%w: %w: %w", ErrTemporary, ErrPlacement, err)
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
