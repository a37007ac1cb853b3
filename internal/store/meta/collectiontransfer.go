package meta

import (
	"context"
	"fmt"
)

// MaxCopied is how many items a collection may have that is copied: it is one
// transaction, which keeps the account's other writers waiting.
const MaxCopied = 20_000

// CollectionTransfer is a MOVE or COPY of a whole calendar or address book inside its
// account.
type CollectionTransfer struct {
	Collection int64
	Kind       CollectionKind
	To         string // its new name, or the copy's
	// Over is the collection that bears the name already and goes, with all that is in
	// it; 0: there is none.
	Over    int64
	Shallow bool // COPY without its items
	Guard   Guard
}

// MoveCollection gives a collection another name, under the guard; it stays the same
// one: tokens of its journal hold on, its locks go (RFC 4918 section 7.6). ErrChanged
// where another collection than Over bears the name.
func (db *DB) MoveCollection(ctx context.Context, key Key, t CollectionTransfer) (Collection, error) {
	return db.transferCollection(ctx, key, &transferCollection{t: t, move: true})
}

// CopyCollection makes a second collection with the same properties and items, whose
// content is shared. ErrTooMany above MaxCopied.
func (db *DB) CopyCollection(ctx context.Context, key Key, t CollectionTransfer) (Collection, error) {
	return db.transferCollection(ctx, key, &transferCollection{t: t})
}

func (db *DB) transferCollection(ctx context.Context, key Key, j *transferCollection) (Collection, error) {
	if err := db.write(ctx, key, j); err != nil {
		return Collection{}, fmt.Errorf("transfer of collection: %w", err)
	}
	return j.result, nil
}

type transferCollection struct {
	t      CollectionTransfer
	move   bool
	result Collection
}

func (j *transferCollection) want(w *work) error {
	t := &j.t
	w.wantGuard(&t.Guard, t.Collection)
	w.wantName(t.Kind, t.To)
	w.wantPropertyCosts(t.Collection, 0)
	if t.Over != 0 {
		w.wantCollection(t.Over)
		w.wantLocks(t.Over)
	}
	return nil
}

func (j *transferCollection) decide(w *work) error {
	t := &j.t
	c, err := w.collection(t.Collection)
	if err != nil {
		return err
	}
	if c.Kind != t.Kind || c.Kind == Drive || c.Kind == Mailbox {
		return ErrParent
	}
	over := w.named(t.Kind, t.To)
	if over == c {
		return ErrLoop
	}
	if over == nil && t.Over != 0 || over != nil && over.ID != t.Over {
		return ErrChanged
	}
	if err := j.may(w, c, over); err != nil {
		return err
	}
	modseq := w.next()
	if over != nil {
		w.leaveName(over, modseq)
		over.Deleted = true
		w.account.UsedItems -= over.Items
		w.account.UsedBytes -= over.taken()
	}
	if j.move {
		for _, l := range w.locks[c.ID] {
			w.dropLock(l)
		}
		w.leaveName(c, modseq)
		c.Name = t.To
		j.result = c.Collection
	} else {
		j.result = w.duplicateCollection(c, t.To, t.Shallow, modseq).Collection
	}
	return nil
}

// may looks before anything is changed.
func (j *transferCollection) may(w *work, c, over *collectionRow) error {
	g := &j.t.Guard
	if err := w.holds(g, c.ID); err != nil {
		return err
	}
	if j.move {
		if err := w.mayEmpty(g, w.locks[c.ID]); err != nil {
			return err
		}
	}
	var bytes, items int64
	if over != nil {
		if err := w.mayEmpty(g, w.locks[over.ID]); err != nil {
			return err
		}
		bytes, items = -over.taken(), -over.Items
	}
	if j.move {
		return nil
	}
	if j.t.Shallow {
		bytes += w.propertyCosts[itemKey{c.ID, 0}]
	} else {
		if c.Items > MaxCopied {
			return ErrTooMany
		}
		bytes, items = bytes+c.taken(), items+c.Items
	}
	if bytes <= 0 && items <= 0 {
		return nil
	}
	return w.account.room(max(bytes, 0), max(items, 0))
}

const (
	copyItemsOf = `INSERT INTO item (tenant_id, account_id, collection_id, uid, item_id, object_id, thread_id, modseq, created_modseq,
		flags, keywords, size, internal_date, save_date, content_id, name, parent_id, moved_modseq, subtree_modseq, digest, stored)
		SELECT tenant_id, account_id, CAST($4 AS BIGINT), uid, CAST($5 AS BIGINT) + row_number() OVER (ORDER BY uid), object_id, thread_id,
		CAST($6 AS BIGINT), CAST($6 AS BIGINT), flags, keywords, size, internal_date, CAST($7 AS BIGINT), content_id, name, parent_id,
		0, 0, digest, stored FROM item` + inCollection
	copyIndexOf = `INSERT INTO resource_index (tenant_id, account_id, collection_id, uid, uid_hash, components, from_at, to_at, encoder)
		SELECT tenant_id, account_id, CAST($4 AS BIGINT), uid, uid_hash, components, from_at, to_at, encoder FROM resource_index` + inCollection
	copyOwnPropertiesOf = `INSERT INTO property (tenant_id, account_id, collection_id, item_id, space, local, sealed)
		SELECT tenant_id, account_id, CAST($4 AS BIGINT), 0, space, local, sealed FROM property` + inCollection + " AND item_id = 0"
	// An item and its copy bear the same UID.
	copyPropertiesOf = `INSERT INTO property (tenant_id, account_id, collection_id, item_id, space, local, sealed)
		SELECT p.tenant_id, p.account_id, n.collection_id, n.item_id, p.space, p.local, p.sealed FROM property p
		CROSS JOIN item i /*by item_named*/ CROSS JOIN item n
		WHERE p.tenant_id = $1 AND p.account_id = $2 AND p.collection_id = $3 AND p.item_id <> 0
		AND i.tenant_id = $1 AND i.account_id = $2 AND i.collection_id = $3 AND i.item_id = p.item_id AND i.name <> ''
		AND n.tenant_id = $1 AND n.account_id = $2 AND n.collection_id = $4 AND n.uid = i.uid`
)

// duplicateCollection makes a collection whose items share their contents with those of
// another one, in a constant number of statements.
func (w *work) duplicateCollection(c *collectionRow, name string, shallow bool, modseq int64) *collectionRow {
	key := w.account.Key
	made := Collection{ID: w.nextID(), Kind: c.Kind, Name: name, UIDNext: 1, ModSeq: modseq, SelfModSeq: modseq, CreatedAt: w.account.Now,
		PropertyBytes: w.propertyCosts[itemKey{c.ID, 0}]}
	made.UIDValidity = max(w.account.LastUIDValidity+1, w.account.Now/1e6)
	w.account.LastUIDValidity = made.UIDValidity
	from := []any{key.Tenant, key.Account, c.ID, made.ID}
	if !shallow {
		made.UIDNext, made.PropertyBytes = c.UIDNext, c.PropertyBytes
		made.Items, made.Unseen, made.DeletedItems, made.Bytes = c.Items, c.Unseen, c.DeletedItems, c.Bytes
		made.ObjectItems, made.ObjectBytes, made.Folders = c.ObjectItems, c.ObjectBytes, c.Folders
		w.extra.Count(func(n int64) error {
			if n != made.Items { // ids were taken for as many as are counted
				return fmt.Errorf("%d items were copied of %d", n, made.Items)
			}
			return nil
		}, copyItemsOf, append(from[:4:4], w.account.NextID-1, modseq, w.account.Now)...)
		w.account.NextID += made.Items
		w.extra.Exec(copyIndexOf, from...)
		w.extra.Exec(copyPropertiesOf, from...)
	}
	w.extra.Exec(copyOwnPropertiesOf, from...)
	row := &collectionRow{Collection: made, created: true}
	w.collections[made.ID] = row
	w.account.UsedItems += made.Items
	w.account.UsedBytes += made.taken()
	return row
}
