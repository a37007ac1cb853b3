package resource

import (
	"context"
	"fmt"

	"fachwerk/internal/store"
)

// MaxCopied is how many resources a collection may have that is copied whole.
const MaxCopied = store.MaxCopied

// CollectionTransfer are the rules of a COPY or MOVE of a whole calendar or address book.
type CollectionTransfer struct {
	// Name is the destination's, in the same account.
	Name string
	// Over is the collection that bears the name and goes for good with all that is in
	// it; its ID is 0 where nothing may be there.
	Over    Collection
	Shallow bool // COPY with Depth 0: without its members
}

// MoveCollection gives a collection another name, in a constant number of rows. It stays
// what it is: its sync tokens and properties hold on; its locks go (RFC 4918 section 7.6).
// ErrChanged where another collection than Over bears the name, LockedError.
func (s *Service) MoveCollection(ctx context.Context, c Collection, t CollectionTransfer, g Guard) (Collection, error) {
	return s.transferCollection(ctx, c, t, g, s.o.Store.MoveCollection)
}

// CopyCollection makes a second collection with the same properties and resources; no
// content is copied. It is there whole or not at all. ErrTooMany above MaxCopied resources
// or MaxCollections, ErrQuota, ErrChanged and LockedError as above.
func (s *Service) CopyCollection(ctx context.Context, c Collection, t CollectionTransfer, g Guard) (Collection, error) {
	have, err := s.Collections(ctx, c.Account, c.Kind)
	if err != nil {
		return Collection{}, err
	}
	if len(have) >= MaxCollections && t.Over.ID == 0 {
		return Collection{}, fmt.Errorf("collection %q: %w", t.Name, ErrTooMany)
	}
	return s.transferCollection(ctx, c, t, g, s.o.Store.CopyCollection)
}

func (s *Service) transferCollection(ctx context.Context, c Collection, t CollectionTransfer, g Guard,
	run func(context.Context, store.Key, store.CollectionTransfer) (store.Collection, error)) (Collection, error) {
	if err := s.may(ctx, c.Account, Manage); err != nil {
		return Collection{}, err
	}
	if !usable(t.Name) {
		return Collection{}, fmt.Errorf("collection %q: %w", t.Name, ErrName)
	}
	row, err := run(ctx, c.Account.Key, store.CollectionTransfer{Collection: c.ID, Kind: c.Kind, To: t.Name, Over: t.Over.ID,
		Shallow: t.Shallow, Guard: guard(c, g)})
	if err != nil {
		return Collection{}, fail(err)
	}
	return s.collection(c.Account, row), nil
}
