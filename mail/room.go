package mail

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"fachwerk/internal/store"
)

// roomKey names a mailbox of an account.
type roomKey struct {
	key     store.Key
	mailbox int64
}

// room is what the sessions on one mailbox share: the newest snapshot, and who
// wants to hear of newer ones. One goroutine at a time loads; the others wait
// for what it brings.
type room struct {
	s       *Service
	key     roomKey
	mailbox int64

	current  atomic.Pointer[Snapshot]
	begun    atomic.Int64 // rounds of loading begun
	own      atomic.Int64 // highest modseq of the account with which this process wrote into the mailbox
	contents contents

	loading  chan struct{} // holds one token while somebody loads; guards what follows
	done     int64         // number of the last round that succeeded
	modseq   int64         // of the account, known before that round
	token    store.Token   // where the journal was read to
	building *builder

	mu        sync.Mutex
	listeners map[*func()]struct{}
	hinted    bool // a hint is being worked on
	again     bool // another one came meanwhile

	// Guarded by views.mu.
	users   int
	bytes   int64
	unwatch func()
}

// pageSize is how many rows one read of a load or of a delta takes.
const pageSize = 5000

// refresh returns a snapshot that is at least as new as the database was when
// refresh was called.
func (r *room) refresh(ctx context.Context) (*Snapshot, error) {
	arrived := r.begun.Load()
	select {
	case r.loading <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-r.loading }()
	if r.done > arrived {
		return r.current.Load(), nil // a round that began after we came has read it for us
	}
	round := r.begun.Add(1)
	snap, err := r.round(ctx)
	if err != nil {
		return nil, err
	}
	r.done = round
	if old := r.current.Swap(snap); old != snap {
		r.tell()
	}
	return snap, nil
}

// wrote notes a write of this process into the mailbox: after it nobody needs to ask
// whether anything has changed. Call it after COMMIT.
func (r *room) wrote(modseq int64) {
	for {
		was := r.own.Load()
		if modseq <= was || r.own.CompareAndSwap(was, modseq) {
			return
		}
	}
}

// round compares the account's modseq, one key read, and loads the difference.
func (r *room) round(ctx context.Context) (*Snapshot, error) {
	old := r.current.Load()
	if old != nil && old.Gone {
		return old, nil
	}
	var err error
	modseq := r.own.Load() // what is read below is as new as that at least
	if old == nil || modseq <= r.modseq {
		modseq, err = r.s.store.ModSeq(ctx, r.key.key)
	}
	if err == nil && old != nil && modseq == r.modseq {
		return old, nil
	}
	snap := old
	if err == nil && old != nil && !r.building.crowded(old.n) {
		snap, err = r.delta(ctx, old)
	} else if err == nil {
		snap, err = r.load(ctx)
	}
	if errors.Is(err, store.ErrTooOld) {
		snap, err = r.load(ctx)
	}
	if errors.Is(err, store.ErrNotFound) {
		return gone(old), nil
	}
	if err != nil {
		return nil, err
	}
	r.modseq = modseq
	if old != nil && old.HighestModSeq == snap.HighestModSeq && old.UIDNext == snap.UIDNext && old.Diff(snap).empty(snap) {
		return old, nil // something else of the account changed
	}
	return snap, nil
}

// gone is the last snapshot of a mailbox that was deleted.
func gone(old *Snapshot) *Snapshot {
	if old == nil {
		return &Snapshot{Gone: true, sets: [][]string{nil}}
	}
	last := *old
	last.Gone = true
	return &last
}

// load reads everything: pages by UID, then what changed meanwhile.
func (r *room) load(ctx context.Context) (*Snapshot, error) {
	c, err := r.s.byID(ctx, r.key.key, r.mailbox)
	if err != nil {
		return nil, err
	}
	r.building = newBuilder()
	r.token = store.At(c.ModSeq)
	snap := &Snapshot{sets: r.building.sets}
	for after := int64(0); ; {
		items, err := r.s.store.Items(ctx, r.key.key, r.mailbox, after, pageSize)
		if err != nil {
			return nil, err
		}
		if len(items) > 0 {
			snap = r.building.apply(snap, c, items, nil)
			after = items[len(items)-1].UID
		}
		if len(items) < pageSize {
			break
		}
	}
	return r.delta(ctx, snap)
}

// delta applies what the journal holds since the token. The pages are snapshots
// of their own; what changes between them comes again in a later one, so that
// the state after the last page is that of the last page's snapshot.
func (r *room) delta(ctx context.Context, snap *Snapshot) (*Snapshot, error) {
	token := r.token
	for {
		c, err := r.s.store.Changes(ctx, r.key.key, r.mailbox, token, pageSize)
		if err == nil && c.Collection.Deleted {
			err = store.ErrNotFound
		}
		if err != nil {
			return nil, err
		}
		snap = r.building.apply(snap, c.Collection, c.Items, c.Removed)
		if token = c.Next; !c.More {
			r.token = token
			return snap, nil
		}
	}
}

// listen calls f for every newer snapshot and for hints before the first load.
func (r *room) listen(f func()) (stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listeners == nil {
		r.listeners = make(map[*func()]struct{})
	}
	id := &f
	r.listeners[id] = struct{}{}
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.listeners, id)
	}
}

func (r *room) tell() {
	r.mu.Lock()
	tell := make([]*func(), 0, len(r.listeners))
	for f := range r.listeners {
		tell = append(tell, f)
	}
	r.mu.Unlock()
	for _, f := range tell {
		(*f)()
	}
}

// hint is called by the store when the account may have changed. It must not
// block; one goroutine a room follows hints up.
func (r *room) hint() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.listeners) == 0 {
		return // sessions that do not listen refresh by themselves
	}
	if r.hinted {
		r.again = true
		return
	}
	r.hinted = r.s.begin(r.follow)
}

// follow refreshes once for all listeners, which refresh tells if there is
// anything new. After a fault it tries again, for no other hint may come.
func (r *room) follow() {
	for {
		pause := time.Duration(0)
		if r.current.Load() == nil {
			r.tell() // nobody has loaded it: let the session decide
		} else if err := r.refreshFor(hintTimeout); err != nil {
			if r.s.running.Err() == nil {
				r.s.log.Warn("refresh of a mailbox view failed", "err", err)
			}
			pause = time.Second
		}
		select {
		case <-r.s.running.Done():
		case <-time.After(pause):
		}
		r.mu.Lock()
		if r.s.running.Err() != nil || len(r.listeners) == 0 || !r.again && pause == 0 {
			r.hinted, r.again = false, false
			r.mu.Unlock()
			return
		}
		r.again = false
		r.mu.Unlock()
	}
}

const hintTimeout = 30 * time.Second

func (r *room) refreshFor(d time.Duration) error {
	ctx, cancel := context.WithTimeout(r.s.running, d)
	defer cancel()
	_, err := r.refresh(ctx)
	return err
}
