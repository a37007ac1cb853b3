package meta

import "cmp"

// IndexRow is how a calendar object resource or a card is found unopened. Times are
// Unix microseconds.
type IndexRow struct {
	Hash       [16]byte // of the iCalendar or vCard UID
	Components int64
	From, To   int64
	Encoder    int16
}

// UIDError says that another resource of the collection bears the iCalendar or
// vCard UID (RFC 4791 5.3.2.1, RFC 6352 6.3.2.1).
type UIDError struct{ Name string }

func (e *UIDError) Error() string { return "the UID is in use by " + e.Name }

type indexKey struct {
	collection int64
	hash       [16]byte
}

type indexRow struct {
	IndexRow
	uid     int64 // of the item
	changed bool
}

const (
	indexColumns = "uid, uid_hash, components, from_at, to_at, encoder"
	fromIndex    = "SELECT " + indexColumns + " FROM resource_index" + inCollection
	upsertIndex  = `INSERT INTO resource_index
		(tenant_id, account_id, collection_id, uid, uid_hash, components, from_at, to_at, encoder)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (tenant_id, account_id, collection_id, uid) DO UPDATE SET uid_hash = excluded.uid_hash,
		components = excluded.components, from_at = excluded.from_at, to_at = excluded.to_at, encoder = excluded.encoder`
)

func (w *work) readIndex(collection int64) func(Rows) error {
	return each(func(scan func(...any) error) error {
		var x indexRow
		var hash ContentID
		err := scan(&x.uid, &hash, &x.Components, &x.From, &x.To, &x.Encoder)
		x.Hash = hash
		w.setIndex(collection, &x)
		return err
	})
}

func (w *work) setIndex(collection int64, x *indexRow) {
	if w.indexes == nil {
		w.indexes = map[indexKey]*indexRow{}
	}
	w.indexes[indexKey{collection, x.Hash}] = x
}

// wantHash has read which resource bears a UID, with its name.
func (w *work) wantHash(collection int64, hash [16]byte) {
	key := w.account.Key
	w.reads.Query(w.readIndex(collection), fromIndex+" AND uid_hash = $4", key.Tenant, key.Account, collection, hash[:])
	w.reads.Query(w.readItems, fromItem+` AND collection_id = $3 AND uid IN (SELECT uid FROM resource_index`+inCollection+
		` AND uid_hash = $4)`, key.Tenant, key.Account, collection, hash[:])
}

// wantIndex has an item's own row read.
func (w *work) wantIndex(collection, uid int64) {
	w.reads.Query(w.readIndex(collection), fromIndex+" AND uid = $4", w.account.Tenant, w.account.Account, collection, uid)
}

// freeHash reports a UIDError unless no resource but those of the two names bears
// the UID.
func (w *work) freeHash(collection int64, hash [16]byte, but ...*itemRow) error {
	x := w.indexes[indexKey{collection, hash}]
	if x == nil {
		return nil
	}
	i := w.item(collection, x.uid)
	if i == nil {
		return nil
	}
	for _, b := range but {
		if b == i {
			return nil
		}
	}
	return &UIDError{i.Name}
}

// index gives an item its row.
func (w *work) index(i *itemRow, row IndexRow) {
	for k, x := range w.indexes {
		if k.collection == i.Collection && x.uid == i.UID {
			delete(w.indexes, k)
		}
	}
	w.setIndex(i.Collection, &indexRow{IndexRow: row, uid: i.UID, changed: true})
}

// indexOf answers an item's row, where it was read.
func (w *work) indexOf(i *itemRow) *indexRow {
	for k, x := range w.indexes {
		if k.collection == i.Collection && x.uid == i.UID {
			return x
		}
	}
	return nil
}

func (w *work) flushIndexes(b *Batch) {
	type row struct {
		collection int64
		*indexRow
	}
	rows := map[indexKey]row{}
	for k, x := range w.indexes {
		if x.changed && w.item(k.collection, x.uid) != nil {
			rows[k] = row{k.collection, x}
		}
	}
	for _, r := range sorted(rows, func(row) bool { return true }, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.collection, b.collection), cmp.Compare(a.uid, b.uid))
	}) {
		b.Exec(upsertIndex, w.account.Tenant, w.account.Account, r.collection, r.uid, r.Hash[:], r.Components, r.From, r.To,
			int64(r.Encoder))
	}
}
