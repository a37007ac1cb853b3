package app

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ops answers /healthz, /readyz and /metrics for operators and their machines.
type ops struct {
	in      *Installation
	serving atomic.Bool // between a complete start and the begin of the end

	mu    sync.Mutex
	asked time.Time
	found error
}

const (
	readyFor     = time.Second     // an answer about readiness holds this long
	readyTimeout = 2 * time.Second // for database and blob store to answer
)

func (o *ops) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", o.readyz)
	metrics := promhttp.HandlerFor(o.in.metrics.registry, promhttp.HandlerOpts{})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		o.countQueue(r.Context())
		metrics.ServeHTTP(w, r)
	})
	return mux
}

// readyz answers 200 while the server takes connections and its database and
// blob store answer, else 503 with the part that does not. The cause is in the
// log: a probe's answer may be seen by many.
func (o *ops) readyz(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if !o.serving.Load() {
		http.Error(w, "starting or stopping", http.StatusServiceUnavailable)
		return
	}
	if err := o.check(r.Context()); err != nil {
		http.Error(w, "database or blob store does not answer", http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ready\n"))
}

// check asks the store, at most once a second whoever probes.
func (o *ops) check(ctx context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if time.Since(o.asked) < readyFor {
		return o.found
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyTimeout)
	defer cancel()
	before := o.found
	o.found = o.in.store.Check(ctx)
	o.asked = time.Now()
	if (before == nil) != (o.found == nil) {
		o.in.log.Warn("readiness changed", "ready", o.found == nil, "error", o.found)
	}
	return o.found
}

// countQueue refreshes the queue's length for this scrape; a database that is
// away leaves the old numbers.
func (o *ops) countQueue(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	messages, waiting, err := o.in.store.QueueLength(ctx)
	if err != nil {
		return
	}
	o.in.metrics.queue.WithLabelValues("messages").Set(float64(messages))
	o.in.metrics.queue.WithLabelValues("recipients").Set(float64(waiting))
}
