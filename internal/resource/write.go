package resource

import (
	"context"
	"fmt"
	"time"

	"fachwerk/internal/store"
)

// Put gives the place new content: a new resource, or the one that bears the name.
// The draft's upload must be finished and is used up where this succeeds; its owner
// closes it either way. Errors: ErrChanged, LockedError, ErrParent, ErrFolder (a
// folder bears the name), ErrName, ErrQuota, UIDError, ErrDenied.
func (s *Service) Put(ctx context.Context, at Place, d Draft, g Guard) (Put, error) {
	c := at.Collection
	if err := s.may(ctx, c.Account, Write); err != nil {
		return Put{}, err
	}
	if !usable(at.Name) {
		return Put{}, fmt.Errorf("put %q: %w", at.Name, ErrName)
	}
	p := store.PutResource{Collection: c.ID, Parent: at.Parent, Name: at.Name, Upload: d.Upload.up, Modified: d.Modified,
		Facts: d.Facts, Encoder: d.Encoder, Origin: d.Origin, Guard: guard(c, g)}
	if x := d.Index; x != nil {
		p.Index = &store.ResourceIndex{UID: x.UID, Components: x.Components, From: x.From, To: x.To, Same: x.Same}
	}
	put, err := s.o.Store.PutResource(ctx, c.Account.Key, p)
	if err != nil {
		return Put{}, fail(err)
	}
	return Put{Item: s.item(c, put.Item), Created: put.Created}, nil
}

// MakeFolder makes a folder with its properties; ErrExists, ErrParent, ErrTooMany as
// SetProperties.
func (s *Service) MakeFolder(ctx context.Context, at Place, properties []Property, g Guard) (Item, error) {
	c := at.Collection
	if err := s.may(ctx, c.Account, Write); err != nil {
		return Item{}, err
	}
	if !usable(at.Name) {
		return Item{}, fmt.Errorf("make folder %q: %w", at.Name, ErrName)
	}
	if !fits(properties) {
		return Item{}, fmt.Errorf("make folder %q: properties: %w", at.Name, ErrTooMany)
	}
	i, err := s.o.Store.MakeFolder(ctx, c.Account.Key, spot(at), plain(properties), guard(c, g))
	if err != nil {
		return Item{}, fail(err)
	}
	return s.item(c, i), nil
}

// Touch gives a resource another time of its own and leaves all else, its ETag
// included, as it is. ErrChanged, LockedError, ErrNotFound, ErrDenied.
func (s *Service) Touch(ctx context.Context, c Collection, i Item, to time.Time, g Guard) (Item, error) {
	if err := s.may(ctx, c.Account, Write); err != nil {
		return Item{}, err
	}
	touched, err := s.o.Store.Touch(ctx, c.Account.Key, c.ID, i.ID, to, guard(c, g))
	if err != nil {
		return Item{}, fail(err)
	}
	return s.item(c, touched), nil
}

// Transfer are the rules of a COPY or MOVE.
type Transfer struct {
	Overwrite bool // what is at the destination goes: files into the trash, other resources for good
	Shallow   bool // COPY of a folder with Depth 0: without its members
	// From is what was seen in the source's account, of a MOVE into another account;
	// the ids of collections tell nothing of whose they are. Its Tokens are not used.
	From Guard
}

// Move gives a resource another place; a folder moves with all below it, in a number
// of rows that does not depend on how many. Into another account content is sealed anew
// where nobody sees it. It is one transaction that gives it its place and takes it from
// the other: it is never at both or at none.
// created is false where something was overwritten.
// Dead properties stay, locks go (RFC 4918 7.5).
func (s *Service) Move(ctx context.Context, from Collection, i Item, to Place, t Transfer, g Guard) (moved Item, created bool, err error) {
	if err := s.may(ctx, from.Account, Write); err != nil {
		return Item{}, false, err
	}
	return s.transfer(ctx, from, i, to, t, g, true)
}

// Copy gives a resource a second place; no content is copied within an account. A
// tree appears whole or not at all.
func (s *Service) Copy(ctx context.Context, from Collection, i Item, to Place, t Transfer, g Guard) (copied Item, created bool, err error) {
	if err := s.may(ctx, from.Account, Read); err != nil {
		return Item{}, false, err
	}
	return s.transfer(ctx, from, i, to, t, g, false)
}

func (s *Service) transfer(ctx context.Context, from Collection, i Item, to Place, t Transfer, g Guard, move bool) (Item, bool, error) {
	target := to.Collection
	if err := s.may(ctx, target.Account, Write); err != nil {
		return Item{}, false, err
	}
	if !usable(to.Name) {
		return Item{}, false, fmt.Errorf("transfer to %q: %w", to.Name, ErrName)
	}
	row := store.Transfer{Collection: from.ID, Item: row(i), To: spot(to), Overwrite: t.Overwrite, Shallow: t.Shallow && !move,
		Guard: guard(target, g), From: guard(from, t.From)}
	var done store.Transferred
	var err error
	switch key := target.Account.Key; {
	case from.Account.Key != key:
		done, err = s.across(ctx, from, target, row, g, move)
	case move:
		done, err = s.o.Store.MoveResource(ctx, key, row)
	default:
		done, err = s.o.Store.CopyResource(ctx, key, row)
	}
	if err != nil {
		return Item{}, false, fail(err)
	}
	return s.item(target, done.Item), done.Created, nil
}

// across splits what was seen: each account compares its own.
func (s *Service) across(ctx context.Context, from, target Collection, row store.Transfer, g Guard, move bool) (store.Transferred, error) {
	var there []Seen
	for _, seen := range g.Seen {
		switch {
		case seen.Collection == target.ID:
			there = append(there, seen)
		case seen.Collection == from.ID, seen.ID == row.Item.ID && seen.Name == row.Item.Name:
		default:
			there = append(there, seen)
		}
	}
	row.Guard = guard(target, Guard{Seen: there, Tokens: g.Tokens})
	return s.o.Store.CarryAcross(ctx, from.Account.Key, target.Account.Key, row, move)
}

// Remove takes a resource away for good, a folder with all below it (in the
// background; it is gone for every reader at once).
func (s *Service) Remove(ctx context.Context, c Collection, i Item, g Guard) error {
	if err := s.may(ctx, c.Account, Write); err != nil {
		return err
	}
	return fail(s.o.Store.RemoveResource(ctx, c.Account.Key, c.ID, row(i), guard(c, g)))
}
