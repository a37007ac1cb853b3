package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/metatest"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/testenv/need"
	"fachwerk/internal/testenv/parts"
)

// cluster is a PostgreSQL with a standby behind one name, which a proxy stands for.
type cluster struct {
	primary, standby *parts.Postgres
	p                *proxy
	dsn              string
	pooled           bool
}

func newCluster(t *testing.T, pooled bool) *cluster {
	c := &cluster{primary: parts.NewPostgres(t, "127.0.0.1", ""), pooled: pooled}
	c.standby = c.primary.NewStandby(t, "127.0.0.1", "zweitrechner")
	c.p, c.dsn = startProxy(t, c.primary.DSN(), 0)
	return c
}

func (c *cluster) Place(t *testing.T) string {
	if c.pooled {
		return need.PgBouncer(t, c.dsn, 4) + " " + c.dsn
	}
	return c.dsn
}

func (c *cluster) Engine(ctx context.Context, place string) (meta.Engine, error) {
	dsn, direct, _ := strings.Cut(place, " ")
	return postgres.Open(ctx, dsn, postgres.Options{Direct: direct})
}

// caughtUp waits until the standby has everything.
func (c *cluster) caughtUp(t *testing.T) {
	t.Helper()
	eventually(t, "the standby has everything", func() error {
		behind := c.primary.Query(t, "SELECT COALESCE(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 1)::text FROM pg_stat_replication")
		if behind != "0" {
			return fmt.Errorf("%s bytes are missing", behind)
		}
		return nil
	})
}

// takeOver has the standby be the primary behind the same name.
func (c *cluster) takeOver(t *testing.T) {
	t.Helper()
	if c.standby.Query(t, "SELECT pg_promote(true, 60)::text") != "true" {
		t.Fatal("the standby was not promoted")
	}
	c.p.lead(net.JoinHostPort(c.standby.Address, c.standby.Port))
}

// TestTakeOver: where a standby takes over that has everything, all goes on in the same
// generation without a person, for processes that were there and for new ones.
func TestTakeOver(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("pooler %v", pooled), func(t *testing.T) {
			c := newCluster(t, pooled)
			s := metatest.Open(t, c)
			other := metatest.OpenAt(t, c, s.Place)
			inbox := s.Mailbox(t, "INBOX")
			before := s.AddN(t, inbox.ID, 3)
			c.caughtUp(t)
			c.primary.Crash(t)
			c.takeOver(t)
			var after []meta.Added
			eventually(t, "writing goes on", func() (err error) {
				after, err = s.Add(t.Context(), s.Key, inbox.ID, metatest.Messages(1))
				return err
			})
			if after[0].UID != 4 || after[0].ModSeq <= before[2].ModSeq || s.Generation() != 0 {
				t.Errorf("%+v after %+v, generation %d", after, before, s.Generation())
			}
			eventually(t, "another process goes on", func() error {
				_, err := other.Add(t.Context(), s.Key, inbox.ID, metatest.Messages(1))
				return err
			})
			metatest.OpenAt(t, c, s.Place) // it is the one that was last used
		})
	}
}

// TestTakeOverWithLoss: where a standby takes over that has not everything, nobody uses
// it, neither who knows what is missing nor who does not, until a person begins a new
// generation; then all go on, and no UID is given twice.
func TestTakeOverWithLoss(t *testing.T) {
	for _, pooled := range []bool{false, true} {
		t.Run(fmt.Sprintf("pooler %v", pooled), func(t *testing.T) {
			c := newCluster(t, pooled)
			s := metatest.Open(t, c)
			other := metatest.OpenAt(t, c, s.Place)
			inbox := s.Mailbox(t, "INBOX")
			s.AddN(t, inbox.ID, 2)
			c.caughtUp(t)
			c.standby.Stop(t)
			lost := s.AddN(t, inbox.ID, 1)
			c.primary.Crash(t)
			c.standby.Start(t)
			c.takeOver(t)
			refused(t, s, inbox.ID)
			refused(t, &metatest.Store{DB: other, Key: s.Key}, inbox.ID)
			e, err := c.Engine(t.Context(), s.Place)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := meta.Open(t.Context(), e, slog.New(slog.DiscardHandler)); !errors.Is(err, meta.ErrForeignStore) {
				t.Errorf("a new process: %v", err)
			}
			renewed, err := meta.Renew(t.Context(), e, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer renewed.Close()
			for _, db := range []*meta.DB{s.DB, other} {
				eventually(t, "it goes on in a new generation", func() error {
					after, err := db.Add(t.Context(), s.Key, inbox.ID, metatest.Messages(1))
					if err != nil {
						return err
					}
					if after[0].UID < 1<<20 || after[0].ModSeq < 1<<32 || after[0].UID <= lost[0].UID || db.Generation() == 0 {
						t.Errorf("%+v, generation %d", after, db.Generation())
					}
					return nil
				})
			}
		})
	}
}

// refused looks whether a store neither writes nor reads, and says why.
func refused(t *testing.T, s *metatest.Store, mailbox int64) {
	t.Helper()
	calls := map[string]func() error{
		"writing": func() error { _, err := s.Add(t.Context(), s.Key, mailbox, metatest.Messages(1)); return err },
		"reading": func() error { _, err := s.Collection(t.Context(), s.Key, mailbox); return err },
	}
	for _, name := range []string{"writing", "reading"} {
		eventually(t, name+" is refused", func() error {
			switch err := calls[name](); {
			case err == nil:
				t.Fatalf("%s goes on with an older database", name)
			case !errors.Is(err, meta.ErrForeignStore) || !errors.Is(err, meta.ErrUnavailable):
				return err
			}
			return nil
		})
	}
}

// TestOlderDatabase: a copy that is put back under the same name of the same server is
// not used, and the right one is used again when it is there.
func TestOlderDatabase(t *testing.T) {
	s := metatest.Open(t, factory{})
	inbox := s.Mailbox(t, "INBOX")
	s.AddN(t, inbox.ID, 2)
	d := newDatabase(t, s.Place)
	d.alone(t, "CREATE DATABASE "+d.name+"_b TEMPLATE "+d.name)
	t.Cleanup(func() {
		d.do(t, "DROP DATABASE IF EXISTS "+d.name+"_b WITH (FORCE)", "DROP DATABASE IF EXISTS "+d.name+"_a WITH (FORCE)")
	})
	eventually(t, "writing goes on", func() error {
		a, err := s.Add(t.Context(), s.Key, inbox.ID, metatest.Messages(1))
		if err == nil && a[0].UID != 3 {
			t.Fatal(a)
		}
		return err
	})
	d.alone(t, "ALTER DATABASE "+d.name+" RENAME TO "+d.name+"_a", "ALTER DATABASE "+d.name+"_b RENAME TO "+d.name)
	refused(t, s, inbox.ID)
	d.alone(t, "ALTER DATABASE "+d.name+" RENAME TO "+d.name+"_b", "ALTER DATABASE "+d.name+"_a RENAME TO "+d.name)
	eventually(t, "the right one is used again", func() error {
		a, err := s.Add(t.Context(), s.Key, inbox.ID, metatest.Messages(1))
		if err == nil && a[0].UID != 4 {
			t.Fatal(a)
		}
		return err
	})
}

// TestRowsPutBack: rows that are older than what was acknowledged are not written on,
// even where the server seems to be the same.
func TestRowsPutBack(t *testing.T) {
	s := metatest.Open(t, factory{})
	inbox := s.Mailbox(t, "INBOX")
	s.AddN(t, inbox.ID, 2)
	put := func(by string) {
		err := s.Engine().Update(t.Context(), func(tx meta.Tx) error {
			var b meta.Batch
			b.Exec("UPDATE account SET modseq = modseq " + by)
			return tx.Run(t.Context(), &b)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	put("- 1")
	if _, err := s.Add(t.Context(), s.Key, inbox.ID, metatest.Messages(1)); !errors.Is(err, meta.ErrForeignStore) {
		t.Fatal(err)
	}
	refused(t, s, inbox.ID)
}

// TestDirectoryPutBack: that the directory's counter was higher is remembered by who only
// looks at the store from time to time, as every process does, and is found in the same way.
func TestDirectoryPutBack(t *testing.T) {
	s := metatest.Open(t, factory{})
	other, err := pgx.Connect(t.Context(), s.Place)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close(context.Background())
	var missed error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		for _, by := range []string{"+ 1", "- 1"} { // each stays for a look or two
			if _, err := other.Exec(t.Context(), "UPDATE installation SET directory = directory "+by); err != nil {
				t.Fatal(err)
			}
			time.Sleep(1500 * time.Millisecond)
		}
		if _, missed = s.Account(t.Context(), s.Key); errors.Is(missed, meta.ErrForeignStore) {
			return
		}
	}
	t.Fatal("a database that has lost a change of the directory is used", missed)
}

// database is one that is taken from under a store's feet.
type database struct {
	admin *pgx.Conn
	name  string
}

func newDatabase(t *testing.T, dsn string) *database {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	d := &database{name: strings.TrimPrefix(u.Path, "/")}
	u.Path = "/postgres"
	if d.admin, err = pgx.Connect(t.Context(), u.String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.admin.Close(context.Background()) })
	return d
}

func (d *database) do(t *testing.T, sql ...string) {
	t.Helper()
	for _, text := range sql {
		if _, err := d.admin.Exec(context.Background(), text); err != nil {
			t.Fatal(text, err)
		}
	}
}

// alone runs statements while nobody is connected to the database.
func (d *database) alone(t *testing.T, sql ...string) {
	t.Helper()
	d.do(t, "ALTER DATABASE "+d.name+" ALLOW_CONNECTIONS false")
	eventually(t, "nobody is connected", func() error {
		d.do(t, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+d.name+"'")
		var n int
		err := d.admin.QueryRow(context.Background(), "SELECT count(*) FROM pg_stat_activity WHERE datname = $1", d.name).Scan(&n)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d are", n)
		}
		return err
	})
	d.do(t, sql...)
	d.do(t, "ALTER DATABASE "+d.name+" ALLOW_CONNECTIONS true")
}
