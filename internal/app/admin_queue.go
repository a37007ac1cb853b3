package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"fachwerk/internal/store"
	"fachwerk/mail/queue"
)

// QueueMessage is one that waits, as the command line shows it.
type QueueMessage struct {
	Tenant     string           `json:"tenant"` // whose queue it is in
	ID         int64            `json:"id"`     // among the tenant's
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

func (in *Installation) queueMessage(ctx context.Context, e queue.Entry) QueueMessage {
	m := QueueMessage{ID: e.Ref.ID, From: e.ReversePath, Bytes: e.Size, Created: e.Created, Recipients: []QueueRecipient{}}
	for _, r := range e.Recipients {
		m.Recipients = append(m.Recipients, QueueRecipient{
			N: r.N, To: r.ForwardPath, NextHop: r.NextHop, State: r.State, Attempts: r.Attempts,
			Due: r.Due, Expires: r.Expires, LastReply: r.LastReply,
		})
	}
	if t, err := in.store.Tenant(ctx, e.Ref.Tenant); err == nil {
		m.Tenant = t.Name
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

// Queue calls each for every waiting message, by tenant and oldest first. Beside an
// error there were those of the sites that answer.
func (in *Installation) Queue(ctx context.Context, each func(QueueMessage) error) error {
	return in.withQueue(func(q *queue.Queue) error {
		if len(in.sites) == 1 {
			return in.queueOf(ctx, q, 0, each)
		}
		tenants, err := in.store.Tenants(ctx)
		if err != nil {
			return err
		}
		slices.SortFunc(tenants, func(a, b store.Tenant) int { return cmp.Compare(a.ID, b.ID) })
		away := map[string]error{}
		for _, t := range tenants {
			if away[t.HomeSite] != nil {
				continue
			}
			err := in.queueOf(ctx, q, t.ID, each)
			if !unanswered(err) && err != nil {
				return err
			}
			away[t.HomeSite] = err
		}
		var errs []error
		for _, name := range slices.Sorted(maps.Keys(away)) {
			if away[name] != nil {
				errs = append(errs, fmt.Errorf("what waits at site %s is not listed: %w", name, away[name]))
			}
		}
		return errors.Join(errs...)
	})
}

// queueOf does so for one tenant, with 0 for all.
func (in *Installation) queueOf(ctx context.Context, q *queue.Queue, tenant int64, each func(QueueMessage) error) error {
	const page = 500
	var after queue.Ref
	for {
		list, err := q.List(ctx, tenant, after, page)
		if err != nil {
			return err
		}
		for _, e := range list {
			if err := each(in.queueMessage(ctx, e)); err != nil {
				return err
			}
			after = e.Ref
		}
		if len(list) < page {
			return nil
		}
	}
}

// QueuedMessage shows one by its number. Each tenant counts its own: the name may be
// "" where no other has one of that number.
func (in *Installation) QueuedMessage(ctx context.Context, tenant string, id int64) (m QueueMessage, err error) {
	err = in.withQueue(func(q *queue.Queue) error {
		ref, err := in.find(ctx, q, tenant, id)
		if err != nil {
			return err
		}
		e, err := q.Show(ctx, ref)
		m = in.queueMessage(ctx, e)
		return err
	})
	return m, err
}

// RetryQueue makes a message due now, with id 0 all, and tells how many
// recipients that are. The tenant is as in QueuedMessage.
func (in *Installation) RetryQueue(ctx context.Context, tenant string, id int64) (n int64, err error) {
	err = in.withQueue(func(q *queue.Queue) error {
		var ref queue.Ref
		if id != 0 {
			if ref, err = in.find(ctx, q, tenant, id); err != nil {
				return err
			}
		}
		n, err = q.Retry(ctx, ref)
		return err
	})
	return n, err
}

// DropQueue gives up a message, or one recipient of it (-1: all), without
// telling the sender. The tenant is as in QueuedMessage.
func (in *Installation) DropQueue(ctx context.Context, tenant string, id int64, recipient int) (n int64, err error) {
	err = in.withQueue(func(q *queue.Queue) error {
		ref, err := in.find(ctx, q, tenant, id)
		if err != nil {
			return err
		}
		n, err = q.Drop(ctx, ref, recipient)
		return err
	})
	return n, err
}

func (in *Installation) find(ctx context.Context, q *queue.Queue, tenant string, id int64) (queue.Ref, error) {
	whose := int64(0)
	if tenant != "" {
		t, err := in.anyTenant(ctx, tenant)
		if err != nil {
			return queue.Ref{}, err
		}
		whose = t.ID
	}
	ref, err := q.Find(ctx, whose, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ref, fmt.Errorf("no message %d waits; `fachwerk queue list` shows those that do", id)
	case errors.Is(err, store.ErrBusy):
		return ref, fmt.Errorf("several tenants have a message %d; name one with --tenant", id)
	}
	return ref, err
}
