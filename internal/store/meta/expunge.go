package meta

import (
	"context"
	"fmt"
)

// Expunge removes items and leaves their tombstones. uids nil means all; with
// onlyDeleted those alone go that bear \Deleted when the lock is held (RFC 9051
// 6.4.3, 6.4.9). Many go in several transactions of up to MaxRows items; ModSeq is
// the last one's, and where one fails, Expunged tells what had gone before.
func (db *DB) Expunge(ctx context.Context, key Key, collection int64, uids []int64, onlyDeleted bool) (Expunged, error) {
	var all Expunged
	if uids == nil {
		var err error
		if uids, err = db.uids(ctx, key, collection, onlyDeleted); err != nil {
			return all, fmt.Errorf("expunge: %w", err)
		}
	}
	uids = ascending(uids)
	for first := true; first || len(uids) > 0; first = false {
		n := min(len(uids), MaxRows)
		j := &expunge{collection: collection, uids: uids[:n], onlyDeleted: onlyDeleted}
		if err := db.write(ctx, key, j); err != nil {
			return all, fmt.Errorf("expunge: %w", err)
		}
		all.ModSeq = j.result.ModSeq
		all.UIDs = append(all.UIDs, j.result.UIDs...)
		uids = uids[n:]
	}
	return all, nil
}

// uids finds what an expunge without UIDs means; the lock is not held for so long.
func (db *DB) uids(ctx context.Context, key Key, collection int64, onlyDeleted bool) (uids []int64, err error) {
	query := "SELECT uid FROM item WHERE tenant_id = $1 AND account_id = $2 AND collection_id = $3"
	if onlyDeleted {
		query += " AND flags & 8 <> 0"
	}
	b := &Batch{}
	b.Query(each(func(scan func(...any) error) error {
		var uid int64
		err := scan(&uid)
		uids = append(uids, uid)
		return err
	}), query+" ORDER BY uid", key.Tenant, key.Account, collection)
	return uids, db.engine.Read(ctx, b)
}

type expunge struct {
	collection  int64
	uids        []int64
	onlyDeleted bool
	result      Expunged
}

func (j *expunge) weight() int { return len(j.uids) }

func (j *expunge) want(w *work) error {
	w.wantCollection(j.collection)
	w.wantItems(j.collection, j.uids)
	return nil
}

func (j *expunge) decide(w *work) error {
	c, err := w.collection(j.collection)
	if err != nil {
		return err
	}
	j.result = Expunged{ModSeq: c.ModSeq}
	var modseq int64
	for _, uid := range j.uids {
		i := w.item(j.collection, uid)
		if i == nil || j.onlyDeleted && i.Flags&FlagDeleted == 0 {
			continue
		}
		if modseq == 0 {
			modseq = w.next()
		}
		w.remove(c, i, modseq)
		j.result.UIDs = append(j.result.UIDs, uid)
	}
	j.result.ModSeq = c.ModSeq
	return nil
}
