package meta

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// Job is one writer's work under the account's lock. It is called again when
// the transaction is retried, so it must set its results anew each time.
type Job interface {
	// Read queues what the decision needs; it may queue nothing. a is the
	// account as it was locked.
	Read(a *Account, b *Batch) error
	// Write decides and queues what is to be written. It may change a's
	// counters (NextID, Used*, LastUIDValidity); a.ModSeq is the job's own,
	// taken if it queues anything. An error leaves no trace and does not
	// touch the job's neighbours.
	Write(a *Account, b *Batch) error
}

// JobFunc is a Job that needs no reads, and therefore may share its transaction
// with other jobs of the account.
type JobFunc func(a *Account, b *Batch) error

// Read queues nothing.
func (f JobFunc) Read(*Account, *Batch) error { return nil }

// Write calls f.
func (f JobFunc) Write(a *Account, b *Batch) error { return f(a, b) }

// Write runs jobs under the lock of their account and returns when all are
// committed, or with what kept some from it: each commits or fails by itself.
// Jobs that wait at the same time share a transaction.
//
// A ctx that ends before the transaction has begun takes the job back. After
// that the outcome is waited for, because it may be a commit.
func (db *DB) Write(ctx context.Context, key Key, jobs ...Job) error {
	waiting := make([]*pending, len(jobs))
	for i, j := range jobs {
		p, err := db.enqueue(ctx, key, outside{j})
		if err != nil {
			return errors.Join(err, wait(ctx, waiting[:i]))
		}
		waiting[i] = p
	}
	return wait(ctx, waiting)
}

func wait(ctx context.Context, waiting []*pending) error {
	var errs []error
	for _, p := range waiting {
		errs = append(errs, p.wait(ctx))
	}
	return errors.Join(errs...)
}

// write runs one job.
func (db *DB) write(ctx context.Context, key Key, j job) error {
	p, err := db.enqueue(ctx, key, j)
	if err != nil {
		return err
	}
	return p.wait(ctx)
}

func (db *DB) enqueue(ctx context.Context, key Key, j job) (*pending, error) {
	epoch, err := db.epoch(ctx, key.Tenant)
	if err != nil {
		return nil, err
	}
	p := &pending{key: key, epoch: epoch, job: j, done: make(chan struct{})}
	return p, db.lanes.put(p)
}

// job is a Job that works on rows in memory, so that several can share one batch
// of reads and one of writes. decide must look before it changes anything: where
// it returns an error, it must have left w as it was.
type job interface {
	want(w *work) error
	decide(w *work) error
}

// alone reports whether a job needs a transaction in which its account has no
// other job: because what it reads could be changed by one before it in ways that
// only the database would show.
func alone(j job) bool {
	switch j := j.(type) {
	case outside:
		_, reads := j.Job.(JobFunc)
		return !reads
	case *add, *setFlags, *expunge, *copyItems, *putResource, *removeResource, *makeFolder, *copyMembers, *touch:
		return false
	}
	return true
}

// weight is a job's rows, or for content the time that its bytes take in rows.
func weight(j job) int {
	if j, ok := j.(interface{ weight() int }); ok {
		return 1 + j.weight()
	}
	return 1
}

// outside is a job of another package.
type outside struct{ Job }

func (j outside) want(*work) error { return nil } // it reads when the account is locked

func (j outside) decide(w *work) error {
	a := w.account
	a.ModSeq++
	var b Batch
	if err := j.Write(&a, &b); err != nil {
		return err
	}
	if len(b.Statements) == 0 {
		return nil
	}
	w.next()
	w.extra.Statements = append(w.extra.Statements, b.Statements...)
	w.account.NextID, w.account.LastUIDValidity = a.NextID, a.LastUIDValidity
	w.account.UsedBytes, w.account.UsedItems = a.UsedBytes, a.UsedItems
	return nil
}

// pending is a job in a lane.
type pending struct {
	key   Key
	epoch int64
	job   job
	state atomic.Int32
	err   error
	done  chan struct{}
}

const (
	waiting = iota
	taken   // by a transaction
	left    // by its caller
)

func (p *pending) wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		if p.state.CompareAndSwap(waiting, left) {
			return ctx.Err()
		}
		<-p.done
		return p.err
	}
}

// finish tells the caller.
func (p *pending) finish(err error) {
	p.err = err
	close(p.done)
}

// protect runs a step of a job; a panic in it is that job's error.
func protect(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &panicked{r, stack()}
		}
	}()
	return f()
}

// panicked is a job's panic. What it left behind in work is not to be trusted.
type panicked struct {
	value any
	stack string
}

func (p *panicked) Error() string { return fmt.Sprintf("panic in a write job: %v", p.value) }
