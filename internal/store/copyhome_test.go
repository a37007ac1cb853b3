package store_test

import (
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// A home that was away when the directory took a change hears of it by itself.
func TestHomeHearsLaterWhatTheDirectorySays(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		must(t, w.LoadDirectory(ctx))
		town := w.Tenants[1]
		home := w.Options.Sites[1].DB
		const issuer = "https://login.example"
		_, err := w.UpdateTenant(ctx, town.ID, store.TenantSet{
			Settings: &store.TenantSettings{DisplayName: "Nachbarstadt"}, Quota: &store.TenantQuota{Accounts: 7},
		})
		must(t, err)
		must(t, w.BindIssuer(ctx, store.Issuer{Tenant: town.ID, URL: issuer}))
		lose := func() {
			t.Helper()
			var b meta.Batch
			b.Exec(`UPDATE tenant SET settings = '{}', quota_accounts = 0 WHERE tenant_id = $1`, town.ID)
			b.Exec(`DELETE FROM issuer WHERE tenant_id = $1`, town.ID)
			must(t, home.Update(ctx, func(tx meta.Tx) error { return tx.Run(ctx, &b) }))
		}
		is := func() {
			t.Helper()
			if n := rows(t, home, `SELECT count(*) FROM tenant WHERE tenant_id = $1 AND settings LIKE '%Nachbarstadt%' AND quota_accounts = 7`, town.ID); n != 1 {
				t.Error("the home has not heard of the tenant's settings and quota")
			}
			if n := rows(t, home, `SELECT count(*) FROM issuer WHERE tenant_id = $1 AND url = $2`, town.ID, issuer); n != 1 {
				t.Error("the home has not heard of the issuer")
			}
		}
		is()
		lose()
		must(t, w.MaintainOnce(ctx)) // a process that has never looked
		is()
		lose()
		_, err = w.UpdateTenant(ctx, w.Tenants[0].ID, store.TenantSet{Quota: &store.TenantQuota{Accounts: 9}}) // of another one
		must(t, err)
		must(t, w.MaintainOnce(ctx))
		is()
	})
}
