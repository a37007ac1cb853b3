package postgres_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/metatest"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/testenv/need"
)

// through is a factory whose engines go through a proxy.
type through struct{ p *proxy }

func (f *through) Place(t *testing.T) string {
	var dsn string
	f.p, dsn = startProxy(t, need.Postgres(t), 0)
	return dsn
}

func (f *through) Engine(ctx context.Context, place string) (meta.Engine, error) {
	return postgres.Open(ctx, place, postgres.Options{})
}

// TestLostCommit: where the answer to COMMIT is lost, the outcome is looked up: what
// was committed is not done again, what was not is.
func TestLostCommit(t *testing.T) {
	f := &through{}
	s := metatest.Open(t, f)
	inbox := s.Mailbox(t, "INBOX")
	want := int64(0)
	for _, swallow := range []bool{false, true} {
		f.p.swallow.Store(swallow)
		for range 5 {
			before := f.p.cuts.Load()
			f.p.cut.Store(1)
			if a, err := s.Add(t.Context(), s.Key, inbox.ID, metatest.Messages(2)); err != nil || len(a) != 2 {
				t.Fatalf("swallow %v: %v", swallow, err)
			}
			if f.p.cuts.Load() == before {
				t.Fatal("no COMMIT was cut")
			}
			want += 2
			if c, err := s.Collection(t.Context(), s.Key, inbox.ID); err != nil || c.Items != want {
				t.Fatalf("swallow %v: %d items for %d: %v", swallow, c.Items, want, err)
			}
		}
	}
	other := s.NewAccount(t, s.Key.Tenant)
	there, err := s.CreateCollection(t.Context(), other, meta.Mailbox, "INBOX", "", meta.CollectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for n, swallow := range []bool{false, true} {
		f.p.swallow.Store(swallow)
		f.p.cut.Store(1)
		r, err := s.MoveAcross(t.Context(), s.Key, inbox.ID, other, there.ID, []int64{int64(n + 1)}, metatest.Messages(1))
		if err != nil || len(r.Dest) != 1 || r.Dest[0] != int64(n+1) {
			t.Fatal(swallow, r, err)
		}
	}
	f.p.swallow.Store(false)
	f.p.cut.Store(1)
	err = s.Update(t.Context(), func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec("DELETE FROM ticket")
		return tx.Run(t.Context(), &b)
	})
	if !errors.Is(err, meta.ErrOutcomeUnknown) {
		t.Fatal(err)
	}
	if found, err := s.Verify(t.Context(), s.Key); err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
}

// TestAway: a database that cannot be reached is a temporary error, and nothing
// needs a restart when it is back.
func TestAway(t *testing.T) {
	f := &through{}
	s := metatest.Open(t, f)
	inbox := s.Mailbox(t, "INBOX")
	away, err := url.Parse(need.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	away.Host = "127.0.0.1:1" // nothing listens there
	e, err := postgres.Open(t.Context(), away.String(), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Ping(t.Context()); !errors.Is(err, meta.ErrUnavailable) {
		t.Fatal(err)
	}
	server := *f.p.server.Load()
	f.p.lead("127.0.0.1:1")
	terminate(t, s)
	if _, err := s.Add(t.Context(), s.Key, inbox.ID, metatest.Messages(1)); !errors.Is(err, meta.ErrUnavailable) {
		t.Fatal(err)
	}
	if _, err := s.Collections(t.Context(), s.Key, meta.Mailbox); !errors.Is(err, meta.ErrUnavailable) {
		t.Fatal(err)
	}
	f.p.lead(server)
	if a, err := s.Add(t.Context(), s.Key, inbox.ID, metatest.Messages(1)); err != nil || a[0].UID != 1 {
		t.Fatal(a, err)
	}
}

// terminate ends every session of the database but its own, the server's way.
func terminate(t *testing.T, s *metatest.Store) {
	t.Helper()
	err := s.View(t.Context(), func(tx meta.Tx) error {
		r, err := tx.Query(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		if err != nil {
			return err
		}
		for r.Next() {
		}
		r.Close()
		r, err = tx.Query(t.Context(), "SELECT pg_terminate_backend(pg_backend_pid())")
		if err == nil {
			r.Next()
			r.Close()
		}
		return nil
	})
	if err == nil {
		t.Fatal("the session survived")
	}
}

// TestLockTimeout: a lock that another holds too long is an error that may be
// retried, and who holds one and says nothing is ended by the server.
func TestLockTimeout(t *testing.T) {
	s := metatest.Open(t, factory{})
	inbox := s.Mailbox(t, "INBOX")
	other, err := pgx.Connect(t.Context(), s.Place)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	if _, err := other.Exec(t.Context(), "BEGIN; UPDATE account SET modseq = modseq"); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	var writing sync.WaitGroup
	writing.Go(func() {
		if _, err := s.Add(t.Context(), s.Key, inbox.ID, metatest.Messages(1)); err != nil {
			t.Error(err)
		}
	})
	time.Sleep(2500 * time.Millisecond) // the first attempt has given up
	if _, err := other.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	writing.Wait()
	if time.Since(begun) < 2*time.Second {
		t.Fatal("the lock was not waited for")
	}
	err = s.View(t.Context(), func(tx meta.Tx) error {
		for name, want := range map[string]string{"lock_timeout": "2s", "idle_in_transaction_session_timeout": "5s", "TimeZone": "UTC"} {
			r, err := tx.Query(t.Context(), "SELECT current_setting($1)", name)
			if err != nil {
				return err
			}
			var got string
			if r.Next() {
				r.Scan(&got)
			}
			r.Close()
			if got != want {
				t.Errorf("%s is %q", name, got)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// germanFactory makes databases that sort as Germans do and live in another zone.
type germanFactory struct{ factory }

func (f germanFactory) Place(t *testing.T) string {
	dsn := need.Postgres(t)
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	german := c.Database + "_de"
	for _, sql := range []string{
		"CREATE DATABASE " + german + " TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' LOCALE 'C'",
		"ALTER DATABASE " + german + " SET timezone = 'Pacific/Kiritimati'",
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		conn, err := pgx.ConnectConfig(context.Background(), c)
		if err == nil {
			conn.Exec(context.Background(), "DROP DATABASE "+german+" WITH (FORCE)")
			conn.Close(context.Background())
		}
	})
	return strings.Replace(dsn, c.Database, german, 1)
}

// TestGermanDatabase: names keep their byte order and times their value whatever
// the database's locale and zone are.
func TestGermanDatabase(t *testing.T) {
	metatest.RunNamed(t, germanFactory{}, "Names", "Times", "Collections")
}
