package replicas

import (
	"math/rand/v2"
	"net/url"
	"os"
	"testing"
	"time"

	"fachwerk/internal/testenv/parts"
)

// envChaos is how long chaos goes on, such as 10m; `make chaos` sets it. Without it
// each thing happens once.
const envChaos = "FACHWERK_TEST_CHAOS"

// Replicas are killed and restarted, PostgreSQL is restarted, the object store is
// away for 20 seconds, and clients work on. Nothing that was acknowledged is lost or
// doubled, and the store checks clean.
func TestChaos(t *testing.T) {
	database, objects := parts.NewPostgres(t, "127.0.0.1", ""), parts.NewGateway(t, "127.0.0.1", nil)
	s3 := objects.URL(parts.GatewayBucket, url.UserPassword(parts.GatewayAccess, parts.GatewaySecret))
	h := start(t, pooler, options{dsn: database.DSN(), s3: s3, accounts: 2, env: []string{"FACHWERK_LOG_LEVEL=warn"}})
	l := newLoad(t, h)
	l.begin()
	l.progress("at the beginning")
	happenings := []struct {
		what string
		do   func()
	}{
		{"replica a killed", func() { h.again(t, 0) }},
		{"replica b killed", func() { h.again(t, 1) }},
		{"PostgreSQL restarted", func() { database.Stop(t); database.Start(t) }},
		{"PostgreSQL restarted at once", func() { database.Crash(t); database.Start(t) }},
		{"object store away for 20 s", func() {
			objects.Kill(t)
			time.Sleep(20 * time.Second)
			objects.Start(t, nil)
		}},
		{"replica a killed as PostgreSQL ends", func() {
			database.Crash(t)
			h.replicas[0].kill(t)
			database.Start(t)
			h.replicas[0].supervise(t)
		}},
	}
	for _, one := range happenings {
		one.do()
		l.progress(one.what)
	}
	if long, err := time.ParseDuration(os.Getenv(envChaos)); err == nil {
		for end := time.Now().Add(long); time.Now().Before(end); {
			one := happenings[rand.IntN(len(happenings))]
			time.Sleep(rand.N(3 * time.Second))
			one.do()
			l.progress(one.what)
		}
	}
	l.end()
	l.verify()
	h.demo.Check(t)
	for _, r := range h.replicas {
		r.stop(t)
	}
}

// again kills a replica and starts it anew.
func (h *house) again(t *testing.T, n int) {
	t.Helper()
	h.replicas[n].kill(t)
	h.replicas[n].run(t)
}
