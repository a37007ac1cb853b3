package meta

import (
	"context"
	"fmt"
	"strings"
)

// maxHashes is how many hashes of Message-ID, In-Reply-To and References one
// item brings; those beyond do not thread.
const maxHashes = 64

// Add puts items into a collection: all of them or, where the quota is passed, the
// collection is gone or a name is in use, none.
func (db *DB) Add(ctx context.Context, key Key, collection int64, items []NewItem) ([]Added, error) {
	return db.AddTo(ctx, key, 0, collection, items)
}

// AddTo is Add to a collection of a kind: ErrNotFound where it is of another. Kind 0 is
// any.
func (db *DB) AddTo(ctx context.Context, key Key, kind CollectionKind, collection int64, items []NewItem) ([]Added, error) {
	if len(items) > MaxRows {
		return nil, fmt.Errorf("add items: %w", ErrTooMany)
	}
	j := &add{kind: kind, collection: collection, items: items}
	if err := db.write(ctx, key, j); err != nil {
		return nil, fmt.Errorf("add items: %w", err)
	}
	return j.added, nil
}

type add struct {
	kind       CollectionKind // 0: any
	collection int64
	items      []NewItem
	added      []Added
}

// weight: 4 KiB of inline content takes about as long as a row.
func (j *add) weight() (n int) {
	for i := range j.items {
		n += 1 + len(j.items[i].Content.Inline)>>12
	}
	return n
}

func (j *add) want(w *work) error {
	w.wantCollection(j.collection)
	var hashes []int64
	for i := range j.items {
		item := &j.items[i]
		hashes = append(hashes, item.ThreadHashes[:min(len(item.ThreadHashes), maxHashes)]...)
		if item.Name != "" {
			w.wantItemNamed(j.collection, item.Parent, item.Name)
		}
		if item.Parent != 0 {
			w.wantChain(j.collection, item.Parent)
		}
	}
	w.wantThreads(ascending(hashes))
	return nil
}

func (j *add) decide(w *work) error {
	c, err := w.collection(j.collection)
	if err == nil && j.kind != 0 && c.Kind != j.kind {
		err = ErrNotFound
	}
	if err != nil {
		return err
	}
	if err := j.fits(w); err != nil {
		return err
	}
	if j.added = j.added[:0]; len(j.items) == 0 {
		return nil
	}
	modseq := w.next()
	for n := range j.items {
		j.added = append(j.added, w.addItem(c, &j.items[n], modseq))
		w.extra.Statements = append(w.extra.Statements, j.items[n].Also...)
	}
	return nil
}

// fits looks before anything is changed.
func (j *add) fits(w *work) error {
	var bytes int64
	names := map[place]bool{}
	for n := range j.items {
		i := &j.items[n]
		bytes += i.Size
		if i.Name != "" {
			at := place{i.Parent, i.Name}
			if names[at] || w.itemNamed(j.collection, i.Parent, i.Name) != nil {
				return ErrExists
			}
			names[at] = true
		}
		if w.collections[j.collection].Kind == Drive {
			if _, err := w.place(j.collection, i.Parent, i.Name); err != nil {
				return err
			}
		} else if i.Parent != 0 {
			return ErrNotFound
		}
	}
	n := int64(len(j.items))
	return w.account.room(bytes+w.collections[j.collection].cost(n), n)
}

func (w *work) addItem(c *collectionRow, n *NewItem, modseq int64) Added {
	item := Item{ObjectID: w.nextID(), ThreadID: w.thread(n.ThreadHashes), Flags: n.Flags & settable,
		Keywords: Keywords(strings.Fields(n.Keywords)), Size: n.Size, InternalDate: n.InternalDate,
		Content: n.Content.ID, Name: n.Name, ParentID: n.Parent, Digest: n.Digest, Stored: n.Content.stored()}
	if item.InternalDate == 0 {
		item.InternalDate = w.account.Now
	}
	row := w.insert(c, item, modseq)
	w.raiseChain(c.ID, n.Parent, modseq)
	w.addContent(n.Content)
	if n.SealMeta != nil {
		encoder, sealed := n.SealMeta(row.ObjectID)
		w.metas = append(w.metas, Meta{ObjectID: row.ObjectID, Encoder: encoder, Content: n.Content.ID, Sealed: sealed})
	}
	return Added{Collection: c.ID, UID: row.UID, ItemID: row.ID, ObjectID: row.ObjectID, ThreadID: row.ThreadID,
		ModSeq: modseq, UIDValidity: c.UIDValidity, SaveDate: row.SaveDate}
}

// addContent has the content's row written, unless the item names one that is there.
func (w *work) addContent(c Content) {
	if c.Inline == nil && c.ObjectKey == "" || w.added[c.ID] {
		return
	}
	w.added[c.ID] = true
	w.contents = append(w.contents, c)
}

var selectThreads = newList("SELECT hash, thread_id FROM thread WHERE tenant_id = $1 AND account_id = $2 AND hash", "", 2)

func (w *work) wantThreads(hashes []int64) {
	selectThreads.query(&w.reads, each(func(scan func(...any) error) error {
		var hash, thread int64
		err := scan(&hash, &thread)
		w.threads[hash] = thread
		return err
	}), hashes, w.account.Tenant, w.account.Account)
}

// thread answers the thread of the first hash that is known, else a new one, and
// has the hashes that were not known lead to it (rule 8).
func (w *work) thread(hashes []int64) int64 {
	hashes = hashes[:min(len(hashes), maxHashes)]
	var id int64
	for _, h := range hashes {
		if t, known := w.threads[h]; known {
			id = t
			break
		}
	}
	if id == 0 {
		id = w.nextID()
	}
	for _, h := range hashes {
		if _, known := w.threads[h]; !known {
			w.threads[h] = id
			w.newThreads = append(w.newThreads, h)
		}
	}
	return id
}
