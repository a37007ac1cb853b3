package auth

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Uses of an app password are written at most once in this time.
const touchEvery = time.Minute

// touchesMax bounds what is remembered and what waits to be written; beyond,
// uses go unnoted until there is room.
const touchesMax = 1 << 16

type loginKey struct {
	AccountRef
	appPassword int64
}

// touches notes last uses in the background: login never waits for them.
type touches struct {
	store AppPasswords
	now   func() time.Time
	log   *slog.Logger

	mu    sync.Mutex
	last  map[loginKey]time.Time
	queue chan touch
	quit  chan struct{}
	done  chan struct{}
	once  sync.Once
}

type touch struct {
	loginKey
	by string
}

func newTouches(store AppPasswords, now func() time.Time, log *slog.Logger) *touches {
	t := &touches{
		store: store, now: now, log: log,
		last: map[loginKey]time.Time{}, queue: make(chan touch, 1024),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	go t.run()
	return t
}

func (t *touches) note(ref AccountRef, id int64, by string) {
	key, now := loginKey{ref, id}, t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.last[key]; ok && now.Sub(last) < touchEvery {
		return
	}
	if len(t.last) >= touchesMax {
		for k, last := range t.last {
			if now.Sub(last) >= touchEvery {
				delete(t.last, k)
			}
		}
		if len(t.last) >= touchesMax {
			return
		}
	}
	select {
	case t.queue <- touch{key, by}:
		t.last[key] = now
	default: // the next use notes it
	}
}

func (t *touches) run() {
	defer close(t.done)
	for {
		select {
		case u := <-t.queue:
			t.write(u)
		case <-t.quit:
			for {
				select {
				case u := <-t.queue:
					t.write(u)
				default:
					return
				}
			}
		}
	}
}

func (t *touches) write(u touch) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := t.store.TouchAppPassword(ctx, u.AccountRef, u.appPassword, u.by); err != nil {
		t.log.Debug("last use was not noted", "account", u.Account, "err", err)
	}
}

func (t *touches) close() {
	t.once.Do(func() { close(t.quit) })
	<-t.done
}
