package queue

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"fachwerk/internal/store"
	"fachwerk/mail"
	"fachwerk/mail/message"
)

const (
	// maxReceived is how many Received fields a message may have before it is
	// taken for a loop (RFC 5321 6.3).
	maxReceived = 50
	maxHeader   = 2 << 20
)

// DeliveryFields are the fields that final delivery adds (RFC 5321 4.4, RFC
// 9228): where bounces go, and whom the message was delivered to.
func DeliveryFields(reversePath, recipient string) []byte {
	return []byte("Return-Path: <" + reversePath + ">\r\nDelivered-To: " + recipient + "\r\n")
}

// deliver stores a message for local recipients, each in the transaction that
// marks it delivered.
func (q *Queue) deliver(ctx context.Context, j *job) []outcome {
	in, header, err := q.load(ctx, j)
	if errors.Is(err, mail.ErrTooLarge) { // the limit was lowered meanwhile
		return all(j, never("5.3.4", "Message is too large"))
	}
	if err != nil {
		q.log.Warn("cannot read a queued message", "message", j.message.Ref.ID, "err", err)
		return all(j, later("4.3.0", "The message cannot be read now"))
	}
	defer in.Close()
	received := 0
	var before []string
	for f := range message.Fields(header) {
		switch {
		case bytes.EqualFold(f.Name, []byte("Received")):
			received++
		case bytes.EqualFold(f.Name, []byte("Delivered-To")):
			before = append(before, strings.Trim(strings.TrimSpace(message.Unfold(f.Value)), "<>"))
		}
	}
	outcomes := make([]outcome, len(j.message.Recipients))
	for i, r := range j.message.Recipients {
		if received > maxReceived || contains(before, r.ForwardPath) {
			outcomes[i] = never("5.4.6", "Routing loop detected")
			continue
		}
		outcomes[i] = q.deliverOne(ctx, j, r, in)
	}
	return outcomes
}

func contains(addresses []string, a string) bool {
	for _, other := range addresses {
		if strings.EqualFold(other, a) {
			return true
		}
	}
	return false
}

// load reads the body from the queue into a message on its way in.
func (q *Queue) load(ctx context.Context, j *job) (*mail.Incoming, []byte, error) {
	body, err := q.store.QueueBody(ctx, j.message.Ref)
	if err != nil {
		return nil, nil, err
	}
	r, err := body.Open(ctx, 0, -1)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	in := q.mail.NewIncoming()
	if _, err = io.Copy(in, r); err == nil {
		in.Finish()
		var header []byte
		if header, err = in.Header(maxHeader); err == nil {
			return in, header, nil
		}
	}
	in.Close()
	return nil, nil, err
}

// deliverOne stores a message for one recipient.
func (q *Queue) deliverOne(ctx context.Context, j *job, r store.QueueRecipient, in *mail.Incoming) outcome {
	to, err := q.mail.Resolve(ctx, r.ForwardPath)
	if err == nil {
		_, err = q.mail.Deliver(ctx, to, in, DeliveryFields(j.message.ReversePath, r.ForwardPath), mail.DeliverOptions{
			Queue: &mail.QueueMark{
				Tenant: j.message.Ref.Tenant, Account: j.message.Ref.Account, Message: j.message.Ref.ID,
				Recipient: r.N, Token: j.token,
			},
		})
	}
	switch {
	case err == nil:
		return outcome{result: delivered, status: "2.0.0", reply: "Delivered", noted: true}
	case errors.Is(err, store.ErrLease):
		return outcome{lost: true}
	case errors.Is(err, mail.ErrNoSuchUser), errors.Is(err, mail.ErrNotLocal), errors.Is(err, mail.ErrNotFound):
		return never("5.1.1", "No such user")
	case errors.Is(err, mail.ErrDisabled):
		return never("5.2.1", "Mailbox is disabled")
	case errors.Is(err, mail.ErrTooLarge):
		return never("5.3.4", "Message is too large")
	case errors.Is(err, mail.ErrQuota):
		return later("4.2.2", "Mailbox is full")
	}
	q.log.Warn("local delivery failed for now", "message", j.message.Ref.ID, "recipient", r.N, "err", err)
	return later("4.3.0", "The mailbox cannot be reached now")
}
