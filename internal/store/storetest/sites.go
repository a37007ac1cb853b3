package storetest

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
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
	w := &Towns{Folder: t.TempDir()}
	keys, err := content.OpenKeyDir(filepath.Join(w.Folder, "keys"), true)
	must(t, err)
	t.Cleanup(func() { must(t, keys.Close()) })
	var places []location.Site
	for i, name := range []string{"nord", "sued"} {
		folder := filepath.Join(w.Folder, name)
		must(t, blob.MakeFolder(folder))
		engine, blobs, bucket := open(t, e, folder)
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
