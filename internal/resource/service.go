package resource

import (
	"context"
	"log/slog"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
)

// Options are what a Service stands on.
type Options struct {
	Store *store.Store
	// Keep is how long what is in the trash stays there; 0 means 30 days.
	Keep time.Duration
	// MaxLock is the longest time a lock is granted for; 0 means one hour.
	MaxLock time.Duration
	Log     *slog.Logger
}

// Service is safe for concurrent use.
type Service struct{ o Options }

// New makes a Service.
func New(o Options) *Service { return &Service{o: o} }

// Accounts lists what a person may read: their own account first, then those
// granted, by address.
func (s *Service) Accounts(ctx context.Context, p *auth.Principal) ([]Account, error) {
	panic("unwritten")
}

// Account finds one of those by any of its addresses; ErrNotFound alike for an
// address that is nobody's and one that is not granted.
func (s *Service) Account(ctx context.Context, p *auth.Principal, address string) (Account, error) {
	panic("unwritten")
}

// Collections lists an account's collections of a kind, by name.
func (s *Service) Collections(ctx context.Context, a Account, kind Kind) ([]Collection, error) {
	panic("unwritten")
}

// Collection finds one by its name.
func (s *Service) Collection(ctx context.Context, a Account, kind Kind, name string) (Collection, error) {
	panic("unwritten")
}

// CreateCollection makes one with its properties, all or nothing; ErrExists.
func (s *Service) CreateCollection(ctx context.Context, a Account, kind Kind, name string, properties []Property) (Collection, error) {
	panic("unwritten")
}

// EnsureCollection answers the collection, made with these properties if it was not there.
func (s *Service) EnsureCollection(ctx context.Context, a Account, kind Kind, name string, properties []Property) (Collection, error) {
	panic("unwritten")
}

// RemoveCollection takes a collection away with all that is in it; its rows go in
// the background. Locks inside whose tokens are not in g stop it.
func (s *Service) RemoveCollection(ctx context.Context, c Collection, g Guard) error {
	panic("unwritten")
}

// Usage is the account's quota (RFC 4331); quota 0 means no limit.
func (s *Service) Usage(ctx context.Context, a Account) (used, quota int64, err error) {
	panic("unwritten")
}
