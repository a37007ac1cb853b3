package replicas

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/jackc/pgx/v5"

	"fachwerk/internal/testenv/need"
)

// crowd is how many people have their mailbox open.
const crowd = 1000

// BenchmarkCrowd measures what 1,000 people cost who idle on one replica, and what
// happens when that replica dies and all of them come back to the other one:
//
//	go test -run ^$ -bench Crowd -benchtime 1x ./test/replicas
func BenchmarkCrowd(b *testing.B) {
	for range b.N {
		m := &meter{}
		dsn := need.Postgres(b)
		h := start(b, direct, options{dsn: dsn, accounts: crowd, env: []string{"FACHWERK_METADATA_DSN=" + m.postgres(b, dsn), "FACHWERK_LOG_LEVEL=warn"}})
		first, second := h.both()

		began := time.Now()
		clients := h.come(b, first)
		b.Logf("%d people signed in and idle after %v", crowd, time.Since(began).Round(time.Millisecond))
		quiet(b, m, first, "idling")

		first.kill(b)
		began = time.Now()
		for _, c := range clients {
			c.Close()
		}
		peak := make(chan int, 1)
		ctx, stop := context.WithCancel(b.Context())
		go func() { peak <- connections(ctx, b, dsn) }()
		h.come(b, second)
		took := time.Since(began)
		stop()
		b.Logf("after the replica's end all %d idle on the other one after %v, with %d connections to the database at most",
			crowd, took.Round(time.Millisecond), <-peak)
		quiet(b, m, second, "after the storm")
	}
}

// come signs everybody in, 50 at a time, and has them idle.
func (h *house) come(b *testing.B, r *replica) []*imapclient.Client {
	b.Helper()
	clients := make([]*imapclient.Client, crowd)
	took := make([]time.Duration, crowd)
	secure := r.TLS(b)
	var all sync.WaitGroup
	gate := make(chan struct{}, 50)
	for i := range clients {
		gate <- struct{}{}
		all.Go(func() {
			defer func() { <-gate }()
			began := time.Now()
			c, err := imapclient.DialTLS(r.IMAPS, &imapclient.Options{TLSConfig: secure})
			if err != nil {
				b.Error(err)
				return
			}
			b.Cleanup(func() { c.Close() })
			who := h.demo.Person(i)
			if err := c.Login(who.Address, who.AppPassword).Wait(); err != nil {
				b.Error(err)
				return
			}
			if _, err := c.Select("INBOX", nil).Wait(); err != nil {
				b.Error(err)
				return
			}
			if _, err := c.Idle(); err != nil {
				b.Error(err)
			}
			clients[i], took[i] = c, time.Since(began)
		})
	}
	all.Wait()
	slices.Sort(took)
	b.Logf("signing in, selecting and idling took %v at the median, %v at the longest", took[crowd/2].Round(time.Millisecond), took[crowd-1].Round(time.Millisecond))
	return clients
}

// quiet measures a while in which nothing happens.
func quiet(b *testing.B, m *meter, r *replica, when string) {
	b.Helper()
	time.Sleep(3 * time.Second)
	m.take()
	const long = 20 * time.Second
	before := processor(b, r)
	time.Sleep(long)
	used := processor(b, r) - before
	trips, _ := m.take()
	by := map[string]int{}
	for _, p := range trips {
		for _, text := range p.texts {
			by[strings.Join(strings.Fields(text), " ")]++
		}
	}
	b.Logf("%s: %.1f round trips a second, %.1f %% of a processor", when, float64(len(trips))/long.Seconds(), 100*used.Seconds()/long.Seconds())
	for text, n := range by {
		if n > 5 {
			b.Logf("    %6.1f a second  %.120s", float64(n)/long.Seconds(), text)
		}
	}
}

// processor is the time that a replica has used.
func processor(b *testing.B, r *replica) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", r.cmd.Process.Pid))
	if err != nil {
		need.NotRun(b, "there is no /proc")
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// connections is the largest number seen until ctx ends.
func connections(ctx context.Context, b *testing.B, dsn string) (most int) {
	c, err := pgx.Connect(context.WithoutCancel(ctx), dsn)
	if err != nil {
		b.Error(err)
		return 0
	}
	defer c.Close(context.WithoutCancel(ctx))
	for ctx.Err() == nil {
		var n int
		if err := c.QueryRow(context.WithoutCancel(ctx), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'fachwerk%'").Scan(&n); err != nil {
			b.Error(err)
			return most
		}
		most = max(most, n)
		time.Sleep(20 * time.Millisecond)
	}
	return most
}
