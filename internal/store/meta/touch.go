package meta

import (
	"context"
	"fmt"
)

// Touch gives a named item another time of its own, Unix microseconds, and leaves
// all else as it is. The folders above it have changed.
func (db *DB) Touch(ctx context.Context, key Key, collection, id, date int64, g Guard) (Item, error) {
	j := &touch{collection: collection, id: id, date: date, guard: g}
	if err := db.write(ctx, key, j); err != nil {
		return Item{}, fmt.Errorf("touch: %w", err)
	}
	return j.after, nil
}

type touch struct {
	collection, id, date int64
	guard                Guard
	after                Item
}

func (j *touch) want(w *work) error {
	w.wantGuard(&j.guard, j.collection)
	w.wantResource(j.collection, j.id)
	return nil
}

func (j *touch) decide(w *work) error {
	c, err := w.collection(j.collection)
	if err != nil {
		return err
	}
	if err := w.holds(&j.guard, c.ID); err != nil {
		return err
	}
	i := w.byID(c.ID, j.id)
	if i == nil {
		return ErrNotFound
	}
	if err := w.mayChange(&j.guard, i); err != nil {
		return err
	}
	if i.InternalDate != j.date {
		modseq := w.next()
		i.InternalDate, i.ModSeq, i.replaced = j.date, modseq, true
		w.raiseChain(c.ID, i.ParentID, modseq)
		c.ModSeq, c.changed = modseq, true
	}
	j.after = i.Item
	j.after.ModSeq = w.modseq(i)
	return nil
}
