package queue

import (
	"context"
	"sync"
	"time"
)

// lastNotes is how long outcomes may take to be noted after the last attempt had to end.
const lastNotes = 5 * time.Second

// shift is one Run, and what its end means for what is under way. Nothing is lost by
// cutting a message on its way to the smarthost: without the final dot it has none of it.
// A message that it has whole is another matter. Cut before the answer, it goes out twice.
type shift struct {
	over    context.Context // nothing is begun, and what has no dot is cut
	local   context.Context // ends Grace later: deliveries here
	answers context.Context // ends Answer later: what has its dot
	noting  context.Context // ends last
	jobs    sync.WaitGroup

	endLocal, endAnswers, endNoting context.CancelFunc
}

func newShift(ctx context.Context) *shift {
	s, beyond := &shift{over: ctx}, context.WithoutCancel(ctx)
	s.local, s.endLocal = context.WithCancel(beyond)
	s.answers, s.endAnswers = context.WithCancel(beyond)
	s.noting, s.endNoting = context.WithCancel(beyond)
	return s
}

// of is the context in which a job may begin.
func (s *shift) of(j *job) context.Context {
	if j.local {
		return s.local
	}
	return s.over
}

// finish waits for the jobs, each kind as long as it may take.
func (s *shift) finish(grace, answer time.Duration) {
	for _, kind := range []struct {
		after time.Duration
		end   context.CancelFunc
	}{{grace, s.endLocal}, {answer, s.endAnswers}, {max(grace, answer) + lastNotes, s.endNoting}} {
		defer kind.end()
		defer time.AfterFunc(kind.after, kind.end).Stop()
	}
	s.jobs.Wait()
}
