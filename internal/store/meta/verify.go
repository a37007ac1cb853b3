package meta

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Finding is something that Verify found wrong. Collection is 0 where the account
// itself is meant.
type Finding struct {
	Key        Key
	Collection int64
	What       string
	Want, Got  int64
}

// check is a query that answers (collection id, want, got) for everything wrong.
// $1 and $2 are the account's key.
type check struct{ what, query string }

// counter compares a column of the collection with what its items say.
func counter(column, sum string) check {
	return check{"collection." + column, `SELECT c.collection_id, coalesce(s.n, 0), c.` + column + ` FROM collection c LEFT JOIN
		(SELECT collection_id, CAST(` + sum + ` AS BIGINT) AS n FROM item WHERE tenant_id = $1 AND account_id = $2 GROUP BY collection_id) s
		ON s.collection_id = c.collection_id
		WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.state = 0 AND c.` + column + ` <> coalesce(s.n, 0)`}
}

// below finds rows of a table whose column reaches what the collection says of it.
func below(what, column, table, compare string) check {
	return check{what, `SELECT c.collection_id, max(c.` + compare + `), max(r.` + column + `) FROM ` + table + ` r JOIN collection c
		ON c.tenant_id = r.tenant_id AND c.account_id = r.account_id AND c.collection_id = r.collection_id
		WHERE r.tenant_id = $1 AND r.account_id = $2 AND c.state = 0 GROUP BY c.collection_id
		HAVING max(r.` + column + `) > max(c.` + compare + `)`}
}

// bounded finds rows of a table whose column reaches what the account says of it.
func bounded(what, column, table, compare string) check {
	return check{what, `SELECT 0, a.` + compare + `, s.n FROM account a, (SELECT max(` + column + `) AS n FROM ` + table + `
		WHERE tenant_id = $1 AND account_id = $2) s
		WHERE a.tenant_id = $1 AND a.account_id = $2 AND s.n > a.` + compare}
}

// quota compares a sum of the account with its collections'.
func quota(column, sum string) check {
	return check{"account." + column, `SELECT 0, s.n, a.` + column + ` FROM account a,
		(SELECT CAST(coalesce(sum(` + sum + `), 0) AS BIGINT) AS n FROM collection WHERE tenant_id = $1 AND account_id = $2 AND state = 0) s
		WHERE a.tenant_id = $1 AND a.account_id = $2 AND a.` + column + ` <> s.n`}
}

// orphaned finds rows of a table whose item is not there; item 0 is the collection.
func orphaned(table string) check {
	return check{"a row of " + table + " has no item", `SELECT r.collection_id, 0, count(*) FROM ` + table + ` r
		JOIN collection c ON c.tenant_id = r.tenant_id AND c.account_id = r.account_id AND c.collection_id = r.collection_id
		WHERE r.tenant_id = $1 AND r.account_id = $2 AND c.state = 0 AND r.item_id <> 0 AND NOT EXISTS (SELECT 1 FROM item i /*by item_named*/
		WHERE i.tenant_id = $1 AND i.account_id = $2 AND i.collection_id = r.collection_id AND i.item_id = r.item_id
		AND i.name <> '') GROUP BY r.collection_id`}
}

var checks = []check{
	counter("items", "count(*)"),
	counter("bytes", "sum(size)"),
	counter("unseen", "sum(CASE WHEN flags & 1 = 0 THEN 1 ELSE 0 END)"),
	counter("deleted", "sum(CASE WHEN flags & 8 <> 0 THEN 1 ELSE 0 END)"),
	counter("folders", "sum(CASE WHEN flags >= 32 THEN 1 ELSE 0 END)"),
	counter("object_items", "sum(CASE WHEN stored = 1 THEN 1 ELSE 0 END)"),
	counter("object_bytes", "sum(CASE WHEN stored = 1 THEN size ELSE 0 END)"),
	{"an item lies elsewhere than it is counted", `SELECT i.collection_id, 0, count(*) FROM item i
		LEFT JOIN content c ON c.tenant_id = i.tenant_id AND c.account_id = i.account_id AND c.content_id = i.content_id
		WHERE i.tenant_id = $1 AND i.account_id = $2 AND i.stored >= 0
		AND i.stored <> CASE WHEN c.object_key <> '' THEN 1 ELSE 0 END GROUP BY i.collection_id`},
	quota("used_items", "items"),
	quota("used_bytes", takenInSQL),
	{"collection.property_bytes", `SELECT c.collection_id, coalesce(s.n, 0), c.property_bytes FROM collection c LEFT JOIN
		(SELECT collection_id, ` + sumOfProperties + ` AS n FROM property WHERE tenant_id = $1 AND account_id = $2 GROUP BY collection_id) s
		ON s.collection_id = c.collection_id
		WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.state = 0 AND c.property_bytes <> coalesce(s.n, 0)`},
	below("an item's UID reaches UIDNEXT", "uid + 1", "item", "uidnext"),
	below("a tombstone's UID reaches UIDNEXT", "uid + 1", "tombstone", "uidnext"),
	below("an item's modseq is above its collection's", "modseq", "item", "modseq"),
	below("a tombstone's modseq is above its collection's", "modseq", "tombstone", "modseq"),
	bounded("a collection's modseq is above the account's", "modseq", "collection", "modseq"),
	bounded("a collection's own modseq is above the account's", "self_modseq", "collection", "modseq"),
	bounded("an item id reaches the next one", "item_id + 1", "item", "next_id"),
	bounded("an object id reaches the next one", "object_id + 1", "item", "next_id"),
	bounded("a collection id reaches the next one", "collection_id + 1", "collection", "next_id"),
	bounded("a UIDVALIDITY is above the last one", "uidvalidity", "collection", "last_uidvalidity"),
	// Those of before a new generation wait for their time; nobody is told of them.
	{"a tombstone lies at or below the floor", `SELECT c.collection_id, max(c.floor), min(t.modseq) FROM tombstone t JOIN collection c
		ON c.tenant_id = t.tenant_id AND c.account_id = t.account_id AND c.collection_id = t.collection_id
		WHERE t.tenant_id = $1 AND t.account_id = $2 AND c.state = 0 AND t.modseq <= c.floor
		AND t.modseq > c.base_modseq GROUP BY c.collection_id`},
	{"an item is there and has a tombstone", `SELECT i.collection_id, 0, count(*) FROM tombstone t CROSS JOIN item i
		WHERE t.tenant_id = $1 AND t.account_id = $2 AND i.tenant_id = t.tenant_id AND i.account_id = t.account_id
		AND i.collection_id = t.collection_id AND i.uid = t.uid AND i.item_id = t.item_id AND i.moved_modseq = 0
		GROUP BY i.collection_id`},
	{"an item changed before it was there", `SELECT collection_id, 0, count(*) FROM item
		WHERE tenant_id = $1 AND account_id = $2 AND modseq < created_modseq GROUP BY collection_id`},
	{"an item's content is missing", `SELECT i.collection_id, 0, count(*) FROM item i
		WHERE i.tenant_id = $1 AND i.account_id = $2 AND (i.content_id IS NULL AND i.flags < 32 OR i.content_id IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM content c WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.content_id = i.content_id))
		GROUP BY i.collection_id`},
	{"a meta's content is missing", `SELECT 0, 0, count(*) FROM item_meta m WHERE m.tenant_id = $1 AND m.account_id = $2
		AND NOT EXISTS (SELECT 1 FROM content c WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.content_id = m.content_id)
		HAVING count(*) > 0`},
	{"a folder is missing above an item", `SELECT i.collection_id, 0, count(*) FROM item i
		WHERE i.tenant_id = $1 AND i.account_id = $2 AND i.parent_id NOT IN (0, -1, -2, -3) AND NOT EXISTS (SELECT 1 FROM item f /*by item_folder*/
		WHERE f.tenant_id = $1 AND f.account_id = $2 AND f.collection_id = i.collection_id AND f.item_id = i.parent_id
		AND f.flags >= 32) GROUP BY i.collection_id`},
	{"two items bear one name", `SELECT collection_id, 1, count(*) FROM item WHERE tenant_id = $1 AND account_id = $2 AND name <> ''
		GROUP BY collection_id, parent_id, name HAVING count(*) > 1`},
	{"a named item has no digest of its content", `SELECT i.collection_id, 0, count(*) FROM item i
		WHERE i.tenant_id = $1 AND i.account_id = $2 AND i.name <> '' AND i.flags < 32 AND i.digest IS NULL GROUP BY i.collection_id`},
	{"a folder's subtree modseq is below that of a member", `SELECT f.collection_id, 0, count(*) FROM item f CROSS JOIN item i /*by item_name*/
		WHERE i.tenant_id = f.tenant_id AND i.account_id = f.account_id AND i.collection_id = f.collection_id AND i.parent_id = f.item_id
		AND f.tenant_id = $1 AND f.account_id = $2 AND f.flags >= 32 AND i.name <> '' AND (i.created_modseq > f.subtree_modseq
		OR i.moved_modseq > f.subtree_modseq OR i.subtree_modseq > f.subtree_modseq) GROUP BY f.collection_id`},
	{"an index row has no item", `SELECT x.collection_id, 0, count(*) FROM resource_index x
		WHERE x.tenant_id = $1 AND x.account_id = $2 AND NOT EXISTS (SELECT 1 FROM item i WHERE i.tenant_id = $1 AND i.account_id = $2
		AND i.collection_id = x.collection_id AND i.uid = x.uid AND i.name <> '') GROUP BY x.collection_id`},
	orphaned("property"), orphaned("dav_lock"), orphaned("trash"),
	{"an item lies in the trash and is not noted there, or is noted and does not", `SELECT c.collection_id, coalesce(s.n, 0), coalesce(m.n, 0) FROM collection c
		LEFT JOIN (SELECT collection_id, count(*) AS n FROM item WHERE tenant_id = $1 AND account_id = $2 AND parent_id = -1
			GROUP BY collection_id) s ON s.collection_id = c.collection_id
		LEFT JOIN (SELECT t.collection_id, count(*) AS n FROM trash t JOIN item i ON i.tenant_id = t.tenant_id
			AND i.account_id = t.account_id AND i.collection_id = t.collection_id AND i.item_id = t.item_id
			WHERE t.tenant_id = $1 AND t.account_id = $2 AND i.parent_id = -1 AND i.name <> '' GROUP BY t.collection_id) m
			ON m.collection_id = c.collection_id
		WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.state = 0 AND coalesce(s.n, 0) <> coalesce(m.n, 0)`},
	{"an overlay's modseq is above its collection's", `SELECT c.collection_id, max(c.modseq), max(s.modseq) FROM item_seen s JOIN collection c
		ON c.tenant_id = s.tenant_id AND c.account_id = s.account_id AND c.collection_id = s.collection_id
		WHERE s.tenant_id = $1 AND s.account_id = $2 AND c.state = 0 GROUP BY c.collection_id HAVING max(s.modseq) > max(c.modseq)`},
}

// Verify recounts an account in one snapshot: counters, quota, journal, floors and
// references. What it finds is a fault of this program or of the storage.
func (db *DB) Verify(ctx context.Context, key Key) (found []Finding, err error) {
	err = db.engine.View(ctx, func(tx Tx) error {
		found, err = VerifyIn(ctx, tx, key)
		return err
	})
	return found, err
}

// VerifyIn is Verify as a transaction sees the account.
func VerifyIn(ctx context.Context, tx Tx, key Key) ([]Finding, error) {
	var found []Finding
	var b Batch
	for _, c := range checks {
		b.Query(each(func(scan func(...any) error) error {
			f := Finding{Key: key, What: c.what}
			err := scan(&f.Collection, &f.Want, &f.Got)
			found = append(found, f)
			return err
		}), c.query, key.Tenant, key.Account)
	}
	keywords(&b, key, &found)
	if err := tx.Run(ctx, &b); err != nil {
		return nil, fmt.Errorf("verify account %d: %w", key.Account, err)
	}
	return found, nil
}

// keywords finds items whose keywords are not in the form of Keywords.
func keywords(b *Batch, key Key, found *[]Finding) {
	b.Query(each(func(scan func(...any) error) error {
		f := Finding{Key: key, What: "an item's keywords are not in order"}
		var words string
		if err := scan(&f.Collection, &f.Want, &words); err != nil {
			return err
		}
		if split := strings.Fields(words); Keywords(split) != words || !slices.IsSorted(split) {
			f.Got = f.Want
			*found = append(*found, f)
		}
		return nil
	}), `SELECT collection_id, uid, keywords FROM item WHERE tenant_id = $1 AND account_id = $2 AND keywords <> ''`,
		key.Tenant, key.Account)
}
