package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/metatest"
	"fachwerk/internal/store/meta/postgres"
)

// impatient is a factory whose engines go through a proxy and wait for little time.
type impatient struct{ through }

func (f *impatient) Engine(ctx context.Context, place string) (meta.Engine, error) {
	return postgres.Open(ctx, place, postgres.Options{Patience: 5 * time.Second})
}

// TestSilentServer: connections that stay open and answer nothing are an absence that
// ends every call by itself, whatever the caller's patience, and when the server
// answers again nothing needs a restart.
func TestSilentServer(t *testing.T) {
	f := &impatient{}
	s := metatest.Open(t, f)
	inbox := s.Mailbox(t, "INBOX")
	fill(t, s)
	thaw := f.p.freeze(t)
	calls := map[string]func(context.Context) error{
		"Read": func(ctx context.Context) error { _, err := s.Account(ctx, s.Key); return err },
		"View": func(ctx context.Context) error {
			return s.View(ctx, func(tx meta.Tx) error { return query(ctx, tx, "SELECT 1") })
		},
		"Update": func(ctx context.Context) error {
			return s.Update(ctx, func(tx meta.Tx) error { return query(ctx, tx, "SELECT 1") })
		},
		"Add": func(ctx context.Context) error {
			_, err := s.Add(ctx, s.Key, inbox.ID, metatest.Messages(1))
			return err
		},
		"Ping": s.Ping,
	}
	var all sync.WaitGroup
	for name, call := range calls {
		all.Go(func() {
			ended := make(chan error, 1)
			go func() { ended <- call(context.WithoutCancel(t.Context())) }()
			select {
			case err := <-ended:
				if !errors.Is(err, meta.ErrUnavailable) {
					t.Errorf("%s: %v", name, err)
				}
			case <-time.After(2 * time.Minute):
				t.Errorf("%s did not return", name)
			}
		})
	}
	all.Wait()
	thaw()
	eventually(t, "the server is used again", func() error {
		_, err := s.Add(t.Context(), s.Key, inbox.ID, metatest.Messages(1))
		return err
	})
}

// fill opens all connections of the pool, as a server under load has them.
func fill(t *testing.T, s *metatest.Store) {
	t.Helper()
	var all sync.WaitGroup
	for range 14 {
		all.Go(func() {
			err := s.View(t.Context(), func(tx meta.Tx) error { return query(t.Context(), tx, "SELECT pg_sleep(0.1)") })
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func query(ctx context.Context, tx meta.Tx, sql string) error {
	r, err := tx.Query(ctx, sql)
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
	}
	return r.Err()
}

func eventually(t *testing.T, what string, f func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatalf("%s: never in two minutes, at last: %v", what, err)
}
