package store

import (
	"context"
	"sync"
	"time"

	"fachwerk/internal/store/meta"
)

// hints tells watchers that an account may have changed: at once for what this
// process committed, in moments for what other processes did, where the database
// carries hints, and by polling in any case. A hint carries no data and may be lost
// or doubled.
type hints struct {
	s       *Store
	tick    time.Duration
	compare chan struct{} // asks for a comparison now

	mu       sync.Mutex
	accounts map[Key]*watched
	asked    map[*site]bool // that have not answered the last question yet
}

type watched struct {
	modseq   int64 // last one seen by polling or announced
	watchers map[*watcher]struct{}
}

type watcher struct{ f func() }

func newHints(s *Store, tick time.Duration) *hints {
	return &hints{s: s, tick: tick, compare: make(chan struct{}, 1), accounts: make(map[Key]*watched), asked: make(map[*site]bool)}
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

// announce tells the watchers of an account, in other processes too, and answers how
// many there are in this one. Call it after COMMIT only.
func (s *Store) announce(key Key) int {
	if at := s.near(key.Tenant); at != nil {
		at.carried.add(key)
	}
	return s.hints.tell(key)
}

// announceQueue tells those who deliver that the queue may have work.
func (s *Store) announceQueue() {
	for _, at := range s.sites {
		at.carried.addQueue()
	}
	s.queued.ring()
}

// tell tells this process's watchers of an account, and answers how many there are.
func (h *hints) tell(key Key) int {
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
	return len(tell)
}

// poll compares the modseqs of watched accounts until ctx ends, and hears of other
// processes' changes in between.
func (h *hints) poll(ctx context.Context) {
	var carrying, asking sync.WaitGroup
	defer carrying.Wait()
	defer asking.Wait()
	shared := 0
	for _, at := range h.s.sites {
		if c, ok := at.db.Carrier(); ok {
			shared++
			carrying.Go(func() { h.carry(ctx, at, c) })
		}
	}
	ticker := time.NewTicker(h.tick / 2)
	defer ticker.Stop()
	for half := false; ; half = !half {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			// Twice as often where other processes would be heard and are not.
			if half && h.listening() == shared {
				continue
			}
		case <-h.compare:
		}
		h.ask(ctx, &asking)
	}
}

// listening is how many sites' databases carry hints now.
func (h *hints) listening() (n int) {
	for _, at := range h.s.sites {
		if at.carried.isUp() {
			n++
		}
	}
	return n
}

// ask asks every site for its watched accounts and waits for none: one that is away
// keeps no other's people waiting, and is not asked again before it has answered.
func (h *hints) ask(ctx context.Context, asking *sync.WaitGroup) {
	bySite := map[*site][]Key{}
	for _, key := range h.keys() {
		at := h.s.near(key.Tenant)
		if at == nil { // nobody would watch it here, but for a tenant that is going
			at = h.s.at(ctx, key.Tenant)
		}
		bySite[at] = append(bySite[at], key)
	}
	for at, keys := range bySite {
		if !h.begin(at) {
			continue
		}
		asking.Go(func() {
			defer h.end(at)
			modseqs, err := at.db.AccountModSeqs(ctx, keys)
			if err != nil {
				h.s.log.Debug("polling for changes failed", "site", at.Name, "err", err)
				return
			}
			for key, modseq := range modseqs {
				if h.moved(key, modseq) {
					h.tell(key)
				}
			}
		})
	}
}

// begin reports whether a site may be asked.
func (h *hints) begin(at *site) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.asked[at] {
		return false
	}
	h.asked[at] = true
	return true
}

func (h *hints) end(at *site) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.asked, at)
}

// pauses between attempts to carry hints again.
const (
	carryAgain   = 200 * time.Millisecond
	carryAgainBy = 5 * time.Second
)

// carry exchanges hints with other processes by a site's database until ctx ends. While it cannot,
// polling alone finds their changes.
func (h *hints) carry(ctx context.Context, at *site, c meta.Carrier) {
	pause := carryAgain
	up := true
	for ctx.Err() == nil {
		err := c.Carry(ctx, meta.Hints{
			Connected: func() {
				if !up {
					h.s.log.Info("hints of other processes are heard again", "site", at.Name)
				}
				up, pause = true, carryAgain
				at.carried.open()
				select { // what happened meanwhile was not heard
				case h.compare <- struct{}{}:
				default:
				}
			},
			Heard: func(text string) { h.heard(at, text) }, Wake: at.carried.wake, Say: at.carried.say,
		})
		at.carried.close()
		if ctx.Err() != nil {
			return
		}
		if up {
			up = false
			h.s.log.Warn("hints of other processes are not heard, polling goes on", "site", at.Name, "err", err)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, carryAgainBy)
	}
}

// heard tells this process's watchers what another one has said.
func (h *hints) heard(at *site, text string) {
	said := at.carried.read(text)
	for _, key := range said.accounts {
		h.tell(key)
	}
	if said.queue {
		h.s.queued.ring()
	}
	if said.directory {
		select {
		case h.s.changed <- struct{}{}:
		default:
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
