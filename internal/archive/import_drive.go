package archive

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
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
