package store

import (
	"context"

	"fachwerk/internal/store/meta"
)

// CollectionTransfer is a MOVE or COPY of a whole calendar or address book.
type CollectionTransfer = meta.CollectionTransfer

// MaxCopied is how many items a collection may have that is copied.
const MaxCopied = meta.MaxCopied

// MoveCollection gives a collection another name in its account.
func (s *Store) MoveCollection(ctx context.Context, key Key, t CollectionTransfer) (c Collection, err error) {
	err = s.write(ctx, key, func() error {
		c, err = s.at(ctx, key.Tenant).db.MoveCollection(ctx, key, t)
		return err
	})
	return c, err
}

// CopyCollection makes a second collection with the same items.
func (s *Store) CopyCollection(ctx context.Context, key Key, t CollectionTransfer) (c Collection, err error) {
	err = s.write(ctx, key, func() error {
		c, err = s.at(ctx, key.Tenant).db.CopyCollection(ctx, key, t)
		return err
	})
	return c, err
}
