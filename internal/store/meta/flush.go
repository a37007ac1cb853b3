package meta

import (
	"cmp"
	"slices"
)

// The statements of the write path. $1 and $2 are the account's key.
var (
	insertContent = newTable(`INSERT INTO content
		(tenant_id, account_id, content_id, size, sealed, object_key, inline, created_at) VALUES `,
		` ON CONFLICT (tenant_id, account_id, content_id) DO NOTHING`,
		"$1", "$2", "", "", "", "", "", "")
	insertItems = newTable(`INSERT INTO item
		(tenant_id, account_id, collection_id, uid, item_id, object_id, thread_id, modseq, created_modseq,
		flags, keywords, size, internal_date, save_date, content_id, name, parent_id, moved_modseq, subtree_modseq, digest, stored)
		VALUES `, "",
		"$1", "$2", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "")
	updateFlags = newTable(`UPDATE item SET modseq = v.column3, flags = v.column4, keywords = v.column5 FROM (VALUES `,
		`) AS v WHERE item.tenant_id = $1 AND item.account_id = $2
		AND item.collection_id = v.column1 AND item.uid = v.column2`,
		"BIGINT", "BIGINT", "BIGINT", "BIGINT", "TEXT")
	deleteItems = newList(`DELETE FROM item WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3 AND uid`, "", 3)
	insertMetas = newTable(`INSERT INTO item_meta
		(tenant_id, account_id, object_id, encoder, content_id, sealed) VALUES `,
		` ON CONFLICT (tenant_id, account_id, object_id) DO UPDATE
		SET encoder = excluded.encoder, content_id = excluded.content_id, sealed = excluded.sealed`,
		"$1", "$2", "", "", "", "")
	insertTombstones = newTable(`INSERT INTO tombstone
		(tenant_id, account_id, collection_id, modseq, item_id, uid, created_modseq, parent_id, name, at) VALUES `, "",
		"$1", "$2", "", "", "", "", "", "", "", "")
	insertThreads = newTable(`INSERT INTO thread (tenant_id, account_id, hash, thread_id, at) VALUES `,
		` ON CONFLICT (tenant_id, account_id, hash) DO NOTHING`, "$1", "$2", "", "", "")
	upsertSeen = newTable(`INSERT INTO item_seen
		(tenant_id, account_id, collection_id, uid, person_id, flags, modseq) VALUES `,
		` ON CONFLICT (tenant_id, account_id, collection_id, uid, person_id) DO UPDATE
		SET flags = excluded.flags, modseq = excluded.modseq`, "$1", "$2", "", "", "", "", "")
	insertCollectionTombstones = newTable(`INSERT INTO collection_tombstone
		(tenant_id, account_id, modseq, collection_id, kind, name, at) VALUES `, "",
		"$1", "$2", "", "", "", "", "")
)

const (
	insertCollection = `INSERT INTO collection (tenant_id, account_id, collection_id, kind, state, name, special_use,
		seen_by_person, uidvalidity, uidnext, modseq, self_modseq, items, unseen, deleted, bytes, property_bytes, created_at,
		object_items, object_bytes, folders)
		VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21)`
	updateCollection = `UPDATE collection SET state = $4, name = $5, special_use = $6,
		seen_by_person = $7, uidnext = $8, modseq = $9, self_modseq = $10, items = $11, unseen = $12,
		deleted = $13, bytes = $14, property_bytes = $15, object_items = $16, object_bytes = $17,
		folders = $18
		WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3`
	updateDriveItem = `UPDATE item SET modseq = $5, name = $6, parent_id = $7, moved_modseq = $8, subtree_modseq = $9
		WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3 AND uid = $4`
	updateReplaced = `UPDATE item SET modseq = $5, object_id = $6, size = $7, internal_date = $8, content_id = $9, digest = $10, stored = $11
		WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3 AND uid = $4`
	updateAccount = `UPDATE account SET modseq = $3, next_id = $4, last_uidvalidity = $5, used_bytes = $6, used_items = $7
		WHERE tenant_id = $1 AND account_id = $2`
	keepObject = `DELETE FROM content_delete WHERE tenant_id = $1 AND object_key = $2`
)

// flush queues all that the jobs have changed, in an order that foreign and
// unique keys accept: what is named first, what goes before what comes.
func (w *work) flush(b *Batch) {
	key, now := w.account.Key, w.account.Now
	w.flushCollections(b)
	for _, c := range w.contents {
		if c.ObjectKey != "" { // content that comes back keeps its object
			b.Exec(keepObject, key.Tenant, c.ObjectKey)
		}
	}
	insertContent.add(b, key, len(w.contents), func(i int, args []any) []any {
		c := &w.contents[i]
		return append(args, c.ID[:], c.Size, c.Sealed, c.ObjectKey, blob(c.Inline), now)
	})
	w.flushItems(b)
	insertMetas.add(b, key, len(w.metas), func(i int, args []any) []any {
		m := &w.metas[i]
		return append(args, m.ObjectID, int64(m.Encoder), m.Content[:], m.Sealed)
	})
	insertTombstones.add(b, key, len(w.tombstones), func(i int, args []any) []any {
		t := &w.tombstones[i]
		return append(args, t.collection, t.ModSeq, t.ItemID, t.UID, t.CreatedModSeq, t.ParentID, t.Name, now)
	})
	insertThreads.add(b, key, len(w.newThreads), func(i int, args []any) []any {
		return append(args, w.newThreads[i], w.threads[w.newThreads[i]], now)
	})
	insertCollectionTombstones.add(b, key, len(w.collectionTombstones), func(i int, args []any) []any {
		t := &w.collectionTombstones[i]
		return append(args, t.ModSeq, t.Collection, int64(t.Kind), t.Name, now)
	})
	w.flushSeen(b)
	b.Statements = append(b.Statements, w.extra.Statements...)
	w.flushCleared(b) // ids are never used again, so nothing of the above is meant
	if a := &w.account; *counters(a) != *counters(&w.before) || a.ModSeq != w.raised {
		b.Exec(updateAccount, key.Tenant, key.Account, a.ModSeq, a.NextID, a.LastUIDValidity, a.UsedBytes, a.UsedItems)
	}
}

// counters are what a job may change besides the modseq.
func counters(a *Account) *[4]int64 {
	return &[4]int64{a.NextID, a.LastUIDValidity, a.UsedBytes, a.UsedItems}
}

func (w *work) flushCollections(b *Batch) {
	key := w.account.Key
	rows := sorted(w.collections, func(c *collectionRow) bool { return c.created || c.changed },
		func(x, y *collectionRow) int {
			return cmp.Or(cmp.Compare(bit(y.Deleted), bit(x.Deleted)), cmp.Compare(x.ID, y.ID))
		})
	for _, c := range rows { // a name must be free before another takes it
		if !c.created {
			b.Exec(updateCollection, key.Tenant, key.Account, c.ID, bit(c.Deleted), c.Name, c.SpecialUse,
				bit(c.SeenByPerson), c.UIDNext, c.ModSeq, c.SelfModSeq, c.Items, c.Unseen,
				c.DeletedItems, c.Bytes, c.PropertyBytes, c.ObjectItems, c.ObjectBytes, c.Folders)
		}
	}
	for _, c := range rows {
		if c.created {
			b.Exec(insertCollection, key.Tenant, key.Account, c.ID, int64(c.Kind), bit(c.Deleted), c.Name, c.SpecialUse,
				bit(c.SeenByPerson), c.UIDValidity, c.UIDNext, c.ModSeq, c.SelfModSeq, c.Items,
				c.Unseen, c.DeletedItems, c.Bytes, c.PropertyBytes, c.CreatedAt, c.ObjectItems, c.ObjectBytes,
				c.Folders)
		}
	}
}

func (w *work) flushItems(b *Batch) {
	key := w.account.Key
	gone := sorted(w.items, func(i *itemRow) bool { return i.gone && !i.created }, byPlace)
	for len(gone) > 0 {
		n := slices.IndexFunc(gone, func(i *itemRow) bool { return i.Collection != gone[0].Collection })
		if n < 0 {
			n = len(gone)
		}
		uids := make([]int64, n)
		for i := range uids {
			uids[i] = gone[i].UID
		}
		deleteItems.exec(b, uids, key.Tenant, key.Account, gone[0].Collection)
		gone = gone[n:]
	}
	changed := sorted(w.items, func(i *itemRow) bool { return i.changed && !i.created && !i.gone }, byPlace)
	updateFlags.add(b, key, len(changed), func(n int, args []any) []any {
		i := changed[n]
		return append(args, i.Collection, i.UID, i.ModSeq, i.Flags, i.Keywords)
	})
	for _, i := range sorted(w.items, func(i *itemRow) bool { return i.replaced && !i.created && !i.gone }, byPlace) {
		b.Exec(updateReplaced, key.Tenant, key.Account, i.Collection, i.UID, i.ModSeq, i.ObjectID, i.Size, i.InternalDate,
			i.Content.argument(), i.Digest.argument(), int64(i.Stored))
	}
	// What goes under a hidden parent frees its name first.
	for _, i := range sorted(w.items, func(i *itemRow) bool { return i.moved && !i.created && !i.gone }, hiddenFirst) {
		b.Exec(updateDriveItem, key.Tenant, key.Account, i.Collection, i.UID, i.ModSeq, i.Name, i.ParentID,
			i.MovedModSeq, i.SubtreeModSeq)
	}
	created := sorted(w.items, func(i *itemRow) bool { return i.created && !i.gone }, byPlace)
	insertItems.add(b, key, len(created), func(n int, args []any) []any {
		i := &created[n].Item
		return append(args, i.Collection, i.UID, i.ID, i.ObjectID, i.ThreadID, i.ModSeq, i.CreatedModSeq,
			i.Flags, i.Keywords, i.Size, i.InternalDate, i.SaveDate, i.Content.argument(), i.Name, i.ParentID,
			i.MovedModSeq, i.SubtreeModSeq, i.Digest.argument(), int64(i.Stored))
	})
	w.flushIndexes(b)
}

func hiddenFirst(a, b *itemRow) int {
	hidden := func(i *itemRow) int {
		if i.ParentID < 0 {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(hidden(a), hidden(b)), byPlace(a, b))
}

func (w *work) flushSeen(b *Batch) {
	var keys []seenKey
	for k, s := range w.seen {
		if i := w.items[itemKey{k.collection, k.uid}]; s.changed && i != nil && !i.gone {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(x, y seenKey) int {
		return cmp.Or(cmp.Compare(x.collection, y.collection), cmp.Compare(x.uid, y.uid), cmp.Compare(x.person, y.person))
	})
	upsertSeen.add(b, w.account.Key, len(keys), func(i int, args []any) []any {
		k, s := keys[i], w.seen[keys[i]]
		return append(args, k.collection, k.uid, k.person, s.flags, s.modseq)
	})
}
