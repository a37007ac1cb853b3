package smtp

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxRates bounds how many accounts' rates are remembered.
const maxRates = 10_000

// rates limits messages per minute by account.
type rates struct {
	mu sync.Mutex
	m  map[int64]*accountRate
}

type accountRate struct {
	limiter *rate.Limiter
	seen    time.Time
}

// allow takes one message of an account; perMinute below 0 is no limit. A full
// minute's worth may come at once.
func (r *rates) allow(account int64, perMinute int, now time.Time) bool {
	if perMinute < 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m == nil {
		r.m = make(map[int64]*accountRate)
	}
	a := r.m[account]
	if a == nil {
		if len(r.m) >= maxRates {
			r.forget(now)
		}
		a = &accountRate{limiter: rate.NewLimiter(rate.Limit(float64(perMinute)/60), perMinute)}
		r.m[account] = a
	}
	a.seen = now
	return a.limiter.AllowN(now, 1)
}

// forget drops accounts whose bucket has filled again; if there are none, all.
func (r *rates) forget(now time.Time) {
	for account, a := range r.m {
		if now.Sub(a.seen) > time.Minute {
			delete(r.m, account)
		}
	}
	if len(r.m) >= maxRates {
		clear(r.m)
	}
}
