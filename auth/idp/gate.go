package idp

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// errBusy says that too many are waiting.
	errBusy = errors.New("too many logins at a time")
	// errShare says that too many from the same network are.
	errShare = errors.New("too many logins at a time from one network")
)

// A lane is a queue in which logins wait for their turn. Those of people who come from
// where they have been before have one of their own: what strangers send, from however
// many places, they do not wait for.
type lane struct {
	turns chan struct{} // argon2 runs at a time
	share int           // of the queue, for one network

	mu      sync.Mutex
	waiting int            // or at work
	of      map[string]int // the same, by network; none at 0
}

func newLane(turns, share int) *lane {
	return &lane{turns: make(chan struct{}, turns), share: share, of: map[string]int{}}
}

// gate lets only a few argon2 runs happen at once, and only some wait, of each network a
// few: a flood of logins costs bounded memory and time, and keeps nobody elsewhere out.
type gate struct {
	known, strangers *lane
	queue            int // of each lane
	patient          time.Duration
	runs             atomic.Int64 // so that a test can count
	hashed           func()       // told of each run; nil: nobody is
}

// Shares of a lane's queue. In an office where everybody signs in at eight o'clock most
// are known.
const (
	strangersShare = 4
	knownShare     = 16
)

// newGate makes one of two lanes, each with half of the turns; a single run keeps several
// cores busy.
func newGate(atOnce, queue int, patient time.Duration) *gate {
	each := max(1, atOnce/2)
	return &gate{known: newLane(each, knownShare), strangers: newLane(each, strangersShare), queue: queue, patient: patient}
}

// enter takes a place in the queue; leave gives it back.
func (l *lane) enter(network string, queue int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.of[network] >= l.share:
		return errShare
	case l.waiting >= queue:
		return errBusy
	}
	l.waiting++
	l.of[network]++
	return nil
}

func (l *lane) leave(network string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting--
	if l.of[network]--; l.of[network] == 0 {
		delete(l.of, network)
	}
}

// verify is VerifyPassword in turn. phc empty means that nobody has that name, or no
// password: the work is the same and the answer no. known says that the person has signed
// in from there before.
func (g *gate) verify(ctx context.Context, network string, known bool, phc, password string) (bool, error) {
	l := g.strangers
	if known {
		l = g.known
	}
	if err := l.enter(network, g.queue); err != nil {
		return false, err
	}
	defer l.leave(network)
	ctx, cancel := context.WithTimeout(ctx, g.patient)
	defer cancel()
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	case <-ctx.Done():
		return false, errBusy
	}
	g.runs.Add(1)
	if g.hashed != nil {
		g.hashed()
	}
	there := phc != ""
	if !there {
		phc = nobody
	}
	ok, err := VerifyPassword(phc, password)
	return ok && there, err
}
