package queue

import (
	"slices"
	"testing"
	"time"
)

// A queue of which somebody's mail is left out does not ask again and again for it.
func TestFullQueueSleeps(t *testing.T) {
	for _, in := range []time.Duration{0, 10 * time.Millisecond, time.Hour} {
		if got := pause(in, true); got != fullSleep {
			t.Errorf("due in %v, and left out: it sleeps %v", in, got)
		}
	}
	if pause(time.Hour, false) != longestSleep || pause(time.Second, false) != time.Second {
		t.Error("where nobody is left out the next that is due wakes it")
	}
}

// One tenant's many wait behind another's one, in the order in which they asked.
func TestTenantsTakeTurns(t *testing.T) {
	s := newSlots(2)
	came := func(list []*turn) (n int) {
		for _, one := range list {
			select {
			case <-one.come:
				n++
			default:
			}
		}
		return n
	}
	var many []*turn
	for range maxWaiting + 2 {
		many = append(many, s.ask(1))
	}
	if n := came(many); n != 2 || !slices.Equal(s.full(), []int64{1}) {
		t.Fatalf("%d turns came, full are %v", n, s.full())
	}
	one, gaveUp := s.ask(2), s.ask(2)
	gaveUp.end()
	many[0].end()
	many[1].end()
	if came([]*turn{one}) != 1 || came(many) != 3 || came([]*turn{gaveUp}) != 0 {
		t.Errorf("the other's has come: %d; of the many: %d; left the line: %d", came([]*turn{one}), came(many), came([]*turn{gaveUp}))
	}
	if full := s.full(); full != nil {
		t.Errorf("still full: %v", full)
	}
	one.end()
	for _, next := range many[2:] {
		if came([]*turn{next}) != 1 {
			t.Fatal("turns come in the order in which they were asked for")
		}
		next.end()
	}
	if s.free != 2 || len(s.order) != 0 || len(s.waiting) != 0 {
		t.Errorf("at the end %d are free, %v wait", s.free, s.waiting)
	}
}
