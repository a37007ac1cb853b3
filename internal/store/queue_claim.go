package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
)

// QueueClaim is work for one attempt: recipients of one message that share a
// next hop, leased under their Token.
type QueueClaim struct {
	Message QueueMessage // without its other recipients
	NextHop string
	Token   int64
}

// claimPatience is how long a claim waits for one site: one that hangs keeps no other's
// mail waiting for good.
const claimPatience = 5 * time.Second

// claimRest is how long a site is passed over that was silent for so long.
const claimRest = 15 * time.Second

// ClaimQueue leases up to limit due recipients, but none of those that are left out. A
// lease that is not finished passes to the next claimer when it ends. No transaction
// spans the attempt. Tenants take turns, as do mail to people here and mail to elsewhere,
// and each call begins with another site: no newsletter of one town keeps another's mail
// waiting. In its turn goes what was due first, or whose lease ended first.
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
	asking, cancel := context.WithTimeout(ctx, claimPatience)
	defer cancel()
	lines, now, err := at.lines(asking)
	if err != nil {
		return nil, err
	}
	lines = slices.DeleteFunc(s.notHeldBack(at, lines), func(l queueLine) bool {
		return l.ready > now || slices.Contains(leaveOut, l.QueueShare)
	})
	if len(lines) == 0 || limit <= 0 {
		return nil, nil
	}
	lines = at.turns.next(lines, limit)
	got := taken{token: newID(), lease: lease, now: now}
	if err := at.update(asking, func(tx meta.Tx) error { return got.fill(asking, tx, lines, limit) }); err != nil {
		return nil, err
	}
	return s.openClaims(ctx, at, &got)
}

// taken are recipients that one claim has leased, by message.
type taken struct {
	token int64
	lease time.Duration
	now   int64 // what is ready by then is taken

	recipients map[QueueRef][]sealedRecipient
	order      []QueueRef
}

// claimRounds is how often a claim asks at most: each round shares out what the lines of
// the round before, some of which were short, have left over.
const claimRounds = 4

// fill takes up to limit recipients, of each line as many as of every other.
func (c *taken) fill(ctx context.Context, tx meta.Tx, lines []queueLine, limit int) error {
	c.recipients, c.order = map[QueueRef][]sealedRecipient{}, nil
	for round := 0; round < claimRounds && limit > 0 && len(lines) > 0; round++ {
		lines = lines[:min(len(lines), limit)]
		share := limit / len(lines)
		counts := make([]int, len(lines))
		var b meta.Batch
		b.ByIndex()
		for i, l := range lines {
			b.Query(eachRow(func(r meta.Rows) error {
				counts[i]++
				return c.add(r)
			}), takeFromLine, c.token, c.lease.Microseconds(), l.Tenant, bit(l.Local), c.now, int64(share))
		}
		if err := tx.Run(ctx, &b); err != nil {
			return err
		}
		var longer []queueLine
		for i, n := range counts {
			if limit -= n; n == share {
				longer = append(longer, lines[i])
			}
		}
		lines = longer
	}
	return nil
}

func (c *taken) add(r meta.Rows) error {
	ref, q, err := scanRecipient(r)
	if err != nil {
		return err
	}
	q.Late = timeOf(c.now).Sub(q.Due)
	if c.recipients[ref] == nil {
		c.order = append(c.order, ref)
	}
	c.recipients[ref] = append(c.recipients[ref], q)
	return nil
}

// openClaims reads the messages of what was taken, in one round trip, and opens all. One
// that does not open keeps no other from being sent.
func (s *Store) openClaims(ctx context.Context, at *site, c *taken) ([]QueueClaim, error) {
	rows, err := at.messageRows(ctx, c.order)
	if err != nil {
		return nil, err
	}
	// What is returned comes in no order.
	slices.SortStableFunc(c.order, func(a, b QueueRef) int { return c.recipients[a][0].Due.Compare(c.recipients[b][0].Due) })
	var claims []QueueClaim
	for _, ref := range c.order {
		list := c.recipients[ref]
		slices.SortFunc(list, func(a, b sealedRecipient) int { return a.N - b.N })
		row, ok := rows[ref]
		if !ok {
			continue // dropped meanwhile
		}
		message, account, err := s.openMessage(ctx, ref, row)
		if err != nil {
			s.log.Error("queued message cannot be opened; its lease will end", "tenant", ref.Tenant, "message", ref.ID, "err", err)
			continue
		}
		byHop := map[string]int{}
		for _, q := range list {
			if err := q.open(account, row.aad); err != nil {
				s.log.Error("queue recipient cannot be opened; its lease will end", "tenant", ref.Tenant, "message", ref.ID, "recipient", q.N, "err", err)
				continue
			}
			i, ok := byHop[q.NextHop]
			if !ok {
				i = len(claims)
				byHop[q.NextHop] = i
				claims = append(claims, QueueClaim{Message: message, NextHop: q.NextHop, Token: c.token})
			}
			claims[i].Message.Recipients = append(claims[i].Message.Recipients, q.QueueRecipient)
		}
	}
	return claims, nil
}

// QueueLease is a claim's hold on its recipients, all of one tenant's site.
type QueueLease struct{ Tenant, Token int64 }

// RenewQueue has leases last so long from now on, or longer if they do, and answers those
// that are held: one transaction for each site, at all at the same time. What has passed to
// another claimer stays there. It ends with ctx: a site that hangs keeps no other's leases
// from lasting.
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

// renewLeases says nothing of the state, by which a database might look for rows: only
// what waits has a token. It makes no lease shorter than HoldQueue made it.
const renewLeases = `UPDATE queue_recipient /*by queue_recipient_lease*/ SET lease_until = ` + longerLease + `
	WHERE lease_token = $2 AND lease_token <> 0`

func (at *site) renewQueue(ctx context.Context, leases []QueueLease, lease time.Duration) (renewed []QueueLease, err error) {
	err = at.update(ctx, func(tx meta.Tx) error {
		renewed = nil
		var b meta.Batch
		b.ByIndex()
		for _, l := range leases {
			b.Statements = append(b.Statements, meta.Statement{
				SQL:  renewLeases,
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
	rows, err := s.at(ctx, ref.Tenant).messageRows(ctx, []QueueRef{ref})
	if err != nil {
		return m, nil, nil, err
	}
	row, ok := rows[ref]
	if !ok {
		return m, nil, nil, ErrNotFound
	}
	m, account, err = s.openMessage(ctx, ref, row)
	return m, account, row.aad, err
}

// messageRow is a message as the database has it.
type messageRow struct {
	aad, sealed   []byte
	size, created int64
}

// messageRows reads those that are there, in one round trip.
func (at *site) messageRows(ctx context.Context, refs []QueueRef) (map[QueueRef]messageRow, error) {
	rows := make(map[QueueRef]messageRow, len(refs))
	if len(refs) == 0 {
		return rows, nil
	}
	var b meta.Batch
	b.ByIndex()
	for _, ref := range refs {
		b.Query(eachRow(func(r meta.Rows) error {
			var row messageRow
			err := r.Scan(&row.aad, &row.size, &row.sealed, &row.created)
			rows[ref] = row
			return err
		}), `SELECT content_id, size, sealed, created_at FROM queue_message WHERE tenant_id = $1 AND account_id = $2 AND message_id = $3`,
			ref.Tenant, ref.Account, ref.ID)
	}
	return rows, outer(at.db.Read(ctx, &b))
}

func (s *Store) openMessage(ctx context.Context, ref QueueRef, row messageRow) (m QueueMessage, account *content.Account, err error) {
	m.Ref, m.Size, m.Created = ref, row.size, timeOf(row.created)
	if account, err = s.sealer(ctx, Key{Tenant: ref.Tenant, Account: ref.Account}); err != nil {
		return m, nil, err
	}
	plain, err := account.OpenSmall("queue-envelope", row.aad, row.sealed)
	if err != nil {
		return m, nil, fmt.Errorf("store: queue message %d: %w", ref.ID, err)
	}
	var e queueEnvelope
	if err := json.Unmarshal(plain, &e); err != nil {
		return m, nil, fmt.Errorf("store: queue message %d: %w", ref.ID, err)
	}
	m.ReversePath, m.EnvID, m.Ret, m.Sender = e.ReversePath, e.EnvID, e.Ret, e.Sender
	m.SMTPUTF8, m.BinaryMIME, m.EightBit = e.SMTPUTF8, e.BinaryMIME, e.EightBit
	return m, account, nil
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
		var found bool
		var look, b meta.Batch
		look.ByIndex()
		look.Query(eachRow(firstRow(&found, []any{&waiting})), countWaiting, ref.Tenant, ref.Account, ref.ID)
		if err := tx.Run(ctx, &look); err != nil || waiting > 0 {
			return err
		}
		b.Exec(`DELETE FROM queue_recipient WHERE tenant_id = $1 AND account_id = $2 AND message_id = $3`, ref.Tenant, ref.Account, ref.ID)
		b.Exec(`DELETE FROM queue_message WHERE tenant_id = $1 AND account_id = $2 AND message_id = $3`, ref.Tenant, ref.Account, ref.ID)
		return tx.Run(ctx, &b)
	})
}

// countWaiting counts the recipients of a message that wait. It says state < 1, as do all
// that name a message: an index of what waits begins with the tenant, and a database that
// knows little would take that one and read all the tenant's.
const countWaiting = `SELECT count(*) FROM queue_recipient WHERE tenant_id = $1 AND account_id = $2 AND message_id = $3 AND state < 1`
