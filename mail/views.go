package mail

import (
	"container/list"
	"sync"

	"fachwerk/internal/store"
)

// views knows the rooms: those in use, and those that nobody uses any more but
// that are kept for the next session, the oldest going first when they take
// more than limit bytes.
type views struct {
	limit int64

	mu    sync.Mutex
	rooms map[roomKey]*room
	idle  list.List // of *room, the one left last in front
	bytes int64     // of the idle ones
	place map[*room]*list.Element
}

// enter returns the room of a mailbox, watched while anyone is in it.
func (v *views) enter(s *Service, k roomKey) *room {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := v.rooms[k]
	if r == nil {
		r = &room{s: s, key: k, mailbox: k.mailbox, loading: make(chan struct{}, 1)}
		if v.rooms == nil {
			v.rooms, v.place = make(map[roomKey]*room), make(map[*room]*list.Element)
		}
		v.rooms[k] = r
	}
	if e := v.place[r]; e != nil {
		v.unlist(e)
	}
	if r.users++; r.users == 1 {
		r.unwatch = s.store.Watch(k.key, r.hint)
	}
	return r
}

// leave keeps the room for a while once the last one has left it.
func (v *views) leave(r *room) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if r.users--; r.users > 0 {
		return
	}
	r.unwatch()
	r.contents.forget()
	snap := r.current.Load()
	if snap == nil || snap.Gone {
		delete(v.rooms, r.key)
		return
	}
	r.bytes = snap.bytes()
	v.bytes += r.bytes
	v.place[r] = v.idle.PushFront(r)
	for e := v.idle.Back(); e != nil && v.bytes > v.limit; e = v.idle.Back() {
		old := e.Value.(*room)
		v.unlist(e)
		delete(v.rooms, old.key)
	}
}

// written tells the room of a mailbox, if there is one, which modseq of its account a
// write of this process into the mailbox had.
func (v *views) written(key store.Key, mailbox, modseq int64) {
	v.mu.Lock()
	r := v.rooms[roomKey{key, mailbox}]
	v.mu.Unlock()
	if r != nil {
		r.wrote(modseq)
	}
}

func (v *views) unlist(e *list.Element) {
	r := v.idle.Remove(e).(*room)
	v.bytes -= r.bytes
	delete(v.place, r)
}

// close ends the watching of rooms that are still in use.
func (v *views) close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range v.rooms {
		if r.users > 0 {
			r.unwatch()
		}
	}
}
