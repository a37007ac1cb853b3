package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"fachwerk/internal/resource"
)

// trash brings what was deleted, in the order in which it was.
func (d *driveImport) trash(ctx context.Context, groups [][]Item) error {
	root, err := d.in(ctx, resource.Root)
	if err != nil {
		return err
	}
	staging, left := root[stagingName]
	missing, err := d.notInTrash(ctx, groups)
	if err != nil || len(missing) == 0 && !left {
		return err
	}
	if d.resumed = left; left {
		if err := d.clear(ctx, staging); err != nil {
			return err
		}
	} else {
		at := resource.Place{Collection: d.c, Parent: resource.Root, Name: stagingName}
		if staging, err = d.im.h.Resources.MakeFolder(ctx, at, nil, absent(at)); err != nil {
			return err
		}
	}
	d.members[staging.ID] = map[string]resource.Item{}
	if d.resumed {
		if err := d.unmake(ctx, staging, groups); err != nil {
			return err
		}
	}
	slices.SortStableFunc(missing, func(a, b []Item) int { return cmp.Compare(a[0].Trash.Deleted, b[0].Trash.Deleted) })
	for _, g := range missing {
		if err := d.deleted(ctx, staging, g); err != nil {
			if err := d.im.fail(g[0].File, err); err != nil {
				return err
			}
		}
	}
	if err := d.unmake(ctx, staging, groups); err != nil {
		return err
	}
	err = d.im.h.Resources.Remove(ctx, d.c, staging, resource.Guard{})
	d.members = map[int64]map[string]resource.Item{} // looked at anew
	return err
}

// clear empties the staging folder that a killed run left.
func (d *driveImport) clear(ctx context.Context, staging resource.Item) error {
	here, err := d.in(ctx, staging.ID)
	if err != nil {
		return err
	}
	for _, i := range here {
		if err := d.im.h.Resources.Remove(ctx, d.c, i, resource.Guard{}); err != nil {
			return err
		}
	}
	return nil
}

// notInTrash leaves out what an earlier run brought.
func (d *driveImport) notInTrash(ctx context.Context, groups [][]Item) (missing [][]Item, err error) {
	list, err := d.im.h.Resources.Trashed(ctx, d.c)
	if err != nil {
		return nil, err
	}
	used := make([]bool, len(list))
	for _, g := range groups {
		found := false
		for n, t := range list {
			top := &g[0]
			if used[n] || !slices.Equal(t.Path, top.Trash.From) || t.Item.Folder != (top.Type == typeFolder) {
				continue
			}
			same := t.Item.Folder
			if !same {
				if same, err = d.same(ctx, t.Item, top); err != nil {
					return nil, err
				}
			}
			if same {
				used[n], found = true, true
				break
			}
		}
		if !found {
			missing = append(missing, g)
			continue
		}
		for range g {
			d.im.present()
		}
	}
	return missing, nil
}

// deleted makes one deleted file or tree: aside, then where it lay, then into the
// trash.
func (d *driveImport) deleted(ctx context.Context, staging resource.Item, g []Item) error {
	r := d.im.h.Resources
	top := &g[0]
	if len(top.Trash.From) == 0 {
		return fmt.Errorf("%w: where it lay is not told", ErrManifest)
	}
	parent, err := d.parents(ctx, top.Trash.From[:len(top.Trash.From)-1])
	if err != nil {
		return err
	}
	name := top.Trash.From[len(top.Trash.From)-1]
	if done, err := d.leftover(ctx, staging, parent, name, top); err != nil || done {
		if done {
			d.im.brought(len(g))
		}
		return errors.Join(err, d.unmake(ctx, staging, [][]Item{g}))
	}
	began := len(d.im.report.Problems)
	if err := d.tree(ctx, staging.ID, g, 0); err != nil {
		return err
	}
	if _, ok := d.members[staging.ID][top.Path[0]]; !ok {
		if len(d.im.report.Problems) > began {
			return nil // said already
		}
		return errors.New("it could not be made")
	}
	// As it is now, with its time.
	list, err := r.Named(ctx, d.c, staging.ID, top.Path[:1])
	if err != nil {
		return err
	}
	made := list[0]
	to := resource.Place{Collection: d.c, Parent: parent, Name: name}
	moved, _, err := r.Move(ctx, d.c, made, to, resource.Transfer{}, resource.Guard{})
	for try := 2; errors.Is(err, resource.ErrExists) && try < 100; try++ {
		to.Name = fmt.Sprintf("%s (%d)", name, try)
		moved, _, err = r.Move(ctx, d.c, made, to, resource.Transfer{}, resource.Guard{})
	}
	if err != nil {
		return err
	}
	if to.Name != name {
		d.im.note(top.File, "its name is in use; in the trash it is called %s", to.Name)
	}
	delete(d.members[staging.ID], top.Path[0])
	if err := r.Trash(ctx, d.c, moved, resource.Guard{}); err != nil {
		return err
	}
	return d.unmake(ctx, staging, [][]Item{g})
}

// leftover puts into the trash what a run that was killed between a move and a deletion
// left where it lay: it was made after the staging folder, and is whole.
func (d *driveImport) leftover(ctx context.Context, staging resource.Item, parent int64, name string, top *Item) (done bool, err error) {
	if !d.resumed {
		return false, nil
	}
	list, err := d.im.h.Resources.Named(ctx, d.c, parent, []string{name})
	if err != nil || list[0].ID < staging.ID || list[0].Folder != (top.Type == typeFolder) {
		return false, err
	}
	if !list[0].Folder {
		if same, err := d.same(ctx, list[0], top); err != nil || !same {
			return false, err
		}
	}
	return true, d.im.h.Resources.Trash(ctx, d.c, list[0], resource.Guard{})
}

// parents answers the folder at a path, made where it is missing; unmake takes those
// away again.
func (d *driveImport) parents(ctx context.Context, path []string) (int64, error) {
	at := resource.Root
	for _, name := range path {
		list, err := d.im.h.Resources.Named(ctx, d.c, at, []string{name})
		if err != nil {
			return 0, err
		}
		i := list[0]
		if i.ID == 0 {
			place := resource.Place{Collection: d.c, Parent: at, Name: name}
			if i, err = d.im.h.Resources.MakeFolder(ctx, place, nil, absent(place)); err != nil {
				return 0, err
			}
		}
		if !i.Folder {
			return 0, errors.New("a file has the name of the folder it lay in")
		}
		at = i.ID
	}
	return at, nil
}

// unmake removes the empty folders that were made for things to be deleted from. An
// id above the staging folder's says that it was made later.
func (d *driveImport) unmake(ctx context.Context, staging resource.Item, groups [][]Item) error {
	var paths [][]string
	for _, g := range groups {
		for n := 1; n < len(g[0].Trash.From); n++ {
			paths = append(paths, g[0].Trash.From[:n])
		}
	}
	slices.SortFunc(paths, func(a, b []string) int { return len(b) - len(a) }) // deepest first
	for _, path := range paths {
		found, err := d.im.h.Resources.Walk(ctx, d.c, resource.Root, path)
		if err != nil {
			return err
		}
		if len(found) < len(path) {
			continue
		}
		i := found[len(path)-1]
		if !i.Folder || i.ID < staging.ID {
			continue
		}
		inside, err := d.im.h.Resources.Members(ctx, d.c, i.ID, "", 1)
		if err != nil {
			return err
		}
		if len(inside) == 0 {
			if err := d.im.h.Resources.Remove(ctx, d.c, i, resource.Guard{}); err != nil {
				return err
			}
		}
	}
	return nil
}
