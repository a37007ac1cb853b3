package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ops answers operators and their machines from the moment the listeners are bound
// to the very end, so that a probe tells a slow migration from a dead process.
type ops struct {
	log    *slog.Logger
	srv    *http.Server
	failed chan error // the listener's, if it ends before close

	in    atomic.Pointer[Installation] // nil until it is open
	state atomic.Int32

	mu    sync.Mutex
	asked time.Time
	found error
	away  map[string]bool // sites that did not answer when last asked
}

// What the server is at.
const (
	opsStarting int32 = iota
	opsServing
	opsStopping
)

const (
	readyFor     = time.Second     // an answer about readiness holds this long
	readyTimeout = 2 * time.Second // for database and blob store to answer
)

func newOps(log *slog.Logger) *ops {
	o := &ops{log: log, failed: make(chan error, 1), away: map[string]bool{}}
	o.srv = &http.Server{
		Handler: o.handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.With("listener", "ops").Handler(), slog.LevelDebug),
	}
	return o
}

// begin serves the listener, if there is one, until close.
func (o *ops) begin(l net.Listener) {
	if l == nil {
		return
	}
	go func() {
		if err := o.srv.Serve(l); !closed(err) {
			o.failed <- err
		}
	}()
}

func (o *ops) close() error {
	if err := o.srv.Close(); !closed(err) { // the listener may be closed already
		return err
	}
	return nil
}

// handler serves
//
//	/live     the process answers
//	/started  the database is migrated and all listeners are served; stays so
//	/ready    it takes connections, and database and blob store answer
//	/metrics
//
// and, for monitoring that knows them, /healthz and /readyz.
func (o *ops) handler() http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/live", "/healthz"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) { answer(w, "", "ok") })
	}
	mux.HandleFunc("GET /started", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[bool]string{true: "starting"}[o.state.Load() == opsStarting], "started")
	})
	for _, path := range []string{"/ready", "/readyz"} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			not := o.unready(r.Context())
			answer(w, not, "ready"+o.without())
		})
	}
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		in := o.in.Load()
		if in == nil {
			answer(w, "starting", "")
			return
		}
		_ = o.check(r.Context()) // for its metric
		o.countQueue(r.Context(), in)
		promhttp.HandlerFor(in.metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	})
	return mux
}

// answer is 503 with the reason why not, else 200.
func answer(w http.ResponseWriter, not, good string) {
	w.Header().Set("Cache-Control", "no-store")
	if not != "" {
		http.Error(w, not, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte(good + "\n"))
}

// unready says why the server takes no connections now, "" if it does. The cause
// is in the log: a probe's answer may be seen by many.
func (o *ops) unready(ctx context.Context) string {
	switch o.state.Load() {
	case opsStarting:
		return "starting"
	case opsStopping:
		return "stopping"
	}
	if err := o.check(ctx); err != nil {
		return "database or blob store does not answer"
	}
	return ""
}

// without names the sites that did not answer when last asked, and clocks that differ, a
// line each, for people who look: all others are served.
func (o *ops) without() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var lines []string
	for name, away := range o.away {
		if away {
			lines = append(lines, "\nsite "+name+" is unavailable, the log says why")
		}
	}
	slices.Sort(lines)
	if in := o.in.Load(); in != nil {
		for _, l := range in.clock.differing() {
			lines = append(lines, "\n"+l)
		}
	}
	return strings.Join(lines, "")
}

// check asks every site, at most once a second whoever probes. While one of them
// answers, the server is ready: it serves the people of that one.
func (o *ops) check(ctx context.Context) error {
	in := o.in.Load()
	if in == nil {
		return errors.New("not open")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.asked) < readyFor {
		return o.found
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	var errs []error
	sites := in.store.CheckSites(ctx)
	for name, err := range sites {
		in.metrics.sites.WithLabelValues(name).Set(map[bool]float64{true: 1}[err == nil])
		if err != nil {
			errs = append(errs, fmt.Errorf("site %s: %w", name, err))
		}
		switch {
		case err != nil && !o.away[name]:
			o.log.Error("database or object store does not answer", "site", name, "error", err, "remedy", remedy(err))
		case err == nil && o.away[name]:
			o.log.Info("database and object store answer again", "site", name)
		}
		o.away[name] = err != nil
	}
	o.asked, o.found = time.Now(), nil
	if len(errs) == len(sites) {
		o.found = errors.Join(errs...)
	}
	return o.found
}

// countQueue refreshes the queue's length for this scrape; a database that is
// away leaves the old numbers.
func (o *ops) countQueue(ctx context.Context, in *Installation) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	messages, waiting, err := in.store.QueueLength(ctx)
	if err != nil {
		return
	}
	in.metrics.queue.WithLabelValues("messages").Set(float64(messages))
	in.metrics.queue.WithLabelValues("recipients").Set(float64(waiting))
}
