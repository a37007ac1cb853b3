package archive

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fachwerk/files"
	"fachwerk/internal/resource"
)

// driveImport brings files and folders. The trash comes first: what was deleted is
// made where it lay and deleted again, and only then the drive gets what it has now.
type driveImport struct {
	im    *importer
	c     resource.Collection
	items []Item

	members map[int64]map[string]resource.Item // of folders that were looked into
	live    map[string]bool                    // paths that the drive has in the export
	resumed bool                               // an earlier run was broken off while it brought the trash
}

// stagingName is the folder in which a deleted tree is made before it gets its place.
// It is there while the trash is imported only, so it also tells a run that went on
// after a kill since when things were made by the import.
const stagingName = ".fachwerk-import"

func (im *importer) beginDrive(ctx context.Context) (*driveImport, error) {
	c, err := im.h.Files.Drive(ctx, im.account)
	return &driveImport{im: im, c: c, members: map[int64]map[string]resource.Item{}, live: map[string]bool{}}, err
}

func joined(path []string) string { return strings.Join(path, "/") }

func (d *driveImport) run(ctx context.Context) error {
	var live []Item
	var groups [][]Item
	for _, i := range d.items {
		if len(i.Path) == 0 {
			return fmt.Errorf("%w: a %s without a path", ErrManifest, i.Type)
		}
		switch {
		case i.Trash == nil:
			live = append(live, i)
			d.live[joined(i.Path)] = true
		case len(i.Path) == 1:
			groups = append(groups, []Item{i})
		case len(groups) == 0:
			return fmt.Errorf("%w: something in the trash lies nowhere", ErrManifest)
		default:
			groups[len(groups)-1] = append(groups[len(groups)-1], i)
		}
	}
	if err := d.trash(ctx, groups); err != nil {
		return err
	}
	return d.tree(ctx, resource.Root, live, 0)
}

// touch gives a folder its time; what comes into it does not change that.
func (d *driveImport) touch(ctx context.Context, made resource.Item, i *Item) error {
	date, err := parseStamp(i.Date)
	if err != nil {
		return err
	}
	if date.After(made.Modified) {
		return nil // a folder that was there before, and older
	}
	_, err = d.im.h.Resources.Touch(ctx, d.c, made, date, resource.Guard{})
	return err
}

// tree brings items below a folder; skip is how many names of their paths lead there.
// Folders come before what is in them.
func (d *driveImport) tree(ctx context.Context, root int64, items []Item, skip int) error {
	ids := map[string]int64{"": root} // of folders, by path
	for n := range items {
		i := &items[n]
		if err := ctx.Err(); err != nil {
			return err
		}
		names := i.Path[skip:]
		parent, ok := ids[joined(names[:len(names)-1])]
		var err error
		switch {
		case !ok:
			err = errors.New("its folder could not be made")
		case i.Type == typeFolder:
			var made resource.Item
			if made, err = d.folder(ctx, parent, names[len(names)-1], i); err == nil {
				ids[joined(names)] = made.ID
			}
		default:
			err = d.file(ctx, parent, names[len(names)-1], i)
		}
		if err != nil {
			if err := d.im.fail(i.File, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// in answers what a folder has, by name.
func (d *driveImport) in(ctx context.Context, parent int64) (map[string]resource.Item, error) {
	if known, ok := d.members[parent]; ok {
		return known, nil
	}
	list := map[string]resource.Item{}
	err := d.im.each(ctx, d.c, parent, func(i resource.Item) { list[i.Name] = i })
	if err == nil {
		d.members[parent] = list
	}
	return list, err
}

func (d *driveImport) folder(ctx context.Context, parent int64, name string, i *Item) (made resource.Item, err error) {
	here, err := d.in(ctx, parent)
	if err != nil {
		return made, err
	}
	if old, ok := here[name]; ok {
		if !old.Folder {
			return made, errDiffers
		}
		d.im.present()
		if old.Modified.Equal(old.Created) { // perhaps of a run that was killed before it came to the time
			if err := d.touch(ctx, old, i); err != nil {
				return made, err
			}
		}
		return old, d.im.properties(ctx, d.c, old, i)
	}
	at := resource.Place{Collection: d.c, Parent: parent, Name: name}
	if made, err = d.im.h.Resources.MakeFolder(ctx, at, back(i.Properties), absent(at)); err != nil {
		return made, err
	}
	here[name], d.members[made.ID] = made, map[string]resource.Item{}
	d.im.brought(1)
	return made, d.touch(ctx, made, i)
}

func (d *driveImport) file(ctx context.Context, parent int64, name string, i *Item) error {
	here, err := d.in(ctx, parent)
	if err != nil {
		return err
	}
	if old, ok := here[name]; ok {
		same, err := d.same(ctx, old, i)
		if err != nil {
			return err
		}
		if !same {
			return errDiffers
		}
		d.im.present()
		return d.im.properties(ctx, d.c, old, i)
	}
	draft, err := d.receive(ctx, i)
	if err != nil {
		return err
	}
	defer draft.Upload.Close()
	at := resource.Place{Collection: d.c, Parent: parent, Name: name}
	put, err := d.im.h.Resources.Put(ctx, at, draft, absent(at))
	if errors.Is(err, resource.ErrChanged) {
		return errDiffers
	}
	if err != nil {
		return err
	}
	here[name] = put.Item
	d.im.brought(1)
	return d.im.properties(ctx, d.c, put.Item, i)
}

// receive reads a file of the export; its SHA-256 and those digests that a client sent
// once must be right.
func (d *driveImport) receive(ctx context.Context, i *Item) (draft resource.Draft, err error) {
	date, err := parseStamp(i.Date)
	if err != nil {
		return draft, err
	}
	sum, err := hex.DecodeString(i.SHA256)
	if err != nil {
		return draft, fmt.Errorf("%w: a digest", ErrManifest)
	}
	digests := []files.Digest{{Algorithm: files.SHA256, Sum: sum}}
	for _, text := range i.Digests {
		name, value, _ := strings.Cut(text, ":")
		algorithm, ok := files.AlgorithmNamed(name)
		sum, err := hex.DecodeString(value)
		if !ok || err != nil {
			return draft, fmt.Errorf("%w: the digest %.100q", ErrManifest, text)
		}
		digests = append(digests, files.Digest{Algorithm: algorithm, Sum: sum})
	}
	file, err := openFile(d.im.root, i.File)
	if err != nil {
		return draft, err
	}
	defer file.Close()
	draft, err = d.im.h.Files.Receive(ctx, d.im.account, files.Upload{Body: contextReader{ctx, file}, Size: i.Size, Modified: date, Digests: digests})
	if errors.Is(err, resource.ErrDigest) {
		err = errDigest
	}
	return draft, err
}

func (d *driveImport) same(ctx context.Context, old resource.Item, i *Item) (bool, error) {
	if old.Folder || old.Size != i.Size {
		return false, nil
	}
	known, err := d.im.h.Files.Digests(ctx, d.c, []resource.Item{old})
	if err != nil {
		return false, err
	}
	for _, k := range known[old.ID] {
		if k.Algorithm == files.SHA256 {
			return hex.EncodeToString(k.Sum) == i.SHA256, nil
		}
	}
	return false, nil
}

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
	made, ok := d.members[staging.ID][top.Path[0]]
	if !ok {
		if len(d.im.report.Problems) > began {
			return nil // said already
		}
		return errors.New("it could not be made")
	}
	if found, err := r.Walk(ctx, d.c, resource.Root, []string{stagingName, top.Path[0]}); err != nil || len(found) != 2 {
		return errors.Join(err, resource.ErrNotFound)
	} else {
		made = found[1] // as it is now, with its time
	}
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
