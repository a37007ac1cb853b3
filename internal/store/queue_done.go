package store

import (
	"context"
	"errors"
	"time"

	"fachwerk/internal/store/meta"
)

// queueDone is a recipient of a queued message that a delivery marks as delivered.
type queueDone struct {
	ref       QueueRef
	recipient int
	token     int64 // of the lease
}

// MarkQueueDone marks a queue recipient delivered together with the objects, which
// are not stored if the lease is no longer the caller's (ErrLease). Where the
// recipient lives at the queue's site that is one transaction. Elsewhere the
// recipient's site notes in the transaction of the objects that they arrived, and the
// queue's site is told afterwards: an attempt after a crash in between finds the note,
// stores nothing again, tells the queue and answers ErrLease.
func MarkQueueDone(ref QueueRef, recipient int, token int64) AddOption {
	return func(o *addOptions) { o.done = &queueDone{ref, recipient, token} }
}

func (d *queueDone) statement() meta.Statement {
	return meta.Statement{
		SQL: `UPDATE queue_recipient SET state = 1, lease_until = 0, lease_token = 0
			WHERE tenant_id = $1 AND account_id = $2 AND message_id = $3 AND recipient = $4 AND lease_token = $5 AND state < 1`,
		Args:     []any{d.ref.Tenant, d.ref.Account, d.ref.ID, int64(d.recipient), d.token},
		Affected: leased,
	}
}

// elsewhere tells whether the queue's site is another than that of an account.
func (d *queueDone) elsewhere(ctx context.Context, s *Store, key Key) bool {
	return s.at(ctx, d.ref.Tenant) != s.at(ctx, key.Tenant)
}

// held is ErrLease unless the lease is the caller's.
func (d *queueDone) held(ctx context.Context, s *Store) error {
	var n int64
	err := s.at(ctx, d.ref.Tenant).one(ctx, []any{&n}, `SELECT count(*) FROM queue_recipient
		WHERE tenant_id = $1 AND account_id = $2 AND message_id = $3 AND recipient = $4 AND lease_token = $5 AND state < 1`,
		d.ref.Tenant, d.ref.Account, d.ref.ID, int64(d.recipient), d.token)
	if err == nil && n == 0 || isNotFound(err) { // the tenant is gone
		return ErrLease
	}
	return err
}

// arrival is the note at the recipient's site: an origin, of which each account has
// one at most.
func (d *queueDone) arrival(s *Store) Origin {
	return Origin{Source: s.arrivals(), UIDValidity: d.ref.Account, UID: d.ref.ID<<16 | int64(d.recipient), Digest: []byte{}}
}

// arrivals is the source of all of them.
func (s *Store) arrivals() []byte { return s.SourceID("queue") }

// tell marks the recipient at the queue's site, after what came of storing the
// objects elsewhere.
func (d *queueDone) tell(ctx context.Context, s *Store, stored error) error {
	before := errors.Is(stored, ErrExists)
	if stored != nil && !before {
		return stored
	}
	err := s.at(ctx, d.ref.Tenant).update(ctx, func(tx meta.Tx) error {
		return tx.Run(ctx, &meta.Batch{Statements: []meta.Statement{d.statement()}})
	})
	if err == nil && before {
		return ErrLease
	}
	return err
}

// arrivalsKept is longer than any message waits in a queue.
const arrivalsKept = 90 * 24 * time.Hour

// forgetArrivals removes an account's old notes.
func (s *Store) forgetArrivals(ctx context.Context, at *site, key Key) error {
	_, err := at.exec(ctx, `DELETE FROM origin WHERE tenant_id = $1 AND account_id = $2 AND source = $3 AND at < {now} - $4`,
		key.Tenant, key.Account, s.arrivals(), arrivalsKept.Microseconds())
	return err
}
