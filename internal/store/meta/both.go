package meta

import "context"

// both runs a step in each of two accounts in one transaction: the giver's, from which
// something goes, and the taker's. want and decide are those of a job, but for two; an
// error of decide undoes all. It locks ascending, so that two who write in opposite
// directions wait for each other once and not for good.
//
// It is for nothing but what moves from one account into another.
func (db *DB) both(ctx context.Context, from, to Key, want, decide func(giver, taker *work) error) error {
	fromEpoch, err := db.epoch(ctx, from.Tenant)
	if err != nil {
		return err
	}
	toEpoch, err := db.epoch(ctx, to.Tenant)
	if err != nil {
		return err
	}
	return db.durably(ctx, from, func(tx Tx, operation []byte) error {
		giver, taker := newWork(from), newWork(to)
		if err := want(giver, taker); err != nil {
			return err
		}
		var first Batch
		if from.Compare(to) < 0 {
			giver.queueLock(&first, fromEpoch, 1)
			taker.queueLock(&first, toEpoch, 1)
		} else {
			taker.queueLock(&first, toEpoch, 1)
			giver.queueLock(&first, fromEpoch, 1)
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
		if err := decide(giver, taker); err != nil {
			return err
		}
		var writes Batch
		giver.flush(&writes)
		taker.flush(&writes)
		db.note(&writes, giver, operation)
		return last(ctx, tx, &writes)
	})
}
