package queue

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fachwerk/internal/store"
	"fachwerk/mail"
)

// reportKind says what a notification tells.
type reportKind int8

const (
	noReport reportKind = iota
	reportFailed
	reportDelayed
	reportDelivered // to a mailbox here
	reportRelayed   // to a peer that sends no notifications of success
)

// action is the Action field (RFC 3464 2.3.3).
func (k reportKind) action() string {
	return [...]string{"", "failed", "delayed", "delivered", "relayed"}[k]
}

// maxReturned is the largest message that goes back whole (RET=FULL).
const maxReturned = 256 << 10

// reportOn writes a notification; nil if there is nobody to tell.
func (q *Queue) reportOn(ctx context.Context, j *job, kind reportKind, list []verdict) (*store.QueueReport, error) {
	m := &j.message
	to := store.QueueRecipient{ForwardPath: m.ReversePath, Notify: "NEVER", Expires: q.now().Add(q.cfg.Lifetime)}
	_, err := q.mail.Resolve(ctx, m.ReversePath)
	switch {
	case errors.Is(err, mail.ErrNotLocal):
		if to.NextHop, err = hopOf(m.ReversePath); err != nil {
			q.log.Warn("a sender cannot be told", "message", m.Ref.ID, "err", err)
			return nil, nil
		}
	case errors.Is(err, mail.ErrNoSuchUser), errors.Is(err, mail.ErrDisabled):
		q.log.Warn("a sender cannot be told", "message", m.Ref.ID, "err", err)
		return nil, nil
	default: // what is temporary now is decided at delivery
		to.NextHop = store.LocalHop
	}
	body, err := q.store.QueueBody(ctx, m.Ref)
	if errors.Is(err, store.ErrNotFound) && kind != reportFailed {
		return nil, nil // delivered and removed; success is no longer worth a word without its header
	}
	if err != nil {
		return nil, err
	}
	spool := q.store.NewSpool(0)
	defer spool.Close()
	d := &notification{q: q, kind: kind, message: m, recipients: list}
	if err := d.write(ctx, spool, body); err != nil {
		return nil, fmt.Errorf("write a notification: %w", err)
	}
	return q.store.PlaceReport(ctx, m.Ref, store.QueueMessage{
		EightBit: d.eightBit, SMTPUTF8: d.utf8, Recipients: []store.QueueRecipient{to},
	}, spool)
}

// original gives what of the message goes back: header, and the rest if the
// sender asked for it and it is not too large.
func (d *notification) original(ctx context.Context, body *store.Body) (header []byte, whole io.ReadCloser, err error) {
	header, err = headerOf(ctx, body)
	if errors.Is(err, store.ErrCorrupt) { // lost or damaged: all the more must the sender hear of it
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	if d.kind == reportFailed && d.message.Ret == "FULL" && body.Size() <= maxReturned && !d.message.BinaryMIME {
		whole, err = body.Open(ctx, 0, -1)
	}
	return header, whole, err
}
