package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// A right app password is remembered for a moment, so that a client that
// opens many connections at once costs one read. The moment is short enough
// that a password revoked through another process is refused within the five
// seconds promised; in this process revocation forgets it at once.
const (
	recentFor = 2 * time.Second
	recentMax = 4096
)

type recentKey [sha256.Size]byte

// recent remembers logins under a keyed hash of name and secret: the memory
// of the process holds neither.
type recent struct {
	secret [32]byte
	now    func() time.Time

	mu      sync.Mutex
	entries map[recentKey]recentEntry
	// forgotten counts calls of forget, so that a check that began before a
	// revocation is not remembered after it.
	forgotten uint64
}

type recentEntry struct {
	verified
	until time.Time
}

func newRecent(now func() time.Time) *recent {
	r := &recent{now: now, entries: map[recentKey]recentEntry{}}
	_, _ = rand.Read(r.secret[:])
	return r
}

func (r *recent) key(username, password string) (k recentKey) {
	m := hmac.New(sha256.New, r.secret[:])
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(username)))
	m.Write(n[:])
	m.Write([]byte(username))
	m.Write([]byte(password))
	m.Sum(k[:0])
	return k
}

// epoch is taken before a check and handed to put.
func (r *recent) epoch() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.forgotten
}

func (r *recent) get(k recentKey) (verified, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.entries[k]
	now := r.now()
	if !ok || now.After(e.until) || (!e.password.Expires.IsZero() && !now.Before(e.password.Expires)) {
		return verified{}, false
	}
	return e.verified, true
}

func (r *recent) put(k recentKey, v verified, epoch uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if epoch != r.forgotten {
		return
	}
	now := r.now()
	if len(r.entries) >= recentMax {
		for old, e := range r.entries {
			if now.After(e.until) {
				delete(r.entries, old)
			}
		}
		if len(r.entries) >= recentMax {
			clear(r.entries) // costs each one read more
		}
	}
	// until counts from before the check could have read a stale row by no
	// more than the check took; the promise has seconds to spare.
	r.entries[k] = recentEntry{v, now.Add(recentFor)}
}

func (r *recent) forget(ref AccountRef, appPassword int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgotten++
	for k, e := range r.entries {
		if e.person.AccountRef == ref && (appPassword == 0 || e.password.ID == appPassword) {
			delete(r.entries, k)
		}
	}
}
