package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"fachwerk/internal/store/meta"
)

// QueueMessages lists queued messages with all their recipients, oldest first, at
// most limit after the given one. Tenant 0 means everyone's.
func (s *Store) QueueMessages(ctx context.Context, tenant int64, after QueueRef, limit int) ([]QueueMessage, error) {
	var refs []QueueRef
	for _, at := range s.among(ctx, tenant) {
		err := at.queued(ctx, &refs, `SELECT tenant_id, account_id, message_id FROM queue_message
			WHERE (tenant_id = $1 OR $1 = 0) AND (tenant_id, account_id, message_id) > ($2, $3, $4)
			ORDER BY tenant_id, account_id, message_id LIMIT $5`,
			tenant, after.Tenant, after.Account, after.ID, int64(limit))
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(refs, func(a, b QueueRef) int {
		return cmp.Or(cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Account, b.Account), cmp.Compare(a.ID, b.ID))
	})
	refs = refs[:min(len(refs), limit)]
	list := make([]QueueMessage, 0, len(refs))
	for _, ref := range refs {
		m, err := s.QueueMessage(ctx, ref)
		if isNotFound(err) {
			continue // finished meanwhile
		}
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// QueueMessage reads one with all its recipients.
func (s *Store) QueueMessage(ctx context.Context, ref QueueRef) (QueueMessage, error) {
	m, account, aad, err := s.queueMessage(ctx, ref)
	if err != nil {
		return m, err
	}
	err = s.at(ctx, ref.Tenant).view(ctx, func(r meta.Rows) error {
		_, q, err := scanRecipient(r)
		if err == nil {
			err = q.open(account, aad)
		}
		m.Recipients = append(m.Recipients, q.QueueRecipient)
		return err
	}, `SELECT `+recipientColumns+` FROM queue_recipient WHERE tenant_id = $1 AND account_id = $2 AND message_id = $3 ORDER BY recipient`,
		ref.Tenant, ref.Account, ref.ID)
	return m, err
}

// FindQueueMessage finds a tenant's by its number, with tenant 0 anybody's;
// ErrNotFound, or ErrBusy if two tenants have one of that number.
func (s *Store) FindQueueMessage(ctx context.Context, tenant, id int64) (QueueRef, error) {
	var refs []QueueRef
	for _, at := range s.among(ctx, tenant) {
		if err := at.queued(ctx, &refs, `SELECT tenant_id, account_id, message_id FROM queue_message
			WHERE message_id = $1 AND (tenant_id = $2 OR $2 = 0)`, id, tenant); err != nil {
			return QueueRef{}, err
		}
	}
	switch {
	case len(refs) == 0:
		return QueueRef{}, fmt.Errorf("queue message %d: %w", id, ErrNotFound)
	case len(refs) > 1:
		return QueueRef{}, fmt.Errorf("queue message %d is not unique, name the tenant: %w", id, ErrBusy)
	}
	return refs[0], nil
}

// RetryQueue makes waiting recipients due now: those of one message, or, with the
// zero ref, all.
func (s *Store) RetryQueue(ctx context.Context, ref QueueRef) (int64, error) {
	var made int64
	var err error
	for _, at := range s.among(ctx, ref.Tenant) {
		n, failed := at.exec(ctx, `UPDATE queue_recipient SET due_at = {now} WHERE state = 0
			AND ((tenant_id = $1 AND account_id = $2 AND message_id = $3) OR $3 = 0)`,
			ref.Tenant, ref.Account, ref.ID)
		made, err = made+n, errors.Join(err, failed)
	}
	s.announceQueue()
	return made, err
}

// DropQueue gives up a message's waiting recipients without telling the sender;
// recipient -1 means all of them.
func (s *Store) DropQueue(ctx context.Context, ref QueueRef, recipient int) (int64, error) {
	n, err := s.at(ctx, ref.Tenant).exec(ctx, `UPDATE queue_recipient SET state = 3, lease_token = 0, lease_until = 0 WHERE state < 1
		AND tenant_id = $1 AND account_id = $2 AND message_id = $3 AND (recipient = $4 OR $4 < 0)`,
		ref.Tenant, ref.Account, ref.ID, int64(recipient))
	if err == nil {
		err = s.ReapQueue(ctx, ref)
	}
	return n, err
}

// reapPage is how many messages are looked at together.
const reapPage = 500

// readDone names messages of which something is done, in order.
const readDone = `SELECT DISTINCT tenant_id, account_id, message_id FROM queue_recipient /*by queue_recipient_done*/
	WHERE state <> 0 AND (tenant_id, account_id, message_id) > ($1, $2, $3) ORDER BY tenant_id, account_id, message_id LIMIT $4`

// reapQueue removes what a crash left between a last delivery and its removal. It looks
// at what is done, and not at all that waits.
func (at *site) reapQueue(ctx context.Context) error {
	for after, more := (QueueRef{}), true; more; {
		var refs []QueueRef
		var b meta.Batch
		b.ByIndex()
		b.Query(eachRow(scanRef(&refs)), readDone, after.Tenant, after.Account, after.ID, int64(reapPage))
		if err := at.db.Read(ctx, &b); err != nil {
			return outer(err)
		}
		done, err := at.noneWaiting(ctx, refs)
		if err != nil {
			return err
		}
		for _, ref := range done {
			if err := at.reapMessage(ctx, ref); err != nil {
				return err
			}
		}
		if more = len(refs) == reapPage; more {
			after = refs[len(refs)-1]
		}
	}
	return nil
}

// noneWaiting picks the messages none of whose recipients waits, in one round trip.
func (at *site) noneWaiting(ctx context.Context, refs []QueueRef) (done []QueueRef, err error) {
	if len(refs) == 0 {
		return nil, nil
	}
	var b meta.Batch
	b.ByIndex()
	for _, ref := range refs {
		b.Query(eachRow(func(r meta.Rows) error {
			var waiting int64
			err := r.Scan(&waiting)
			if waiting == 0 {
				done = append(done, ref)
			}
			return err
		}), countWaiting, ref.Tenant, ref.Account, ref.ID)
	}
	return done, outer(at.db.Read(ctx, &b))
}

// queued reads the messages that a statement names.
func (at *site) queued(ctx context.Context, refs *[]QueueRef, sql string, args ...any) error {
	return at.view(ctx, scanRef(refs), sql, args...)
}

func scanRef(refs *[]QueueRef) func(meta.Rows) error {
	return func(r meta.Rows) error {
		var ref QueueRef
		err := r.Scan(&ref.Tenant, &ref.Account, &ref.ID)
		*refs = append(*refs, ref)
		return err
	}
}
