package dav

import (
	"context"
	"net/http"
	"sync"
	"time"

	"fachwerk/auth"
)

// turns lets a person have a number of requests at a time; others wait a while.
type turns struct {
	limit int
	mu    sync.Mutex
	held  map[auth.AccountRef]*turn
}

type turn struct {
	slots chan struct{}
	users int // that hold or wait; the entry goes with the last
}

// enter waits for a turn; leave gives it back. Too many are answered 429 (RFC 6585
// section 4), which clients understand better than a wait without end.
func (t *turns) enter(ctx context.Context, p *auth.Principal, wait time.Duration) (leave func(), err error) {
	ref := auth.AccountRef{Tenant: p.Tenant, Account: p.Account}
	t.mu.Lock()
	if t.held == nil {
		t.held = map[auth.AccountRef]*turn{}
	}
	own := t.held[ref]
	if own == nil {
		own = &turn{slots: make(chan struct{}, t.limit)}
		t.held[ref] = own
	}
	own.users++
	t.mu.Unlock()
	leave = func() {
		<-own.slots
		t.forget(ref, own)
	}
	select {
	case own.slots <- struct{}{}:
		return leave, nil
	default:
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case own.slots <- struct{}{}:
		return leave, nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-timer.C:
		err = later(http.StatusTooManyRequests, 5, "You have too many requests under way at once.")
	}
	t.forget(ref, own)
	return nil, err
}

func (t *turns) forget(ref auth.AccountRef, own *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own.users--; own.users == 0 {
		delete(t.held, ref)
	}
}
