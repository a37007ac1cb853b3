// Package storetest opens whole stores for tests: the embedded engines in a
// temporary folder, or PostgreSQL and S3 where a test asks for them.
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
	"fachwerk/internal/store/blob/dir"
	"fachwerk/internal/store/blob/s3"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/store/meta/sqlite"
	"fachwerk/internal/testenv/need"
	"fachwerk/location"
)

// Site is where every test store lies.
var Site = location.Site{
	Name: "nord", Operator: "Kommunale IT Musterland", Country: "DE", Place: "Musterstadt",
	Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
}

// Engines name a pair of engines.
type Engines int

// The pairs that are promised.
const (
	Embedded Engines = iota // SQLite and a directory
	Remote                  // PostgreSQL and S3
)

func (e Engines) String() string { return [...]string{"SQLite and directory", "PostgreSQL and S3"}[e] }

// Parts are a store and what it is made of, for tests that look below it.
type Parts struct {
	*store.Store
	DB        *meta.DB
	Blobs     blob.Store
	Keys      *content.KeyDir
	Placement func(string, location.Subject, location.Kind) error
	Options   store.Options // for further stores over the same engines
	Folder    string        // holds keys, and with Embedded all else
	Tenant    store.Tenant
}

type closingBlobs interface {
	blob.Store
	Close() error
}

// open opens a pair of empty engines; those that are embedded lie in folder. bucket is
// the URL of the other ones' objects.
func open(t testing.TB, e Engines, folder string) (engine meta.Engine, blobs closingBlobs, bucket string) {
	t.Helper()
	var err error
	if e == Embedded {
		engine, err = sqlite.Open(t.Context(), filepath.Join(folder, "fachwerk.db"))
		must(t, err)
		blobs, err = dir.Open(filepath.Join(folder, "blobs"))
		must(t, err)
		return engine, blobs, ""
	}
	return openRemote(t, need.Postgres(t), postgres.Options{})
}

func openRemote(t testing.TB, dsn string, o postgres.Options) (engine meta.Engine, blobs closingBlobs, bucket string) {
	t.Helper()
	engine, err := postgres.Open(t.Context(), dsn, o)
	must(t, err)
	bucket = need.S3(t)
	config, err := s3.Parse(bucket)
	must(t, err)
	blobs, err = s3.Open(config)
	must(t, err)
	return engine, blobs, bucket
}

func site(e Engines, at location.Site, db *meta.DB, blobs blob.Store) store.Site {
	if e == Remote {
		return store.Site{Site: at, DB: db, Blobs: blobs, MetadataName: "PostgreSQL", BlobsName: "S3", InlineLimit: 8 << 10}
	}
	return store.Site{Site: at, DB: db, Blobs: blobs, MetadataName: "SQLite", BlobsName: "directory"}
}

// Open makes an empty store with the tenant musterstadt.example. change, if not
// nil, may alter the options.
func Open(t testing.TB, e Engines, change func(*store.Options)) *Parts {
	t.Helper()
	return OpenOver(t, e, func(engine meta.Engine) meta.Engine { return engine }, change)
}

// OpenOver is Open with what around puts around the database's engine.
func OpenOver(t testing.TB, e Engines, around func(meta.Engine) meta.Engine, change func(*store.Options)) *Parts {
	t.Helper()
	folder := t.TempDir()
	engine, blobs, _ := open(t, e, folder)
	return assemble(t, e, folder, around(engine), blobs, change)
}

// assemble makes the store of its parts.
func assemble(t testing.TB, e Engines, folder string, engine meta.Engine, blobs closingBlobs, change func(*store.Options)) *Parts {
	t.Helper()
	p := &Parts{Folder: folder, Blobs: blobs}
	var err error
	p.DB, err = meta.Open(t.Context(), engine, slog.New(slog.DiscardHandler))
	must(t, err)
	p.Keys, err = content.OpenKeyDir(filepath.Join(p.Folder, "keys"), true)
	must(t, err)
	guard, err := location.New([]location.Site{Site})
	must(t, err)
	p.Placement = guard.Allow
	o := store.Options{
		Sites: []store.Site{site(e, Site, p.DB, blobs)},
		Keys:  p.Keys, Placement: p.Placement, SpoolDir: t.TempDir(), Poll: 50 * time.Millisecond,
	}
	if change != nil {
		change(&o)
	}
	p.Options = o
	p.Store, err = store.New(context.WithoutCancel(t.Context()), o)
	must(t, err)
	t.Cleanup(func() {
		if err := errors.Join(p.Store.Close(), p.DB.Close(), blobs.Close(), p.Keys.Close()); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	p.Tenant, err = p.CreateTenant(t.Context(), "musterstadt", Site.Name)
	must(t, err)
	must(t, p.AddDomain(t.Context(), p.Tenant.ID, "musterstadt.example"))
	return p
}

// Person makes one of the tenant's, with a local part of musterstadt.example.
func (p *Parts) Person(t testing.TB, local string) store.Account {
	t.Helper()
	return p.account(t, local, store.Person)
}

// Function makes a function mailbox.
func (p *Parts) Function(t testing.TB, local string) store.Account {
	t.Helper()
	return p.account(t, local, store.Function)
}

func (p *Parts) account(t testing.TB, local string, kind store.AccountKind) store.Account {
	t.Helper()
	a, err := p.CreateAccount(t.Context(), store.NewAccount{
		Tenant: p.Tenant.ID, Kind: kind, Address: local + "@musterstadt.example", DisplayName: local,
	})
	must(t, err)
	return a
}

// Spool holds text on its way in.
func (p *Parts) Spool(t testing.TB, text []byte) *store.Spool {
	t.Helper()
	s := p.NewSpool(0)
	_, err := s.Write(text)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
