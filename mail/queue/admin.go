package queue

import (
	"context"
	"fmt"
	"time"

	"fachwerk/internal/store"
)

// Entry is a queued message as operators see it: the envelope, no content.
type Entry struct {
	Ref         Ref
	ReversePath string
	Size        int64
	Created     time.Time
	Recipients  []EntryRecipient
}

// EntryRecipient is one forward-path of an Entry.
type EntryRecipient struct {
	N           int
	ForwardPath string
	NextHop     string // domain, or "local"
	State       string // "waiting", "delivered", "failed", "dropped"
	Attempts    int
	Due         time.Time // of the next attempt
	Expires     time.Time
	LastReply   string
}

// List gives at most limit messages after the one named (the zero Ref: from the
// start), oldest first; tenant 0 means all tenants.
func (q *Queue) List(ctx context.Context, tenant int64, after Ref, limit int) ([]Entry, error) {
	rows, err := q.store.QueueMessages(ctx, tenant, after, limit)
	if err != nil {
		return nil, fmt.Errorf("queue: list: %w", err)
	}
	list := make([]Entry, len(rows))
	for i := range rows {
		list[i] = entry(&rows[i])
	}
	return list, nil
}

// Show gives one message.
func (q *Queue) Show(ctx context.Context, ref Ref) (Entry, error) {
	row, err := q.store.QueueMessage(ctx, ref)
	if err != nil {
		return Entry{}, fmt.Errorf("queue: show: %w", err)
	}
	return entry(&row), nil
}

// Find finds a tenant's message by its number, with tenant 0 anybody's.
func (q *Queue) Find(ctx context.Context, tenant, id int64) (Ref, error) {
	return q.store.FindQueueMessage(ctx, tenant, id)
}

// Retry makes the waiting recipients of a message due now, with the zero Ref
// those of all, and tells how many. Recipients under way are left alone.
func (q *Queue) Retry(ctx context.Context, ref Ref) (int64, error) {
	n, err := q.store.RetryQueue(ctx, ref)
	if err != nil {
		return 0, fmt.Errorf("queue: retry: %w", err)
	}
	return n, nil
}

// Drop gives a recipient up, with -1 all of a message, and tells nobody. An
// attempt under way may still succeed.
func (q *Queue) Drop(ctx context.Context, ref Ref, recipient int) (int64, error) {
	n, err := q.store.DropQueue(ctx, ref, recipient)
	if err != nil {
		return 0, fmt.Errorf("queue: drop: %w", err)
	}
	return n, nil
}

func entry(m *store.QueueMessage) Entry {
	e := Entry{Ref: m.Ref, ReversePath: m.ReversePath, Size: m.Size, Created: m.Created}
	for _, r := range m.Recipients {
		e.Recipients = append(e.Recipients, EntryRecipient{
			N: r.N, ForwardPath: r.ForwardPath, NextHop: r.NextHop, State: stateName(r.State),
			Attempts: r.Attempts, Due: r.Due, Expires: r.Expires, LastReply: r.LastReply,
		})
	}
	return e
}

func stateName(s store.QueueState) string {
	switch s {
	case store.QueueDelivered:
		return "delivered"
	case store.QueueFailed:
		return "failed"
	case store.QueueDropped:
		return "dropped"
	}
	return "waiting"
}
