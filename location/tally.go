package location

import (
	"context"
	"sync"
	"time"
)

// maxTallied bounds of how many tenants a Tally remembers what was counted.
const maxTallied = 1000

// Tally is a Counter that remembers what it counted last of each tenant: what awaits
// erasure is counted row by row, which takes a second where there are a million. What
// one person has is counted each time.
type Tally struct {
	counter Counter
	now     func() time.Time

	mu   sync.Mutex
	last map[Of]*tallied
}

// tallied is the last count of a tenant. Whoever holds turn may count, or read it.
type tallied struct {
	turn    chan struct{}
	counted Counted
	at      time.Time // when it was begun; zero: there is none
}

// NewTally remembers what a Counter counts; now nil is time.Now.
func NewTally(c Counter, now func() time.Time) *Tally {
	if now == nil {
		now = time.Now
	}
	return &Tally{counter: c, now: now, last: map[Of]*tallied{}}
}

var _ Counter = (*Tally)(nil)

// Count counts anew.
func (t *Tally) Count(ctx context.Context, of Of) (Counted, error) {
	counted, _, err := t.Recent(ctx, of, 0)
	return counted, err
}

// Recent is a count that was begun less than an age ago, and when it was. Those who ask
// while somebody counts wait for it and share it if it is recent enough; if it fails,
// the next of them counts. Nothing in it may be changed.
func (t *Tally) Recent(ctx context.Context, of Of, age time.Duration) (Counted, time.Time, error) {
	if of.Person != 0 {
		at := t.now()
		counted, err := t.counter.Count(ctx, of)
		return counted, at, err
	}
	last := t.of(of)
	select {
	case last.turn <- struct{}{}:
		defer func() { <-last.turn }()
	case <-ctx.Done():
		return Counted{}, time.Time{}, ctx.Err()
	}
	at := t.now()
	if !last.at.IsZero() && at.Sub(last.at).Abs() < age {
		return last.counted, last.at, nil
	}
	counted, err := t.counter.Count(ctx, of)
	if err != nil {
		return Counted{}, time.Time{}, err
	}
	if len(counted.Notes) == 0 { // what could not be counted is looked for again
		last.counted, last.at = counted, at
	}
	return counted, at, nil
}

func (t *Tally) of(of Of) *tallied {
	t.mu.Lock()
	defer t.mu.Unlock()
	last, ok := t.last[of]
	if !ok {
		if len(t.last) >= maxTallied {
			clear(t.last)
		}
		last = &tallied{turn: make(chan struct{}, 1)}
		t.last[of] = last
	}
	return last
}
