package meta

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// MoveAcross moves items into another account in one transaction. items[n] is
// uids[n] with its content sealed anew for that account, which gives it an object
// id and a thread of its own. What has been expunged meanwhile is passed over; the
// contents made for it go with the sweep. ErrTooMany above MaxRows.
//
// It is the one writer that locks two accounts: ascending, so that two who move in
// opposite directions wait for each other once and not for good.
func (db *DB) MoveAcross(ctx context.Context, from Key, src int64, to Key, dst int64, uids []int64, items []NewItem) (CopyResult, error) {
	if len(uids) != len(items) {
		return CopyResult{}, fmt.Errorf("move across: %d items for %d UIDs", len(items), len(uids))
	}
	if len(uids) > MaxRows {
		return CopyResult{}, fmt.Errorf("move across: %w", ErrTooMany)
	}
	if from == to {
		return CopyResult{}, errors.New("move across: one account")
	}
	m := &moveAcross{from: from, to: to, src: src, dst: dst, uids: uids, items: items}
	err := m.epochs(ctx, db)
	if err == nil {
		err = db.durably(ctx, from, func(tx Tx, operation []byte) error { return m.run(ctx, tx, db, operation) })
	}
	if err != nil {
		return CopyResult{}, fmt.Errorf("move across: %w", err)
	}
	return m.result, nil
}

type moveAcross struct {
	from, to           Key
	fromEpoch, toEpoch int64
	src, dst           int64
	uids               []int64
	items              []NewItem
	result             CopyResult
}

func (m *moveAcross) epochs(ctx context.Context, db *DB) (err error) {
	if m.fromEpoch, err = db.epoch(ctx, m.from.Tenant); err != nil {
		return err
	}
	m.toEpoch, err = db.epoch(ctx, m.to.Tenant)
	return err
}

func (m *moveAcross) run(ctx context.Context, tx Tx, db *DB, operation []byte) error {
	giver, taker := newWork(m.from), newWork(m.to)
	put := &add{collection: m.dst, items: m.items}
	giver.wantItems(m.src, ascending(m.uids))
	if err := put.want(taker); err != nil {
		return err
	}
	var first Batch
	if m.from.Compare(m.to) < 0 {
		giver.queueLock(&first, m.fromEpoch, 1)
		taker.queueLock(&first, m.toEpoch, 1)
	} else {
		taker.queueLock(&first, m.toEpoch, 1)
		giver.queueLock(&first, m.fromEpoch, 1)
	}
	giver.gather(&first)
	taker.gather(&first)
	if err := tx.Run(ctx, &first); err != nil {
		return err
	}
	for _, w := range []*work{giver, taker} {
		if err := db.locked(ctx, tx, w); err != nil {
			return err
		}
	}
	if err := m.decide(giver, taker, put); err != nil {
		return err
	}
	var writes Batch
	giver.flush(&writes)
	taker.flush(&writes)
	db.note(&writes, giver, operation)
	return tx.Run(ctx, &writes)
}

func (m *moveAcross) decide(giver, taker *work, put *add) error {
	src, err := giver.collection(m.src)
	if err != nil {
		return err
	}
	dst, err := taker.collection(m.dst)
	if err != nil {
		return err
	}
	m.result = CopyResult{UIDValidity: dst.UIDValidity, ModSeq: dst.ModSeq, Removed: &Expunged{ModSeq: src.ModSeq}}
	var found []*itemRow
	put.items = nil
	for n, uid := range m.uids {
		if i := giver.item(m.src, uid); i != nil && !slices.Contains(found, i) {
			found = append(found, i)
			put.items = append(put.items, m.items[n])
		}
	}
	if len(found) == 0 {
		return errNothing
	}
	if err := put.decide(taker); err != nil {
		return err
	}
	modseq := giver.next()
	for n, i := range found {
		giver.remove(src, i, modseq)
		m.result.Source = append(m.result.Source, i.UID)
		m.result.Dest = append(m.result.Dest, put.added[n].UID)
	}
	m.result.ModSeq = put.added[0].ModSeq
	m.result.Removed = &Expunged{ModSeq: modseq, UIDs: m.result.Source}
	return nil
}
