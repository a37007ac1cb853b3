package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fachwerk/internal/store"
	"fachwerk/mail/queue"
)

// QueueMessage is one that waits, as the command line shows it.
type QueueMessage struct {
	ID         int64            `json:"id"`
	From       string           `json:"from"`
	Bytes      int64            `json:"bytes"`
	Created    time.Time        `json:"created"`
	Recipients []QueueRecipient `json:"recipients"`
}

// QueueRecipient is one of its recipients.
type QueueRecipient struct {
	N         int       `json:"n"`
	To        string    `json:"to"`
	NextHop   string    `json:"next_hop"`
	State     string    `json:"state"`
	Attempts  int       `json:"attempts"`
	Due       time.Time `json:"due"`
	Expires   time.Time `json:"expires"`
	LastReply string    `json:"last_reply,omitempty"`
}

func queueMessageOf(e queue.Entry) QueueMessage {
	m := QueueMessage{ID: e.Ref.ID, From: e.ReversePath, Bytes: e.Size, Created: e.Created, Recipients: []QueueRecipient{}}
	for _, r := range e.Recipients {
		m.Recipients = append(m.Recipients, QueueRecipient{
			N: r.N, To: r.ForwardPath, NextHop: r.NextHop, State: r.State, Attempts: r.Attempts,
			Due: r.Due, Expires: r.Expires, LastReply: r.LastReply,
		})
	}
	return m
}

// withQueue gives f a queue that does not run: the server's does.
func (in *Installation) withQueue(f func(*queue.Queue) error) error {
	m := in.mailService()
	q, err := in.newQueue(m)
	if err == nil {
		err = f(q)
	}
	return errors.Join(err, m.Close())
}

// Queue calls each for every waiting message, oldest first.
func (in *Installation) Queue(ctx context.Context, each func(QueueMessage) error) error {
	const page = 500
	return in.withQueue(func(q *queue.Queue) error {
		var after queue.Ref
		for {
			list, err := q.List(ctx, 0, after, page)
			if err != nil {
				return err
			}
			for _, e := range list {
				if err := each(queueMessageOf(e)); err != nil {
					return err
				}
				after = e.Ref
			}
			if len(list) < page {
				return nil
			}
		}
	})
}

// QueuedMessage shows one by its number.
func (in *Installation) QueuedMessage(ctx context.Context, id int64) (m QueueMessage, err error) {
	err = in.withQueue(func(q *queue.Queue) error {
		ref, err := find(ctx, q, id)
		if err != nil {
			return err
		}
		e, err := q.Show(ctx, ref)
		m = queueMessageOf(e)
		return err
	})
	return m, err
}

// RetryQueue makes a message due now, with id 0 all, and tells how many
// recipients that are.
func (in *Installation) RetryQueue(ctx context.Context, id int64) (n int64, err error) {
	err = in.withQueue(func(q *queue.Queue) error {
		var ref queue.Ref
		if id != 0 {
			if ref, err = find(ctx, q, id); err != nil {
				return err
			}
		}
		n, err = q.Retry(ctx, ref)
		return err
	})
	return n, err
}

// DropQueue gives up a message, or one recipient of it (-1: all), without
// telling the sender.
func (in *Installation) DropQueue(ctx context.Context, id int64, recipient int) (n int64, err error) {
	err = in.withQueue(func(q *queue.Queue) error {
		ref, err := find(ctx, q, id)
		if err != nil {
			return err
		}
		n, err = q.Drop(ctx, ref, recipient)
		return err
	})
	return n, err
}

func find(ctx context.Context, q *queue.Queue, id int64) (queue.Ref, error) {
	ref, err := q.Find(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return ref, fmt.Errorf("no message %d waits; `fachwerk queue list` shows those that do", id)
	}
	return ref, err
}
