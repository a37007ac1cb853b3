package meta

import (
	"context"
	"fmt"
)

const collectionColumns = `collection_id, kind, state, name, special_use, seen_by_person, uidvalidity, uidnext,
	modseq, self_modseq, floor, base_modseq, items, unseen, deleted, bytes, property_bytes, object_items, object_bytes, folders, created_at`

const fromCollection = "SELECT " + collectionColumns + " FROM collection WHERE tenant_id = $1 AND account_id = $2"

var selectCollections = newList(fromCollection+" AND collection_id", "", 2)

func (c *Collection) scan(scan func(...any) error) error {
	var deleted, seenByPerson int64
	err := scan(&c.ID, &c.Kind, &deleted, &c.Name, &c.SpecialUse, &seenByPerson, &c.UIDValidity,
		&c.UIDNext, &c.ModSeq, &c.SelfModSeq, &c.Floor, &c.BaseModSeq, &c.Items, &c.Unseen, &c.DeletedItems,
		&c.Bytes, &c.PropertyBytes, &c.ObjectItems, &c.ObjectBytes, &c.Folders, &c.CreatedAt)
	c.Deleted, c.SeenByPerson = deleted != 0, seenByPerson != 0
	c.ModSeq = max(c.ModSeq, c.BaseModSeq)
	return err
}

func readCollections(collections *[]Collection) func(Rows) error {
	return each(func(scan func(...any) error) error {
		*collections = append(*collections, Collection{})
		return (*collections)[len(*collections)-1].scan(scan)
	})
}

// Collections answers the account's collections of a kind, by name in byte order.
func (db *DB) Collections(ctx context.Context, key Key, kind CollectionKind) ([]Collection, error) {
	return db.collections(ctx, fromCollection+" AND kind = $3 AND state = 0 ORDER BY name", key.Tenant, key.Account, int64(kind))
}

// Collection answers a collection, or ErrNotFound.
func (db *DB) Collection(ctx context.Context, key Key, id int64) (Collection, error) {
	return single(db.collections(ctx, fromCollection+" AND collection_id = $3 AND state = 0", key.Tenant, key.Account, id))
}

// CollectionByName answers the collection that bears exactly that name, byte for
// byte, or ErrNotFound.
func (db *DB) CollectionByName(ctx context.Context, key Key, kind CollectionKind, name string) (Collection, error) {
	return single(db.collections(ctx, byName, key.Tenant, key.Account, int64(kind), name))
}

const byName = fromCollection + " AND kind = $3 AND name = $4 AND state = 0"

func (db *DB) collections(ctx context.Context, query string, args ...any) ([]Collection, error) {
	var found []Collection
	b := &Batch{}
	b.Query(readCollections(&found), query, args...)
	if err := db.engine.Read(ctx, b); err != nil {
		return nil, fmt.Errorf("collections: %w", err)
	}
	return found, nil
}

func single(found []Collection, err error) (Collection, error) {
	if err != nil {
		return Collection{}, err
	}
	if len(found) == 0 {
		return Collection{}, fmt.Errorf("collection: %w", ErrNotFound)
	}
	return found[0], nil
}

// CollectionOptions are what a new collection may be told besides its name.
type CollectionOptions struct {
	SeenByPerson bool // rule 7
	Properties   []Property
}

// CreateCollection makes a collection; ErrExists says that the name is in use. Its
// UIDVALIDITY is greater than that of any before it in the account (rule 8).
func (db *DB) CreateCollection(ctx context.Context, key Key, kind CollectionKind, name, specialUse string,
	o CollectionOptions) (Collection, error) {
	j := &createCollection{Collection{Kind: kind, Name: name, SpecialUse: specialUse,
		SeenByPerson: o.SeenByPerson}, o.Properties}
	if err := db.write(ctx, key, j); err != nil {
		return Collection{}, fmt.Errorf("create collection: %w", err)
	}
	return j.made, nil
}

type createCollection struct {
	made       Collection
	properties []Property
}

func (j *createCollection) want(w *work) error {
	w.wantName(j.made.Kind, j.made.Name)
	return nil
}

func (j *createCollection) decide(w *work) error {
	if w.named(j.made.Kind, j.made.Name) != nil {
		return ErrExists
	}
	if cost := costOf(j.properties); cost > freeProperties {
		if err := w.account.room(cost, 0); err != nil {
			return err
		}
	}
	modseq := w.next()
	c := &j.made
	c.ID = w.nextID()
	c.UIDValidity = max(w.account.LastUIDValidity+1, w.account.Now/1e6)
	w.account.LastUIDValidity = c.UIDValidity
	c.UIDNext = 1
	c.ModSeq, c.SelfModSeq = modseq, modseq
	c.CreatedAt = w.account.Now
	row := &collectionRow{Collection: *c, created: true}
	w.collections[c.ID] = row
	w.setProperties(row, 0, j.properties, nil)
	return nil
}

func (w *work) wantName(kind CollectionKind, name string) {
	w.reads.Query(w.readCollections, byName,
		w.account.Tenant, w.account.Account, int64(kind), name)
}

// named answers the collection that bears a name now.
func (w *work) named(kind CollectionKind, name string) *collectionRow {
	for _, c := range w.collections {
		if c.Kind == kind && c.Name == name && !c.Deleted {
			return c
		}
	}
	return nil
}

// Rename gives a collection another name. From must still be its name.
type Rename struct {
	ID       int64
	From, To string
}

// RenameCollections renames all or none, under one modseq: a mailbox with its
// inferiors. Old names are left as tombstones. ErrExists says that a new name is
// in use, ErrNotFound that a collection bears another name now.
func (db *DB) RenameCollections(ctx context.Context, key Key, renames []Rename) error {
	if err := db.write(ctx, key, renameCollections(renames)); err != nil {
		return fmt.Errorf("rename collections: %w", err)
	}
	return nil
}

type renameCollections []Rename

func (j renameCollections) want(w *work) error {
	for _, r := range j {
		w.wantCollection(r.ID)
		for kind := Mailbox; kind <= Drive; kind++ { // its kind is known only with the row
			w.wantName(kind, r.To)
		}
	}
	return nil
}

func (j renameCollections) decide(w *work) error {
	moving := map[int64]bool{}
	for _, r := range j {
		moving[r.ID] = true
	}
	for _, r := range j {
		c, err := w.collection(r.ID)
		if err != nil {
			return err
		}
		if c.Name != r.From {
			return ErrNotFound
		}
		if other := w.named(c.Kind, r.To); other != nil && !moving[other.ID] {
			return ErrExists
		}
	}
	if len(j) == 0 {
		return nil
	}
	modseq := w.next()
	for _, r := range j {
		c := w.collections[r.ID]
		w.leaveName(c, modseq)
		c.Name = r.To
	}
	return nil
}

// leaveName leaves the collection's name as a tombstone.
func (w *work) leaveName(c *collectionRow, modseq int64) {
	w.collectionTombstones = append(w.collectionTombstones,
		CollectionTombstone{ModSeq: modseq, Collection: c.ID, Kind: c.Kind, Name: c.Name})
	c.SelfModSeq, c.changed = modseq, true
}

// DeleteCollection marks a collection deleted: its name is free and its items
// count no more at once, its rows go in the background (RemoveDeleted).
func (db *DB) DeleteCollection(ctx context.Context, key Key, id int64) error {
	return db.RemoveCollection(ctx, key, id, nil)
}

// RemoveCollection is DeleteCollection under the guard of one who must respect the
// locks on it and in it.
func (db *DB) RemoveCollection(ctx context.Context, key Key, id int64, g *Guard) error {
	if err := db.write(ctx, key, &deleteCollection{id: id, guard: g}); err != nil {
		return fmt.Errorf("delete collection: %w", err)
	}
	return nil
}

type deleteCollection struct {
	id    int64
	guard *Guard
}

func (j *deleteCollection) want(w *work) error {
	w.wantCollection(j.id)
	if j.guard != nil {
		w.wantGuard(j.guard, j.id)
	}
	return nil
}

func (j *deleteCollection) decide(w *work) error {
	c, err := w.collection(j.id)
	if err != nil {
		return err
	}
	if j.guard != nil {
		err := w.holds(j.guard, j.id)
		if err == nil {
			err = w.mayEmpty(j.guard, w.locks[j.id])
		}
		if err != nil {
			return err
		}
	}
	w.leaveName(c, w.next())
	c.Deleted = true
	w.account.UsedItems -= c.Items
	w.account.UsedBytes -= c.taken()
	return nil
}

// CollectionSet is what UpdateCollection changes; nil leaves a field alone.
type CollectionSet struct {
	SpecialUse   *string
	SeenByPerson *bool
}

// UpdateCollection changes a collection's own properties and answers it as it is
// then. What changes nothing takes no modseq.
func (db *DB) UpdateCollection(ctx context.Context, key Key, id int64, set CollectionSet) (Collection, error) {
	j := &setCollection{id: id, set: set}
	if err := db.write(ctx, key, j); err != nil {
		return Collection{}, fmt.Errorf("update collection: %w", err)
	}
	return j.after, nil
}

type setCollection struct {
	id    int64
	set   CollectionSet
	after Collection
}

func (j *setCollection) want(w *work) error {
	w.wantCollection(j.id)
	return nil
}

func (j *setCollection) decide(w *work) error {
	c, err := w.collection(j.id)
	if err != nil {
		return err
	}
	before := c.Collection
	assign(&c.SpecialUse, j.set.SpecialUse)
	assign(&c.SeenByPerson, j.set.SeenByPerson)
	if c.Collection != before {
		c.SelfModSeq, c.changed = w.next(), true
	}
	j.after = c.Collection
	return nil
}

func assign[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// CollectionTombstone tells of a collection that was renamed or deleted.
type CollectionTombstone struct {
	ModSeq, Collection int64
	Kind               CollectionKind
	Name               string // the old one
}

// CollectionChanges answers, of one snapshot, the collections that were created or
// changed themselves since a modseq, the names that were left, and the account's
// modseq to go on from. ErrTooOld says that tombstones since then are gone.
func (db *DB) CollectionChanges(ctx context.Context, key Key, since int64) ([]Collection, []CollectionTombstone, int64, error) {
	var changed []Collection
	var left []CollectionTombstone
	var modseq, floor int64
	b := &Batch{}
	b.Query(one(&modseq, &floor), "SELECT modseq, floor FROM account WHERE tenant_id = $1 AND account_id = $2",
		key.Tenant, key.Account)
	b.Query(readCollections(&changed), fromCollection+" AND self_modseq > $3 AND state = 0 ORDER BY self_modseq, collection_id",
		key.Tenant, key.Account, since)
	b.Query(each(func(scan func(...any) error) error {
		var t CollectionTombstone
		err := scan(&t.ModSeq, &t.Collection, &t.Kind, &t.Name)
		left = append(left, t)
		return err
	}), `SELECT modseq, collection_id, kind, name FROM collection_tombstone
		WHERE tenant_id = $1 AND account_id = $2 AND modseq > $3 ORDER BY modseq, collection_id`,
		key.Tenant, key.Account, since)
	err := db.engine.Read(ctx, b)
	if err == nil && since != 0 && since < floor {
		err = ErrTooOld
	}
	if err != nil {
		return nil, nil, 0, fmt.Errorf("changes of collections: %w", err)
	}
	return changed, left, modseq, nil
}
