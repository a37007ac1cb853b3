package budget_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"fachwerk/internal/budget"
)

var anna, jan = budget.Holder{Tenant: 1, Account: 1}, budget.Holder{Tenant: 1, Account: 2}

func take(t *testing.T, b *budget.Budget, of budget.Holder, bytes int64) func() {
	t.Helper()
	done, err := b.Take(t.Context(), of, bytes)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// Whatever is asked for by whomever, never more is held than there is, nor by one
// person than a share, and all come through.
func TestBounds(t *testing.T) {
	const total, share, free = 1000, 400, 10
	b := budget.New(total, share, free)
	var all atomic.Int64
	var of [5]atomic.Int64
	var wait sync.WaitGroup
	for g := range 40 {
		wait.Go(func() {
			who := g % len(of)
			for range 200 {
				n := rand.Int64N(share) + 1
				done, err := b.Take(t.Context(), budget.Holder{Account: int64(who)}, n)
				if err != nil {
					t.Error(err)
					return
				}
				if n > free {
					if held := all.Add(n); held > total {
						t.Errorf("%d bytes are held", held)
					}
					if held := of[who].Add(n); held > share {
						t.Errorf("one holds %d bytes", held)
					}
					of[who].Add(-n)
					all.Add(-n)
				}
				done()
				done()
			}
		})
	}
	wait.Wait()
	take(t, b, anna, total)() // all is back
}

// What is small never waits, and what is more than there is gets all of it.
func TestSmallAndHuge(t *testing.T) {
	b := budget.New(1000, 400, 10)
	done := take(t, b, anna, 1<<40)
	take(t, b, jan, 10)()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, n := range []int64{5, 11} {
		if _, err := b.Take(ctx, jan, n); !errors.Is(err, context.Canceled) {
			t.Errorf("%d bytes for who is gone: %v", n, err)
		}
	}
	done()
	take(t, b, jan, 11)()
}

// One who has much to do stands in the queue once, so that another is next.
func TestOthersAreNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(1000, 500, 0)
		first := take(t, b, anna, 1000)
		var order []string
		var mu sync.Mutex
		queue := func(who string, of budget.Holder) {
			go func() {
				done := take(t, b, of, 1000)
				mu.Lock()
				order = append(order, who)
				mu.Unlock()
				time.Sleep(time.Second)
				done()
			}()
			synctest.Wait()
		}
		for range 10 {
			queue("anna", anna)
		}
		queue("jan", jan)
		first()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(order) != 11 || order[0] != "jan" && order[1] != "jan" {
			t.Errorf("served in the order %v", order)
		}
	})
}

// Who asks for much is not passed over forever by those who ask for little.
func TestMuchIsNotStarved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(1000, 1000, 0)
		held := take(t, b, anna, 600)
		var served []int64
		var mu sync.Mutex
		for _, n := range []int64{900, 300} {
			go func() {
				done := take(t, b, budget.Holder{Account: n}, n)
				mu.Lock()
				served = append(served, n)
				mu.Unlock()
				time.Sleep(time.Second)
				done()
			}()
			synctest.Wait()
		}
		if len(served) != 0 {
			t.Fatalf("%v overtook", served)
		}
		held()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(served) != 2 || served[0] != 900 {
			t.Errorf("served in the order %v", served)
		}
	})
}

// Who goes away while waiting leaves nothing behind.
func TestGoneWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := budget.New(1000, 500, 0)
		held := take(t, b, jan, 1000)
		ctx, cancel := context.WithCancel(t.Context())
		var gone atomic.Int64
		for range 5 { // one waits for all, four for their share
			go func() {
				if _, err := b.Take(ctx, anna, 500); errors.Is(err, context.Canceled) {
					gone.Add(1)
				}
			}()
		}
		synctest.Wait()
		cancel()
		synctest.Wait()
		if gone.Load() != 5 {
			t.Errorf("%d of 5 have gone", gone.Load())
		}
		held()
		take(t, b, anna, 1000)()
	})
}
