package auth

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// watchEvery is how often each login that is open is looked up, once however
// many connections it has. With the time of one round it stays under the five
// seconds promised.
const watchEvery = 2 * time.Second

// watchAtOnce is how many lookups run at a time: 10,000 open logins at half a
// millisecond each take less than a second. A store that answers for many at once is
// asked for watchTogether of them.
const (
	watchAtOnce   = 8
	watchTogether = 512
)

// Login is one that is open: an account, and the app password that opened it or 0.
type Login struct {
	AccountRef
	AppPassword int64
}

// ManyChanges is a Changes that answers for many logins in one round trip.
type ManyChanges interface {
	// AliveOf is Alive of each.
	AliveOf(ctx context.Context, logins []Login) ([]bool, error)
}

// watches tells open connections that their login has ended. One goroutine
// asks for all of them.
type watches struct {
	store Changes
	now   func() time.Time
	log   *slog.Logger
	// bindings tells which issuers still open which tenants; nil: whoever is known.
	bindings func(context.Context) (*bound, error)

	mu     sync.Mutex
	logins map[loginKey]map[*watcher]struct{}

	hints chan loginKey
	quit  chan struct{}
	done  chan struct{}
	once  sync.Once
}

type watcher struct {
	ended   chan struct{}
	expires time.Time
	issuer  string // whose token it was, "" if none
}

func newWatches(store Changes, bindings func(context.Context) (*bound, error), now func() time.Time, log *slog.Logger) *watches {
	w := &watches{
		store: store, bindings: bindings, now: now, log: log,
		logins: map[loginKey]map[*watcher]struct{}{},
		hints:  make(chan loginKey, 256),
		quit:   make(chan struct{}), done: make(chan struct{}),
	}
	go w.run()
	return w
}

// Watch tells when a login has ended: ended is closed within five seconds
// after the app password was revoked or expired, the person was disabled, the
// token ran out, or its issuer was unbound from the tenant. stop, or the end of ctx, gives the watch up; stop may be
// called more than once and must be called.
func (a *Authenticator) Watch(ctx context.Context, p *Principal) (ended <-chan struct{}, stop func()) {
	w := a.watches
	me := &watcher{ended: make(chan struct{}), expires: p.Expires}
	if p.Method == ByBearer {
		me.issuer = p.Issuer
	}
	key := loginKey{AccountRef{p.Tenant, p.Account}, p.AppPassword}
	w.mu.Lock()
	if w.logins[key] == nil {
		w.logins[key] = map[*watcher]struct{}{}
	}
	w.logins[key][me] = struct{}{}
	w.mu.Unlock()
	remove := func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.remove(key, me)
	}
	unhook := context.AfterFunc(ctx, remove)
	return me.ended, func() { unhook(); remove() }
}

// remove forgets a watcher; the lock is held.
func (w *watches) remove(key loginKey, me *watcher) {
	delete(w.logins[key], me)
	if len(w.logins[key]) == 0 {
		delete(w.logins, key)
	}
}

// hint has a login looked up at once. A hint that finds the queue full is
// dropped: the next round finds it.
func (w *watches) hint(ref AccountRef, appPassword int64) {
	select {
	case w.hints <- loginKey{ref, appPassword}:
	default:
	}
}

func (w *watches) run() {
	defer close(w.done)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.quit:
			return
		case h := <-w.hints:
			w.look(func(k loginKey) bool {
				return k.AccountRef == h.AccountRef && (h.appPassword == 0 || k.appPassword == h.appPassword)
			})
		case <-tick.C:
			w.look(func(loginKey) bool { return true })
		}
	}
}

// look asks after the logins chosen and ends those that are over.
func (w *watches) look(chosen func(loginKey) bool) {
	keys, tokens := w.chosen(chosen)
	if tokens {
		w.unbound()
	}
	if many, ok := w.store.(ManyChanges); ok {
		w.lookTogether(many, keys)
		return
	}
	var next, failed atomic.Int64
	var wait sync.WaitGroup
	for range min(watchAtOnce, len(keys)) {
		wait.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= len(keys) || failed.Load() >= watchAtOnce || w.closing() {
					return
				}
				if !w.lookup(keys[n]) {
					failed.Add(1)
				}
			}
		})
	}
	wait.Wait()
	if failed.Load() > 0 {
		w.expire()
	}
}

// lookTogether is look for a store that answers for many at once.
func (w *watches) lookTogether(many ManyChanges, keys []loginKey) {
	for some := range slices.Chunk(keys, watchTogether) {
		logins := make([]Login, len(some))
		for i, k := range some {
			logins[i] = Login{k.AccountRef, k.appPassword}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		alive, err := many.AliveOf(ctx, logins)
		cancel()
		if err != nil || len(alive) != len(some) {
			w.log.Warn("open logins could not be looked up", "err", err)
			w.expire()
			return
		}
		for i, k := range some {
			w.end(k, !alive[i])
		}
		if w.closing() {
			return
		}
	}
}

// chosen gives the logins chosen, and whether any of them is by a token.
func (w *watches) chosen(chosen func(loginKey) bool) (keys []loginKey, tokens bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	keys = make([]loginKey, 0, len(w.logins))
	for k, watchers := range w.logins {
		if !chosen(k) {
			continue
		}
		keys = append(keys, k)
		for me := range watchers {
			tokens = tokens || me.issuer != ""
		}
	}
	return keys, tokens
}

// unbound ends logins by tokens of issuers that are bound to the tenant no more. A
// directory that is away ends nobody's.
func (w *watches) unbound() {
	if w.bindings == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), bindingsPatience)
	defer cancel()
	b, err := w.bindings(ctx)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, watchers := range w.logins {
		for me := range watchers {
			if me.issuer == "" {
				continue
			}
			if _, ok := b.binding(me.issuer, key.Tenant); !ok {
				close(me.ended)
				w.remove(key, me)
			}
		}
	}
}

// lookup asks after one login; false if the store could not say. A store that
// is away ends nobody's login: it does not say that it has ended.
func (w *watches) lookup(k loginKey) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	alive, err := w.store.Alive(ctx, k.AccountRef, k.appPassword)
	if err != nil {
		w.log.Warn("an open login could not be looked up", "err", err)
		return false
	}
	w.end(k, !alive)
	return true
}

func (w *watches) closing() bool {
	select {
	case <-w.quit:
		return true
	default:
		return false
	}
}

// end closes the watchers of a login: all, or those that have expired.
func (w *watches) end(key loginKey, all bool) {
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for me := range w.logins[key] {
		if all || (!me.expires.IsZero() && !now.Before(me.expires)) {
			close(me.ended)
			w.remove(key, me)
		}
	}
}

// expire ends what has expired, without the store.
func (w *watches) expire() {
	w.mu.Lock()
	keys := make([]loginKey, 0, len(w.logins))
	for k := range w.logins {
		keys = append(keys, k)
	}
	w.mu.Unlock()
	for _, k := range keys {
		w.end(k, false)
	}
}

func (w *watches) close() {
	w.once.Do(func() { close(w.quit) })
	<-w.done
}
