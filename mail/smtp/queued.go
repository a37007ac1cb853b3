package smtp

import (
	"context"
	"errors"
	"slices"

	"fachwerk/mail/queue"
)

var errHeaderTooLarge = errors.New("message header is larger than the limit")

// queueIntake puts a message into the queue: the header is kept apart, so that
// it can be looked at and changed, the rest goes to the spool as it comes.
type queueIntake struct {
	s        *session
	binary   bool
	header   []byte // with the blank line, once inBody
	inBody   bool
	body     *queue.Body
	eightBit bool
}

func newQueueIntake(s *session, binary bool) *queueIntake {
	return &queueIntake{s: s, binary: binary, body: s.srv.cfg.Queue.NewBody(s.srv.limits.MessageBytes)}
}

func (q *queueIntake) from(tenant, person int64) { q.body.For(tenant, person) }

func (q *queueIntake) reserve(bytes int64) error { return q.body.Reserve(bytes) }

func (q *queueIntake) close() { q.body.Close() }

func (q *queueIntake) Write(p []byte) (int, error) {
	if !q.eightBit {
		q.eightBit = slices.ContainsFunc(p, func(c byte) bool { return c >= 0x80 })
	}
	if q.inBody {
		return q.write(p)
	}
	from := max(0, len(q.header)-3)
	q.header = append(q.header, p...)
	end := headerEnd(q.header, from)
	if end < 0 {
		if len(q.header) > q.s.srv.limits.HeaderBytes {
			return 0, errHeaderTooLarge
		}
		return len(p), nil
	}
	rest := q.header[end:]
	if end > q.s.srv.limits.HeaderBytes {
		return 0, errHeaderTooLarge
	}
	q.inBody = true
	if _, err := q.write(rest); err != nil {
		return 0, err
	}
	q.header = slices.Clone(q.header[:end])
	return len(p), nil
}

func (q *queueIntake) write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := q.body.Write(p)
	if errors.Is(err, queue.ErrTooLarge) {
		err = errMessageTooLarge
	}
	return n, err
}

// headerEnd finds the end of the blank line that ends a header, or -1. Lines end
// in CRLF; LF alone occurs in binary messages only.
func headerEnd(b []byte, from int) int {
	if len(b) >= 2 && b[0] == '\r' && b[1] == '\n' {
		return 2 // no header at all
	}
	for i := from; i < len(b); i++ {
		if b[i] != '\n' {
			continue
		}
		if i+1 < len(b) && b[i+1] == '\n' {
			return i + 2
		}
		if i+2 < len(b) && b[i+1] == '\r' && b[i+2] == '\n' {
			return i + 3
		}
	}
	return -1
}

// deliver queues the message: from submission one row of the sender's tenant,
// from a relay one of each recipient tenant.
func (q *queueIntake) deliver(ctx context.Context, tx *transaction) []reply {
	if q.s.srv.cfg.Mode == Submission {
		header, r := q.s.fixHeader(ctx, q.header, tx)
		if !r.ok() {
			return []reply{r}
		}
		q.header = header
		return []reply{q.enqueue(ctx, tx, []queue.Message{q.row(tx, q.s.principal.Tenant, q.s.principal.Account, tx.rcpts)})}
	}
	if looped(q.header) {
		return []reply{replyLoop}
	}
	var tenants []int64
	for _, r := range tx.rcpts {
		if !slices.Contains(tenants, r.to.Tenant) {
			tenants = append(tenants, r.to.Tenant)
		}
	}
	rows := make([]queue.Message, len(tenants))
	for i, tenant := range tenants {
		rows[i] = q.row(tx, tenant, 0, slices.DeleteFunc(slices.Clone(tx.rcpts), func(r recipient) bool { return r.to.Tenant != tenant }))
	}
	return []reply{q.enqueue(ctx, tx, rows)}
}

func accepted(tx *transaction) reply { return say(250, "2.0.0", "Accepted, id "+tx.id) }

// row is what a tenant's queue gets.
func (q *queueIntake) row(tx *transaction, tenant, sender int64, rcpts []recipient) queue.Message {
	m := queue.Message{
		Tenant: tenant, Sender: sender, ReversePath: tx.from.String(), EnvID: tx.params.envid, Ret: tx.params.ret,
		SMTPUTF8: tx.params.utf8, EightBit: q.eightBit, BinaryMIME: q.binary,
	}
	for i := range rcpts {
		r := &rcpts[i]
		m.Recipients = append(m.Recipients, queue.Recipient{
			ForwardPath: deliveryAddress(r), Local: r.local, ORcpt: r.params.orcpt, Notify: r.params.notify,
		})
	}
	return m
}

// enqueue adds the rows. SMTP has one answer for all: where one of several tenants fails
// after another has its row, the relay sends to both again. Hence everything that fails
// for hours is asked for before: who may be written for at RCPT, the content's places
// before the first row.
func (q *queueIntake) enqueue(ctx context.Context, tx *transaction, rows []queue.Message) reply {
	only := ""
	if len(tx.rcpts) == 1 {
		only = deliveryAddress(&tx.rcpts[0])
	}
	prefix := append([]byte(q.s.received(tx, only)), q.header...)
	if err := q.s.srv.cfg.Queue.AddAll(ctx, rows, prefix, q.body); err != nil {
		q.s.log.Warn("cannot queue a message", "id", tx.id, "err", err)
		return replyTemporary
	}
	return accepted(tx)
}
