package storetest

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/blob/dir"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/testenv/parts"
)

// Cluster is a PostgreSQL of its own with a standby that streams from it, both behind one
// name, and a store over it whose objects lie in a folder.
type Cluster struct {
	*Parts
	Primary, Standby *parts.Postgres
	line             *Line
	dsn              string
}

// OpenCluster starts one and makes an empty store in it, as Open does.
func OpenCluster(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{Primary: parts.NewPostgres(t, "127.0.0.1", "")}
	c.Standby = c.Primary.NewStandby(t, "127.0.0.1", "zweitrechner")
	c.line, c.dsn = newLine(t, c.Primary.DSN())
	folder := t.TempDir()
	engine, err := postgres.Open(t.Context(), c.dsn, postgres.Options{})
	must(t, err)
	blobs, err := dir.Open(filepath.Join(folder, "blobs"))
	must(t, err)
	c.Parts = assemble(t, Remote, folder, engine, blobs, nil)
	return c
}

// Process opens another store there, with connections and a memory of its own, as another
// process has. It ends with the test, or before.
func (c *Cluster) Process(t testing.TB) (s *store.Store, db *meta.DB, end func()) {
	t.Helper()
	engine, err := postgres.Open(t.Context(), c.dsn, postgres.Options{})
	must(t, err)
	db, err = meta.Open(t.Context(), engine, slog.New(slog.DiscardHandler))
	must(t, err)
	o := c.Options
	o.SpoolDir = t.TempDir()
	o.Sites = []store.Site{site(Remote, Site, db, c.Blobs)}
	s, err = store.New(context.WithoutCancel(t.Context()), o)
	must(t, err)
	end = sync.OnceFunc(func() {
		must(t, s.Close())
		must(t, db.Close())
	})
	t.Cleanup(end)
	return s, db, end
}

// DatabaseNow opens the database that is there now as a process does that starts.
func (c *Cluster) DatabaseNow(t testing.TB) (*meta.DB, error) {
	t.Helper()
	engine, err := postgres.Open(t.Context(), c.dsn, postgres.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, engine.Close()) })
	return meta.Open(t.Context(), engine, slog.New(slog.DiscardHandler))
}

// Renew begins a new generation in the database that is there now.
func (c *Cluster) Renew(t testing.TB) {
	t.Helper()
	engine, err := postgres.Open(t.Context(), c.dsn, postgres.Options{})
	must(t, err)
	db, err := meta.Renew(t.Context(), engine, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, db.Close())
}

// CaughtUp waits until the standby has everything.
func (c *Cluster) CaughtUp(t testing.TB) {
	t.Helper()
	parts.Eventually(t, "the standby has everything", func() error {
		behind := c.Primary.Query(t, "SELECT COALESCE(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn), 1)::text FROM pg_stat_replication")
		if behind != "0" {
			return fmt.Errorf("%s bytes are missing", behind)
		}
		return nil
	})
}

// TakeOver crashes the primary and has the standby take its place.
func (c *Cluster) TakeOver(t testing.TB) {
	t.Helper()
	c.Primary.Crash(t)
	c.promote(t)
}

// Lose is TakeOver where what happens meanwhile has not reached the standby.
func (c *Cluster) Lose(t testing.TB, meanwhile func()) {
	t.Helper()
	c.CaughtUp(t)
	c.Standby.Stop(t)
	meanwhile()
	c.Primary.Crash(t)
	c.Standby.Start(t)
	c.promote(t)
}

func (c *Cluster) promote(t testing.TB) {
	t.Helper()
	if c.Standby.Query(t, "SELECT pg_promote(true, 60)::text") != "true" {
		t.Fatal("the standby was not promoted")
	}
	c.line.Lead(net.JoinHostPort(c.Standby.Address, c.Standby.Port))
}
