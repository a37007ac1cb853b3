package files

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/resource"
)

// TrashEntry is a file or folder that was deleted.
type TrashEntry struct {
	ID      int64
	Name    string   // as it was
	Path    []string // where it lay, from the root of the drive down, its name last
	Folder  bool
	Size    int64 // bytes; of a folder 0
	Deleted time.Time
	Expires time.Time // when it goes for good
}

// TrashDrive is the trash of one drive.
type TrashDrive struct {
	Address     string // of the account
	DisplayName string
	Own         bool
	MayWrite    bool         // restore, remove and empty are allowed
	Entries     []TrashEntry // last deleted first
}

// Trash lists the trash of every drive the person may read, their own first.
func (s *Service) Trash(ctx context.Context, p *auth.Principal) ([]TrashDrive, error) {
	accounts, err := s.resources.Accounts(ctx, p)
	if err != nil {
		return nil, err
	}
	var out []TrashDrive
	for _, a := range accounts {
		d, err := s.trashOf(ctx, a)
		if errors.Is(err, resource.ErrNotFound) {
			continue // no drive yet, or a grant that has just ended
		}
		if err != nil {
			return nil, fmt.Errorf("trash: %w", err)
		}
		out = append(out, d)
	}
	return out, nil
}

func (s *Service) trashOf(ctx context.Context, a resource.Account) (TrashDrive, error) {
	d := TrashDrive{Address: a.Address, DisplayName: a.DisplayName, Own: a.Own(), MayWrite: a.May(resource.Write)}
	c, err := s.resources.Collection(ctx, a, resource.Drive, DriveName)
	if err != nil {
		return d, err
	}
	list, err := s.resources.Trashed(ctx, c)
	for _, t := range list {
		d.Entries = append(d.Entries, entry(t))
	}
	return d, err
}

func entry(t resource.Trashed) TrashEntry {
	e := TrashEntry{ID: t.Item.ID, Name: t.Item.Name, Path: t.Path, Folder: t.Item.Folder, Size: t.Item.Size,
		Deleted: t.Deleted, Expires: t.Expires}
	if n := len(t.Path); n > 0 {
		e.Name = t.Path[n-1]
	}
	if e.Folder {
		e.Size = 0
	}
	return e
}

// Restore puts something back where it lay and answers where that is: its folder is
// made again where it has gone, a free name taken where its own is in use. Errors:
// resource.ErrNotFound, resource.ErrDenied.
func (s *Service) Restore(ctx context.Context, p *auth.Principal, address string, id int64) (path []string, err error) {
	c, t, err := s.inTrash(ctx, p, address, id)
	if err != nil {
		return nil, err
	}
	return s.resources.Restore(ctx, c, t.Item)
}

// RemoveTrashed removes something in the trash for good. Errors as Restore's.
func (s *Service) RemoveTrashed(ctx context.Context, p *auth.Principal, address string, id int64) error {
	c, t, err := s.inTrash(ctx, p, address, id)
	if err != nil {
		return err
	}
	return s.resources.Remove(ctx, c, t.Item, seen(t.Item))
}

// EmptyTrash removes for good what was in a drive's trash when it was asked to.
func (s *Service) EmptyTrash(ctx context.Context, p *auth.Principal, address string) error {
	c, err := s.granted(ctx, p, address)
	if err != nil {
		return err
	}
	list, err := s.resources.Trashed(ctx, c)
	if err != nil {
		return err
	}
	for _, t := range list {
		err := s.resources.Remove(ctx, c, t.Item, seen(t.Item))
		// Restored or removed by another meanwhile: not in the trash any more.
		if err != nil && !errors.Is(err, resource.ErrChanged) && !errors.Is(err, resource.ErrNotFound) {
			return err
		}
	}
	return nil
}

// granted is the drive of an account whose trash the person may change.
func (s *Service) granted(ctx context.Context, p *auth.Principal, address string) (resource.Collection, error) {
	a, err := s.resources.Account(ctx, p, address)
	if err != nil {
		return resource.Collection{}, err
	}
	if !a.May(resource.Write) {
		return resource.Collection{}, resource.ErrDenied
	}
	return s.resources.Collection(ctx, a, resource.Drive, DriveName)
}

func (s *Service) inTrash(ctx context.Context, p *auth.Principal, address string, id int64) (resource.Collection, resource.Trashed, error) {
	c, err := s.granted(ctx, p, address)
	if err != nil {
		return c, resource.Trashed{}, err
	}
	list, err := s.resources.Trashed(ctx, c)
	if err != nil {
		return c, resource.Trashed{}, err
	}
	for _, t := range list {
		if t.Item.ID == id {
			return c, t, nil
		}
	}
	return c, resource.Trashed{}, resource.ErrNotFound
}

// seen guards against what was restored or replaced meanwhile.
func seen(i resource.Item) resource.Guard {
	return resource.Guard{Seen: []resource.Seen{{Parent: i.Parent, Name: i.Name, ID: i.ID}}}
}
