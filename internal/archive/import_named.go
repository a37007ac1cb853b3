package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"slices"

	"fachwerk/contacts"
	"fachwerk/internal/resource"
)

// namedImport brings the objects of a calendar or the cards of an address book.
type namedImport struct {
	im   *importer
	c    resource.Collection
	here map[string]resource.Item // by name
}

func (im *importer) beginNamed(ctx context.Context, c *Collection) (*namedImport, error) {
	kind := resource.Calendar
	if c.Kind == kindAddressBook {
		kind = resource.AddressBook
	}
	want := back(c.Properties)
	n := &namedImport{im: im, here: map[string]resource.Item{}}
	var err error
	n.c, err = im.h.Resources.EnsureCollection(ctx, im.account, kind, c.Name, want)
	if err != nil {
		return nil, err
	}
	if err := n.describe(ctx, c, want); err != nil {
		return nil, err
	}
	return n, im.each(ctx, n.c, resource.Root, func(i resource.Item) { n.here[i.Name] = i })
}

// describe gives the collection its properties where nothing is in it yet.
func (n *namedImport) describe(ctx context.Context, c *Collection, want []resource.Property) error {
	r := n.im.h.Resources
	have, err := r.Properties(ctx, n.c, nil)
	if err != nil {
		return err
	}
	changes := differences(have[0], want)
	switch {
	case len(changes) == 0:
		return nil
	case n.c.Items > 0:
		n.im.note(c.Folder, "a collection of this name was there and keeps its name and properties")
		return nil
	}
	return r.SetProperties(ctx, n.c, 0, changes, resource.Guard{})
}

func back(list []Property) []resource.Property {
	out := make([]resource.Property, len(list))
	for i, p := range list {
		out[i] = resource.Property{Name: xml.Name{Space: p.Space, Local: p.Local}, Value: []byte(p.Value)}
	}
	return out
}

// differences are the changes that make have what want is.
func differences(have, want []resource.Property) (changes []resource.PropertyChange) {
	for _, p := range want {
		if !slices.ContainsFunc(have, func(h resource.Property) bool { return h.Name == p.Name && string(h.Value) == string(p.Value) }) {
			changes = append(changes, p)
		}
	}
	for _, h := range have {
		if !slices.ContainsFunc(want, func(p resource.Property) bool { return h.Name == p.Name }) {
			changes = append(changes, resource.PropertyChange{Name: h.Name})
		}
	}
	return changes
}

// each calls f with the members of a folder.
func (im *importer) each(ctx context.Context, c resource.Collection, parent int64, f func(resource.Item)) error {
	for after := ""; ; {
		list, err := im.h.Resources.Members(ctx, c, parent, after, page)
		if err != nil {
			return err
		}
		for _, i := range list {
			f(i)
			after = i.Name
		}
		if len(list) < page {
			return nil
		}
	}
}

func (n *namedImport) take(ctx context.Context, i *Item) error {
	err := n.bring(ctx, i)
	if err != nil {
		return n.im.fail(i.File, err)
	}
	return nil
}

func (n *namedImport) bring(ctx context.Context, i *Item) error {
	old, there := n.here[i.Name]
	if there {
		same, err := n.same(ctx, old, i)
		if err != nil {
			return err
		}
		if !same {
			return errDiffers
		}
		n.im.present()
		return n.im.properties(ctx, n.c, old, i)
	}
	date, err := parseStamp(i.Date)
	if err != nil {
		return err
	}
	at := resource.Place{Collection: n.c, Parent: resource.Root, Name: i.Name}
	d, err := n.accept(ctx, at, i)
	if err != nil {
		return err
	}
	defer d.Upload.Close()
	d.Modified = date
	put, err := n.im.h.Resources.Put(ctx, at, d, absent(at))
	if errors.Is(err, resource.ErrChanged) {
		return errDiffers
	}
	if err != nil {
		return err
	}
	n.here[i.Name] = put.Item
	n.im.brought(1)
	return n.im.properties(ctx, n.c, put.Item, i)
}

// absent is the guard of a write to where nothing is.
func absent(at resource.Place) resource.Guard {
	return resource.Guard{Seen: []resource.Seen{{Parent: at.Parent, Name: at.Name}}}
}

func (n *namedImport) accept(ctx context.Context, at resource.Place, i *Item) (d resource.Draft, err error) {
	if n.c.Kind == resource.Calendar {
		data, err := n.im.small(i, n.im.h.Calendar.Limits().Size)
		if err != nil {
			return d, err
		}
		return n.im.h.Calendar.Accept(ctx, at, resource.Item{}, data)
	}
	data, err := n.im.small(i, contacts.MaxSize)
	if err != nil {
		return d, err
	}
	card, err := contacts.Parse(data)
	if err != nil {
		return d, err
	}
	u, err := n.im.h.Resources.NewUpload(ctx, n.c.Account, resource.UploadOptions{Size: int64(len(data)), Limit: contacts.MaxSize})
	if err != nil {
		return d, err
	}
	if _, err = u.Write(data); err == nil {
		err = u.Finish()
	}
	if err != nil {
		return d, errors.Join(err, u.Close())
	}
	return resource.Draft{Upload: u, Facts: card.Facts(), Encoder: contacts.FactsEncoder, Index: card.Index()}, nil
}

func (n *namedImport) same(ctx context.Context, old resource.Item, i *Item) (same bool, err error) {
	if old.Size != i.Size {
		return false, nil
	}
	err = n.im.h.Resources.Bodies(ctx, n.c, []resource.Item{old}, func(_ int, body []byte) error {
		sum := sha256.Sum256(body)
		same = hex.EncodeToString(sum[:]) == i.SHA256
		return nil
	})
	return same, err
}

// properties gives a resource those of the export, where it has none.
func (im *importer) properties(ctx context.Context, c resource.Collection, at resource.Item, i *Item) error {
	if len(i.Properties) == 0 {
		return nil
	}
	have, err := im.h.Resources.Properties(ctx, c, []int64{at.ID})
	if err != nil || len(have[at.ID]) > 0 {
		return err
	}
	return im.h.Resources.SetProperties(ctx, c, at.ID, back(i.Properties), resource.Guard{})
}
