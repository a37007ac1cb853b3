package meta

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Changes answers up to limit changes of a collection since a token, in the order
// of the journal: (modseq, item id), rule 5. Collection, items and tombstones come
// from one snapshot. An item that was added and removed since the token is told as
// removed (RFC 6578 3.5.2). ErrTooOld says that tombstones since then may be gone.
//
// The zero token answers every item that is there, and no tombstone.
func (db *DB) Changes(ctx context.Context, key Key, collection int64, since Token, limit int) (Changes, error) {
	return db.ChangesFor(ctx, key, collection, 0, since, limit)
}

// ChangesFor is Changes as a person sees them in a mailbox that keeps \Seen by
// person (rule 7): person 0 sees the shared flags.
func (db *DB) ChangesFor(ctx context.Context, key Key, collection, person int64, since Token, limit int) (Changes, error) {
	q := &changesQuery{key: key, id: collection, person: person, since: since, limit: max(limit, 1)}
	if err := q.run(ctx, db.engine); err != nil {
		return Changes{}, fmt.Errorf("changes of collection %d: %w", collection, err)
	}
	return q.answer(), nil
}

// changesQuery holds four lists, each in the order of the journal and cut at
// limit+1.
type changesQuery struct {
	key        Key
	id, person int64
	since      Token
	limit      int

	collection Collection
	old        []Item // at or below the floor
	items      []Item
	seen       []seenItem // by the overlay's modseq
	removed    []Tombstone
	overlays   map[int64]seenRow // by UID
}

type seenItem struct {
	Item
	seenRow
}

const (
	inCollection = " WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3"
	afterToken   = " AND modseq >= $4 AND (modseq > $4 OR item_id > $5) ORDER BY modseq, item_id LIMIT $6"

	itemsSince      = "SELECT " + itemColumns + " FROM item" + inCollection + afterToken
	itemsBelow      = "SELECT " + itemColumns + " FROM item" + inCollection + " AND modseq <= $4 AND item_id > $5 ORDER BY uid LIMIT $6"
	tombstonesSince = "SELECT modseq, item_id, uid, created_modseq, parent_id, name FROM tombstone" + inCollection + afterToken
	seenSince       = `SELECT s.flags, s.modseq, i.uid FROM item_seen s JOIN item i
		ON i.tenant_id = s.tenant_id AND i.account_id = s.account_id AND i.collection_id = s.collection_id AND i.uid = s.uid
		WHERE s.tenant_id = $1 AND s.account_id = $2 AND s.collection_id = $3 AND s.person_id = $7
		AND s.modseq >= $4 AND (s.modseq > $4 OR i.item_id > $5) ORDER BY s.modseq, i.item_id LIMIT $6`
)

// run reads the lists in one snapshot, and in one round trip where the token is
// plain: a modseq all of whose changes are known.
func (q *changesQuery) run(ctx context.Context, e Engine) error {
	b := &Batch{}
	var collections []Collection
	b.Query(readCollections(&collections), fromCollection+" AND collection_id = $3 AND state = 0", q.key.Tenant, q.key.Account, q.id)
	q.after(b, q.since)
	known := func() (err error) {
		if q.collection, err = single(collections, nil); err != nil {
			return err
		}
		if q.since.ModSeq != 0 && q.since.ModSeq < q.collection.Floor {
			return ErrTooOld
		}
		return nil
	}
	if q.person == 0 && q.since == At(q.since.ModSeq) {
		if err := e.Read(ctx, b); err != nil {
			return err
		}
		return known()
	}
	return e.View(ctx, func(tx Tx) error {
		if err := tx.Run(ctx, b); err != nil {
			return err
		}
		if err := known(); err != nil {
			return err
		}
		if err := q.belowFloor(ctx, tx); err != nil || q.person == 0 {
			return err
		}
		return q.lay(ctx, tx)
	})
}

// after queues the items and tombstones that follow a token.
func (q *changesQuery) after(b *Batch, t Token) {
	args := []any{q.key.Tenant, q.key.Account, q.id, t.ModSeq, t.ItemID, int64(q.limit + 1)}
	b.Query(readItems(&q.items), itemsSince, args...)
	if q.since.ModSeq != 0 {
		b.Query(readTombstones(&q.removed), tombstonesSince, args...)
	}
}

// belowFloor reads what lies at or below the floor. The journal was cut there, so a
// token below it would be refused: those items count as changed at the floor
// itself, ordered by item id, and a long first listing can be answered in pages.
// In a collection item ids ascend as UIDs do.
func (q *changesQuery) belowFloor(ctx context.Context, tx Tx) error {
	floor := q.collection.Floor
	if floor == 0 || q.since.ModSeq != 0 && q.since.ModSeq != floor {
		return nil
	}
	var b Batch
	q.items, q.removed = nil, nil
	b.Query(readItems(&q.old), itemsBelow, q.key.Tenant, q.key.Account, q.id, floor, q.since.ItemID, int64(q.limit+1))
	q.after(&b, At(floor))
	return tx.Run(ctx, &b)
}

// lay reads the person's overlays: those that changed since the token, with their
// items, and those of the items that are listed anyway.
func (q *changesQuery) lay(ctx context.Context, tx Tx) error {
	if !q.collection.SeenByPerson {
		return nil
	}
	var b Batch
	var marks []seenItem
	since := q.since
	if since.ModSeq == q.collection.Floor { // overlays were not cut
		since = At(since.ModSeq)
	}
	b.Query(each(func(scan func(...any) error) error {
		var s seenItem
		err := scan(&s.flags, &s.modseq, &s.UID)
		marks = append(marks, s)
		return err
	}), seenSince, q.key.Tenant, q.key.Account, q.id, since.ModSeq, since.ItemID, int64(q.limit+1), q.person)
	if err := tx.Run(ctx, &b); err != nil {
		return err
	}
	var uids []int64
	for _, list := range [][]Item{q.old, q.items} {
		for _, i := range list {
			uids = append(uids, i.UID)
		}
	}
	b = Batch{}
	q.overlays = map[int64]seenRow{}
	selectSeen.query(&b, each(func(scan func(...any) error) error {
		var k seenKey
		var s seenRow
		err := scan(&k.collection, &k.uid, &k.person, &s.flags, &s.modseq)
		q.overlays[k.uid] = s
		return err
	}), ascending(uids), q.key.Tenant, q.key.Account, q.id, q.person)
	var items []Item
	uids = uids[:0]
	for _, m := range marks {
		uids = append(uids, m.UID)
	}
	selectItemsByUID.query(&b, readItems(&items), ascending(uids), q.key.Tenant, q.key.Account, q.id)
	if err := tx.Run(ctx, &b); err != nil {
		return err
	}
	for _, m := range marks {
		n := slices.IndexFunc(items, func(i Item) bool { return i.UID == m.UID })
		q.seen = append(q.seen, seenItem{items[n], m.seenRow})
	}
	return nil
}

// entry is an item or a tombstone at its place in the journal.
type entry struct {
	at      Token
	item    *Item
	removed *Tombstone
}

// answer merges the lists. Where one of them was cut, nothing behind its last row
// is known to be complete.
func (q *changesQuery) answer() Changes {
	all, bound := q.merge()
	c := Changes{Collection: q.collection, Next: At(q.collection.ModSeq)}
	if bound.ModSeq != math.MaxInt64 {
		c.More, c.Next = true, bound
	}
	for n, e := range all {
		if e.at.Compare(bound) > 0 {
			break
		}
		// What was moved stands twice at one place: as an item and as what it left.
		if n >= q.limit && e.at != all[n-1].at {
			c.More, c.Next = true, all[n-1].at
			break
		}
		if e.item != nil {
			c.Items = append(c.Items, *e.item)
		} else {
			c.Removed = append(c.Removed, *e.removed)
		}
	}
	if !c.More && q.since.Compare(c.Next) > 0 {
		c.Next = q.since
	}
	return c
}

func (q *changesQuery) merge() (all []entry, bound Token) {
	bound = At(math.MaxInt64)
	list := func(n int, at func(int) Token, make func(int) entry) {
		for i := range n {
			e := make(i)
			if e.at = at(i); e.item != nil || e.removed != nil {
				all = append(all, e)
			}
		}
		if n > q.limit {
			if last := at(n - 1); last.Compare(bound) < 0 {
				bound = last
			}
		}
	}
	// An item whose overlay is newer is told at the overlay's place.
	lain := func(i *Item, at int64) entry {
		if s, ok := q.overlays[i.UID]; ok {
			if s.modseq > max(at, q.since.ModSeq) {
				return entry{}
			}
			overlay(i, s.flags, s.modseq)
		}
		i.ModSeq = max(i.ModSeq, q.collection.BaseModSeq)
		return entry{item: i}
	}
	floor := q.collection.Floor
	list(len(q.old), func(n int) Token { return Token{floor, q.old[n].ID} },
		func(n int) entry { return lain(&q.old[n], floor) })
	places := make([]Token, len(q.items))
	for n, i := range q.items {
		places[n] = Token{i.ModSeq, i.ID}
	}
	list(len(q.items), func(n int) Token { return places[n] },
		func(n int) entry { return lain(&q.items[n], places[n].ModSeq) })
	list(len(q.seen), func(n int) Token { return Token{q.seen[n].modseq, q.seen[n].ID} }, func(n int) entry {
		s := &q.seen[n]
		if s.ModSeq >= s.modseq {
			return entry{} // told at the item's own place
		}
		overlay(&s.Item, s.flags, s.modseq)
		s.ModSeq = max(s.ModSeq, q.collection.BaseModSeq)
		return entry{item: &s.Item}
	})
	list(len(q.removed), func(n int) Token { return Token{q.removed[n].ModSeq, q.removed[n].ItemID} },
		func(n int) entry { return entry{removed: &q.removed[n]} })
	slices.SortFunc(all, func(a, b entry) int { return a.at.Compare(b.at) })
	return all, bound
}

func readTombstones(removed *[]Tombstone) func(Rows) error {
	return each(func(scan func(...any) error) error {
		var t Tombstone
		err := scan(&t.ModSeq, &t.ItemID, &t.UID, &t.CreatedModSeq, &t.ParentID, &t.Name)
		*removed = append(*removed, t)
		return err
	})
}
