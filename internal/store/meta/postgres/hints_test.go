package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/testenv/need"
)

// a party is one process that carries hints.
type party struct {
	wake  chan struct{}
	say   chan []string
	heard chan string
	ended chan error
}

func carry(ctx context.Context, t *testing.T, place string) *party {
	t.Helper()
	e, err := factory{}.Engine(ctx, place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	p := &party{wake: make(chan struct{}, 1), say: make(chan []string, 1), heard: make(chan string, 10_000), ended: make(chan error, 1)}
	connected := make(chan struct{})
	go func() {
		p.ended <- e.(meta.Carrier).Carry(ctx, meta.Hints{
			Connected: func() { close(connected) }, Heard: func(text string) { p.heard <- text },
			Wake: p.wake, Say: func() []string { return <-p.say },
		})
	}()
	select {
	case <-connected:
	case err := <-p.ended:
		t.Fatal(err)
	}
	return p
}

func (p *party) tell(texts ...string) {
	p.say <- texts
	p.wake <- struct{}{}
}

func TestHintsReachOtherProcesses(t *testing.T) {
	place := need.Postgres(t)
	ctx, cancel := context.WithCancel(t.Context())
	a, b := carry(ctx, t, place), carry(ctx, t, place)
	for n := range 50 { // each side is woken while it listens
		a.tell("one", "two")
		b.tell("three")
		for _, p := range []*party{a, b} {
			for range 3 {
				select {
				case <-p.heard:
				case err := <-p.ended:
					t.Fatalf("round %d: %v", n, err)
				case <-time.After(time.Minute):
					t.Fatalf("round %d: nothing is heard", n)
				}
			}
		}
	}
	cancel()
	for _, p := range []*party{a, b} {
		if err := <-p.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}
}

func TestLostHintsConnectionIsTold(t *testing.T) {
	place := need.Postgres(t)
	a := carry(t.Context(), t, place)
	e, err := factory{}.Engine(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	var b meta.Batch
	b.Query(func(r meta.Rows) error { return r.Err() },
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fachwerk hints' AND datname = current_database()")
	if err := e.Read(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-a.ended:
		if !errors.Is(err, meta.ErrUnavailable) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("goes on listening to nobody")
	}
}
