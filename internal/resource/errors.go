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
	ErrChanged   = errors.New("changed meanwhile")
	ErrLocked    = errors.New("locked")
	ErrParent    = errors.New("the folder is not there") // 409 of RFC 4918
	ErrName      = errors.New("the name cannot be used")
	ErrLoop      = errors.New("a folder cannot go into itself")
	ErrFolder    = errors.New("a folder has no content")
	ErrQuota     = store.ErrQuota
	ErrTooLarge  = store.ErrTooLarge
	ErrToken     = errors.New("the sync token is too old or not of this collection")
	ErrTooMany   = store.ErrTooMany
	ErrDigest    = errors.New("the content does not have the digest it was sent with")
	ErrTemporary = store.ErrTemporary
)
