package idp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/auth"
)

// A few argon2 runs at a time, a bounded queue, and nobody waits for ever.
func TestGate(t *testing.T) {
	g := newGate(2, 6, time.Hour)
	var wait sync.WaitGroup
	var busy atomic.Int64
	start := make(chan struct{})
	for n := range 20 {
		wait.Go(func() {
			<-start
			if _, err := g.verify(context.Background(), fmt.Sprint(n), false, "", "x"); errors.Is(err, errBusy) {
				busy.Add(1)
			}
		})
	}
	close(start)
	wait.Wait()
	if busy.Load() == 0 || busy.Load()+g.runs.Load() != 20 {
		t.Errorf("%d were sent away, %d ran", busy.Load(), g.runs.Load())
	}
	impatient := newGate(1, 10, time.Millisecond)
	impatient.strangers.turns <- struct{}{}
	if _, err := impatient.verify(context.Background(), "n", false, annaPHC(), annaPass); !errors.Is(err, errBusy) {
		t.Errorf("with all turns taken: %v", err)
	}
	if l := impatient.strangers; l.waiting != 0 || len(l.of) != 0 {
		t.Errorf("after all have left %d wait, of %v", l.waiting, l.of)
	}
}

// A network has a share of the queue; those who are known have a queue of their own.
func TestGateShares(t *testing.T) {
	g := newGate(2, 64, time.Hour)
	g.strangers.turns <- struct{}{} // nobody gets on
	ctx, end := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer end()
	for range strangersShare {
		waiting.Go(func() { _, _ = g.verify(ctx, "one", false, "", "x") })
	}
	wait(t, "the share is taken", func() bool {
		g.strangers.mu.Lock()
		defer g.strangers.mu.Unlock()
		return g.strangers.of["one"] == strangersShare
	})
	if _, err := g.verify(ctx, "one", false, "", "x"); !errors.Is(err, errShare) {
		t.Errorf("one more of the network: %v", err)
	}
	if ok, err := g.verify(ctx, "one", true, annaPHC(), annaPass); !ok || err != nil {
		t.Errorf("who is known there: %v, %v", ok, err)
	}
	waiting.Go(func() { _, _ = g.verify(ctx, "two", false, "", "x") })
	wait(t, "another network has a share too", func() bool {
		g.strangers.mu.Lock()
		defer g.strangers.mu.Unlock()
		return g.strangers.of["two"] == 1
	})
}

// from makes a browser that comes from an address.
func from(t *testing.T, address string) browser {
	b := newBrowser(t)
	b.Transport = headers{"X-From": address}
	return b
}

// floodHouse believes what from says.
func floodHouse(t *testing.T, limits auth.ThrottleLimits) *house {
	clock := &clock{}
	h := newHouse(t, func(c *Config) {
		c.Throttle = auth.NewThrottle(limits, clock.now)
		c.Remote = func(r *http.Request) netip.Addr {
			a, _ := netip.ParseAddr(r.Header.Get("X-From"))
			return a
		}
	})
	h.idp.gate.patient = time.Hour // a slow machine is no fault
	return h
}

// Eighty connections of one network that guess passwords keep nobody out: neither who
// has signed in before, nor who signs in for the first time, from elsewhere.
func TestFloodOfOneNetwork(t *testing.T) {
	h := floodHouse(t, auth.ThrottleLimits{PerNetwork: 1 << 30, PerAccount: 1 << 30}) // the queue alone
	known := from(t, "198.51.100.7")
	h.signIn(known)
	flood := from(t, "192.0.2.10")
	page := flood.get(h.portal + "/start?to=/whoami")
	var guessing sync.WaitGroup
	var over atomic.Bool
	var late, others atomic.Int64
	for n := range 80 {
		guessing.Go(func() {
			for !over.Load() {
				switch status := flood.login(page, fmt.Sprintf("nobody%d@musterstadt.example", n), "a guess").StatusCode; status {
				case http.StatusUnauthorized:
				case http.StatusTooManyRequests:
					late.Add(1)
					time.Sleep(10 * time.Millisecond) // the machine has more to do than to refuse
				default:
					others.Add(1)
				}
			}
		})
	}
	wait(t, "the flood is there", func() bool { return late.Load() > 80 })
	for what, b := range map[string]browser{"known": known, "new": from(t, "203.0.113.5")} {
		for range 2 {
			b.Jar = newBrowser(t).Jar // without the session, and without the device's cookie
			if end := b.login(b.get(h.portal+"/start?to=/whoami"), anna, annaPass); end.body != anna {
				t.Errorf("%s: %d %s", what, end.StatusCode, end.body)
			}
		}
	}
	over.Store(true)
	guessing.Wait()
	if n := others.Load(); n != 0 {
		t.Errorf("%d guesses were answered otherwise than 401 and 429", n)
	}
}

// Who is over the network's share is counted, and so is who waits: nobody guesses more
// by guessing all at once.
func TestFloodIsCounted(t *testing.T) {
	const guesses = 6
	h := floodHouse(t, auth.ThrottleLimits{PerNetwork: guesses, PerAccount: 1 << 30})
	flood := from(t, "192.0.2.10")
	page := flood.get(h.portal + "/start?to=/whoami")
	h.idp.gate.strangers.turns <- struct{}{} // nobody gets on
	var guessing sync.WaitGroup
	for range strangersShare {
		guessing.Go(func() { flood.login(page, "nobody@musterstadt.example", "a guess") })
	}
	l := h.idp.gate.strangers
	wait(t, "the share is taken", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.waiting == strangersShare
	})
	status := func() int { return flood.login(page, "nobody@musterstadt.example", "a guess").StatusCode }
	for range guesses - strangersShare {
		if got := status(); got != http.StatusTooManyRequests {
			t.Errorf("over the share: %d", got)
		}
	}
	<-h.idp.gate.strangers.turns
	guessing.Wait()
	runs := h.idp.gate.runs.Load()
	if got := status(); got != http.StatusTooManyRequests || h.idp.gate.runs.Load() != runs || runs != strangersShare {
		t.Errorf("after the budget: %d, %d runs", got, h.idp.gate.runs.Load())
	}
}
