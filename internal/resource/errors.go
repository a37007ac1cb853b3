package resource

import (
	"errors"

	"fachwerk/internal/store"
)

// The errors of this package. Each may be wrapped with what it concerns.
var (
	// ErrNotFound also says that the person may not see it: nobody learns more.
	ErrNotFound  = store.ErrNotFound
	ErrDenied    = errors.New("not permitted")
	ErrExists    = store.ErrExists
	ErrChanged   = store.ErrChanged
	ErrLocked    = store.ErrLocked
	ErrParent    = store.ErrParent // the folder is not there: 409 of RFC 4918
	ErrName      = store.ErrName   // the name cannot be used
	ErrLoop      = store.ErrLoop   // a folder cannot go into itself
	ErrFolder    = store.ErrFolder // a folder has no content
	ErrQuota     = store.ErrQuota
	ErrTooLarge  = store.ErrTooLarge
	ErrToken     = errors.New("the sync token is too old or not of this collection")
	ErrTooMany   = store.ErrTooMany
	ErrDigest    = errors.New("the content does not have the digest it was sent with")
	ErrTemporary = store.ErrTemporary
	// ErrPlacement comes with ErrTemporary where nothing may be written at present
	// because of where it would lie.
	ErrPlacement = store.ErrPlacement
)

// fail puts a store's error into this package's terms.
func fail(err error) error {
	var locked *store.LockedError
	if errors.As(err, &locked) {
		l := locked.Lock
		return &LockedError{Lock{Token: l.Token, Item: l.Item, Infinite: l.Infinite, Shared: l.Shared, Person: l.Person, Path: l.Path}}
	}
	return err
}
