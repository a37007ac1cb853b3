package queue

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"fachwerk/internal/store"
)

// outcome is what one attempt came to for one recipient.
type outcome struct {
	result result
	status string // enhanced status code (RFC 3463), such as "5.1.1"
	reply  string // the peer's answer or our reason, for people
	mta    string // the peer's name; empty: decided here
	// noted: the delivery and its mark were one transaction.
	noted bool
	// reports: the peer took over the duty to report success (RFC 3461 5.2.1).
	reports bool
	// lost: the lease went to another worker; nothing is to be noted.
	lost bool
	// known: of an attempt of before, which could not be noted then.
	known bool
	// untried: cut because this process ends; the next one tries at once.
	untried bool
}

type result int8

const (
	temporary result = iota // zero value: what is not known is tried again
	delivered
	permanent
)

func (r result) String() string {
	switch r {
	case delivered:
		return "delivered"
	case permanent:
		return "failed"
	}
	return "temporary"
}

func later(status, reply string) outcome { return outcome{status: status, reply: reply} }

func never(status, reply string) outcome {
	return outcome{result: permanent, status: status, reply: reply}
}

// all gives every recipient of a job the same outcome.
func all(j *job, o outcome) []outcome {
	list := make([]outcome, len(j.message.Recipients))
	for i := range list {
		list[i] = o
	}
	return list
}

// verdict is a recipient's outcome with what is done about it.
type verdict struct {
	store.QueueRecipient
	outcome
	next   store.QueueResult
	report reportKind // zero: none
}

// conclude notes outcomes, each with the report on it in one transaction: nobody is told
// twice, nor not at all.
func (q *Queue) conclude(ctx context.Context, j *job, outcomes []outcome) {
	hop := "remote"
	if j.local {
		hop = "local"
	}
	byKind := make(map[reportKind][]verdict)
	reap := false
	for i, r := range j.message.Recipients {
		o := outcomes[i]
		if o.lost {
			continue
		}
		v := verdict{QueueRecipient: r, outcome: o, next: untried(r, 0)}
		if !o.untried {
			if q.cfg.Metrics.Attempt != nil && !o.known {
				q.cfg.Metrics.Attempt(hop, o.result.String())
			}
			v = q.decide(j, r, o)
			q.log.Info("attempt", "message", j.message.Ref.ID, "recipient", r.N, "hop", hop,
				"outcome", o.result.String(), "status", o.status, "attempts", v.next.Attempts)
		}
		byKind[v.report] = append(byKind[v.report], v)
		reap = reap || v.noted
	}
	var groups []*group
	for kind, list := range byKind { // all are written before the first that may end the message
		groups = append(groups, q.prepare(ctx, j, kind, list))
	}
	for _, g := range groups {
		q.settle(ctx, j, g)
	}
	if reap {
		if err := q.store.ReapQueue(ctx, j.message.Ref); err != nil && !errors.Is(err, store.ErrNotFound) {
			q.log.Warn("cannot remove a finished message, the sweeper will", "message", j.message.Ref.ID, "err", err)
		}
	}
}

// heldBack is from when on the time counts in which nobody could try, as while a tenant's
// mail may not move or no server ran: it is added to the lifetime, or mail would be given up
// after one attempt.
const heldBack = time.Hour

// decide turns an outcome into the row's next state and a report.
func (q *Queue) decide(j *job, r store.QueueRecipient, o outcome) verdict {
	now := q.now()
	v := verdict{QueueRecipient: r, outcome: o}
	v.next = store.QueueResult{Attempts: r.Attempts + 1, Reply: text(o)}
	if r.Late > heldBack && !r.Expires.IsZero() { // but no longer than if it were new
		v.next.Longer = max(0, min(r.Late, now.Add(q.cfg.Lifetime).Sub(r.Expires)))
		r.Expires = r.Expires.Add(v.next.Longer)
		v.Expires = r.Expires
	}
	if o.result == temporary && !r.Expires.IsZero() && !now.Before(r.Expires) {
		o.result = permanent
		v.result = permanent
		v.status = "5.4.7" // RFC 3463 3.5: delivery time expired
	}
	switch o.result {
	case delivered:
		v.next.State = store.QueueDelivered
		if wants(r, "SUCCESS") && !o.reports {
			v.report = reportDelivered
			if !j.local {
				v.report = reportRelayed
			}
		}
	case permanent:
		v.next.State = store.QueueFailed
		if wants(r, "FAILURE") {
			v.report = reportFailed
		}
	default:
		v.next.State = store.QueueWaiting
		v.next.Due = q.wait(r.Attempts)
		if left := r.Expires.Sub(now); !r.Expires.IsZero() && left < v.next.Due {
			v.next.Due = left + time.Millisecond
		}
		if q.cfg.DelayNotice > 0 && r.Delayed.IsZero() && now.Sub(j.message.Created) >= q.cfg.DelayNotice {
			v.next.Delayed = true
			if wants(r, "DELAY") {
				v.report = reportDelayed
			}
		}
	}
	if j.message.ReversePath == "" { // RFC 5321 4.5.5: never answer a notification
		v.report = 0
	}
	return v
}

// wants obeys NOTIFY (RFC 3461 4.1); without it failures and delays are told.
func wants(r store.QueueRecipient, event string) bool {
	if r.Notify == "" {
		return event != "SUCCESS"
	}
	for word := range strings.SplitSeq(r.Notify, ",") {
		if word == event {
			return true
		}
	}
	return false
}

// wait is the time after so many failed attempts, a tenth up or down so that
// what failed together does not come back together.
func (q *Queue) wait(attempts int) time.Duration {
	base := q.cfg.Schedule[min(attempts, len(q.cfg.Schedule)-1)]
	return base - base/10 + rand.N(base/5+1) //nolint:gosec // spread, no secret
}

// group are verdicts that one report tells of, if any.
type group struct {
	kind   reportKind
	list   []verdict
	report *store.QueueReport // nil: there is none, or nobody to tell
}

// prepare writes a group's report. Where that cannot be now, whom it would tell of a
// failure or a delay waits, as if the attempt had come to nothing. What the peer or the
// mailbox has taken is not sent again for the sake of a confirmation.
func (q *Queue) prepare(ctx context.Context, j *job, kind reportKind, list []verdict) *group {
	g := &group{kind: kind, list: list}
	if kind == noReport {
		return g
	}
	var err error
	if g.report, err = q.reportOn(ctx, j, kind, list); err == nil {
		return g
	}
	if kind == reportDelivered || kind == reportRelayed {
		q.log.Warn("a confirmation of delivery cannot be queued and is left out", "message", j.message.Ref.ID, "err", err)
		return g
	}
	q.log.Error("cannot queue a notification; the attempt will be made again", "message", j.message.Ref.ID, "err", err)
	for i := range list {
		v := &list[i]
		v.next.State, v.next.Delayed = store.QueueWaiting, false
		v.next.Due = q.wait(v.Attempts)
	}
	return g
}

// settle notes a group and queues its report. If the lease of one of them has passed on,
// as when an operator drops it, the others are settled each by itself.
func (q *Queue) settle(ctx context.Context, j *job, g *group) {
	var outcomes []store.QueueOutcome
	for _, v := range g.list {
		if !v.noted {
			outcomes = append(outcomes, store.QueueOutcome{Recipient: v.QueueRecipient, Result: v.next})
		}
	}
	if len(outcomes) == 0 && g.report == nil {
		return
	}
	err := q.finish(ctx, j, outcomes, g.report)
	switch {
	case err == nil:
		q.unnoted.noted(j.message.Ref, outcomes)
		if g.report != nil && q.cfg.Metrics.Report != nil {
			q.cfg.Metrics.Report(g.kind.action())
		}
	case errors.Is(err, store.ErrNotFound):
		q.unnoted.noted(j.message.Ref, outcomes)
	case errors.Is(err, store.ErrLease) && len(g.list) > 1:
		for _, v := range g.list {
			q.settle(ctx, j, q.prepare(ctx, j, g.kind, []verdict{v}))
		}
	}
}

// finish writes outcomes, trying for a while. What is final and not noted then is so when
// this process claims it again; another would send it again.
func (q *Queue) finish(ctx context.Context, j *job, outcomes []store.QueueOutcome, report *store.QueueReport) error {
	pause := 20 * time.Millisecond
	for until := time.Now().Add(q.cfg.Lease); ; {
		err := q.store.FinishQueue(ctx, j.message.Ref, j.token, outcomes, report)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, store.ErrLease), errors.Is(err, store.ErrNotFound):
			q.log.Info("the lease had passed on", "message", j.message.Ref.ID, "recipients", len(outcomes))
			return err
		case !errors.Is(err, store.ErrTemporary) || ctx.Err() != nil || time.Now().Add(pause).After(until):
			q.log.Error("cannot note what came of an attempt", "message", j.message.Ref.ID,
				"recipients", len(outcomes), "err", err)
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// text is an outcome on one line.
func text(o outcome) string {
	t := printable(o.reply, 500)
	if o.status != "" && !strings.Contains(t, o.status) {
		t = o.status + " " + t
	}
	if o.mta != "" {
		t = o.mta + ": " + t
	}
	return t
}

// printable makes one line of printable text of what a peer sent, at most max
// bytes.
func printable(s string, max int) string {
	var b strings.Builder
	for _, r := range s {
		if b.Len() >= max {
			break
		}
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case r < ' ' || r == 0x7f || r == '\ufffd':
			b.WriteByte('?')
		default:
			b.WriteRune(r)
		}
	}
	return strings.TrimSpace(b.String())
}
