package queue

import (
	"sync"
	"time"

	"fachwerk/internal/store"
)

// unnoted are outcomes that are final and not noted yet: while the database is away leases
// end, and whoever claims such a recipient next would send it again. What this process
// claims of them is noted instead.
type unnoted struct {
	mu   sync.Mutex
	list map[unnotedKey]unnotedOutcome
}

type unnotedKey struct {
	message store.QueueRef
	n       int
}

type unnotedOutcome struct {
	outcome outcome
	at      time.Time
}

const (
	// unnotedKept is how long an outcome is remembered that somebody else may have noted:
	// by then another holder of the lease is done as well.
	unnotedKept = 24 * time.Hour
	maxUnnoted  = 100_000 // more are not remembered
)

// keep remembers what is final of a job's outcomes.
func (u *unnoted) keep(j *job, outcomes []outcome) {
	u.mu.Lock()
	defer u.mu.Unlock()
	now := time.Now()
	for i, r := range j.message.Recipients {
		o := outcomes[i]
		if o.result == temporary || o.noted || o.lost || len(u.list) >= maxUnnoted {
			continue
		}
		if u.list == nil {
			u.list = make(map[unnotedKey]unnotedOutcome)
		}
		o.known = true
		u.list[unnotedKey{j.message.Ref, r.N}] = unnotedOutcome{o, now}
	}
}

// noted forgets outcomes.
func (u *unnoted) noted(message store.QueueRef, list []store.QueueOutcome) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, o := range list {
		delete(u.list, unnotedKey{message, o.Recipient.N})
	}
}

// split takes the recipients out of a job whose outcomes are known, and gives a job in
// which those are, nil if there are none.
func (u *unnoted) split(j *job) *job {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.list) == 0 {
		return nil
	}
	var rest, ours []store.QueueRecipient
	var outcomes []outcome
	for _, r := range j.message.Recipients {
		k := unnotedKey{j.message.Ref, r.N}
		o, ok := u.list[k]
		if ok && time.Since(o.at) > unnotedKept {
			delete(u.list, k)
			ok = false
		}
		if !ok {
			rest = append(rest, r)
			continue
		}
		ours, outcomes = append(ours, r), append(outcomes, o.outcome)
	}
	if len(ours) == 0 {
		return nil
	}
	known := &job{message: j.message, token: j.token, local: j.local, known: outcomes}
	j.message.Recipients, known.message.Recipients = rest, ours
	return known
}

// sweep forgets what nobody asked for.
func (u *unnoted) sweep(now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for k, o := range u.list {
		if now.Sub(o.at) > unnotedKept {
			delete(u.list, k)
		}
	}
}
