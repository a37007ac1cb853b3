package meta

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// MoveAcross moves items into another account in one transaction. items[n] is
// uids[n] with its content sealed anew for that account, which gives it an object
// id and a thread of its own. Its flags and keywords are those under the lock, without
// \Deleted. What has been expunged meanwhile is passed over; the
// contents made for it go with the sweep. ErrTooMany above MaxRows.
//
// It locks two accounts, as [DB.MoveResourceAcross] does.
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
	m := &moveAcross{src: src, dst: dst, uids: uids, items: items}
	put := &add{collection: dst, items: items}
	err := db.both(ctx, from, to, func(giver, taker *work) error {
		giver.wantItems(src, ascending(uids))
		put.items = items
		return put.want(taker)
	}, func(giver, taker *work) error { return m.decide(giver, taker, put) })
	if err != nil {
		return CopyResult{}, fmt.Errorf("move across: %w", err)
	}
	return m.result, nil
}

type moveAcross struct {
	src, dst int64
	uids     []int64
	items    []NewItem
	result   CopyResult
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
			// Flags may have changed while the contents were sealed.
			item := m.items[n]
			item.Flags, item.Keywords = i.Flags&^FlagDeleted, i.Keywords
			found = append(found, i)
			put.items = append(put.items, item)
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
