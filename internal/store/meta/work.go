package meta

import (
	"cmp"
	"maps"
	"slices"
)

// work is what the jobs of one account do in one transaction. Jobs name the rows
// they need, decide on the copies here, each seeing what the one before has
// changed, and all that came of it is written in one batch.
type work struct {
	account     Account // as the jobs leave it
	before      Account // as it was
	isLocked    bool    // the lock found the row
	raise       int64   // by how much the lock raised the modseq
	raised      int64   // the modseq that it wrote
	reads       Batch
	collections map[int64]*collectionRow
	items       map[itemKey]*itemRow
	threads     map[int64]int64
	seen        map[seenKey]*seenRow

	contents             []Content
	metas                []Meta
	newThreads           []int64
	tombstones           []tombstoneRow
	collectionTombstones []CollectionTombstone
	extra                Batch
	wantedCollections    map[int64]bool
	wantedItems          map[int64]map[int64]bool
	added                map[ContentID]bool

	// Of named items; made when first asked for.
	names       map[nameKey]*itemRow // nil: to be made from items
	ids         map[itemKey]*itemRow // by collection and item id; likewise
	wantedNames map[nameKey]bool
	wantedIDs   map[itemKey]bool // folders with all above them
	locks       map[int64][]*lockRow
	indexes     map[indexKey]*indexRow
	cleared     map[int64][]int64 // item ids, by collection, of what is removed for good

	propertyCosts map[itemKey]int64 // of items by item id, where wanted
}

// nameKey is where a named item lies.
type nameKey struct {
	collection, parent int64
	name               string
}

type itemKey struct{ collection, uid int64 }

type seenKey struct{ collection, uid, person int64 }

type seenRow struct {
	flags, modseq int64
	changed       bool
}

type collectionRow struct {
	Collection
	created, changed bool
}

// itemRow is a row and what has become of it.
type itemRow struct {
	Item
	created, changed, moved, replaced, gone bool
}

type tombstoneRow struct {
	Tombstone
	collection int64
}

func newWork(key Key) *work {
	return &work{
		account:           Account{Key: key},
		collections:       map[int64]*collectionRow{},
		items:             map[itemKey]*itemRow{},
		threads:           map[int64]int64{},
		seen:              map[seenKey]*seenRow{},
		wantedCollections: map[int64]bool{},
		wantedItems:       map[int64]map[int64]bool{},
		added:             map[ContentID]bool{},
		propertyCosts:     map[itemKey]int64{},
	}
}

// next takes the next modseq of the account: one for each job that changes
// anything (rule 5).
func (w *work) next() int64 {
	w.account.ModSeq++
	return w.account.ModSeq
}

func (w *work) nextID() int64 {
	w.account.NextID++
	return w.account.NextID - 1
}

// wantCollection has a collection read by its id.
func (w *work) wantCollection(id int64) { w.wantedCollections[id] = true }

// wantItems has items read by their UIDs.
func (w *work) wantItems(collection int64, uids []int64) {
	w.wantCollection(collection)
	m := w.wantedItems[collection]
	if m == nil {
		m = make(map[int64]bool, len(uids))
		w.wantedItems[collection] = m
	}
	for _, uid := range uids {
		m[uid] = true
	}
}

// gather queues the wishes.
func (w *work) gather(b *Batch) {
	b.Statements = append(b.Statements, w.reads.Statements...)
	key := w.account.Key
	selectCollections.query(b, w.readCollections, slices.Sorted(maps.Keys(w.wantedCollections)), key.Tenant, key.Account)
	for collection, uids := range w.wantedItems {
		queryUIDs(b, key, collection, slices.Sorted(maps.Keys(uids)), w.readItems)
	}
}

func (w *work) readCollections(r Rows) error {
	for r.Next() {
		var c collectionRow
		if err := c.scan(r.Scan); err != nil {
			return err
		}
		w.collections[c.ID] = &c
	}
	return r.Err()
}

func (w *work) readItems(r Rows) error {
	for r.Next() {
		var i itemRow
		if err := i.scan(r.Scan); err != nil {
			return err
		}
		w.items[itemKey{i.Collection, i.UID}] = &i
	}
	return r.Err()
}

// collection answers a collection that is there.
func (w *work) collection(id int64) (*collectionRow, error) {
	c := w.collections[id]
	if c == nil || c.Deleted {
		return nil, ErrNotFound
	}
	return c, nil
}

// item answers an item that is there, or nil.
func (w *work) item(collection, uid int64) *itemRow {
	i := w.items[itemKey{collection, uid}]
	if i == nil || i.gone {
		return nil
	}
	return i
}

// insert gives the item its UID and ids, except those it has, and counts it.
func (w *work) insert(c *collectionRow, i Item, modseq int64) *itemRow {
	i.Collection = c.ID
	i.UID = c.UIDNext
	i.ID = w.nextID()
	i.ModSeq, i.CreatedModSeq = modseq, modseq
	i.SaveDate = w.account.Now
	c.UIDNext++
	row := &itemRow{Item: i, created: true}
	w.items[itemKey{c.ID, i.UID}] = row
	w.note(row)
	w.count(c, &row.Item, 1, modseq)
	w.account.UsedItems++
	w.account.UsedBytes += i.Size + c.cost(1)
	return row
}

// remove takes an item away and leaves its tombstone.
func (w *work) remove(c *collectionRow, i *itemRow, modseq int64) {
	i.gone = true
	w.count(c, &i.Item, -1, modseq)
	w.account.UsedItems--
	w.account.UsedBytes -= i.Size + c.cost(1)
	w.leave(c, i, modseq)
}

// leave leaves a tombstone at the item's place.
func (w *work) leave(c *collectionRow, i *itemRow, modseq int64) {
	w.tombstones = append(w.tombstones, tombstoneRow{Tombstone{ModSeq: modseq, ItemID: i.ID, UID: i.UID,
		CreatedModSeq: i.CreatedModSeq, ParentID: i.ParentID, Name: i.Name}, c.ID})
}

// count adds or takes an item away from its collection's counters.
func (w *work) count(c *collectionRow, i *Item, n, modseq int64) {
	c.Items += n
	c.Bytes += n * i.Size
	c.countStored(i, n)
	c.ModSeq, c.changed = modseq, true
	w.countFlags(c, i, n)
}

// countStored adds n times an item to what lies in the blob store, if it does, or to
// the folders.
func (c *collectionRow) countStored(i *Item, n int64) {
	if i.Flags&FlagFolder != 0 {
		c.Folders += n
	}
	if i.Stored == StoredObject {
		c.ObjectItems += n
		c.ObjectBytes += n * i.Size
	}
}

func (w *work) countFlags(c *collectionRow, i *Item, n int64) {
	if i.Flags&FlagSeen == 0 {
		c.Unseen += n
	}
	if i.Flags&FlagDeleted != 0 {
		c.DeletedItems += n
	}
}

// setFlags changes the flags of an item, and its collection's counters.
func (w *work) setFlags(c *collectionRow, i *itemRow, flags int64, keywords string, modseq int64) {
	w.countFlags(c, &i.Item, -1)
	i.Flags, i.Keywords, i.ModSeq, i.changed = flags, keywords, modseq, true
	w.countFlags(c, &i.Item, 1)
	c.ModSeq, c.changed = modseq, true
}

// dirty reports whether anything is to be written.
func (w *work) dirty() bool {
	return w.account.ModSeq != w.before.ModSeq
}

// sorted gives maps of rows an order, so that the same work makes the same
// statements.
func sorted[K comparable, V any](m map[K]V, keep func(V) bool, compare func(a, b V) int) []V {
	var rows []V
	for _, v := range m {
		if keep(v) {
			rows = append(rows, v)
		}
	}
	slices.SortFunc(rows, compare)
	return rows
}

func byPlace(a, b *itemRow) int {
	return cmp.Or(cmp.Compare(a.Collection, b.Collection), cmp.Compare(a.UID, b.UID))
}
