package smtp

import (
	"bytes"
	"context"
	"runtime/debug"
	"sync"

	"fachwerk/mail"
	"fachwerk/mail/message"
)

// parallelDeliveries is how many recipients of one message are stored at a
// time; the store joins what waits into one commit.
const parallelDeliveries = 8

// lmtpIntake delivers to each recipient in a transaction of its own.
type lmtpIntake struct {
	s  *session
	in *mail.Incoming
}

func newLMTPIntake(s *session) *lmtpIntake {
	return &lmtpIntake{s: s, in: s.srv.cfg.Mail.NewIncoming()}
}

func (l *lmtpIntake) Write(p []byte) (int, error) { return l.in.Write(p) }

func (l *lmtpIntake) from(tenant, person int64) { l.in.For(tenant, person) }

func (l *lmtpIntake) reserve(bytes int64) error { return l.in.Reserve(bytes) }

func (l *lmtpIntake) close() { l.in.Close() }

// deliver stores the message for every recipient. Two forward-paths that lead
// to one place get one copy and each a reply.
func (l *lmtpIntake) deliver(ctx context.Context, tx *transaction) []reply {
	replies := make([]reply, len(tx.rcpts))
	parsed := l.in.Finish()
	header, err := l.in.Header(l.s.srv.limits.HeaderBytes)
	if err != nil {
		l.s.log.Warn("cannot read back a message", "err", err)
		for i := range replies {
			replies[i] = replyTemporary
		}
		return replies
	}
	looped := parsed.Received > maxReceived
	delivered := deliveredTo(header)

	type place struct {
		account int64
		detail  string
	}
	first := make(map[place]int)
	slots := make(chan struct{}, parallelDeliveries)
	var wg sync.WaitGroup
	for i := range tx.rcpts {
		r := &tx.rcpts[i]
		if looped || delivered[canonicalAddress(deliveryAddress(r))] {
			replies[i] = replyLoop
			continue
		}
		at := place{r.to.Account, r.to.Detail}
		if _, found := first[at]; found {
			continue
		}
		first[at] = i
		if len(tx.rcpts) == 1 {
			replies[i] = l.deliverOne(ctx, tx, r)
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			replies[i] = l.deliverOne(ctx, tx, r)
		})
	}
	wg.Wait()
	for i := range replies {
		if replies[i].code == 0 {
			r := &tx.rcpts[i]
			replies[i] = replies[first[place{r.to.Account, r.to.Detail}]]
		}
	}
	return replies
}

// deliverOne runs in a goroutine of its own, which no session guards: one message
// must never end the process.
func (l *lmtpIntake) deliverOne(ctx context.Context, tx *transaction, r *recipient) (answer reply) {
	defer func() {
		if p := recover(); p != nil {
			l.s.log.Error("delivery panicked", "id", tx.id, "panic", p, "stack", string(debug.Stack()))
			answer = replyTemporary
		}
	}()
	prefix := l.s.deliveryTrace(tx, r)
	if _, err := l.s.srv.cfg.Mail.Deliver(ctx, r.to, l.in, prefix, mail.DeliverOptions{}); err != nil {
		return l.s.replyFor(err)
	}
	return say(250, "2.0.0", "Delivered, id "+tx.id)
}

// deliveryAddress is what Delivered-To says: the forward-path as received.
func deliveryAddress(r *recipient) string {
	if r.path.domain == "" {
		return r.to.Address
	}
	return r.path.String()
}

// deliveredTo collects the addresses of Delivered-To fields.
func deliveredTo(header []byte) map[string]bool {
	var found map[string]bool
	for f := range message.Fields(header) {
		if bytes.EqualFold(f.Name, []byte("Delivered-To")) {
			if found == nil {
				found = make(map[string]bool)
			}
			found[canonicalAddress(message.Unfold(f.Value))] = true
		}
	}
	return found
}
