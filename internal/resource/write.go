package resource

import (
	"context"
)

// Put gives the place new content: a new resource, or the one that bears the name.
// The draft's upload is used up either way. Errors: ErrChanged, LockedError,
// ErrParent, ErrFolder (a folder bears the name), ErrName, ErrQuota, UIDError, ErrDenied.
func (s *Service) Put(ctx context.Context, at Place, d Draft, g Guard) (Put, error) {
	panic("unwritten")
}

// MakeFolder makes a folder with its properties; ErrExists, ErrParent.
func (s *Service) MakeFolder(ctx context.Context, at Place, properties []Property, g Guard) (Item, error) {
	panic("unwritten")
}

// Transfer are the rules of a COPY or MOVE.
type Transfer struct {
	Overwrite bool // what is at the destination goes: files into the trash, other resources for good
	Shallow   bool // COPY of a folder with Depth 0: without its members
}

// Move gives a resource another place; a folder moves with all below it, in a number
// of rows that does not depend on how many. Within an account it is one transaction;
// into another account content is sealed anew, and the source goes when all is there.
// created is false where something was overwritten.
// Dead properties stay, locks go (RFC 4918 7.5).
func (s *Service) Move(ctx context.Context, from Collection, i Item, to Place, t Transfer, g Guard) (moved Item, created bool, err error) {
	panic("unwritten")
}

// Copy gives a resource a second place; no content is copied within an account. A
// tree appears whole or not at all.
func (s *Service) Copy(ctx context.Context, from Collection, i Item, to Place, t Transfer, g Guard) (copied Item, created bool, err error) {
	panic("unwritten")
}

// Remove takes a resource away for good, a folder with all below it (in the
// background; it is gone for every reader at once).
func (s *Service) Remove(ctx context.Context, c Collection, i Item, g Guard) error {
	panic("unwritten")
}

// Trash puts a resource of a drive into the trash, a folder with all below it.
func (s *Service) Trash(ctx context.Context, c Collection, i Item, g Guard) error { panic("unwritten") }

// Trashed lists the trash of a drive, last deleted first.
func (s *Service) Trashed(ctx context.Context, c Collection) ([]Trashed, error) { panic("unwritten") }

// Restore puts something back where it lay; where the folder is gone it is made
// again, where the name is in use a free one is taken.
func (s *Service) Restore(ctx context.Context, c Collection, i Item) (path []string, err error) {
	panic("unwritten")
}

// EmptyTrash removes what has been in the trash longer than its time, at most limit
// resources with what is below them, of all accounts. Maintenance calls it.
func (s *Service) EmptyTrash(ctx context.Context, limit int) (more bool, err error) {
	panic("unwritten")
}
