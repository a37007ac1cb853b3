package meta

import (
	"context"
	"fmt"
	"strings"
)

const itemColumns = `collection_id, uid, item_id, object_id, thread_id, modseq, created_modseq, flags, keywords, size, internal_date, save_date, content_id, name, parent_id, moved_modseq, subtree_modseq, digest, stored`

// columnsOf are the columns of one of several items in a join.
func columnsOf(item string) string {
	return item + "." + strings.ReplaceAll(itemColumns, ", ", ", "+item+".")
}

const fromItem = "SELECT " + itemColumns + " FROM item WHERE tenant_id = $1 AND account_id = $2"

var (
	selectItemsByUID    = newList(fromItem+" AND collection_id = $3 AND uid", "", 3)
	selectItemsByObject = newList(fromItem+" AND object_id", "", 2)
)

// scan reads a row; ModSeq is the row's own.
func (i *Item) scan(scan func(...any) error) error { return scan(i.columns()...) }

// columns are the places that itemColumns are read into.
func (i *Item) columns() []any {
	return []any{&i.Collection, &i.UID, &i.ID, &i.ObjectID, &i.ThreadID, &i.ModSeq, &i.CreatedModSeq, &i.Flags,
		&i.Keywords, &i.Size, &i.InternalDate, &i.SaveDate, &i.Content, &i.Name, &i.ParentID, &i.MovedModSeq,
		&i.SubtreeModSeq, &i.Digest, (*int64)(&i.Stored)}
}

// readItems appends the rows to items. All are read through one, whose columns are
// put into a list once.
func readItems(items *[]Item) func(Rows) error {
	return func(r Rows) error {
		var i Item
		columns := i.columns()
		for r.Next() {
			if err := r.Scan(columns...); err != nil {
				return err
			}
			*items = append(*items, i)
		}
		return r.Err()
	}
}

// Scan implements sql.Scanner: 16 bytes or NULL.
func (id *ContentID) Scan(src any) error { return scan16((*[16]byte)(id), src) }

// Scan implements sql.Scanner: 16 bytes or NULL.
func (d *Digest) Scan(src any) error { return scan16((*[16]byte)(d), src) }

func scan16(to *[16]byte, src any) error {
	switch b := src.(type) {
	case nil:
		*to = [16]byte{}
		return nil
	case []byte:
		if len(b) == len(to) {
			copy(to[:], b)
			return nil
		}
	}
	return fmt.Errorf("16 bytes were expected in a column, not %T", src)
}

// argument is the digest as a parameter; the zero one is NULL.
func (d Digest) argument() any { return ContentID(d).argument() }

// argument is the id as a parameter; the zero id is NULL.
func (id ContentID) argument() any {
	if id == (ContentID{}) {
		return nil
	}
	return id[:]
}

// queryUIDs queues the reading of items by UID: as one range where they lie
// close together, else by their numbers. uids are ascending.
func queryUIDs(b *Batch, key Key, collection int64, uids []int64, read func(Rows) error) {
	if len(uids) == 0 {
		return
	}
	first, last := uids[0], uids[len(uids)-1]
	if dense(uids) {
		b.Query(read, fromItem+" AND collection_id = $3 AND uid BETWEEN $4 AND $5", key.Tenant, key.Account, collection, first, last)
		return
	}
	selectItemsByUID.query(b, read, uids, key.Tenant, key.Account, collection)
}

func dense(uids []int64) bool {
	return len(uids) > 4 && uids[len(uids)-1]-uids[0] < int64(len(uids))*3/2
}

// atLeast raises the items' modseqs to their collection's base (rule 6).
func atLeast(base int64, items []Item) {
	for n := range items {
		items[n].ModSeq = max(items[n].ModSeq, base)
	}
}

// Items answers up to limit items of a collection whose UIDs follow afterUID.
func (db *DB) Items(ctx context.Context, key Key, collection, afterUID int64, limit int) ([]Item, error) {
	items := make([]Item, 0, min(limit, 1024))
	return db.items(ctx, key, collection, items, func(b *Batch, read func(Rows) error) {
		b.Query(read, fromItem+" AND collection_id = $3 AND uid > $4 ORDER BY uid LIMIT $5",
			key.Tenant, key.Account, collection, afterUID, int64(limit))
	})
}

// ItemsByUID answers those of the items that are there, by UID.
func (db *DB) ItemsByUID(ctx context.Context, key Key, collection int64, uids []int64) ([]Item, error) {
	uids = ascending(uids)
	if len(uids) == 0 {
		return nil, nil
	}
	items, err := db.items(ctx, key, collection, make([]Item, 0, len(uids)), func(b *Batch, read func(Rows) error) {
		queryUIDs(b, key, collection, uids, read)
	})
	return keepUIDs(items, uids), err
}

// items reads what query queues and, in the same snapshot, their collection.
func (db *DB) items(ctx context.Context, key Key, collection int64, items []Item,
	query func(b *Batch, read func(Rows) error)) ([]Item, error) {
	return db.listed(ctx, key, collection, &items, func(b *Batch) { query(b, readItems(&items)) })
}

// listed is items with a query that fills the list by itself.
func (db *DB) listed(ctx context.Context, key Key, collection int64, list *[]Item, query func(b *Batch)) ([]Item, error) {
	b := &Batch{}
	var base int64
	b.Query(one(&base), `SELECT base_modseq FROM collection
		WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3 AND state = 0`, key.Tenant, key.Account, collection)
	query(b)
	if err := db.engine.Read(ctx, b); err != nil {
		return nil, fmt.Errorf("items of collection %d: %w", collection, err)
	}
	atLeast(base, *list)
	return *list, nil
}

// ItemsByObject answers the items, in whatever collections that are there, whose
// object ids (EMAILID) are named.
func (db *DB) ItemsByObject(ctx context.Context, key Key, objectIDs []int64) ([]Item, error) {
	b := &Batch{}
	base := map[int64]int64{}
	b.Query(each(func(scan func(...any) error) error {
		var id, modseq int64
		err := scan(&id, &modseq)
		base[id] = modseq
		return err
	}), "SELECT collection_id, base_modseq FROM collection WHERE tenant_id = $1 AND account_id = $2 AND state = 0",
		key.Tenant, key.Account)
	var all []Item
	selectItemsByObject.query(b, readItems(&all), ascending(objectIDs), key.Tenant, key.Account)
	if err := db.engine.Read(ctx, b); err != nil {
		return nil, fmt.Errorf("items by object: %w", err)
	}
	items := all[:0]
	for _, i := range all {
		if modseq, ok := base[i.Collection]; ok {
			i.ModSeq = max(i.ModSeq, modseq)
			items = append(items, i)
		}
	}
	return items, nil
}

// ItemsFor is Items as a person sees them in a mailbox that keeps \Seen by person
// (rule 7).
func (db *DB) ItemsFor(ctx context.Context, key Key, collection, person, afterUID int64, limit int) ([]Item, error) {
	items := make([]Item, 0, min(limit, 1024))
	overlays := map[int64]seenRow{}
	items, err := db.items(ctx, key, collection, items, func(b *Batch, read func(Rows) error) {
		b.Query(read, fromItem+" AND collection_id = $3 AND uid > $4 ORDER BY uid LIMIT $5",
			key.Tenant, key.Account, collection, afterUID, int64(limit))
		b.Query(each(func(scan func(...any) error) error {
			var uid int64
			var s seenRow
			err := scan(&uid, &s.flags, &s.modseq)
			overlays[uid] = s
			return err
		}), `SELECT s.uid, s.flags, s.modseq FROM item_seen s JOIN collection c
			ON c.tenant_id = s.tenant_id AND c.account_id = s.account_id AND c.collection_id = s.collection_id
			WHERE s.tenant_id = $1 AND s.account_id = $2 AND s.collection_id = $3 AND c.seen_by_person <> 0
			AND s.uid > $4 AND s.person_id = $6 ORDER BY s.uid LIMIT $5`,
			key.Tenant, key.Account, collection, afterUID, int64(limit), person)
	})
	for n := range items {
		if s, ok := overlays[items[n].UID]; ok {
			overlay(&items[n], s.flags, s.modseq)
		}
	}
	return items, err
}
