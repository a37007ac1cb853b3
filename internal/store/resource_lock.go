package store

import (
	"context"
	"fmt"
	"time"

	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
)

// How many locks may be held; see package meta.
const (
	MaxLocks       = meta.MaxLocks
	MaxPersonLocks = meta.MaxPersonLocks
)

// HeldLock is a lock as people see it.
type HeldLock struct {
	Token            string
	Item             int64 // 0: the collection itself
	Infinite, Shared bool
	Person           int64
	Owner            []byte // the owner element
	Timeout          time.Duration
	Expires          time.Time
	Path             []string
}

// Held opens a lock's row.
func (s *Store) Held(ctx context.Context, key Key, l Lock) (HeldLock, error) {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return HeldLock{}, err
	}
	return held(account, l)
}

func held(account *content.Account, l Lock) (HeldLock, error) {
	owner, err := account.OpenSmall("lock-owner", []byte(l.Token), l.Sealed)
	if err != nil {
		return HeldLock{}, fmt.Errorf("store: owner of a lock: %w", err)
	}
	return HeldLock{Token: l.Token, Item: l.Item, Infinite: l.Infinite, Shared: l.Shared, Person: l.Person, Owner: owner,
		Timeout: time.Duration(l.Timeout) * time.Microsecond, Expires: timeOf(l.ExpiresAt), Path: l.Path}, nil
}

// Locks lists the locks that are held in a collection.
func (s *Store) Locks(ctx context.Context, key Key, collection int64) ([]HeldLock, error) {
	rows, err := s.at(ctx, key.Tenant).db.Locks(ctx, key, collection)
	if err != nil || len(rows) == 0 {
		return nil, outer(err)
	}
	account, err := s.sealer(ctx, key)
	if err != nil {
		return nil, err
	}
	list := make([]HeldLock, len(rows))
	for n, l := range rows {
		if list[n], err = held(account, l); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// TakeLock takes out a lock on what is at the place, an empty name being the
// collection itself. Where nothing is, empty is put there in the same transaction;
// nil has that be ErrNotFound.
func (s *Store) TakeLock(ctx context.Context, key Key, at Spot, l HeldLock, empty *Upload, g Guard) (taken HeldLock, i Item, created bool, err error) {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return HeldLock{}, Item{}, false, err
	}
	n := meta.NewLock{Parent: at.Parent, Name: at.Name, Guard: g, Lock: meta.Lock{Collection: at.Collection, Token: l.Token,
		Infinite: l.Infinite, Shared: l.Shared, Person: l.Person, Timeout: l.Timeout.Microseconds(),
		Sealed: account.SealSmall("lock-owner", []byte(l.Token), l.Owner)}}
	var done Locked
	if empty == nil {
		err = s.write(ctx, key, func() error {
			done, err = s.at(ctx, key.Tenant).db.TakeLock(ctx, key, n)
			return err
		})
	} else {
		err = s.placing(ctx, key, &PutResource{Upload: empty, Name: at.Name}, func(row meta.PutResource) error {
			n.File = &row
			done, err = s.at(ctx, key.Tenant).db.TakeLock(ctx, key, n)
			return err
		})
	}
	if err != nil {
		return HeldLock{}, Item{}, false, err
	}
	taken, err = held(account, done.Lock)
	return taken, done.Item, done.Created, err
}

// RefreshLock gives a person's lock a new timeout.
func (s *Store) RefreshLock(ctx context.Context, key Key, collection int64, token string, person int64, timeout time.Duration) (l HeldLock, err error) {
	var row Lock
	err = s.write(ctx, key, func() error {
		row, err = s.at(ctx, key.Tenant).db.RefreshLock(ctx, key, collection, token, person, timeout.Microseconds())
		return err
	})
	if err != nil {
		return HeldLock{}, err
	}
	return s.Held(ctx, key, row)
}

// ReleaseLock ends a person's lock; with person 0, anyone's.
func (s *Store) ReleaseLock(ctx context.Context, key Key, collection int64, token string, person int64) error {
	return s.write(ctx, key, func() error { return s.at(ctx, key.Tenant).db.ReleaseLock(ctx, key, collection, token, person) })
}
