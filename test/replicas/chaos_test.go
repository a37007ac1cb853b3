package replicas

import (
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"
)

// envChaos is how long chaos goes on, such as 10m; `make chaos` sets it. Without it
// each thing happens once.
const envChaos = "FACHWERK_TEST_CHAOS"

// Replicas are killed and restarted, PostgreSQL is restarted, the object store is
// away for 20 seconds, and clients work on. Nothing that was acknowledged is lost or
// doubled, and the store checks clean.
func TestChaos(t *testing.T) {
	database, dsn := ownPostgres(t)
	objects, s3 := ownS3(t)
	h := start(t, pooler, options{dsn: dsn, s3: s3, accounts: 2, env: []string{"FACHWERK_LOG_LEVEL=warn"}})
	l := newLoad(t, h)
	l.begin()
	l.progress("at the beginning")
	happenings := []struct {
		what string
		do   func()
	}{
		{"replica a killed", func() { h.again(t, 0) }},
		{"replica b killed", func() { h.again(t, 1) }},
		{"PostgreSQL restarted", func() { database.end(t, syscall.SIGINT); database.start(t) }},
		{"PostgreSQL restarted at once", func() { database.end(t, syscall.SIGQUIT); database.start(t) }},
		{"object store away for 20 s", func() {
			objects.end(t, syscall.SIGKILL)
			time.Sleep(20 * time.Second)
			objects.start(t)
		}},
		{"replica a killed as PostgreSQL ends", func() {
			database.end(t, syscall.SIGQUIT)
			h.replicas[0].kill(t)
			database.start(t)
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
