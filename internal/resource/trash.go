package resource

import (
	"context"
	"errors"
	"fmt"

	"fachwerk/internal/store"
)

// Trash puts a resource of a drive into the trash, a folder with all below it.
func (s *Service) Trash(ctx context.Context, c Collection, i Item, g Guard) error {
	if err := s.may(ctx, c.Account, Write); err != nil {
		return err
	}
	return fail(s.o.Store.TrashResource(ctx, c.Account.Key, c.ID, row(i), guard(c, g)))
}

// Trashed lists the trash of a drive, last deleted first.
func (s *Service) Trashed(ctx context.Context, c Collection) ([]Trashed, error) {
	rows, err := s.o.Store.Trash(ctx, c.Account.Key, c.ID)
	if err != nil {
		return nil, err
	}
	list := make([]Trashed, len(rows))
	for n, r := range rows {
		list[n] = Trashed{Item: s.item(c, r.Item), Deleted: r.Deleted, Expires: r.Deleted.Add(s.o.Keep), Path: r.Path}
	}
	return list, nil
}

// restoreTries is how often a restore looks for its place anew.
const restoreTries = 100

// Restore puts something back where it lay; where the folder is gone it is made
// again, where the name is in use a free one is taken.
func (s *Service) Restore(ctx context.Context, c Collection, i Item) (path []string, err error) {
	if err := s.may(ctx, c.Account, Write); err != nil {
		return nil, err
	}
	was, err := s.origin(ctx, c, i)
	if err != nil {
		return nil, err
	}
	for try := range restoreTries {
		folder, above, err := s.folders(ctx, c, was[:len(was)-1])
		if err == nil {
			name := was[len(was)-1]
			if try > 0 {
				name = another(name, try)
			}
			to := Place{Collection: c, Parent: folder, Name: name}
			if _, _, err = s.Move(ctx, c, i, to, Transfer{}, Guard{}); err == nil {
				return append(above, name), nil
			}
		}
		if !errors.Is(err, ErrExists) && !errors.Is(err, ErrParent) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("restore: %w", ErrExists)
}

func (s *Service) origin(ctx context.Context, c Collection, i Item) ([]string, error) {
	list, err := s.Trashed(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, t := range list {
		if t.Item.ID == i.ID {
			return t.Path, nil
		}
	}
	return nil, fmt.Errorf("restore: %w", ErrNotFound)
}

// folders answers the folder at a path, made where it is missing. A file in the way
// has the folder take another name.
func (s *Service) folders(ctx context.Context, c Collection, names []string) (folder int64, path []string, err error) {
	for _, name := range names {
		free := name
		for try := 1; ; try++ {
			found, err := s.Walk(ctx, c, folder, []string{free})
			if err != nil {
				return 0, nil, err
			}
			if len(found) == 0 {
				made, err := s.MakeFolder(ctx, Place{Collection: c, Parent: folder, Name: free}, nil, Guard{})
				if errors.Is(err, ErrExists) && try < restoreTries {
					continue // another was faster
				}
				if err != nil {
					return 0, nil, err
				}
				found = []Item{made}
			}
			if found[0].Folder {
				folder, path = found[0].ID, append(path, free)
				break
			}
			free = another(name, try)
		}
	}
	return folder, path, nil
}

// another is a name beside one that is in use: "report (2).txt".
func another(name string, try int) string { return store.Numbered(name, int64(try)+1) }

// EmptyTrash removes what has been in the trash longer than its time, at most limit
// resources with what is below them, of all accounts. Maintenance calls it.
func (s *Service) EmptyTrash(ctx context.Context, limit int) (more bool, err error) {
	return s.o.Store.EmptyTrash(ctx, s.o.Keep, limit)
}
