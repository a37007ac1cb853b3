package meta

import (
	"context"
	"fmt"
	"maps"
)

// Limits of the properties of one resource; bytes are sealed ones. Those of items are
// read for whole pages of them at once, so they are kept small.
const (
	MaxProperties              = 1000
	MaxPropertyBytes           = 64 << 10
	MaxCollectionPropertyBytes = 1 << 20
)

// Property is a property of a resource or collection; Sealed is nil where it is to
// be removed.
type Property struct {
	Space, Local string
	Sealed       []byte
}

var selectProperties = newList(`SELECT item_id, space, local, sealed FROM property`+inCollection+" AND item_id",
	" ORDER BY item_id, space, local", 3)

// Properties answers the properties of a collection (key 0) and of items, by item id.
// With most above 0 it is ErrTooMany where they take more bytes.
func (db *DB) Properties(ctx context.Context, key Key, collection int64, items []int64, most int64) (map[int64][]Property, error) {
	found := map[int64][]Property{}
	b := &Batch{}
	there := false
	var id, bytes int64
	b.Query(maybe(&there, &id), "SELECT collection_id FROM collection"+inCollection+" AND state = 0", key.Tenant, key.Account, collection)
	selectProperties.query(b, each(func(scan func(...any) error) error {
		var p Property
		err := scan(&id, &p.Space, &p.Local, &p.Sealed)
		found[id] = append(found[id], p)
		if bytes += int64(len(p.Sealed)); err == nil && most > 0 && bytes > most {
			err = ErrTooMany
		}
		return err
	}), ascending(items), key.Tenant, key.Account, collection)
	if err := db.engine.Read(ctx, b); err != nil {
		return nil, fmt.Errorf("properties: %w", err)
	}
	if !there {
		return nil, fmt.Errorf("properties: %w", ErrNotFound)
	}
	return found, nil
}

// SetProperties changes properties of an item, or with item 0 those of the
// collection, all or nothing; ErrTooMany beyond the limits.
func (db *DB) SetProperties(ctx context.Context, key Key, collection, item int64, changes []Property, g Guard) error {
	j := &setProperties{collection: collection, id: item, changes: changes, guard: g}
	if err := db.write(ctx, key, j); err != nil {
		return fmt.Errorf("set properties: %w", err)
	}
	return nil
}

type setProperties struct {
	collection, id int64
	changes        []Property
	guard          Guard
	before, sizes  map[[2]string]int64 // of what is sealed, by name
}

func (j *setProperties) want(w *work) error {
	w.wantGuard(&j.guard, j.collection)
	key := w.account.Key
	if j.id != 0 {
		w.wantResource(j.collection, j.id)
	}
	j.before = map[[2]string]int64{}
	w.reads.Query(each(func(scan func(...any) error) error {
		var name [2]string
		var size int64
		err := scan(&name[0], &name[1], &size)
		j.before[name] = size
		return err
	}), "SELECT space, local, length(sealed) FROM property"+inCollection+" AND item_id = $4", key.Tenant, key.Account, j.collection, j.id)
	return nil
}

func (j *setProperties) decide(w *work) error {
	c, err := w.collection(j.collection)
	if err != nil {
		return err
	}
	if err := w.holds(&j.guard, j.collection); err != nil {
		return err
	}
	var i *itemRow
	if j.id == 0 {
		err = w.opened(&j.guard, w.on(c.ID, 0))
	} else if i = w.byID(c.ID, j.id); i == nil {
		return ErrNotFound
	} else {
		err = w.mayChange(&j.guard, i)
	}
	if err != nil {
		return err
	}
	j.sizes = maps.Clone(j.before)
	for _, p := range j.changes {
		if name := [2]string{p.Space, p.Local}; p.Sealed == nil {
			delete(j.sizes, name)
		} else {
			j.sizes[name] = int64(len(p.Sealed))
		}
	}
	total, most := int64(0), int64(MaxPropertyBytes)
	if j.id == 0 {
		most = MaxCollectionPropertyBytes
	}
	for _, size := range j.sizes {
		total += size
	}
	if len(j.sizes) > MaxProperties || total > most {
		return ErrTooMany
	}
	if len(j.changes) == 0 {
		return nil
	}
	if more := j.more(); more > 0 {
		if err := w.account.room(more, 0); err != nil {
			return err
		}
	}
	modseq := w.next()
	w.setProperties(c, j.id, j.changes, j.before)
	c.changed = true
	if i == nil {
		c.SelfModSeq = modseq
		return nil
	}
	c.ModSeq = modseq
	i.ModSeq, i.changed = modseq, true
	w.raiseChain(c.ID, i.ParentID, modseq)
	return nil
}

// more is what they cost more than before.
func (j *setProperties) more() (n int64) {
	for name, size := range j.sizes {
		n += propertyCost(name[0], name[1], size)
	}
	for name, size := range j.before {
		n -= propertyCost(name[0], name[1], size)
	}
	return n
}

// setProperties queues the rows. before are the sealed sizes of those that are there.
func (w *work) setProperties(c *collectionRow, item int64, changes []Property, before map[[2]string]int64) {
	key, collection := w.account.Key, c.ID
	now := maps.Clone(before)
	if now == nil {
		now = make(map[[2]string]int64, len(changes))
	}
	for _, p := range changes {
		name := [2]string{p.Space, p.Local}
		if size, there := now[name]; there {
			w.charge(c, item, -propertyCost(p.Space, p.Local, size))
			delete(now, name)
		}
		if p.Sealed == nil {
			w.extra.Exec("DELETE FROM property"+inCollection+" AND item_id = $4 AND space = $5 AND local = $6",
				key.Tenant, key.Account, collection, item, p.Space, p.Local)
			continue
		}
		now[name] = int64(len(p.Sealed))
		w.charge(c, item, p.cost())
		w.extra.Exec(`INSERT INTO property (tenant_id, account_id, collection_id, item_id, space, local, sealed)
			VALUES ($1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (tenant_id, account_id, collection_id, item_id, space, local) DO UPDATE SET sealed = excluded.sealed`,
			key.Tenant, key.Account, collection, item, p.Space, p.Local, p.Sealed)
	}
}

// copyProperties gives an item those of another one.
func (w *work) copyProperties(c *collectionRow, from, to *itemRow) {
	w.charge(c, to.ID, w.propertyCosts[itemKey{from.Collection, from.ID}])
	w.extra.Exec(`INSERT INTO property (tenant_id, account_id, collection_id, item_id, space, local, sealed)
		SELECT tenant_id, account_id, CAST($5 AS BIGINT), CAST($6 AS BIGINT), space, local, sealed FROM property`+inCollection+
		" AND item_id = $4", w.account.Tenant, w.account.Account, from.Collection, from.ID, to.Collection, to.ID)
}
