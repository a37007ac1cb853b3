package postgres_test

import (
	"context"
	"strings"
	"testing"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/metatest"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/testenv/need"
)

// pooledFactory reaches the database through a pgbouncer in transaction mode with
// fewer connections than the pool before it has.
type pooledFactory struct{}

func (pooledFactory) Place(t *testing.T) string {
	direct := need.Postgres(t)
	return need.PgBouncer(t, direct, 4) + " " + direct
}

func (pooledFactory) Engine(ctx context.Context, place string) (meta.Engine, error) {
	pooled, direct, _ := strings.Cut(place, " ")
	return postgres.Open(ctx, pooled, postgres.Options{Direct: direct})
}

// TestSuiteThroughPooler is the whole suite behind a pooler.
func TestSuiteThroughPooler(t *testing.T) { metatest.Run(t, pooledFactory{}) }

// TestPooledSessionsAreBounded looks whether the settings that a pooler does not
// pass on hold in a transaction, and are gone after it.
func TestPooledSessionsAreBounded(t *testing.T) {
	f := pooledFactory{}
	e, err := f.Engine(t.Context(), f.Place(t))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for range 10 {
		err = e.Update(t.Context(), func(tx meta.Tx) error {
			var lock, idle string
			var b meta.Batch
			b.Query(func(r meta.Rows) error {
				for r.Next() {
					if err := r.Scan(&lock, &idle); err != nil {
						return err
					}
				}
				return r.Err()
			}, "SELECT current_setting('lock_timeout'), current_setting('idle_in_transaction_session_timeout')")
			if err := tx.Run(t.Context(), &b); err != nil {
				return err
			}
			if lock != "2s" || idle != "5s" {
				t.Errorf("lock_timeout %s, idle_in_transaction_session_timeout %s", lock, idle)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
