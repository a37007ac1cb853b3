package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

const (
	office = "192.0.2.7"
	away   = "198.51.100.9"
	anna   = "anna.schmidt@musterstadt.example"
)

// later makes throttles read anew what others have counted.
type later struct{ at time.Time }

func (l *later) now() time.Time {
	l.at = l.at.Add(2 * time.Second)
	return l.at
}

func twoThrottles(t *testing.T, s *store.Store) (a, b *auth.Throttle) {
	limits := auth.ThrottleLimits{PerAccount: 20, PerNetwork: 30, Window: time.Hour}
	make := func() *auth.Throttle {
		return auth.NewThrottle(limits, (&later{time.Now()}).now).Share(s, []byte("in common"), nil)
	}
	return make(), make()
}

// Two processes count together, and what one knows of a place the other learns.
func TestThrottleIsShared(t *testing.T) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) {
			a, b := twoThrottles(t, storetest.Open(t, e, nil).Store)
			a.Succeeded(anna, office)
			for n := range 22 {
				one := []*auth.Throttle{a, b}[n%2]
				one.Failed(anna, fmt.Sprintf("203.0.113.%d", n))
			}
			for name, one := range map[string]*auth.Throttle{"a": a, "b": b} {
				if v := one.Judge(anna, away); v != auth.SlowPerson {
					t.Errorf("%s: after 22 failures in all the account is judged %d", name, v)
				}
				if v := one.Judge("jan.petersen@musterstadt.example", away); v != auth.Free {
					t.Errorf("%s: somebody else is judged %d", name, v)
				}
			}
			if v := a.Judge(anna, office); v != auth.Free {
				t.Errorf("from the office she is judged %d where she has signed in", v)
			}
			// The place is noted in the background.
			for end := time.Now().Add(time.Minute); b.Judge(anna, office) != auth.Free; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the other process never learns that she has signed in from the office")
				}
			}
			if !b.Knows(anna, office) {
				t.Error("the other process has learnt nothing")
			}
			for n := range 31 {
				b.Failed(fmt.Sprintf("person%d@musterstadt.example", n), away)
			}
			if v := a.Judge("jan.petersen@musterstadt.example", away); v != auth.SlowSource {
				t.Errorf("a network with 31 failures elsewhere is judged %d", v)
			}
		})
	}
}

// Counters pass from half to half of the window and are removed.
func TestFailuresExpire(t *testing.T) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) {
			s := storetest.Open(t, e, nil).Store
			ctx := t.Context()
			for range 7 {
				if _, err := s.AddFailures(ctx, time.Hour, []int64{7, 8, 7}); err != nil {
					t.Fatal(err)
				}
			}
			counted, err := s.AddFailures(ctx, time.Hour, []int64{8})
			if err != nil || counted[8] < 1 || counted[8] > 8 {
				t.Fatalf("counted %v, %v", counted, err)
			}
			now, past, left, err := s.FailuresFrom(ctx, time.Hour, 5)
			if err != nil || now[7]+past[7] != 7 || now[8]+past[8] != 8 || left <= 0 || left > 1 {
				t.Errorf("%v, %v, %v left, %v", now, past, left, err)
			}
			const short = 20 * time.Millisecond
			for range 5 {
				if _, err := s.AddFailures(ctx, short, []int64{9}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.AddKnown(ctx, short, []int64{1, 2}); err != nil {
				t.Fatal(err)
			}
			if err := s.AddKnown(ctx, time.Hour, []int64{2, 3}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * short)
			s.ExpireLogin(ctx)
			now, past, _, err = s.FailuresFrom(ctx, short, 0)
			if err != nil || now[9] != 0 || past[9] != 0 {
				t.Errorf("still counted: %v, %v, %v", now, past, err)
			}
			known, err := s.Known(ctx, []int64{1, 2, 3, 4})
			if slices.Sort(known); err != nil || !slices.Equal(known, []int64{2, 3}) {
				t.Errorf("known: %v, %v", known, err)
			}
		})
	}
}
