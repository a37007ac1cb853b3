package resource

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"fachwerk/internal/store"
)

func lock(l store.HeldLock) Lock { return Lock(l) }

// Locks answers the locks that are held in a collection, with their paths.
func (s *Service) Locks(ctx context.Context, c Collection) ([]Lock, error) {
	rows, err := s.o.Store.Locks(ctx, c.Account.Key, c.ID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	list := make([]Lock, len(rows))
	for i, l := range rows {
		list[i] = lock(l)
	}
	return list, nil
}

// How many locks may be held in a collection, and how many of them by one person in an
// account that is not their own.
const (
	MaxLocks       = store.MaxLocks
	MaxPersonLocks = store.MaxPersonLocks
)

// Lock takes out a lock on what is at the place; where nothing is in a drive, an
// empty file is made there first, in the same transaction (RFC 4918 7.3), and created
// is true; elsewhere that is ErrNotFound. at.Name "" is the collection itself. An
// empty token is chosen here. LockedError on a conflict: with an exclusive lock, or
// with any if l is exclusive, on the resource, above it with infinite depth, or below
// it if l is infinite. ErrTooMany where too many are held.
func (s *Service) Lock(ctx context.Context, at Place, l Lock, g Guard) (taken Lock, i Item, created bool, err error) {
	c := at.Collection
	if err := s.may(ctx, c.Account, Write); err != nil {
		return Lock{}, Item{}, false, err
	}
	if at.Name != "" && !usable(at.Name) {
		return Lock{}, Item{}, false, ErrName
	}
	l.Person, l.Timeout = c.Account.Person, s.timeout(l.Timeout)
	if l.Token == "" {
		l.Token = newToken()
	}
	var empty *store.Upload
	if c.Kind == Drive && at.Name != "" {
		if empty, err = s.o.Store.NewUpload(ctx, c.Account.Key, store.UploadOptions{}); err == nil {
			defer empty.Close()
			err = empty.Finish()
		}
		if err != nil {
			return Lock{}, Item{}, false, err
		}
	}
	held, row, created, err := s.o.Store.TakeLock(ctx, c.Account.Key, spot(at), store.HeldLock(l), empty, guard(c, g))
	if err != nil {
		return Lock{}, Item{}, false, fail(err)
	}
	if row.ID != 0 {
		i = s.item(c, row)
	}
	return lock(held), i, created, nil
}

func spot(at Place) store.Spot {
	return store.Spot{Collection: at.Collection.ID, Parent: at.Parent, Name: at.Name}
}

// timeout is what is granted of what was asked for.
func (s *Service) timeout(asked time.Duration) time.Duration {
	if asked <= 0 || asked > s.o.MaxLock {
		return s.o.MaxLock
	}
	return asked
}

// newToken is a random UUID as RFC 4918 6.5 suggests (RFC 9562 section 5.4).
func newToken() string {
	var u [16]byte
	rand.Read(u[:])
	u[6], u[8] = u[6]&0x0f|0x40, u[8]&0x3f|0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Refresh gives a lock a new timeout; ErrNotFound if it is not held or not this person's.
func (s *Service) Refresh(ctx context.Context, c Collection, token string, timeout time.Duration) (Lock, error) {
	if err := s.may(ctx, c.Account, Write); err != nil {
		return Lock{}, err
	}
	l, err := s.o.Store.RefreshLock(ctx, c.Account.Key, c.ID, token, c.Account.Person, s.timeout(timeout))
	return lock(l), err
}

// Unlock releases it; ErrNotFound as above. Who may manage the account may release another person's.
func (s *Service) Unlock(ctx context.Context, c Collection, token string) error {
	if err := s.may(ctx, c.Account, Write); err != nil {
		return err
	}
	person := c.Account.Person
	if s.may(ctx, c.Account, Manage) == nil {
		person = 0
	}
	return s.o.Store.ReleaseLock(ctx, c.Account.Key, c.ID, token, person)
}
