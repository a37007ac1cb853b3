package store_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// refusing is a database that, once it is told to, takes no change.
type refusing struct {
	meta.Engine
	now atomic.Bool
}

func (r *refusing) Update(ctx context.Context, f func(meta.Tx) error) error {
	if r.now.Load() {
		return errors.Join(meta.ErrUnavailable, errors.New("broken off"))
	}
	return r.Engine.Update(ctx, f)
}

func (r *refusing) Close() error { return nil } // another's

// What stops between a tenant's home and the directory keeps nobody from doing it again.
func TestHalfWayIsDoneAgain(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		directory := &refusing{Engine: w.Options.Sites[0].DB.Engine()}
		db, err := meta.Open(ctx, directory, slog.New(slog.DiscardHandler))
		must(t, err)
		t.Cleanup(func() { must(t, db.Close()) })
		o := w.Options
		o.Sites = slices.Clone(o.Sites)
		o.Sites[0].DB = db
		s := w.Replica(t, o)
		must(t, s.LoadDirectory(ctx))
		sued := w.Options.Sites[1].DB

		// An issuer that is unbound.
		tenant, url := w.Tenants[1].ID, "https://login.suedstadt.example"
		must(t, w.BindIssuer(ctx, store.Issuer{Tenant: tenant, URL: url, Own: true, ClientID: "portal"}))
		anna := w.Account(t, 1, store.Person, "anna")
		must(t, w.BindSubject(ctx, anna.Key, url, "s1"))
		directory.now.Store(true)
		if err := s.UnbindIssuer(ctx, tenant, url); err == nil {
			t.Fatal("unbound without the directory")
		}
		if _, err := w.PersonIn(ctx, tenant, url, "s1"); err == nil {
			t.Error("it opens an account still")
		}
		if list, err := w.Issuers(ctx, tenant); err != nil || len(list) != 1 {
			t.Errorf("whoever unbinds it again does not find it: %v, %v", list, err)
		}
		directory.now.Store(false)
		must(t, s.UnbindIssuer(ctx, tenant, url))

		// A tenant that is made.
		directory.now.Store(true)
		if _, err := s.CreateTenant(ctx, "weststadt", "sued"); err == nil {
			t.Fatal("made without the directory")
		}
		if n := rows(t, sued, `SELECT count(*) FROM tenant WHERE name = 'weststadt'`); n != 0 {
			t.Error("it stays at its home")
		}
		directory.now.Store(false)
		left := func(name string, id, created, account int64) {
			must(t, sued.Update(ctx, func(tx meta.Tx) error {
				var b meta.Batch
				b.Exec(`INSERT INTO tenant (tenant_id, name, home_site, created_at) VALUES ($1, $2, 'sued', CASE WHEN $3 = 0 THEN {now} ELSE $3 END)`, id, name, created)
				b.Exec(`INSERT INTO account (tenant_id, account_id, kind, address, epoch, wrapped_key, created_at) VALUES ($1, 1, $2, '', 1, $3, 1)`, id, account, []byte{1})
				return tx.Run(ctx, &b)
			}))
		}
		left("weststadt", 4711, 1, int64(store.QueueAccount))
		made, err := s.CreateTenant(ctx, "weststadt", "sued")
		must(t, err)
		if n := rows(t, sued, `SELECT count(*) FROM tenant WHERE name = 'weststadt'`); n != 1 {
			t.Errorf("%d tenants of the name", n)
		}
		left("oststadt", 4712, 0, int64(store.QueueAccount))
		_, err = s.CreateTenant(ctx, "oststadt", "sued")
		wantErr(t, err, store.ErrBusy)
		left("altstadt", 4713, 1, int64(store.Person))
		_, err = s.CreateTenant(ctx, "altstadt", "sued")
		wantErr(t, err, store.ErrBusy)
		if n := rows(t, sued, `SELECT count(*) FROM account WHERE tenant_id = 4713`); n != 1 {
			t.Error("a tenant that the directory has forgotten lost its accounts")
		}

		// A domain of a tenant of which the directory knows nothing any more.
		domain := func(sql string) {
			must(t, sued.Update(ctx, func(tx meta.Tx) error {
				var b meta.Batch
				b.Exec(sql)
				return tx.Run(ctx, &b)
			}))
		}
		domain(`INSERT INTO domain (name, tenant_id, created_at) VALUES ('alt.example', 4713, 1)`)
		wantErr(t, s.AddDomain(ctx, made.ID, "alt.example"), store.ErrBusy)
		domain(`DELETE FROM domain WHERE name = 'alt.example'`)
		must(t, s.AddDomain(ctx, made.ID, "alt.example"))
		if n := rows(t, sued, `SELECT count(*) FROM domain WHERE name = 'alt.example' AND tenant_id = $1`, made.ID); n != 1 {
			t.Error("the domain is not known at its home")
		}

		// A tenant whose name was changed in the directory alone.
		must(t, sued.Update(ctx, func(tx meta.Tx) error {
			var b meta.Batch
			b.Exec(`UPDATE tenant SET name = 'neustadt' WHERE tenant_id = $1`, made.ID)
			return tx.Run(ctx, &b)
		}))
		_, err = s.CreateTenant(ctx, "neustadt", "sued")
		must(t, err)
		if n := rows(t, sued, `SELECT count(*) FROM tenant WHERE tenant_id = $1 AND name = 'weststadt'`, made.ID); n != 1 {
			t.Error("the tenant that had the name did not get its own")
		}
	})
}
