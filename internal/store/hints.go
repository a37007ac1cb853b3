package store

import (
	"context"
	"sync"
	"time"
)

// hints tells watchers that an account may have changed: at once for what this
// process committed, by polling for what others did. A hint carries no data and
// may be lost or doubled.
type hints struct {
	s    *Store
	tick time.Duration

	mu       sync.Mutex
	accounts map[Key]*watched
}

type watched struct {
	modseq   int64 // last one seen by polling or announced
	watchers map[*watcher]struct{}
}

type watcher struct{ f func() }

func newHints(s *Store, tick time.Duration) *hints {
	return &hints{s: s, tick: tick, accounts: make(map[Key]*watched)}
}

// Watch calls f whenever the account may have changed, until stop is called.
// f must not block; it may be called from any goroutine, and once more while
// stop is returning.
func (s *Store) Watch(key Key, f func()) (stop func()) {
	h, w := s.hints, &watcher{f: f}
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[key]
	if a == nil {
		a = &watched{watchers: make(map[*watcher]struct{})}
		h.accounts[key] = a
	}
	a.watchers[w] = struct{}{}
	return func() { h.remove(key, w) }
}

func (h *hints) remove(key Key, w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[key]
	if a == nil {
		return
	}
	if delete(a.watchers, w); len(a.watchers) == 0 {
		delete(h.accounts, key)
	}
}

// announce tells the watchers of an account. Call it after COMMIT only.
func (s *Store) announce(key Key) {
	h := s.hints
	h.mu.Lock()
	var tell []*watcher
	if a := h.accounts[key]; a != nil {
		for w := range a.watchers {
			tell = append(tell, w)
		}
	}
	h.mu.Unlock()
	for _, w := range tell {
		w.f()
	}
}

// poll compares the modseqs of watched accounts until ctx ends.
func (h *hints) poll(ctx context.Context) {
	ticker := time.NewTicker(h.tick)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		keys := h.keys()
		if len(keys) == 0 {
			continue
		}
		modseqs, err := h.s.db.AccountModSeqs(ctx, keys)
		if err != nil {
			h.s.log.Debug("polling for changes failed", "err", err)
			continue
		}
		for key, modseq := range modseqs {
			if h.moved(key, modseq) {
				h.s.announce(key)
			}
		}
	}
}

func (h *hints) keys() []Key {
	h.mu.Lock()
	defer h.mu.Unlock()
	keys := make([]Key, 0, len(h.accounts))
	for key := range h.accounts {
		keys = append(keys, key)
	}
	return keys
}

// moved notes the modseq and reports whether it differs from the one before.
// The first comparison counts as a move: a change may lie between the watcher's
// own read and it.
func (h *hints) moved(key Key, modseq int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[key]
	if a == nil || a.modseq == modseq {
		return false
	}
	a.modseq = modseq
	return true
}

// bell is one hint without an account.
type bell struct {
	mu        sync.Mutex
	listeners map[*watcher]struct{}
}

func (b *bell) listen(f func()) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listeners == nil {
		b.listeners = make(map[*watcher]struct{})
	}
	w := &watcher{f: f}
	b.listeners[w] = struct{}{}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.listeners, w)
	}
}

func (b *bell) ring() {
	b.mu.Lock()
	tell := make([]*watcher, 0, len(b.listeners))
	for w := range b.listeners {
		tell = append(tell, w)
	}
	b.mu.Unlock()
	for _, w := range tell {
		w.f()
	}
}
