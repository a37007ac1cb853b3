package mail

import (
	"context"
	"errors"
	"slices"
	"sync"

	"fachwerk/internal/store"
)

// View is an open mailbox as one session sees it. Sessions on one mailbox share
// what it keeps in memory. It is safe for concurrent use.
type View struct {
	s      *Service
	access Access
	room   *room
	closed sync.Once
}

// Open opens a mailbox; RightRead. It loads nothing: SELECT is answered from
// the counters of Status, and Refresh loads at first need. ErrNotFound.
func (s *Service) Open(ctx context.Context, a Access, mailbox int64) (*View, error) {
	if err := s.allow(ctx, a, RightRead); err != nil {
		return nil, err
	}
	if _, err := s.byID(ctx, a.key(), mailbox); err != nil {
		return nil, wrap(err, "open mailbox %d", mailbox)
	}
	return &View{s: s, access: a, room: s.views.enter(s, roomKey{a.key(), mailbox})}, nil
}

// Close gives the mailbox up. It may be called more than once.
func (v *View) Close() { v.closed.Do(func() { v.s.views.leave(v.room) }) }

// Access is what the view was opened with.
func (v *View) Access() Access { return v.access }

// Mailbox is the mailbox's id.
func (v *View) Mailbox() int64 { return v.room.mailbox }

func (v *View) key() store.Key { return v.room.key.key }

// Snapshot returns the newest list loaded, nil if none is. It asks nobody.
func (v *View) Snapshot() *Snapshot { return v.room.current.Load() }

// Refresh compares with the database and loads what is new, or everything at
// first; RightRead. A deleted mailbox is no error: Snapshot.Gone tells.
func (v *View) Refresh(ctx context.Context) (*Snapshot, error) {
	if err := v.s.allow(ctx, v.access, RightRead); err != nil {
		return nil, err
	}
	snap, err := v.room.refresh(ctx)
	return snap, wrap(err, "refresh mailbox %d", v.room.mailbox)
}

// Notify calls f whenever a newer snapshot may be had, or the rights on a shared
// account may have changed, until stop is called. f must not block and may be called
// from any goroutine, once more while stop returns. What happened before Notify is for
// a Refresh after it to find.
func (v *View) Notify(f func()) (stop func()) {
	deaf := v.room.listen(f)
	if v.access.Own {
		return deaf
	}
	// Grants and memberships that change touch the person's account.
	person := store.Key{Tenant: v.access.Tenant, Account: v.access.Person}
	unwatch := v.s.store.Watch(person, func() {
		v.s.rights.forget(person)
		f()
	})
	return func() { deaf(); unwatch() }
}

// Vanished lists, ascending, the UIDs expunged after a mod-sequence (RFC 7162
// 3.2.6), those left out that came after it as well. full is set when history
// does not reach back that far: the caller then has to treat every UID that is
// not in the snapshot as vanished. RightRead.
func (v *View) Vanished(ctx context.Context, since uint64) (uids []uint32, full bool, err error) {
	if err := v.s.allow(ctx, v.access, RightRead); err != nil {
		return nil, false, err
	}
	if since == 0 || since > 1<<63-1 {
		return nil, true, nil
	}
	for token := store.At(int64(since)); ; {
		c, err := v.s.store.Changes(ctx, v.key(), v.room.mailbox, token, pageSize)
		if errors.Is(err, store.ErrTooOld) {
			return nil, true, nil
		}
		if err != nil {
			return nil, false, wrap(err, "vanished in mailbox %d", v.room.mailbox)
		}
		for _, t := range c.Removed {
			if t.CreatedModSeq <= int64(since) {
				uids = append(uids, uint32(t.UID))
			}
		}
		if token = c.Next; !c.More {
			slices.Sort(uids)
			return slices.Compact(uids), false, nil
		}
	}
}
