package queue

import (
	"context"
	"sync"
	"time"

	"fachwerk/internal/store"
)

// leases are what this process holds.
type leases struct {
	mu   sync.Mutex
	held map[int64]*lease // by token
}

type lease struct {
	tenant int64
	until  time.Time // by this machine's clock, counted from before the database's
	jobs   map[*job]struct{}
}

// hold notes jobs that were claimed, to end their contexts with their leases.
func (l *leases) hold(jobs []*job, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == nil {
		l.held = map[int64]*lease{}
	}
	for _, j := range jobs {
		one := l.held[j.token]
		if one == nil {
			one = &lease{tenant: j.message.Ref.Tenant, until: until, jobs: map[*job]struct{}{}}
			l.held[j.token] = one
		}
		one.jobs[j] = struct{}{}
	}
}

// drop forgets a job that has ended.
func (l *leases) drop(j *job) {
	j.lapse()
	l.mu.Lock()
	defer l.mu.Unlock()
	if one := l.held[j.token]; one != nil {
		if delete(one.jobs, j); len(one.jobs) == 0 {
			delete(l.held, j.token)
		}
	}
}

func (l *leases) list() (list []store.QueueLease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for token, one := range l.held {
		list = append(list, store.QueueLease{Tenant: one.tenant, Token: token})
	}
	return list
}

func (l *leases) renewed(list []store.QueueLease, until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range list {
		if one := l.held[r.Token]; one != nil {
			one.until = until
		}
	}
}

// end cancels attempts whose lease may have passed to somebody else.
func (l *leases) end(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.held {
		if now.Before(one.until) {
			continue
		}
		for j := range one.jobs {
			j.lapse()
		}
	}
}

// lease is how long a claim lasts without being renewed. It is short, so that what a
// process that died was sending is soon taken over.
func (q *Queue) lease() time.Duration { return min(q.cfg.Lease, q.cfg.Claim) }

// sure is how much of a lease is counted on: less than all of it, for clocks drift and
// an outcome has to be noted.
func sure(lease time.Duration) time.Duration { return lease - lease/12 }

// keep renews leases until ctx ends. A database that does not answer in time holds up
// neither the next round nor the end of what has lapsed.
func (q *Queue) keep(ctx context.Context) {
	var ending sync.WaitGroup
	defer ending.Wait()
	ending.Go(func() { q.lapse(ctx) })
	ticker := time.NewTicker(q.lease() / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		q.unnoted.sweep(time.Now())
		if list := q.leases.list(); len(list) > 0 {
			began := time.Now()
			asking, cancel := context.WithTimeout(ctx, q.lease()/2)
			renewed, err := q.store.RenewQueue(asking, list, q.lease())
			cancel()
			if err != nil && ctx.Err() == nil {
				q.log.Warn("leases of queued mail could not be renewed", "err", err)
			}
			q.leases.renewed(renewed, began.Add(sure(q.lease())))
		}
	}
}

// lapse ends attempts whose lease was not renewed, until ctx ends.
func (q *Queue) lapse(ctx context.Context) {
	ticker := time.NewTicker(max(q.lease()/16, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			q.leases.end(time.Now())
		}
	}
}
