package meta

import (
	"context"
	"fmt"
)

// MaxCopy is how many items one COPY takes, which is one transaction; above it is
// ErrTooMany (RFC 9738).
const MaxCopy = 10000

// Copy gives items a second place in the same account. The object id, the thread,
// the dates and the flags stay; content is shared. UIDs that are not there are
// passed over.
func (db *DB) Copy(ctx context.Context, key Key, src, dst int64, uids []int64) (CopyResult, error) {
	return db.copy(ctx, key, copyItems{src: src, dst: dst, uids: ascending(uids)}, MaxCopy)
}

// Move is Copy and the removal of the source under one modseq, of up to MaxRows
// items (RFC 6851).
func (db *DB) Move(ctx context.Context, key Key, src, dst int64, uids []int64) (CopyResult, error) {
	return db.copy(ctx, key, copyItems{src: src, dst: dst, uids: ascending(uids), move: true}, MaxRows)
}

func (db *DB) copy(ctx context.Context, key Key, j copyItems, limit int) (CopyResult, error) {
	if len(j.uids) > limit {
		return CopyResult{}, fmt.Errorf("copy items: %w", ErrTooMany)
	}
	if err := db.write(ctx, key, &j); err != nil {
		return CopyResult{}, fmt.Errorf("copy items: %w", err)
	}
	return j.result, nil
}

type copyItems struct {
	src, dst int64
	uids     []int64
	move     bool
	result   CopyResult
}

func (j *copyItems) weight() int { return len(j.uids) }

func (j *copyItems) want(w *work) error {
	w.wantCollection(j.dst)
	w.wantItems(j.src, j.uids)
	return nil
}

func (j *copyItems) decide(w *work) error {
	src, err := w.collection(j.src)
	if err != nil {
		return err
	}
	dst, err := w.collection(j.dst)
	if err != nil {
		return err
	}
	var found []*itemRow
	var bytes int64
	for _, uid := range j.uids {
		if i := w.item(j.src, uid); i != nil {
			found = append(found, i)
			bytes += i.Size
		}
	}
	if !j.move {
		if err := w.account.room(bytes, int64(len(found))); err != nil {
			return err
		}
	}
	r := CopyResult{UIDValidity: dst.UIDValidity, ModSeq: dst.ModSeq}
	if j.move {
		r.Removed = &Expunged{ModSeq: src.ModSeq}
	}
	if len(found) > 0 {
		modseq := w.next()
		for _, i := range found {
			made := i.Item
			if j.move {
				w.remove(src, i, modseq)
				r.Removed.UIDs = append(r.Removed.UIDs, i.UID)
			}
			r.Source = append(r.Source, i.UID)
			r.Dest = append(r.Dest, w.insert(dst, made, modseq).UID)
		}
		r.ModSeq = modseq
		if j.move {
			r.Removed.ModSeq = modseq
		}
	}
	j.result = r
	return nil
}
