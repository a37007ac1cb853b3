package queue

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"fachwerk/internal/store"
	"fachwerk/mail"
)

// Config is what a Queue stands on. Zero durations and counts take the defaults.
type Config struct {
	Store *store.Store
	Mail  *mail.Service

	// Smarthost takes all mail that is not local. Nil: such mail waits, and
	// expires with a notification.
	Smarthost *Smarthost
	// Hostname is this server's name in EHLO and in notifications.
	Hostname string

	// Schedule are the waits after the first, second … failed attempt; the last
	// one repeats. Default: 1, 5, 15 minutes, 1, 2, 4 hours.
	Schedule []time.Duration
	// Lifetime is how long delivery is tried; default 4 days (RFC 5321 4.5.4.1).
	Lifetime time.Duration
	// DelayNotice is after how long the sender hears of a delay; default 4
	// hours, negative: never.
	DelayNotice time.Duration
	// Lease is the longest attempt from its turn on, to which each 16 KiB of the message
	// add a second, and twice the longest wait for a turn; default 10 minutes.
	Lease time.Duration
	// Claim is how long a claim lasts unless it is renewed, which it is as long
	// as its attempts go on: the longest wait after a crash; default 2 minutes,
	// and never longer than Lease. A message that the smarthost has whole is held for
	// Lease: as long may the database be away until somebody else sends it again.
	Claim time.Duration
	// Local and Remote are how many messages are delivered at a time here and
	// to the smarthost; default 8 each.
	Local, Remote int
	// Grace is how long deliveries here that are under way may take when Run is told
	// to end; default 15 seconds. What is being sent to the smarthost ends at once.
	Grace time.Duration
	// Answer is how long Run, told to end, waits for the smarthost's answers to messages
	// that it has whole, for those would be sent twice; default 1 minute.
	Answer time.Duration

	// Dial connects to the smarthost; nil takes a dialer that checks the
	// resolved address. For tests and proxies.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Now is the clock of dates and of expiry; nil takes time.Now. Due times
	// are the database's.
	Now     func() time.Time
	Metrics Metrics
	Log     *slog.Logger
}

// Metrics are called as things happen; nil ones are not.
type Metrics struct {
	// Attempt is called for each recipient tried: hop "local" or "remote",
	// outcome "delivered", "temporary" or "failed".
	Attempt func(hop, outcome string)
	// Report is called for each notification: "failed", "delayed", "delivered".
	Report func(kind string)
}

// Queue is the outbound queue. It is safe for concurrent use; one or more
// processes may run it on the same store.
type Queue struct {
	cfg   Config
	store *store.Store
	mail  *mail.Service
	log   *slog.Logger
	now   func() time.Time

	leases        leases
	unnoted       unnoted
	wake          chan struct{}
	local, remote *slots

	asking atomic.Bool // when the next recipient is due
	missed atomic.Bool // somebody wanted to ask meanwhile
	asks   sync.WaitGroup
}

const (
	claimSize    = 100      // recipients claimed at a time
	slowest      = 16 << 10 // bytes a second, below which an attempt is given up
	longestSleep = 30 * time.Second
	// fullSleep is how long a queue waits at most that has left some tenant's mail out:
	// each attempt that ends wakes it.
	fullSleep = time.Second
)

// New checks the configuration and makes a queue. Add works at once; delivery
// needs Run.
func New(cfg Config) (*Queue, error) {
	if cfg.Store == nil || cfg.Mail == nil || cfg.Hostname == "" {
		return nil, errors.New("queue: store, mail service and host name are needed")
	}
	if err := cfg.Smarthost.check(); err != nil {
		return nil, err
	}
	if len(cfg.Schedule) == 0 {
		cfg.Schedule = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour}
	}
	defaults := []struct {
		value *time.Duration
		to    time.Duration
	}{
		{&cfg.Lifetime, 4 * 24 * time.Hour}, {&cfg.DelayNotice, 4 * time.Hour},
		{&cfg.Lease, 10 * time.Minute}, {&cfg.Claim, 2 * time.Minute}, {&cfg.Grace, 15 * time.Second},
		{&cfg.Answer, time.Minute},
	}
	for _, d := range defaults {
		if *d.value == 0 {
			*d.value = d.to
		}
	}
	if cfg.Local <= 0 {
		cfg.Local = 8
	}
	if cfg.Remote <= 0 {
		cfg.Remote = 8
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Dial == nil && cfg.Smarthost != nil {
		cfg.Dial = (&dialer{networks: cfg.Smarthost.Networks}).dial
	}
	return &Queue{
		cfg: cfg, store: cfg.Store, mail: cfg.Mail, log: cfg.Log.With("part", "queue"), now: cfg.Now,
		wake:  make(chan struct{}, 1),
		local: newSlots(cfg.Local), remote: newSlots(cfg.Remote),
	}, nil
}

// Run delivers until ctx ends, then lets what is under way finish: Grace for deliveries
// here, Answer for messages that the smarthost has and has not answered for. What else is
// on its way there goes back into the queue at once.
func (q *Queue) Run(ctx context.Context) error {
	stop := q.store.WatchQueue(q.hint)
	defer stop()
	keeping, kept := context.WithCancel(context.WithoutCancel(ctx))
	var keeper sync.WaitGroup
	keeper.Go(func() { q.keep(keeping) })
	defer keeper.Wait()
	defer q.asks.Wait()
	defer kept()
	s := newShift(ctx)
	for ctx.Err() == nil {
		found, err := q.claim(s)
		if err != nil {
			q.log.Warn("cannot claim queued mail", "err", err)
		}
		if !found || err != nil {
			q.sleep(ctx)
		}
	}
	s.finish(q.cfg.Grace, q.cfg.Answer)
	return ctx.Err()
}

// hint wakes the worker; it never blocks.
func (q *Queue) hint() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// sleep waits for a hint, for the next recipient to be due, or for a while:
// another process may have enqueued. When that is, is asked meanwhile: a site that is
// slow to say keeps nobody from waking it.
func (q *Queue) sleep(ctx context.Context) {
	answer := make(chan time.Duration, 1)
	full := len(q.leaveOut()) > 0
	longest := pause(longestSleep, full)
	if q.asking.CompareAndSwap(false, true) {
		q.asks.Go(func() {
			answer <- q.nextDue(ctx)
			q.asking.Store(false)
			if q.missed.Swap(false) {
				q.hint()
			}
		})
	} else { // the answer to the question of before wakes us
		q.missed.Store(true)
		longest = min(longest, time.Second)
	}
	wait := time.NewTimer(longest)
	defer wait.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
			return
		case <-wait.C:
			return
		case in := <-answer:
			wait.Reset(min(pause(in, full), longest))
		}
	}
}

// pause is how long to sleep where something is due in a time, and full says that someone's
// mail is left out of claims: then it is theirs that is due, and no claim finds it.
func pause(in time.Duration, full bool) time.Duration {
	if full {
		return fullSleep
	}
	return min(in, longestSleep)
}

// nextDue is how long to sleep.
func (q *Queue) nextDue(ctx context.Context) time.Duration {
	in, some, err := q.store.NextDue(ctx)
	switch {
	case err != nil:
		return time.Second
	case some && in < longestSleep:
		return max(in, 10*time.Millisecond)
	}
	return longestSleep
}

// job is one attempt: recipients of one message, all local or all remote, under
// one lease.
type job struct {
	message store.QueueMessage // its Recipients are those of the attempt
	token   int64
	local   bool
	until   time.Time // for the attempt, until the final dot
	sent    bool      // the smarthost has the message whole, or may have it
	known   []outcome // not nil: of an attempt of before, only to be noted

	leased context.Context // ends when the lease may have passed on, or the shift ends
	lapse  context.CancelFunc
}

// leaveOut names those of whom enough waits in memory.
func (q *Queue) leaveOut() (list []store.QueueShare) {
	for _, tenant := range q.local.full() {
		list = append(list, store.QueueShare{Tenant: tenant, Local: true})
	}
	for _, tenant := range q.remote.full() {
		list = append(list, store.QueueShare{Tenant: tenant})
	}
	return list
}

// claim leases due recipients and begins their jobs; found is false if there
// were none.
func (q *Queue) claim(s *shift) (found bool, err error) {
	began := time.Now()
	claims, err := q.store.ClaimQueue(s.noting, claimSize, q.lease(), q.leaveOut()...)
	var list []*job
	for _, j := range merge(claims) {
		if known := q.unnoted.split(j); known != nil {
			list = append(list, known)
		}
		if len(j.message.Recipients) > 0 {
			list = append(list, j)
		}
	}
	for _, j := range list {
		j.leased, j.lapse = context.WithCancel(s.of(j))
	}
	q.leases.hold(list, began.Add(sure(q.lease())))
	for _, j := range list {
		if j.known != nil {
			s.jobs.Go(func() {
				defer q.leases.drop(j)
				defer q.survive(j)
				q.conclude(s.noting, j, j.known)
			})
			continue
		}
		slots := q.remote
		if j.local {
			slots = q.local
		}
		turn := slots.ask(j.message.Ref.Tenant)
		s.jobs.Go(func() {
			defer q.leases.drop(j)
			q.workAt(s, j, turn)
		})
	}
	return len(claims) > 0, err
}

// merge joins the claims of one message whose next hop is the smarthost: it
// gets the message once, with all of them.
func merge(claims []store.QueueClaim) []*job {
	var jobs []*job
	remote := make(map[store.QueueRef]*job)
	for _, c := range claims {
		local := c.NextHop == store.LocalHop
		if j := remote[c.Message.Ref]; j != nil && !local && j.token == c.Token {
			j.message.Recipients = append(j.message.Recipients, c.Message.Recipients...)
			continue
		}
		j := &job{message: c.Message, token: c.Token, local: local}
		jobs = append(jobs, j)
		if !local {
			remote[c.Message.Ref] = j
		}
	}
	return jobs
}

// workAt waits for a turn. If that takes long, the recipients go back: another process
// may have turns to give.
func (q *Queue) workAt(s *shift, j *job, turn *turn) {
	defer turn.end()
	wait := time.NewTimer(q.cfg.Lease / 2)
	defer wait.Stop()
	select {
	case <-turn.come:
		q.work(s, j)
	case <-wait.C:
		q.release(s, j, aWhile())
	case <-s.over.Done():
		q.release(s, j, 0) // the next process need not wait for the lease to end
	}
}

// release gives recipients back without an attempt.
func (q *Queue) release(s *shift, j *job, due time.Duration) {
	list := make([]verdict, len(j.message.Recipients))
	for i, r := range j.message.Recipients {
		list[i] = verdict{QueueRecipient: r, next: untried(r, due)}
	}
	q.settle(s.noting, j, &group{list: list})
}

// untried has a recipient wait as if nothing had been begun.
func untried(r store.QueueRecipient, due time.Duration) store.QueueResult {
	return store.QueueResult{State: store.QueueWaiting, Attempts: r.Attempts, Due: due, Reply: r.LastReply}
}

// aWhile is how long recipients wait that found all slots taken.
func aWhile() time.Duration {
	return 30*time.Second + rand.N(30*time.Second) //nolint:gosec // spread, no secret
}

// work makes one attempt and notes what came of it.
func (q *Queue) work(s *shift, j *job) {
	defer q.survive(j) // what was not noted is claimed again when the lease has ended
	j.until = time.Now().Add(q.longest(j.message.Size))
	attempt, cancel := context.WithDeadline(j.leased, j.until)
	defer cancel()
	outcomes := q.attempt(attempt, s, j)
	if s.of(j).Err() != nil && !j.sent { // it was our end that cut it
		for i := range outcomes {
			outcomes[i].untried = outcomes[i].result == temporary
		}
	}
	q.unnoted.keep(j, outcomes)
	q.conclude(s.noting, j, outcomes)
	q.hint() // what waits again has a new time
}

// longest is how long an attempt may take: its lease is renewed meanwhile, so all that is
// to be bounded is a peer that holds a turn. One that takes nothing any more ends sooner.
func (q *Queue) longest(size int64) time.Duration {
	return q.cfg.Lease + time.Duration(size/slowest)*time.Second
}

// survive keeps a fault met while an outcome is reported and noted from ending
// the process, which would meet it again after each start.
func (q *Queue) survive(j *job) {
	if r := recover(); r != nil {
		q.log.Error("noting an attempt panicked", "message", j.message.Ref.ID, "panic", r, "stack", string(debug.Stack()))
	}
}

// attempt delivers or sends. One message must never end the process.
func (q *Queue) attempt(ctx context.Context, s *shift, j *job) (outcomes []outcome) {
	defer func() {
		if r := recover(); r != nil {
			q.log.Error("attempt panicked", "message", j.message.Ref.ID, "panic", r, "stack", string(debug.Stack()))
			outcomes = all(j, later("4.3.0", "Internal error"))
		}
	}()
	if j.local {
		return q.deliver(ctx, j)
	}
	return q.send(ctx, s, j)
}
