package store

import (
	"context"
	"fmt"

	"fachwerk/internal/store/meta"
)

// QueueMessages lists queued messages with all their recipients, oldest first, at
// most limit after the given one. Tenant 0 means everyone's.
func (s *Store) QueueMessages(ctx context.Context, tenant int64, after QueueRef, limit int) ([]QueueMessage, error) {
	var refs []QueueRef
	err := s.view(ctx, func(r meta.Rows) error {
		var ref QueueRef
		err := r.Scan(&ref.Tenant, &ref.Account, &ref.ID)
		refs = append(refs, ref)
		return err
	}, `SELECT tenant_id, account_id, message_id FROM queue_message
		WHERE (tenant_id = $1 OR $1 = 0) AND (tenant_id, account_id, message_id) > ($2, $3, $4)
		ORDER BY tenant_id, account_id, message_id LIMIT $5`,
		tenant, after.Tenant, after.Account, after.ID, int64(limit))
	if err != nil {
		return nil, err
	}
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
	err = s.view(ctx, func(r meta.Rows) error {
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

// FindQueueMessage finds one by its number alone; ErrNotFound, or ErrBusy if two
// tenants have one of that number.
func (s *Store) FindQueueMessage(ctx context.Context, id int64) (QueueRef, error) {
	var refs []QueueRef
	err := s.view(ctx, func(r meta.Rows) error {
		ref := QueueRef{ID: id}
		err := r.Scan(&ref.Tenant, &ref.Account)
		refs = append(refs, ref)
		return err
	}, `SELECT tenant_id, account_id FROM queue_message WHERE message_id = $1`, id)
	switch {
	case err != nil:
		return QueueRef{}, err
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
	n, err := s.exec(ctx, `UPDATE queue_recipient SET due_at = {now} WHERE state = 0
		AND ((tenant_id = $1 AND account_id = $2 AND message_id = $3) OR $3 = 0)`,
		ref.Tenant, ref.Account, ref.ID)
	s.announceQueue()
	return n, err
}

// DropQueue gives up a message's waiting recipients without telling the sender;
// recipient -1 means all of them.
func (s *Store) DropQueue(ctx context.Context, ref QueueRef, recipient int) (int64, error) {
	n, err := s.exec(ctx, `UPDATE queue_recipient SET state = 3, lease_token = 0, lease_until = 0 WHERE state = 0
		AND tenant_id = $1 AND account_id = $2 AND message_id = $3 AND (recipient = $4 OR $4 < 0)`,
		ref.Tenant, ref.Account, ref.ID, int64(recipient))
	if err == nil {
		err = s.ReapQueue(ctx, ref)
	}
	return n, err
}

// reapQueue removes what a crash left between a last delivery and its removal.
func (s *Store) reapQueue(ctx context.Context) error {
	var refs []QueueRef
	err := s.view(ctx, func(r meta.Rows) error {
		var ref QueueRef
		err := r.Scan(&ref.Tenant, &ref.Account, &ref.ID)
		refs = append(refs, ref)
		return err
	}, `SELECT m.tenant_id, m.account_id, m.message_id FROM queue_message m WHERE NOT EXISTS (
		SELECT 1 FROM queue_recipient r WHERE r.tenant_id = m.tenant_id AND r.account_id = m.account_id
		AND r.message_id = m.message_id AND r.state = 0) LIMIT 1000`)
	for _, ref := range refs {
		if err == nil {
			err = s.ReapQueue(ctx, ref)
		}
	}
	return err
}
