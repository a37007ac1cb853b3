package store

import (
	"bytes"
	"context"
	"io"

	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// QueueEntry is a message for one tenant's queue.
type QueueEntry struct {
	Tenant  int64
	Message QueueMessage
}

// AdmitsQueue reports whether mail may be queued for a tenant now: ErrPlacement and
// ErrTemporary, ErrNotFound.
func (s *Store) AdmitsQueue(ctx context.Context, tenant int64) error {
	return outer(s.admit(ctx, tenant, location.Queue))
}

// Enqueue stores a message durably for all its recipients in one transaction.
// prefix is put before the body. Recipients whose Due is zero are due at once.
func (s *Store) Enqueue(ctx context.Context, tenant int64, m QueueMessage, prefix []byte, body *Spool) (QueueRef, error) {
	refs, err := s.EnqueueAll(ctx, []QueueEntry{{tenant, m}}, prefix, body)
	if err != nil {
		return QueueRef{}, err
	}
	return refs[0], nil
}

// EnqueueAll is Enqueue for several tenants. Each has a transaction of its own, and none
// begins before the content lies at the place of all: on an error some may have the
// message, which only the loss of a database in between brings about.
func (s *Store) EnqueueAll(ctx context.Context, entries []QueueEntry, prefix []byte, body *Spool) ([]QueueRef, error) {
	jobs := make([]enqueue, len(entries))
	for i, e := range entries {
		var err error
		if jobs[i], err = s.placeQueued(ctx, e, prefix, body); err != nil {
			return nil, outer(err)
		}
	}
	refs := make([]QueueRef, len(jobs))
	for i := range jobs {
		j := &jobs[i]
		key := Key{Tenant: j.ref.Tenant, Account: j.ref.Account}
		if err := s.at(ctx, key.Tenant).db.Write(ctx, key, meta.JobFunc(j.write)); err != nil {
			return nil, outer(err)
		}
		refs[i] = j.ref
	}
	s.announceQueue()
	return refs, nil
}

// enqueue is a message whose content has its place.
type enqueue struct {
	ref     QueueRef // its ID is given by write
	account *content.Account
	placed  meta.Content
	message QueueMessage
}

func (j *enqueue) write(a *meta.Account, b *meta.Batch) error {
	j.ref.ID = a.NextID
	a.NextID++
	insertQueued(b, j.account, j.ref, j.placed, j.message)
	return nil
}

func (s *Store) placeQueued(ctx context.Context, e QueueEntry, prefix []byte, body *Spool) (enqueue, error) {
	if err := s.admit(ctx, e.Tenant, location.Queue); err != nil {
		return enqueue{}, err
	}
	key, err := s.queueAccount(ctx, e.Tenant)
	if err != nil {
		return enqueue{}, err
	}
	account, err := s.sealer(ctx, key)
	if err != nil {
		return enqueue{}, err
	}
	r, err := body.Open()
	if err != nil {
		return enqueue{}, err
	}
	defer r.Close()
	placed, err := s.place(ctx, key, account, content.PurposeQueue, io.MultiReader(bytes.NewReader(prefix), r),
		int64(len(prefix))+body.Size())
	if err != nil {
		return enqueue{}, err
	}
	return enqueue{QueueRef{Tenant: e.Tenant, Account: key.Account}, account, placed, e.Message}, nil
}
