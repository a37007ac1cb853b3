package store

import (
	"context"
	"errors"
	"time"

	"fachwerk/internal/store/meta"
)

// QueueResult is what an attempt came to.
type QueueResult struct {
	State    QueueState
	Attempts int
	Due      time.Duration // from now, if State is QueueWaiting
	Delayed  bool          // the sender was told of a delay
	Longer   time.Duration // added to when it is given up
	Reply    string        // the peer's last answer, for people
}

// QueueOutcome is what an attempt came to for one recipient.
type QueueOutcome struct {
	Recipient QueueRecipient
	Result    QueueResult
}

// QueueReport is a message that tells what became of another. Its bytes lie where its
// queue will read them; it is queued by FinishQueue.
type QueueReport struct{ job enqueue }

// PlaceReport makes the bytes of a report on a queued message durable. What is then not
// queued is removed with other uploads that came to nothing.
func (s *Store) PlaceReport(ctx context.Context, about QueueRef, m QueueMessage, body *Spool) (*QueueReport, error) {
	job, err := s.placeQueued(ctx, QueueEntry{about.Tenant, m}, nil, body)
	if err != nil {
		return nil, outer(err)
	}
	return &QueueReport{job}, nil
}

// FinishQueue notes what an attempt came to for some of a message's recipients and, if
// report is not nil, queues it in the same transaction: nobody is told twice, nor not at
// all. It is ErrLease, and nothing happens, unless token is that of all of them;
// ErrNotFound if the message is gone. A message none of whose recipients waits any more is
// removed.
func (s *Store) FinishQueue(ctx context.Context, ref QueueRef, token int64, list []QueueOutcome, report *QueueReport) error {
	marks, err := s.queueMarks(ctx, ref, token, list)
	if err != nil {
		return err
	}
	at := s.at(ctx, ref.Tenant)
	if report == nil {
		err = at.update(ctx, func(tx meta.Tx) error {
			var b meta.Batch
			b.ByIndex()
			b.Statements = append(b.Statements, marks...)
			return tx.Run(ctx, &b)
		})
	} else {
		err = outer(at.db.Write(ctx, Key{Tenant: ref.Tenant, Account: ref.Account}, meta.JobFunc(func(a *meta.Account, b *meta.Batch) error {
			b.Statements = append(b.Statements, marks...)
			return report.job.write(a, b)
		})))
	}
	if err != nil {
		return err
	}
	if report != nil {
		s.announceQueue()
	}
	if err := s.ReapQueue(ctx, ref); err != nil && !errors.Is(err, ErrNotFound) {
		s.log.Warn("cannot remove a finished message, the sweeper will", "message", ref.ID, "err", err)
	}
	return nil
}

// longerLease is the end of a lease that lasts $1 from now on, or longer if it did.
const longerLease = `CASE WHEN lease_until > {now} + $1 THEN lease_until ELSE {now} + $1 END`

// HoldQueue has the lease of one message's recipients last so long from now on: ErrLease
// if it is not the caller's any more. It is for the moment from which an attempt that is
// made again sends a message twice.
func (s *Store) HoldQueue(ctx context.Context, ref QueueRef, token int64, lease time.Duration) error {
	return s.at(ctx, ref.Tenant).update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		b.ByIndex()
		b.Count(leased, `UPDATE queue_recipient SET lease_until = `+longerLease+`
			WHERE tenant_id = $2 AND account_id = $3 AND message_id = $4 AND lease_token = $5 AND state < 1`,
			lease.Microseconds(), ref.Tenant, ref.Account, ref.ID, token)
		return tx.Run(ctx, &b)
	})
}

// queueMarks are the statements that note outcomes.
func (s *Store) queueMarks(ctx context.Context, ref QueueRef, token int64, list []QueueOutcome) ([]meta.Statement, error) {
	if len(list) == 0 {
		return nil, nil
	}
	_, account, aad, err := s.queueMessage(ctx, ref)
	if err != nil {
		return nil, err
	}
	var b meta.Batch
	for _, o := range list {
		q, r := o.Recipient, o.Result
		q.LastReply = r.Reply
		b.Count(leased, `UPDATE queue_recipient SET state = $1, attempts = $2, due_at = {now} + $3,
			delayed_at = CASE WHEN $4 = 1 THEN {now} ELSE delayed_at END, sealed = $5, lease_token = 0, lease_until = 0,
			expires_at = expires_at + $11
			WHERE tenant_id = $6 AND account_id = $7 AND message_id = $8 AND recipient = $9 AND lease_token = $10 AND state < 1`,
			int64(r.State), int64(r.Attempts), r.Due.Microseconds(), bit(r.Delayed), sealPath(account, aad, q),
			ref.Tenant, ref.Account, ref.ID, int64(q.N), token, r.Longer.Microseconds())
	}
	return b.Statements, nil
}

// leased is ErrLease where a statement that names a token found no row.
func leased(n int64) error {
	if n == 0 {
		return ErrLease
	}
	return nil
}
