package storetest

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/testenv/need"
	"fachwerk/location"
)

// Towns are a store of two sites, nord, whose database holds the directory, and sued,
// and of what it is made. At each site lives a tenant, nordstadt and suedstadt, with
// a domain such as nordstadt.example.
type Towns struct {
	*store.Store
	Options store.Options // for further stores over the same engines
	Guard   *location.Guard
	Tenants [2]store.Tenant // nordstadt, suedstadt
	Folder  string
	Buckets []string // URLs of the sites' buckets, with Remote
}

// TwoSites opens one. change, if not nil, may alter the options.
func TwoSites(t testing.TB, e Engines, change func(*store.Options)) *Towns {
	t.Helper()
	return twoSites(t, e, change, func(_, folder string) (meta.Engine, closingBlobs, string) { return open(t, e, folder) })
}

// TwoLines is TwoSites over PostgreSQL and S3, with lines to the databases that may be
// silenced, by site. A database that does not answer is away after patience.
func TwoLines(t testing.TB, patience time.Duration, change func(*store.Options)) (*Towns, map[string]*Line) {
	t.Helper()
	lines := map[string]*Line{}
	w := twoSites(t, Remote, change, func(name, _ string) (meta.Engine, closingBlobs, string) {
		line, dsn := newLine(t, need.Postgres(t))
		lines[name] = line
		return openRemote(t, dsn, postgres.Options{Patience: patience})
	})
	t.Cleanup(func() {
		for _, line := range lines {
			line.Silence(false)
		}
	})
	return w, lines
}

// Warm opens connections to a site's database, as a server under load has them.
func (w *Towns) Warm(t testing.TB, site int) {
	t.Helper()
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			var b meta.Batch
			b.Query(func(r meta.Rows) error {
				for r.Next() {
				}
				return r.Err()
			}, "SELECT pg_sleep(0.2)")
			if err := w.Options.Sites[site].DB.Read(t.Context(), &b); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func twoSites(t testing.TB, e Engines, change func(*store.Options), open func(name, folder string) (meta.Engine, closingBlobs, string)) *Towns {
	t.Helper()
	w := &Towns{Folder: t.TempDir()}
	keys, err := content.OpenKeyDir(filepath.Join(w.Folder, "keys"), true)
	must(t, err)
	t.Cleanup(func() { must(t, keys.Close()) })
	var places []location.Site
	for i, name := range []string{"nord", "sued"} {
		folder := filepath.Join(w.Folder, name)
		must(t, blob.MakeFolder(folder))
		engine, blobs, bucket := open(name, folder)
		if bucket != "" {
			w.Buckets = append(w.Buckets, bucket)
		}
		db, err := meta.Open(t.Context(), engine, slog.New(slog.DiscardHandler))
		must(t, err)
		t.Cleanup(func() { must(t, errors.Join(db.Close(), blobs.Close())) })
		place := location.Site{Name: name, Operator: "Kommunale IT " + name, Country: "DE", Place: name,
			Networks: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), 0, 0}), 16)}}
		places = append(places, place)
		w.Options.Sites = append(w.Options.Sites, site(e, place, db, blobs))
	}
	w.Guard, err = location.New(places)
	must(t, err)
	w.Options.Keys, w.Options.Directory, w.Options.Placement = keys, "nord", w.Guard.Allow
	w.Options.SpoolDir, w.Options.Poll = t.TempDir(), 20*time.Millisecond
	if change != nil {
		change(&w.Options)
	}
	w.Store = w.Replica(t, w.Options)
	for i, at := range []string{"nord", "sued"} {
		w.Tenants[i], err = w.CreateTenant(t.Context(), at+"stadt", at)
		must(t, err)
		must(t, w.AddDomain(t.Context(), w.Tenants[i].ID, at+"stadt.example"))
	}
	return w
}

// Replica opens another store, as a second process would.
func (w *Towns) Replica(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.New(context.WithoutCancel(t.Context()), o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// Account makes one of nordstadt (0) or suedstadt (1).
func (w *Towns) Account(t testing.TB, town int, kind store.AccountKind, local string) store.Account {
	t.Helper()
	a, err := w.CreateAccount(t.Context(), store.NewAccount{Tenant: w.Tenants[town].ID, Kind: kind,
		Address: local + "@" + w.Tenants[town].Name + ".example", DisplayName: local})
	must(t, err)
	return a
}
