package meta

import (
	"errors"
	"runtime/debug"
	"sync"
	"time"
)

// errClosed is answered to writers that come after Close.
var errClosed = errors.New("metadata store is closed")

// lanes are the queues in which writers wait in this process, before they take a
// connection: one for each account or, where the engine has one writer, one for
// all. A lane has a goroutine while it has jobs.
type lanes struct {
	db     *DB
	shared bool

	mu      sync.Mutex
	queues  map[Key][]*pending // a key that is present has a running goroutine
	closed  bool
	running sync.WaitGroup
}

func (l *lanes) init(db *DB, shared bool) {
	l.db, l.shared, l.queues = db, shared, map[Key][]*pending{}
}

func (l *lanes) put(p *pending) error {
	var lane Key
	if !l.shared {
		lane = p.key
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed
	}
	queue, running := l.queues[lane]
	l.queues[lane] = append(queue, p)
	if !running {
		l.running.Go(func() { l.run(lane) })
	}
	return nil
}

// run commits group after group until the lane is empty.
func (l *lanes) run(lane Key) {
	for {
		l.mu.Lock()
		group, rest := take(l.queues[lane])
		if len(group) == 0 {
			delete(l.queues, lane)
			l.mu.Unlock()
			return
		}
		l.queues[lane] = rest
		l.mu.Unlock()
		l.db.commit(group)
		l.gather(lane, len(group))
	}
}

// gather, where a transaction travels to a server, gives writers who have just been answered a moment to come with their next
// job. Without it groups are large and small by turns, because the next transaction
// would begin before they are heard.
func (l *lanes) gather(lane Key, last int) {
	for n := 0; n < gatherSteps && last > 1 && !l.shared; n++ {
		l.mu.Lock()
		come := len(l.queues[lane])
		l.mu.Unlock()
		if come >= last {
			return
		}
		time.Sleep(gatherPause)
	}
}

const (
	gatherSteps = 4
	gatherPause = 50 * time.Microsecond
)

// A group is bounded, so that none waits long for the others.
const (
	maxGroup  = 128
	maxWeight = 2000
)

// take splits off the jobs of the next transaction, in order.
func take(queue []*pending) (group, rest []*pending) {
	sum := 0
	holders := map[Key]bool{} // accounts in the group → whether theirs is alone
	for n, p := range queue {
		lonely, present := holders[p.key]
		heavy := sum+weight(p.job) > maxWeight && len(group) > 0
		if heavy || len(group) == maxGroup || present && (lonely || alone(p.job)) {
			return group, queue[n:]
		}
		if !p.state.CompareAndSwap(waiting, taken) {
			continue // its caller has left
		}
		sum += weight(p.job)
		holders[p.key] = alone(p.job)
		group = append(group, p)
	}
	return group, nil
}

// close waits until the lanes are empty; no job comes in any more.
func (l *lanes) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.running.Wait()
}

func stack() string { return string(debug.Stack()) }
