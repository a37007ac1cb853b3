package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
	"fachwerk/internal/testenv/parts"
)

// What is changed of the directory in the tests of this file.
const (
	spareDomain = "altstadt.example"
	otherIssuer = "https://login.altstadt.example"
)

// directoryChange is one that would come back silently with an older database.
type directoryChange struct {
	of     string
	make   func(ctx context.Context, s *store.Store, tenant int64) error
	undone string // of which table the rows are, of the tenant %d, that there are only without it
}

func (c directoryChange) stands(t *testing.T, server *parts.Postgres, tenant int64) bool {
	t.Helper()
	return server.Query(t, fmt.Sprintf("SELECT count(*)::text FROM "+c.undone, tenant)) == "0"
}

var directoryChanges = []directoryChange{
	{"a tenant that is removed", func(ctx context.Context, s *store.Store, tenant int64) error {
		return s.RemoveTenant(ctx, tenant)
	}, `tenant WHERE tenant_id = %d AND state = 0`},
	{"a domain that is removed", func(ctx context.Context, s *store.Store, tenant int64) error {
		return s.RemoveDomain(ctx, tenant, spareDomain)
	}, `domain WHERE tenant_id = %d AND name = '` + spareDomain + `'`},
	{"an issuer that is unbound", func(ctx context.Context, s *store.Store, tenant int64) error {
		return s.UnbindIssuer(ctx, tenant, otherIssuer)
	}, `issuer WHERE tenant_id = %d AND url = '` + otherIssuer + `'`},
	{"a policy that is tightened", func(ctx context.Context, s *store.Store, tenant int64) error {
		_, err := s.UpdateTenant(ctx, tenant, store.TenantSet{Policy: &store.TenantPolicy{Sites: []string{storetest.Site.Name}, RefuseOnMismatch: true}})
		return err
	}, `tenant WHERE tenant_id = %d AND policy NOT LIKE '%%refuse_on_mismatch%%'`},
	{"an alias that is removed", func(ctx context.Context, s *store.Store, tenant int64) error {
		return s.RemoveAlias(ctx, tenant, "kontakt@musterstadt.example")
	}, `address WHERE tenant_id = %d AND address = 'kontakt@musterstadt.example'`},
}

// settled is a cluster with a tenant of which there is something to take away.
func settled(t *testing.T) *storetest.Cluster {
	t.Helper()
	c := storetest.OpenCluster(t)
	ctx := t.Context()
	must(t, c.AddDomain(ctx, c.Tenant.ID, spareDomain))
	must(t, c.BindIssuer(ctx, store.Issuer{Tenant: c.Tenant.ID, URL: otherIssuer}))
	anna := c.Person(t, "anna")
	must(t, c.AddAlias(ctx, anna.Key, "kontakt@musterstadt.example"))
	return c
}

// TestPromotedWithLossOfDirectory: where a standby takes over that lacks a change of the
// directory alone, nobody uses it: not who heard of the change only by looking, when the
// process that made it has ended, nor who comes anew. A new generation has all
// go on with what is there.
func TestPromotedWithLossOfDirectory(t *testing.T) {
	for i, change := range directoryChanges {
		t.Run(change.of, func(t *testing.T) {
			c := settled(t)
			ctx, id := t.Context(), c.Tenant.ID
			writer, _, end := c.Process(t)
			c.Lose(t, func() {
				must(t, change.make(ctx, writer, id))
				end()
				must(t, c.LoadDirectory(ctx)) // it looks from time to time anyway
			})
			comes(t, "the database is refused", func() bool {
				_, err := c.Store.Tenant(ctx, id)
				if err == nil {
					t.Fatal("the directory is read from a database that has lost a change of it")
				}
				return errors.Is(err, meta.ErrForeignStore) && errors.Is(err, store.ErrTemporary)
			})
			if db, err := c.DatabaseNow(t); !errors.Is(err, meta.ErrForeignStore) {
				t.Errorf("a new process uses it: %v, %v", db, err)
			}
			if change.stands(t, c.Standby, id) {
				t.Error("the change was not lost, and nothing was tested")
			}
			if i > 0 { // once is enough, it takes its time
				return
			}
			c.Renew(t)
			comes(t, "it goes on in a new generation", func() bool {
				_, err := c.Store.Tenant(ctx, id)
				return err == nil && c.DB.Generation() > 0
			})
			must(t, change.make(ctx, c.Store, id))
			if !change.stands(t, c.Standby, id) {
				t.Error("it was not made again")
			}
		})
	}
}

// TestPromotedWithDirectory: where the standby has them all, the servers go on by
// themselves, with every change.
func TestPromotedWithDirectory(t *testing.T) {
	c := settled(t)
	ctx, id := t.Context(), c.Tenant.ID
	other, db, _ := c.Process(t)
	for _, change := range directoryChanges[1:] {
		must(t, change.make(ctx, c.Store, id))
	}
	gone, err := c.CreateTenant(ctx, "altstadt", storetest.Site.Name)
	must(t, err)
	must(t, c.RemoveTenant(ctx, gone.ID))
	before, err := c.DB.Directory(ctx)
	must(t, err)
	c.CaughtUp(t)
	c.TakeOver(t)
	comes(t, "both go on", func() bool {
		return c.LoadDirectory(ctx) == nil && other.LoadDirectory(ctx) == nil
	})
	if c.DB.Generation() != 0 || db.Generation() != 0 {
		t.Error("a new generation has begun")
	}
	for _, change := range directoryChanges[1:] {
		if !change.stands(t, c.Standby, id) {
			t.Error(change.of, "is lost")
		}
	}
	if !directoryChanges[0].stands(t, c.Standby, gone.ID) {
		t.Error("the tenant that was removed is back")
	}
	must(t, other.BindIssuer(ctx, store.Issuer{Tenant: id, URL: "https://login.neustadt.example"}))
	if after, err := c.DB.Directory(ctx); err != nil || after <= before {
		t.Errorf("%d changes after %d: %v", after, before, err)
	}
}
