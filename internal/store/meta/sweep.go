package meta

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const sweepPage = 200

// Sweep removes contents older than olderThan that no item and no queued message
// names, and notes their objects for deletion after retention, in one transaction
// each page. It takes no lock: a writer who names such a content at the same moment
// is protected by the foreign key, and the sweep then leaves that content (rule 3).
func (db *DB) Sweep(ctx context.Context, key Key, olderThan, retention time.Duration) (removed int, err error) {
	after := []byte{}
	for {
		page, err := db.unnamed(ctx, key, olderThan, after)
		if err != nil {
			return removed, fmt.Errorf("sweep: %w", err)
		}
		n, err := db.sweep(ctx, key, page, retention)
		if errors.Is(err, ErrReference) { // one of them has been named again: each by itself
			n = 0
			for _, id := range page {
				one, err := db.sweep(ctx, key, [][]byte{id}, retention)
				if err != nil && !errors.Is(err, ErrReference) {
					return removed + n, fmt.Errorf("sweep: %w", err)
				}
				n += one
			}
		} else if err != nil {
			return removed, fmt.Errorf("sweep: %w", err)
		}
		removed += n
		if len(page) < sweepPage {
			return removed, nil
		}
		after = page[len(page)-1]
	}
}

const stillUnnamed = ` AND NOT EXISTS (SELECT 1 FROM item i WHERE i.tenant_id = $1 AND i.account_id = $2
		AND i.content_id = content.content_id)
	AND NOT EXISTS (SELECT 1 FROM queue_message q WHERE q.tenant_id = $1 AND q.account_id = $2
		AND q.content_id = content.content_id)`

// unnamed answers the next contents that nothing names.
func (db *DB) unnamed(ctx context.Context, key Key, olderThan time.Duration, after []byte) (ids [][]byte, err error) {
	b := &Batch{}
	b.Query(each(func(scan func(...any) error) error {
		var id ContentID
		err := scan(&id)
		ids = append(ids, id[:])
		return err
	}), `SELECT content_id FROM content WHERE tenant_id = $1 AND account_id = $2 AND content_id > $3
		AND created_at <= {now} - CAST($4 AS BIGINT)`+stillUnnamed+" ORDER BY content_id LIMIT $5",
		key.Tenant, key.Account, after, olderThan.Microseconds(), int64(sweepPage))
	return ids, db.engine.Read(ctx, b)
}

// sweep removes contents and notes their objects.
func (db *DB) sweep(ctx context.Context, key Key, ids [][]byte, retention time.Duration) (n int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	err = db.Update(ctx, func(tx Tx) error {
		n = 0
		var b, due Batch
		for _, id := range ids {
			b.Query(each(func(scan func(...any) error) error {
				var object string
				var size int64
				if err := scan(&object, &size); err != nil {
					return err
				}
				n++
				if object != "" {
					due.Exec(`INSERT INTO content_delete (tenant_id, object_key, due_at, account_id, size) VALUES ($1, $2, {now} + $3, $4, $5)
						ON CONFLICT (tenant_id, object_key) DO NOTHING`, key.Tenant, object, retention.Microseconds(), key.Account, size)
				}
				return nil
			}), `DELETE FROM content WHERE tenant_id = $1 AND account_id = $2 AND content_id = $3`+stillUnnamed+
				" RETURNING object_key, size", key.Tenant, key.Account, id)
		}
		if err := tx.Run(ctx, &b); err != nil || len(due.Statements) == 0 {
			return err
		}
		return tx.Run(ctx, &due)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// DueObject is an object of the blob store whose time has come.
type DueObject struct {
	Tenant    int64
	ObjectKey string
	DueAt     int64
}

// DueObjects answers up to limit objects whose retention has passed.
func (db *DB) DueObjects(ctx context.Context, limit int) (due []DueObject, err error) {
	b := &Batch{}
	b.Query(each(func(scan func(...any) error) error {
		var o DueObject
		err := scan(&o.Tenant, &o.ObjectKey, &o.DueAt)
		due = append(due, o)
		return err
	}), "SELECT tenant_id, object_key, due_at FROM content_delete WHERE due_at <= {now} ORDER BY due_at LIMIT $1", int64(limit))
	if err := db.engine.Read(ctx, b); err != nil {
		return nil, fmt.Errorf("due objects: %w", err)
	}
	return due, nil
}

// ForgetObject notes that an object has been deleted.
func (db *DB) ForgetObject(ctx context.Context, tenant int64, objectKey string) error {
	return db.Update(ctx, func(tx Tx) error {
		var b Batch
		b.Exec("DELETE FROM content_delete WHERE tenant_id = $1 AND object_key = $2", tenant, objectKey)
		return tx.Run(ctx, &b)
	})
}

// PutOffObject has an object that could not be deleted be due again after a time.
func (db *DB) PutOffObject(ctx context.Context, tenant int64, objectKey string, by time.Duration) error {
	return db.Update(ctx, func(tx Tx) error {
		var b Batch
		b.Exec("UPDATE content_delete SET due_at = {now} + CAST($3 AS BIGINT) WHERE tenant_id = $1 AND object_key = $2",
			tenant, objectKey, by.Microseconds())
		return tx.Run(ctx, &b)
	})
}

// RemoveDeleted removes up to limit rows of what was marked: items and tombstones
// of deleted collections, then those collections; of an account that is being
// removed everything but its directory rows and its contents, which Sweep takes. It
// reports whether there is more.
func (db *DB) RemoveDeleted(ctx context.Context, key Key, limit int) (more bool, err error) {
	var state AccountState
	var collection int64
	found := false
	b := &Batch{}
	b.Query(one(&state), "SELECT state FROM account WHERE tenant_id = $1 AND account_id = $2", key.Tenant, key.Account)
	b.Query(maybe(&found, &collection), `SELECT collection_id FROM collection WHERE tenant_id = $1 AND account_id = $2
		AND (state = 1 OR (SELECT state FROM account WHERE tenant_id = $1 AND account_id = $2) = 2) LIMIT 1`, key.Tenant, key.Account)
	if err := db.engine.Read(ctx, b); err != nil {
		return false, fmt.Errorf("remove deleted: %w", err)
	}
	var steps []string
	place := []any{key.Tenant, key.Account}
	switch {
	case found:
		steps = []string{
			`DELETE FROM property` + inCollection + ` AND (item_id, space, local) IN
				(SELECT item_id, space, local FROM property` + inCollection + ` ORDER BY item_id, space, local LIMIT $4)`,
			`DELETE FROM dav_lock` + inCollection + ` AND token IN (SELECT token FROM dav_lock` + inCollection + ` ORDER BY token LIMIT $4)`,
			`DELETE FROM trash` + inCollection + ` AND item_id IN (SELECT item_id FROM trash` + inCollection + ` ORDER BY item_id LIMIT $4)`,
			`DELETE FROM item` + inCollection + ` AND uid IN (SELECT uid FROM item` + inCollection + ` ORDER BY uid LIMIT $4)`,
			`DELETE FROM tombstone` + inCollection + ` AND (modseq, item_id) IN
				(SELECT modseq, item_id FROM tombstone` + inCollection + ` ORDER BY modseq, item_id LIMIT $4)`,
			`DELETE FROM collection` + inCollection,
		}
		place = append(place, collection)
	case state == Removing:
		for _, table := range []struct{ name, id string }{{"thread", "hash"}, {"collection_tombstone", "modseq"},
			{"operation", "operation_id"}, {"origin", "uid"}, {"queue_recipient", "message_id"}, {"queue_message", "message_id"}} {
			steps = append(steps, "DELETE FROM "+table.name+" WHERE tenant_id = $1 AND account_id = $2 AND "+table.id+
				" IN (SELECT "+table.id+" FROM "+table.name+" WHERE tenant_id = $1 AND account_id = $2 LIMIT $3)")
		}
	}
	for n, text := range steps {
		args := append(place[:len(place):len(place)], int64(limit))
		if found && n == len(steps)-1 {
			args = place
		}
		removed, err := db.step(ctx, text, args)
		if err != nil {
			return false, fmt.Errorf("remove deleted: %w", err)
		}
		if removed >= int64(limit) {
			return true, nil
		}
	}
	return found, nil
}

// step runs one statement in a transaction of its own.
func (db *DB) step(ctx context.Context, text string, args []any) (changed int64, err error) {
	err = db.Update(ctx, func(tx Tx) error {
		var b Batch
		b.Count(func(n int64) error { changed = n; return nil }, text, args...)
		return tx.Run(ctx, &b)
	})
	return changed, err
}
