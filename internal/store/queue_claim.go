package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// QueueClaim is work for one attempt: recipients of one message that share a
// next hop, leased under their Token.
type QueueClaim struct {
	Message QueueMessage // without its other recipients
	NextHop string
	Token   int64
}

// QueueResult is what an attempt came to.
type QueueResult struct {
	State    QueueState
	Attempts int
	Due      time.Duration // from now, if State is QueueWaiting
	Delayed  bool          // the sender was told of a delay
	Reply    string        // the peer's last answer, for people
}

// claimPatience is how long a claim waits for one site: one that hangs keeps no other's
// mail waiting for good.
const claimPatience = 5 * time.Second

// claimRest is how long a site is passed over that was silent for so long.
const claimRest = 15 * time.Second

// QueueShare is what the queue holds of one tenant for one kind of next hop.
type QueueShare struct {
	Tenant int64
	Local  bool
}

// ClaimQueue leases up to limit due recipients, but none of those that are left out. A
// lease that is not finished passes to the next claimer when it ends. No transaction
// spans the attempt. Tenants take turns, and each call begins with another site: no
// newsletter of one town keeps another's mail waiting.
func (s *Store) ClaimQueue(ctx context.Context, limit int, lease time.Duration, leaveOut ...QueueShare) (claims []QueueClaim, err error) {
	begin := int(s.claims.Add(1) % uint64(len(s.sites)))
	for i := range s.sites {
		at := s.sites[(begin+i)%len(s.sites)]
		if time.Now().UnixNano() < at.rests.Load() {
			continue
		}
		part, failed := s.claimAt(ctx, at, limit, lease, leaveOut)
		if errors.Is(failed, context.DeadlineExceeded) {
			at.rests.Store(time.Now().Add(claimRest).UnixNano())
		}
		for _, c := range part {
			limit -= len(c.Message.Recipients)
		}
		claims, err = append(claims, part...), errors.Join(err, failed)
		if limit <= 0 {
			break
		}
	}
	if len(claims) > 0 { // a site that is away keeps no other's mail waiting
		if err != nil {
			s.log.Warn("the queue of a site could not be asked", "err", err)
		}
		err = nil
	}
	return claims, err
}

func (s *Store) claimAt(ctx context.Context, at *site, limit int, lease time.Duration, leaveOut []QueueShare) ([]QueueClaim, error) {
	token := newID()
	where, held := s.notHeldBack(at, 4)
	for _, share := range leaveOut {
		if s.at(ctx, share.Tenant) != at {
			continue
		}
		hop := "<>"
		if share.Local {
			hop = "="
		}
		held = append(held, share.Tenant)
		where += " AND NOT (tenant_id = $" + strconv.Itoa(3+len(held)) + " AND next_hop " + hop + " 'local')"
	}
	claimed := map[QueueRef][]sealedRecipient{}
	var order []QueueRef
	asking, cancel := context.WithTimeout(ctx, claimPatience)
	defer cancel()
	err := at.update(asking, func(tx meta.Tx) error {
		clear(claimed)
		order = order[:0]
		return query(asking, tx, func(r meta.Rows) error {
			ref, q, err := scanRecipient(r)
			if err != nil {
				return err
			}
			if claimed[ref] == nil {
				order = append(order, ref)
			}
			claimed[ref] = append(claimed[ref], q)
			return nil
		}, `UPDATE queue_recipient SET lease_token = $1, lease_until = {now} + $2
			WHERE (tenant_id, account_id, message_id, recipient) IN (
				SELECT tenant_id, account_id, message_id, recipient FROM (
					SELECT tenant_id, account_id, message_id, recipient, due_at,
						row_number() OVER (PARTITION BY tenant_id ORDER BY due_at) AS turn FROM queue_recipient
					WHERE state = 0 AND due_at <= {now} AND lease_until <= {now}`+where+`) AS waiting
				ORDER BY turn, due_at LIMIT $3)
			AND state = 0 AND lease_until <= {now}
			RETURNING `+recipientColumns, append([]any{token, lease.Microseconds(), int64(limit)}, held...)...)
	})
	if err != nil {
		return nil, err
	}
	// What is returned comes in no order.
	slices.SortStableFunc(order, func(a, b QueueRef) int { return claimed[a][0].Due.Compare(claimed[b][0].Due) })
	var claims []QueueClaim
	for _, ref := range order {
		slices.SortFunc(claimed[ref], func(a, b sealedRecipient) int { return a.N - b.N })
		message, account, aad, err := s.queueMessage(ctx, ref)
		if err != nil { // one that does not open keeps no other from being sent
			s.log.Error("queued message cannot be opened; its lease will end", "tenant", ref.Tenant, "message", ref.ID, "err", err)
			continue
		}
		byHop := map[string]int{}
		for _, q := range claimed[ref] {
			if err := q.open(account, aad); err != nil {
				s.log.Error("queue recipient cannot be opened; its lease will end", "tenant", ref.Tenant, "message", ref.ID, "recipient", q.N, "err", err)
				continue
			}
			i, ok := byHop[q.NextHop]
			if !ok {
				i = len(claims)
				byHop[q.NextHop] = i
				claims = append(claims, QueueClaim{Message: message, NextHop: q.NextHop, Token: token})
			}
			claims[i].Message.Recipients = append(claims[i].Message.Recipients, q.QueueRecipient)
		}
	}
	return claims, nil
}

// notHeldBack keeps out the mail of tenants that may not be written for at a site now,
// or are being removed: it waits as it lies. The condition's parameters are numbered
// from first on.
func (s *Store) notHeldBack(at *site, first int) (where string, args []any) {
	var marks []string
	for _, t := range s.tenants.known() {
		if t.HomeSite != at.Name || !t.Removing && s.o.Placement(at.Name, t.subject(), location.Queue) == nil {
			continue
		}
		marks = append(marks, "$"+strconv.Itoa(first+len(args)))
		args = append(args, t.ID)
	}
	if len(args) == 0 {
		return "", nil
	}
	return " AND tenant_id NOT IN (" + strings.Join(marks, ",") + ")", args
}

// QueueLease is a claim's hold on its recipients, all of one tenant's site.
type QueueLease struct{ Tenant, Token int64 }

// RenewQueue has leases last so long from now on, and answers those that do: one
// transaction for each site, at all at the same time. What has passed to another claimer
// stays there. It ends with ctx: a site that hangs keeps no other's leases from lasting.
func (s *Store) RenewQueue(ctx context.Context, leases []QueueLease, lease time.Duration) (renewed []QueueLease, err error) {
	bySite := map[*site][]QueueLease{}
	for _, l := range leases {
		at := s.at(ctx, l.Tenant)
		bySite[at] = append(bySite[at], l)
	}
	type answer struct {
		renewed []QueueLease
		err     error
	}
	answers := make(chan answer, len(bySite))
	for at, list := range bySite {
		go func() {
			part, err := at.renewQueue(ctx, list, lease)
			answers <- answer{part, err}
		}()
	}
	for range bySite {
		select {
		case a := <-answers:
			renewed, err = append(renewed, a.renewed...), errors.Join(err, a.err)
		case <-ctx.Done():
			return renewed, errors.Join(err, ctx.Err())
		}
	}
	return renewed, err
}

func (at *site) renewQueue(ctx context.Context, leases []QueueLease, lease time.Duration) (renewed []QueueLease, err error) {
	err = at.update(ctx, func(tx meta.Tx) error {
		renewed = nil
		var b meta.Batch
		for _, l := range leases {
			b.Statements = append(b.Statements, meta.Statement{
				SQL:  `UPDATE queue_recipient SET lease_until = {now} + $1 WHERE lease_token = $2 AND state = 0`,
				Args: []any{lease.Microseconds(), l.Token},
				Affected: func(n int64) error {
					if n > 0 {
						renewed = append(renewed, l)
					}
					return nil
				},
			})
		}
		return tx.Run(ctx, &b)
	})
	if err != nil {
		return nil, err
	}
	return renewed, nil
}

// sealedRecipient is a recipient whose path is not opened yet.
type sealedRecipient struct {
	QueueRecipient
	sealed []byte
}

const recipientColumns = `tenant_id, account_id, message_id, recipient, sealed, next_hop, state, attempts, due_at, delayed_at, expires_at, lease_token`

func scanRecipient(r meta.Rows) (ref QueueRef, q sealedRecipient, err error) {
	var n, state, attempts, due, delayed, expires int64
	err = r.Scan(&ref.Tenant, &ref.Account, &ref.ID, &n, &q.sealed, &q.NextHop, &state, &attempts, &due, &delayed, &expires, &q.Token)
	q.N, q.State, q.Attempts = int(n), QueueState(state), int(attempts)
	q.Due, q.Delayed, q.Expires = timeOf(due), timeOf(delayed), timeOf(expires)
	return ref, q, err
}

func (q *sealedRecipient) open(account *content.Account, aad []byte) error {
	plain, err := account.OpenSmall("queue-recipient", aad, q.sealed)
	if err != nil {
		return err
	}
	var p queuePath
	if err := json.Unmarshal(plain, &p); err != nil {
		return err
	}
	q.ForwardPath, q.ORcpt, q.Notify, q.LastReply = p.ForwardPath, p.ORcpt, p.Notify, p.LastReply
	return nil
}

// queueMessage reads one without recipients, with what opens those.
func (s *Store) queueMessage(ctx context.Context, ref QueueRef) (m QueueMessage, account *content.Account, aad []byte, err error) {
	var sealed []byte
	var created int64
	m.Ref = ref
	err = s.at(ctx, ref.Tenant).one(ctx, []any{&aad, &m.Size, &sealed, &created}, `SELECT content_id, size, sealed, created_at FROM queue_message
		WHERE tenant_id = $1 AND account_id = $2 AND message_id = $3`, ref.Tenant, ref.Account, ref.ID)
	if err != nil {
		return m, nil, nil, err
	}
	m.Created = timeOf(created)
	if account, err = s.sealer(ctx, Key{Tenant: ref.Tenant, Account: ref.Account}); err != nil {
		return m, nil, nil, err
	}
	plain, err := account.OpenSmall("queue-envelope", aad, sealed)
	if err != nil {
		return m, nil, nil, fmt.Errorf("store: queue message %d: %w", ref.ID, err)
	}
	var e queueEnvelope
	if err := json.Unmarshal(plain, &e); err != nil {
		return m, nil, nil, fmt.Errorf("store: queue message %d: %w", ref.ID, err)
	}
	m.ReversePath, m.EnvID, m.Ret, m.Sender = e.ReversePath, e.EnvID, e.Ret, e.Sender
	m.SMTPUTF8, m.BinaryMIME, m.EightBit = e.SMTPUTF8, e.BinaryMIME, e.EightBit
	return m, account, aad, nil
}

// FinishRecipient notes what an attempt came to; ErrLease unless token is the
// recipient's. A message none of whose recipients waits any more is removed.
func (s *Store) FinishRecipient(ctx context.Context, ref QueueRef, q QueueRecipient, token int64, r QueueResult) error {
	_, account, aad, err := s.queueMessage(ctx, ref)
	if err != nil {
		return err
	}
	q.LastReply = r.Reply
	err = s.at(ctx, ref.Tenant).update(ctx, func(tx meta.Tx) error {
		n, err := execIn(ctx, tx, `UPDATE queue_recipient SET state = $1, attempts = $2, due_at = {now} + $3,
			delayed_at = CASE WHEN $4 = 1 THEN {now} ELSE delayed_at END, sealed = $5, lease_token = 0, lease_until = 0
			WHERE tenant_id = $6 AND account_id = $7 AND message_id = $8 AND recipient = $9 AND lease_token = $10 AND state = 0`,
			int64(r.State), int64(r.Attempts), r.Due.Microseconds(), bit(r.Delayed), sealPath(account, aad, q),
			ref.Tenant, ref.Account, ref.ID, int64(q.N), token)
		if err == nil && n == 0 {
			return ErrLease
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.ReapQueue(ctx, ref)
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// ReapQueue removes a message if none of its recipients waits. Its content goes
// with the sweeper.
func (s *Store) ReapQueue(ctx context.Context, ref QueueRef) error {
	return s.at(ctx, ref.Tenant).reapMessage(ctx, ref)
}

func (at *site) reapMessage(ctx context.Context, ref QueueRef) error {
	return at.update(ctx, func(tx meta.Tx) error {
		var waiting int64
		err := oneIn(ctx, tx, []any{&waiting}, `SELECT count(*) FROM queue_recipient
			WHERE tenant_id = $1 AND account_id = $2 AND message_id = $3 AND state = 0`, ref.Tenant, ref.Account, ref.ID)
		if err != nil || waiting > 0 {
			return err
		}
		var b meta.Batch
		b.Exec(`DELETE FROM queue_recipient WHERE tenant_id = $1 AND account_id = $2 AND message_id = $3`, ref.Tenant, ref.Account, ref.ID)
		b.Exec(`DELETE FROM queue_message WHERE tenant_id = $1 AND account_id = $2 AND message_id = $3`, ref.Tenant, ref.Account, ref.ID)
		return tx.Run(ctx, &b)
	})
}
