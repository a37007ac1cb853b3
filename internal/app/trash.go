package app

import (
	"context"
	"errors"
	"strings"

	"fachwerk/auth"
	"fachwerk/internal/resource"
	"fachwerk/portal"
)

// trash shows the portal what was deleted from drives.
type trash struct {
	in *Installation
	*services
}

// List implements portal.Trash.
func (t trash) List(ctx context.Context, person auth.AccountRef) ([]portal.TrashDrive, error) {
	p, err := t.asPrincipal(ctx, t.in, person)
	if err != nil {
		return nil, err
	}
	drives, err := t.files.Trash(ctx, p)
	if err != nil {
		return nil, outside(err)
	}
	out := make([]portal.TrashDrive, len(drives))
	for i, d := range drives {
		out[i] = portal.TrashDrive{Address: d.Address, Name: d.DisplayName, Own: d.Own, ReadOnly: !d.MayWrite}
		for _, e := range d.Entries {
			f := portal.TrashFile{ID: e.ID, Name: e.Name, Folder: e.Folder, Deleted: e.Deleted, Expires: e.Expires, Size: e.Size}
			if n := len(e.Path); n > 0 {
				f.Place = strings.Join(e.Path[:n-1], "/")
			}
			out[i].Files = append(out[i].Files, f)
		}
	}
	return out, nil
}

// Restore implements portal.Trash.
func (t trash) Restore(ctx context.Context, person auth.AccountRef, drive string, id int64) (where string, err error) {
	p, err := t.asPrincipal(ctx, t.in, person)
	if err != nil {
		return "", err
	}
	path, err := t.files.Restore(ctx, p, drive, id)
	return strings.Join(path, "/"), trashError(err)
}

// Remove implements portal.Trash.
func (t trash) Remove(ctx context.Context, person auth.AccountRef, drive string, id int64) error {
	p, err := t.asPrincipal(ctx, t.in, person)
	if err != nil {
		return err
	}
	return trashError(t.files.RemoveTrashed(ctx, p, drive, id))
}

// Empty implements portal.Trash.
func (t trash) Empty(ctx context.Context, person auth.AccountRef, drive string) error {
	p, err := t.asPrincipal(ctx, t.in, person)
	if err != nil {
		return err
	}
	return trashError(t.files.EmptyTrash(ctx, p, drive))
}

func trashError(err error) error {
	switch {
	case errors.Is(err, resource.ErrDenied):
		return portal.ErrReadOnly
	case errors.Is(err, resource.ErrLocked), errors.Is(err, resource.ErrChanged):
		return portal.ErrBusy
	}
	return outside(err)
}
