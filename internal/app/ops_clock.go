package app

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// clockEvery is how often a difference is told in the log, clockLook how often the
	// databases' clocks are looked at; the others' show in each answer.
	clockEvery = time.Hour
	clockLook  = 5 * time.Minute
	// clockBound is the difference from which on it is told: tokens of the login
	// provider are refused from 30 s on, object stores refuse from 15 min on.
	clockBound = 10 * time.Second
)

// A clockWatch compares this machine's clock with others' and tells of differences:
// by a metric always, by a line in the log at most once an hour for each.
type clockWatch struct {
	log  *slog.Logger
	note func(against string, ahead time.Duration)
	now  func() time.Time

	mu   sync.Mutex
	told map[string]time.Time
	off  map[string]time.Duration // those that differ now
}

func newClockWatch(m *metrics, log *slog.Logger) *clockWatch {
	return &clockWatch{log: log, now: time.Now, told: map[string]time.Time{}, off: map[string]time.Duration{}, note: func(against string, ahead time.Duration) {
		m.clock.WithLabelValues(against).Set(ahead.Seconds())
	}}
}

// seen takes what another clock showed at a moment between asked and answered.
// coarse is how exactly it shows time.
func (c *clockWatch) seen(against string, other, asked, answered time.Time, coarse time.Duration) {
	var ahead time.Duration // of the other clock; 0 where it may have shown the same
	switch {
	case other.Before(asked.Add(-coarse)):
		ahead = other.Sub(asked)
	case other.After(answered):
		ahead = other.Sub(answered)
	}
	c.note(against, ahead)
	c.mu.Lock()
	if ahead.Abs() < clockBound {
		delete(c.off, against)
		c.mu.Unlock()
		return
	}
	c.off[against] = ahead
	last, told := c.told[against]
	again := !told || asked.Sub(last).Abs() >= clockEvery
	if again {
		c.told[against] = asked
	}
	c.mu.Unlock()
	if again {
		c.log.Error("this machine's clock differs: logins by token may be refused, an object store refuses from 15 minutes on, and times in logs and mail are wrong; set the clock by NTP on both sides",
			"against", against, "other_is_ahead_by", ahead.Round(time.Second).String())
	}
}

// differing are the clocks that differ from this machine's now, a line each.
func (c *clockWatch) differing() (lines []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for against, ahead := range c.off {
		lines = append(lines, "the clock of the "+against+" is ahead of this machine's by "+ahead.Round(time.Second).String()+": set both by NTP")
	}
	slices.Sort(lines)
	return lines
}

// clockOf names a clock of a site as the metric does.
func (in *Installation) clockOf(what, site string) string {
	if len(in.cfg.Sites) > 1 {
		return what + " of " + site
	}
	return what
}

// databases are the clocks of the sites' databases by the name that the metric has.
func (in *Installation) databases() map[string]func(context.Context) (time.Time, error) {
	out := map[string]func(context.Context) (time.Time, error){}
	for _, s := range in.sites {
		out[in.clockOf("database", s.Name)] = func(ctx context.Context) (time.Time, error) {
			us, err := s.db.Now(ctx)
			return time.UnixMicro(us), err
		}
	}
	return out
}

// database compares with a database's clock.
func (c *clockWatch) database(ctx context.Context, against string, now func(context.Context) (time.Time, error)) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	asked := c.now()
	other, err := now(ctx)
	if err == nil {
		c.seen(against, other, asked, c.now(), time.Millisecond)
	}
}

// run compares at once and then every clockLook until ctx ends.
func (c *clockWatch) run(ctx context.Context, databases map[string]func(context.Context) (time.Time, error)) {
	ticker := time.NewTicker(clockLook)
	defer ticker.Stop()
	for {
		for against, now := range databases {
			c.database(ctx, against, now)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// watchedClock compares with the clock that an HTTP server's answers show (RFC 9110
// section 6.6.1, whole seconds).
type watchedClock struct {
	http.RoundTripper
	watch   *clockWatch
	against string
}

// Around implements s3.Watcher.
func (t watchedClock) Around(sends http.RoundTripper) http.RoundTripper {
	t.RoundTripper = sends
	return t
}

func (t watchedClock) RoundTrip(r *http.Request) (*http.Response, error) {
	asked := t.watch.now()
	res, err := t.RoundTripper.RoundTrip(r)
	// An answer from a cache is as old as it says.
	if err == nil && res.Header.Get("Age") == "" {
		if other, errDate := http.ParseTime(res.Header.Get("Date")); errDate == nil {
			t.watch.seen(t.against, other, asked, t.watch.now(), time.Second)
		}
	}
	return res, err
}
