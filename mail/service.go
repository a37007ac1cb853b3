package mail

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"fachwerk/internal/store"
)

// Limits bound what one client may do. Zero fields take the defaults.
type Limits struct {
	MaxMessage   int64 // bytes of a message, trace header excluded; default 150 MiB, at most 2 GiB
	MaxMailboxes int   // of one account; default 10,000
}

// Options are what a Service is made of.
type Options struct {
	Store  *store.Store
	Limits Limits
	// ViewBytes is how much memory views that nobody has open may keep;
	// default 256 MiB.
	ViewBytes int64
	// StructureBytes is how much memory structures read lately may keep;
	// default 64 MiB.
	StructureBytes int64
	// Log gets faults that no caller sees; nil discards them.
	Log *slog.Logger
	// Clock is for tests; nil means time.Now.
	Clock func() time.Time
}

// Service is mail in terms of the store. It is safe for concurrent use.
type Service struct {
	o       Options
	store   *store.Store
	log     *slog.Logger
	views   views
	rights  rightsCache
	inboxes inboxCache

	structures structureCache

	running context.Context // ends with Close
	stop    context.CancelFunc
	mu      sync.Mutex // orders the begin of work before Close's waiting
	work    sync.WaitGroup
}

// New makes a Service. Close it before the store.
func New(o Options) *Service {
	if o.Limits.MaxMessage <= 0 {
		o.Limits.MaxMessage = 150 << 20
	}
	o.Limits.MaxMessage = min(o.Limits.MaxMessage, 2<<30)
	if o.Limits.MaxMailboxes <= 0 {
		o.Limits.MaxMailboxes = 10_000
	}
	if o.ViewBytes <= 0 {
		o.ViewBytes = 256 << 20
	}
	if o.StructureBytes <= 0 {
		o.StructureBytes = 64 << 20
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	s := &Service{o: o, store: o.Store, log: o.Log}
	s.running, s.stop = context.WithCancel(context.Background())
	s.views.limit = o.ViewBytes
	s.structures.limit = o.StructureBytes / 2
	return s
}

// Close ends the views' own work. Open views must not be used any more.
func (s *Service) Close() error {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.views.close()
	s.work.Wait()
	return nil
}

// begin runs f in the background unless the service is closed.
func (s *Service) begin(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running.Err() != nil {
		return false
	}
	s.work.Go(f)
	return true
}

// Limits are those in force.
func (s *Service) Limits() Limits { return s.o.Limits }
