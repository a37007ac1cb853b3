package location_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fachwerk/location"
)

// slow is a Counter that takes a second and counts how often it was asked.
type slow struct {
	mu    sync.Mutex
	asked map[location.Of]int64
	err   error
	notes []location.Note
}

func (c *slow) Count(ctx context.Context, of location.Of) (location.Counted, error) {
	c.mu.Lock()
	if c.asked == nil {
		c.asked = map[location.Of]int64{}
	}
	c.asked[of]++
	counted := location.Counted{Counts: []location.Count{{Items: c.asked[of]}}, Notes: c.notes}
	err := c.err
	c.mu.Unlock()
	select {
	case <-time.After(time.Second):
		return counted, err
	case <-ctx.Done():
		return location.Counted{}, ctx.Err()
	}
}

func (c *slow) set(err error, notes ...location.Note) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err, c.notes = err, notes
}

// A tenant is counted once for all who look at the same time and for some minutes, a
// person each time; what failed or is not whole is not remembered.
func TestTally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &slow{}
		tally := location.NewTally(c, nil)
		town, other, anna := location.Of{Tenant: 1}, location.Of{Tenant: 2}, location.Of{Tenant: 1, Person: 7}
		is := func(of location.Of, age time.Duration, want int64, old time.Duration) {
			t.Helper()
			counted, at, err := tally.Recent(t.Context(), of, age)
			if err != nil || counted.Counts[0].Items != want || time.Since(at) != old {
				t.Errorf("%+v: %+v, %s old, %v; not %d, %s old", of, counted, time.Since(at), err, want, old)
			}
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { is(town, time.Minute, 1, time.Second) })
		}
		all.Wait()
		is(other, time.Minute, 1, time.Second)
		is(town, time.Minute, 1, 2*time.Second)
		is(town, 2*time.Second, 2, time.Second)
		if counted, err := tally.Count(t.Context(), town); err != nil || counted.Counts[0].Items != 3 {
			t.Errorf("anew: %+v, %v", counted, err)
		}
		is(town, time.Minute, 3, time.Second)
		is(anna, time.Hour, 1, time.Second)
		is(anna, time.Hour, 2, time.Second)

		time.Sleep(time.Hour)
		away := errors.New("away")
		c.set(away)
		if _, _, err := tally.Recent(t.Context(), town, time.Minute); !errors.Is(err, away) {
			t.Errorf("a failure: %v", err)
		}
		c.set(nil, location.NoteDirectory)
		is(town, time.Minute, 5, time.Second)
		is(town, time.Minute, 6, time.Second)
		c.set(nil)
		is(town, time.Minute, 7, time.Second)

		time.Sleep(time.Hour)
		gone, leave := context.WithCancel(t.Context())
		all.Go(func() { // who counts leaves, and somebody else waits
			if _, _, err := tally.Recent(gone, town, time.Minute); !errors.Is(err, context.Canceled) {
				t.Errorf("who left: %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() { is(town, time.Minute, 9, time.Second) })
		impatient, stop := context.WithTimeout(t.Context(), time.Millisecond)
		defer stop()
		if _, _, err := tally.Recent(impatient, town, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who waits no longer: %v", err)
		}
		leave()
		all.Wait()
		for i := range int64(1100) { // more tenants than are remembered
			if _, err := tally.Count(t.Context(), location.Of{Tenant: 100 + i}); err != nil {
				t.Error(err)
			}
		}
	})
}
