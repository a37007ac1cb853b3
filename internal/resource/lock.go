package resource

import (
	"context"
	"time"
)

// Locks answers the locks that are held in a collection, with their paths.
func (s *Service) Locks(ctx context.Context, c Collection) ([]Lock, error) { panic("unwritten") }

// Lock takes out a lock on what is at the place; where nothing is, an empty file is
// made there first, in the same transaction (RFC 4918 7.3), and created is true. at.Name "" is the
// collection itself. LockedError on a conflict: with an exclusive lock, or with any if l is exclusive,
// on the resource, above it with infinite depth, or below it if l is infinite.
func (s *Service) Lock(ctx context.Context, at Place, l Lock, g Guard) (taken Lock, i Item, created bool, err error) {
	panic("unwritten")
}

// Refresh gives a lock a new timeout; ErrNotFound if it is not held or not this person's.
func (s *Service) Refresh(ctx context.Context, c Collection, token string, timeout time.Duration) (Lock, error) {
	panic("unwritten")
}

// Unlock releases it; ErrNotFound as above. Who may manage the account may release another person's.
func (s *Service) Unlock(ctx context.Context, c Collection, token string) error { panic("unwritten") }
