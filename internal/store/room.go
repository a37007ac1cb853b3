package store

import (
	"sync"
	"time"
)

// rooms remember for a moment what room accounts had when they were read, which a
// request does to find out whose it is. It is advice: the lock decides. So it may say
// that there is enough, and never that there is not.
type rooms struct {
	mu    sync.Mutex
	byKey map[Key]room
}

type room struct {
	bytes int64 // -1: no limit
	until time.Time
}

const (
	roomFor  = 5 * time.Second
	maxRooms = 10_000
)

func (r *rooms) remember(a Account) {
	bytes := int64(-1)
	if a.QuotaBytes > 0 {
		bytes = max(a.QuotaBytes-a.UsedBytes, 0)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byKey == nil || len(r.byKey) >= maxRooms {
		r.byKey = make(map[Key]room)
	}
	r.byKey[a.Key] = room{bytes, time.Now().Add(roomFor)}
}

// forget is for a write, which changes it.
func (r *rooms) forget(key Key) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byKey, key)
}

// enough reports whether the account had room for so many bytes, and how much.
func (r *rooms) enough(key Key, size int64) (bytes int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	one, found := r.byKey[key]
	return one.bytes, found && time.Now().Before(one.until) && (one.bytes < 0 || one.bytes >= size)
}
