package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fachwerk/files"
	"fachwerk/internal/store"
)

// survey is what the journal tells of an account: every item of every collection,
// without content. It is read once and brought up to date after that.
type survey struct {
	s   *store.Store
	key store.Key

	mark       int64 // the account's modseq up to which all is known
	boxes      map[int64]*box
	subscribed []string
	items      int64
	after      func(collection int64) // for tests: called when one was read
}

// box is a collection as the journal was read.
type box struct {
	store.Collection
	token      store.Token
	items      map[int64]*entry // by item id
	properties []Property
	trash      map[int64]store.Trashed // by item id, of a drive
}

// entry is an item with what is kept beside its row.
type entry struct {
	store.Item
	properties []Property
	digests    []string
}

// page is how many changes are read at once.
const page = 1000

// kinds of collections, in the order in which they are written.
var kinds = []struct {
	kind store.CollectionKind
	name string
}{{store.Mailbox, kindMailbox}, {store.Calendar, kindCalendar}, {store.AddressBook, kindAddressBook}, {store.Drive, kindDrive}}

func kindName(kind store.CollectionKind) string {
	for _, k := range kinds {
		if k.kind == kind {
			return k.name
		}
	}
	return ""
}

// catchUp reads what changed. stable says that nothing did while it read: everything
// known is as it was at mark.
func (v *survey) catchUp(ctx context.Context) (stable bool, err error) {
	now, err := v.s.ModSeq(ctx, v.key)
	if err != nil || now == v.mark && v.boxes != nil {
		return err == nil, err
	}
	// Since zero these are all collections, of one snapshot with the modseq.
	list, _, mark, err := v.s.CollectionChanges(ctx, v.key, 0)
	if err != nil {
		return false, err
	}
	old := v.boxes
	v.boxes = make(map[int64]*box, len(list))
	for _, c := range list {
		if kindName(c.Kind) == "" {
			continue
		}
		b := old[c.ID]
		if b == nil || b.UIDValidity != c.UIDValidity {
			b = &box{items: map[int64]*entry{}}
		}
		if err := v.follow(ctx, b, c); errors.Is(err, store.ErrNotFound) {
			return false, nil // removed just now
		} else if err != nil {
			return false, fmt.Errorf("collection %d: %w", c.ID, err)
		}
		v.boxes[c.ID] = b
		if v.after != nil {
			v.after(c.ID)
		}
	}
	if v.subscribed, err = v.s.Subscriptions(ctx, v.key, v.key.Account, store.Mailbox); err != nil {
		return false, err
	}
	slices.Sort(v.subscribed)
	v.mark, v.items = mark, 0
	for _, b := range v.boxes {
		v.items += int64(len(b.items))
	}
	now, err = v.s.ModSeq(ctx, v.key)
	return err == nil && now == mark, err
}

// follow brings one collection up to date with c or later.
func (v *survey) follow(ctx context.Context, b *box, c store.Collection) error {
	if c.ModSeq == b.ModSeq && c.SelfModSeq == b.SelfModSeq && b.token != (store.Token{}) {
		return nil
	}
	for more := true; more; {
		changes, err := v.s.Changes(ctx, v.key, c.ID, b.token, page)
		if errors.Is(err, store.ErrTooOld) {
			b.token, b.items = store.Token{}, map[int64]*entry{}
			continue
		}
		if err != nil {
			return err
		}
		for _, gone := range changes.Removed { // also what a rename left: it stands below again
			delete(b.items, gone.ItemID)
		}
		if err := v.take(ctx, b, c, changes.Items); err != nil {
			return err
		}
		b.Collection, b.token, more = changes.Collection, changes.Next, changes.More
	}
	own, err := v.s.Properties(ctx, v.key, c.ID, []int64{0})
	if err != nil {
		return err
	}
	b.properties = properties(own[0])
	if c.Kind != store.Drive {
		return nil
	}
	trash, err := v.s.Trash(ctx, v.key, c.ID)
	if err != nil {
		return err
	}
	b.trash = make(map[int64]store.Trashed, len(trash))
	for _, t := range trash {
		b.trash[t.Item.ID] = t
	}
	return nil
}

// take notes items that are new or changed.
func (v *survey) take(ctx context.Context, b *box, c store.Collection, items []store.Item) error {
	if len(items) == 0 {
		return nil
	}
	entries := make([]*entry, len(items))
	for n, i := range items {
		entries[n] = &entry{Item: i}
		b.items[i.ID] = entries[n]
	}
	if c.Kind == store.Mailbox {
		return nil // messages have no properties
	}
	ids := make([]int64, len(items))
	objects := make([]int64, 0, len(items))
	byObject := map[int64][]*entry{}
	for n, e := range entries {
		ids[n] = e.ID
		if c.Kind == store.Drive && e.ObjectID != 0 {
			objects = append(objects, e.ObjectID)
			byObject[e.ObjectID] = append(byObject[e.ObjectID], e)
		}
	}
	found, err := v.s.Properties(ctx, v.key, c.ID, ids)
	if err != nil {
		return err
	}
	for _, e := range entries {
		e.properties = properties(found[e.ID])
	}
	slices.Sort(objects)
	return v.s.Metas(ctx, v.key, slices.Compact(objects), func(object int64, encoder int16, facts []byte, _ store.ContentID) error {
		known, err := files.DecodeFacts(encoder, facts)
		if err != nil {
			return nil //nolint:nilerr // as good as none
		}
		for _, e := range byObject[object] {
			for _, d := range known {
				if d.Algorithm != files.SHA256 { // which the manifest has anyway
					e.digests = append(e.digests, d.String())
				}
			}
		}
		return nil
	})
}

func properties(list []store.Property) []Property {
	out := make([]Property, len(list))
	for n, p := range list {
		out[n] = Property{Space: p.Space, Local: p.Local, Value: string(p.Value)}
	}
	slices.SortFunc(out, func(a, b Property) int {
		if a.Space != b.Space {
			return compare(a.Space, b.Space)
		}
		return compare(a.Local, b.Local)
	})
	if len(out) == 0 {
		return nil
	}
	return out
}
