package meta

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// transactionTime bounds a group, waiting for a connection and retries included.
const transactionTime = 30 * time.Second

// errAgain asks for the jobs to be run one by one.
var errAgain = errors.New("run the jobs one by one")

// errNothing ends a transaction that has nothing to write.
var errNothing = errors.New("nothing to write")

// commit runs a group and tells every job its outcome. Where the statements of
// the group fail, each job is run by itself, so that it fails alone.
func (db *DB) commit(group []*pending) {
	ctx, cancel := context.WithTimeout(context.Background(), transactionTime)
	defer cancel()
	outcomes, err := db.attempt(ctx, group)
	if err != nil && len(group) > 1 && !hopeless(err) {
		for _, p := range group {
			if ctx.Err() != nil { // each deserves its own time
				ctx, cancel = context.WithTimeout(context.Background(), transactionTime)
				defer cancel()
			}
			outcomes, err := db.attempt(ctx, []*pending{p})
			p.finish(errors.Join(err, outcomes[p]))
		}
		return
	}
	for _, p := range group {
		p.finish(errors.Join(err, outcomes[p]))
	}
}

// hopeless errors would meet every job of the group alike.
func hopeless(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrFull) || errors.Is(err, ErrOutcomeUnknown) ||
		errors.Is(err, context.DeadlineExceeded)
}

// attempt runs a group. outcomes are the jobs' own refusals.
func (db *DB) attempt(ctx context.Context, group []*pending) (outcomes map[*pending]error, err error) {
	err = db.durably(ctx, group[0].key, func(tx Tx, operation []byte) error {
		outcomes = map[*pending]error{}
		return db.transact(ctx, tx, group, outcomes, operation)
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// durably runs f until it does not lose against another transaction. Where the
// answer to COMMIT was lost it finds out by the operation's row, which f has written
// for the account, whether f is to be run again.
func (db *DB) durably(ctx context.Context, key Key, f func(tx Tx, operation []byte) error) error {
	operation := make([]byte, 16)
	for n := 1; ; n++ {
		rand.Read(operation)
		err := retry(ctx, func() error {
			return db.engine.Update(ctx, func(tx Tx) error {
				db.promised.drop(operation)
				return f(tx, operation)
			})
		})
		if errors.Is(err, errNothing) {
			return nil
		}
		if !errors.Is(err, ErrOutcomeUnknown) {
			db.promised.settle(operation, err == nil)
			return err
		}
		committed, lookup := db.committed(key, operation)
		db.promised.settle(operation, committed && lookup == nil)
		if lookup != nil {
			return errors.Join(err, lookup)
		}
		if committed {
			return nil
		}
		if n == 3 {
			return fmt.Errorf("%w: COMMIT was lost three times", ErrUnavailable)
		}
	}
}

// note queues the row by which a lost COMMIT is looked up, where it can be lost.
func (db *DB) note(b *Batch, w *work, operation []byte) {
	if !db.engine.Shares() {
		db.promised.expect(operation, w.account.Key, w.account.ModSeq)
		b.Exec(`INSERT INTO operation (tenant_id, account_id, operation_id, at) VALUES ($1, $2, $3, $4)`,
			w.account.Tenant, w.account.Account, operation, w.account.Now)
	}
}

// transact is the body of the transaction: account by account in the order in
// which their first jobs came.
func (db *DB) transact(ctx context.Context, tx Tx, group []*pending, outcomes map[*pending]error, operation []byte) error {
	dirty := false
	for len(group) > 0 {
		var part, rest []*pending
		for _, p := range group {
			if p.key == group[0].key {
				part = append(part, p)
			} else {
				rest = append(rest, p)
			}
		}
		wrote, err := db.account(ctx, tx, part, len(rest) == 0, outcomes, operation)
		if err != nil {
			return err
		}
		dirty = dirty || wrote
		group = rest
	}
	if !dirty {
		return errNothing
	}
	return nil
}

const lockAccount = `UPDATE account SET modseq = modseq + $4
	WHERE tenant_id = $1 AND account_id = $2 AND epoch = $3 RETURNING ` + accountColumns

// queueLock queues the lock of the account's row: the first statement of every
// writing transaction. Reads may follow in the same batch, for each statement sees
// what was committed before it began.
func (w *work) queueLock(b *Batch, epoch, raise int64) {
	w.raise = raise
	b.Query(maybe(&w.isLocked, w.account.fields()...), lockAccount, w.account.Tenant, w.account.Account, epoch, raise)
}

// locked looks at what the lock answered. ErrMoved says that the account is under
// another epoch than its writer believes.
func (db *DB) locked(ctx context.Context, tx Tx, w *work) error {
	if !w.isLocked {
		return db.refused(ctx, tx, w.account.Key)
	}
	w.raised = w.account.ModSeq
	w.account.ModSeq -= w.raise
	w.before = w.account
	if err := db.older(&w.account); err != nil {
		return err
	}
	if w.account.State == Removing {
		return fmt.Errorf("account %d: %w", w.account.Account, ErrNotFound)
	}
	return nil
}

// refused finds out why an account could not be locked.
func (db *DB) refused(ctx context.Context, tx Tx, key Key) error {
	var b Batch
	found := false
	var epoch int64
	b.Query(maybe(&found, &epoch), "SELECT epoch FROM account WHERE tenant_id = $1 AND account_id = $2", key.Tenant, key.Account)
	if err := tx.Run(ctx, &b); err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("account %d: %w", key.Account, ErrNotFound)
	}
	db.forgetEpoch(key.Tenant) // the next writer asks again
	return fmt.Errorf("account %d is under epoch %d: %w", key.Account, epoch, ErrMoved)
}

// account runs the jobs of one account: one batch of the lock and the reads, one of
// the writes, which COMMIT may travel with where the account ends the transaction. Only a job of another package reads after it has seen the account.
func (db *DB) account(ctx context.Context, tx Tx, part []*pending, ends bool, outcomes map[*pending]error, operation []byte) (wrote bool, err error) {
	w := newWork(part[0].key)
	var first Batch
	w.queueLock(&first, part[len(part)-1].epoch, int64(len(part)))
	for _, p := range part {
		if _, later := p.job.(outside); later {
			continue
		}
		if outcomes[p] = protect(func() error { return p.job.want(w) }); db.spoilt(outcomes[p], len(part)) {
			return false, errAgain
		}
	}
	w.gather(&first)
	if err := tx.Run(ctx, &first); err != nil {
		return false, err
	}
	err = db.locked(ctx, tx, w)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrMoved) {
		for _, p := range part {
			outcomes[p] = err
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if p := part[0]; alone(p.job) && len(part) == 1 {
		if err := db.readOutside(ctx, tx, p, w, outcomes); err != nil {
			return false, err
		}
	}
	for _, p := range part {
		if outcomes[p] != nil {
			continue
		}
		if outcomes[p] = protect(func() error { return p.job.decide(w) }); db.spoilt(outcomes[p], len(part)) {
			return false, errAgain
		}
	}
	if !w.dirty() || panickedIn(outcomes, part) {
		return false, nil
	}
	var b Batch
	w.flush(&b)
	db.note(&b, w, operation)
	if ends {
		return true, last(ctx, tx, &b)
	}
	return true, tx.Run(ctx, &b)
}

// last runs the last writes of a transaction, together with COMMIT where the engine can
// and no statement's result can refuse it.
func last(ctx context.Context, tx Tx, b *Batch) error {
	c, ok := tx.(Closing)
	refuses := slices.ContainsFunc(b.Statements, func(s Statement) bool { return s.Rows != nil || s.Affected != nil })
	if !ok || refuses {
		return tx.Run(ctx, b)
	}
	return c.Last(ctx, b)
}

// readOutside lets a job of another package read what it wants to know.
func (db *DB) readOutside(ctx context.Context, tx Tx, p *pending, w *work, outcomes map[*pending]error) error {
	j, ok := p.job.(outside)
	if !ok {
		return nil
	}
	a, b := w.account, Batch{}
	if outcomes[p] = protect(func() error { return j.Read(&a, &b) }); outcomes[p] != nil || len(b.Statements) == 0 {
		db.spoilt(outcomes[p], 1)
		return nil
	}
	return tx.Run(ctx, &b)
}

// spoilt logs a job's panic and reports whether others must be kept from it.
func (db *DB) spoilt(err error, jobs int) bool {
	var p *panicked
	if !errors.As(err, &p) {
		return false
	}
	db.log.Error("write job panicked", slog.Any("panic", p.value), slog.String("stack", p.stack))
	return jobs > 1
}

func panickedIn(outcomes map[*pending]error, part []*pending) bool {
	for _, p := range part {
		var panicked *panicked
		if errors.As(outcomes[p], &panicked) {
			return true
		}
	}
	return false
}

// committed finds out whether a transaction whose COMMIT got no answer took place.
// It locks the account first and so waits until that transaction has ended one way
// or the other, be it by the server's timeout.
func (db *DB) committed(key Key, operation []byte) (yes bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), transactionTime)
	defer cancel()
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err = retry(ctx, func() error {
			return db.engine.Update(ctx, func(tx Tx) error {
				var b Batch
				var n int64
				b.Exec("UPDATE account SET modseq = modseq WHERE tenant_id = $1 AND account_id = $2", key.Tenant, key.Account)
				b.Query(one(&n), `SELECT COUNT(*) FROM operation
					WHERE tenant_id = $1 AND account_id = $2 AND operation_id = $3`, key.Tenant, key.Account, operation)
				if err := tx.Run(ctx, &b); err != nil {
					return err
				}
				yes = n > 0
				return errNothing
			})
		})
		if errors.Is(err, errNothing) {
			return yes, nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false, err
		}
	}
}
