package meta

import (
	"context"
	"fmt"
	"time"
)

// purgePage is how many tombstones go in one transaction.
const purgePage = 1000

// operationTime is how long a lost COMMIT may be asked for.
const operationTime = 24 * time.Hour

// Purge moves the history floors past tombstones older than keep and deletes them,
// of collections and of the account itself. A reader whose token lies below is told
// ErrTooOld; the floor moves in the transaction that deletes, so a snapshot shows
// both or neither.
func (db *DB) Purge(ctx context.Context, key Key, keep time.Duration) (removed int, err error) {
	var collections []int64
	b := &Batch{}
	b.Query(each(func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		collections = append(collections, id)
		return err
	}), "SELECT collection_id FROM collection WHERE tenant_id = $1 AND account_id = $2 AND state = 0", key.Tenant, key.Account)
	if err := db.engine.Read(ctx, b); err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	for _, id := range collections {
		n, err := db.purge(ctx, keep, purgeItems, key.Tenant, key.Account, id)
		removed += n
		if err != nil {
			return removed, fmt.Errorf("purge collection %d: %w", id, err)
		}
	}
	n, err := db.purge(ctx, keep, purgeNames, key.Tenant, key.Account)
	if err == nil {
		err = db.Update(ctx, func(tx Tx) error {
			var b Batch
			b.Exec("DELETE FROM operation WHERE tenant_id = $1 AND account_id = $2 AND at < {now} - $3",
				key.Tenant, key.Account, operationTime.Microseconds())
			return tx.Run(ctx, &b)
		})
	}
	if err != nil {
		err = fmt.Errorf("purge: %w", err)
	}
	return removed + n, err
}

// purgeTexts are the statements for one kind of tombstones. The last parameters are
// the ages or the floor.
type purgeTexts struct{ oldest, raise, remove string }

var (
	purgeItems = purgeTexts{
		oldest: `SELECT modseq, CASE WHEN at < {now} - CAST($4 AS BIGINT) THEN 1 ELSE 0 END FROM tombstone` + inCollection +
			" ORDER BY modseq, item_id LIMIT $5",
		raise:  "UPDATE collection SET floor = $4" + inCollection + " AND floor < $4",
		remove: "DELETE FROM tombstone" + inCollection + " AND modseq <= $4",
	}
	purgeNames = purgeTexts{
		oldest: `SELECT modseq, CASE WHEN at < {now} - CAST($3 AS BIGINT) THEN 1 ELSE 0 END FROM collection_tombstone
			WHERE tenant_id = $1 AND account_id = $2 ORDER BY modseq, collection_id LIMIT $4`,
		raise:  "UPDATE account SET floor = $3 WHERE tenant_id = $1 AND account_id = $2 AND floor < $3",
		remove: "DELETE FROM collection_tombstone WHERE tenant_id = $1 AND account_id = $2 AND modseq <= $3",
	}
)

// purge goes page by page in the order of the journal until it meets a tombstone
// that is still to be kept: tombstones of one modseq go together, because one
// transaction wrote them at one time.
func (db *DB) purge(ctx context.Context, keep time.Duration, texts purgeTexts, place ...any) (removed int, err error) {
	for {
		var floor, old int64
		var page int64
		err := db.Update(ctx, func(tx Tx) error {
			var b Batch
			floor, page = 0, 0
			kept := false
			b.Query(each(func(scan func(...any) error) error {
				var modseq int64
				if err := scan(&modseq, &old); err != nil {
					return err
				}
				if kept = kept || old == 0; !kept {
					floor = modseq
				}
				return nil
			}), texts.oldest, append(place[:len(place):len(place)], keep.Microseconds(), int64(purgePage))...)
			if err := tx.Run(ctx, &b); err != nil || floor == 0 {
				return err
			}
			b = Batch{}
			args := append(place[:len(place):len(place)], floor)
			b.Exec(texts.raise, args...)
			b.Count(func(n int64) error { page = n; return nil }, texts.remove, args...)
			return tx.Run(ctx, &b)
		})
		removed += int(page)
		if err != nil || page < purgePage {
			return removed, err
		}
	}
}
