package meta

import (
	"context"
	"fmt"
)

// CountPlaces counts items of an account that are not counted by where they lie, up to
// MaxRows of them in a transaction, and reports whether there are more: those that
// were there before such counters were.
func (db *DB) CountPlaces(ctx context.Context, key Key) (more bool, err error) {
	var some bool
	var n int64
	b := &Batch{}
	b.Query(maybe(&some, &n), uncounted+" LIMIT 1", key.Tenant, key.Account)
	if err := db.engine.Read(ctx, b); err != nil || !some {
		return false, err
	}
	j := &countPlaces{}
	if err := db.Write(ctx, key, j); err != nil {
		return false, fmt.Errorf("count places: %w", err)
	}
	return len(j.found) == MaxRows, nil
}

const uncounted = `SELECT collection_id FROM item /*by item_uncounted*/ WHERE tenant_id = $1 AND account_id = $2 AND stored < 0`

// countPlaces reads, and so is alone in its transaction.
type countPlaces struct{ found []placed }

type placed struct {
	collection, uid, size, object int64
}

// Read implements Job.
func (j *countPlaces) Read(a *Account, b *Batch) error {
	j.found = j.found[:0]
	b.Query(each(func(scan func(...any) error) error {
		var p placed
		err := scan(&p.collection, &p.uid, &p.size, &p.object)
		j.found = append(j.found, p)
		return err
	}), `SELECT i.collection_id, i.uid, i.size, CASE WHEN c.object_key <> '' THEN 1 ELSE 0 END FROM item i /*by item_uncounted*/
		LEFT JOIN content c ON c.tenant_id = i.tenant_id AND c.account_id = i.account_id AND c.content_id = i.content_id
		WHERE i.tenant_id = $1 AND i.account_id = $2 AND i.stored < 0 ORDER BY i.collection_id, i.uid LIMIT $3`,
		a.Tenant, a.Key.Account, int64(MaxRows))
	return nil
}

var setStored = newList("UPDATE item SET stored = $4 WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3 AND uid", "", 4)

// Write implements Job.
func (j *countPlaces) Write(a *Account, b *Batch) error {
	type group struct{ collection, object int64 }
	uids := map[group][]int64{}
	var order []group
	bytes := map[int64]int64{}
	for _, p := range j.found {
		g := group{p.collection, p.object}
		if uids[g] == nil {
			order = append(order, g)
		}
		uids[g] = append(uids[g], p.uid)
		if p.object != 0 {
			bytes[p.collection] += p.size
		}
	}
	for _, g := range order {
		setStored.exec(b, uids[g], a.Tenant, a.Key.Account, g.collection, g.object)
		if g.object != 0 {
			b.Exec(`UPDATE collection SET object_items = object_items + $4, object_bytes = object_bytes + $5
				WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3`,
				a.Tenant, a.Key.Account, g.collection, int64(len(uids[g])), bytes[g.collection])
		}
	}
	return nil
}

// RecountPlaces compares what collections say of places and folders with their items,
// and items with their contents, one scan of the account, and puts it right where it
// is not; it reports whether it was not. While an installation is being upgraded,
// replicas of the version before replace and remove items that they do not count.
func (db *DB) RecountPlaces(ctx context.Context, key Key) (wrong bool, err error) {
	var collections, items int64
	b := &Batch{}
	b.Query(one(&collections), `SELECT count(*) FROM collection c LEFT JOIN (`+sumOfObjects+` GROUP BY collection_id) s ON s.collection_id = c.collection_id
		WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.state = 0
		AND (c.object_items <> coalesce(s.n, 0) OR c.object_bytes <> coalesce(s.bytes, 0) OR c.folders <> coalesce(s.folders, 0))`, key.Tenant, key.Account)
	b.Query(one(&items), `SELECT count(*) FROM item`+elsewhere, key.Tenant, key.Account)
	if err = db.engine.Read(ctx, b); err == nil && collections+items > 0 {
		wrong, err = true, db.Write(ctx, key, recountPlaces{})
	}
	if err != nil {
		return false, fmt.Errorf("recount places: %w", err)
	}
	return wrong, nil
}

const (
	// sumOfObjects counts an account's items in the blob store, and folders, by collection.
	sumOfObjects = `SELECT collection_id, CAST(sum(CASE WHEN stored = 1 THEN 1 ELSE 0 END) AS BIGINT) AS n,
		CAST(sum(CASE WHEN stored = 1 THEN size ELSE 0 END) AS BIGINT) AS bytes,
		CAST(sum(CASE WHEN flags >= 32 THEN 1 ELSE 0 END) AS BIGINT) AS folders
		FROM item WHERE tenant_id = $1 AND account_id = $2`
	// elsewhere are an account's items that are counted where their content does not lie.
	elsewhere = ` WHERE tenant_id = $1 AND account_id = $2 AND stored >= 0 AND stored <> coalesce((SELECT
		CASE WHEN c.object_key <> '' THEN 1 ELSE 0 END FROM content c
		WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.content_id = item.content_id), 0)`
)

type recountPlaces struct{}

// Read queues nothing; see recount.
func (recountPlaces) Read(*Account, *Batch) error { return nil }

// Write queues the statements.
func (recountPlaces) Write(a *Account, b *Batch) error {
	b.Exec(`UPDATE item SET stored = 1 - stored`+elsewhere, a.Tenant, a.Key.Account)
	const of = ` FROM item i WHERE i.tenant_id = $1 AND i.account_id = $2 AND i.collection_id = collection.collection_id AND `
	b.Exec(`UPDATE collection SET object_items = (SELECT count(*)`+of+`i.stored = 1),
		object_bytes = (SELECT CAST(coalesce(sum(size), 0) AS BIGINT)`+of+`i.stored = 1), folders = (SELECT count(*)`+of+`i.flags >= 32)
		WHERE tenant_id = $1 AND account_id = $2 AND state = 0`, a.Tenant, a.Key.Account)
	return nil
}
