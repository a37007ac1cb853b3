package store_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
	"fachwerk/location/locationtest"
)

// The store keeps observations and reports as location asks for.
func TestLedger(t *testing.T) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) {
			locationtest.LedgerSuite(t, func(t *testing.T) (location.Ledger, location.Of, location.Of) {
				w := storetest.TwoSites(t, e, nil)
				return w.Store, location.Of{Tenant: w.Tenants[0].ID}, location.Of{Tenant: w.Tenants[1].ID, Person: w.Account(t, 1, store.Person, "anna").Key.Account}
			})
		})
	}
}

// What lies where is told by counters, for a tenant and for each account.
func TestCounts(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		anna := w.Account(t, 1, store.Person, "anna")
		inbox, err := w.CreateCollection(ctx, anna.Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
		must(t, err)
		must(t, w.BindIssuer(ctx, store.Issuer{Tenant: w.Tenants[1].ID, URL: "https://login.example"}))
		furnish(t, w, 1, anna)
		for _, size := range []int{200_000, 300_000, 100} {
			_, err := w.AddObjects(ctx, anna.Key, inbox.ID, []store.NewObject{{Body: text(t, w.Store, size)}})
			must(t, err)
		}
		counts, err := w.Counts(ctx, w.Tenants[1].ID)
		must(t, err)
		got := map[string][2]int64{}
		for _, c := range counts {
			got[c.Address+" "+c.Kind+" "+c.Store] = [2]int64{c.Items, c.Bytes}
		}
		want := map[string][2]int64{
			"anna@suedstadt.example mail database":  {1, 100},
			"anna@suedstadt.example mail objects":   {2, 500_000},
			"anna@suedstadt.example files objects":  {1, 100_000},
			"anna@suedstadt.example login database": {2, 0},
			" queue objects":                        {1, 100_000},
		}
		if !maps.Equal(got, want) {
			t.Errorf("counted %v, want %v", got, want)
		}
		of, err := w.Count(ctx, location.Of{Tenant: w.Tenants[1].ID})
		must(t, err)
		if of.Tenant != "suedstadt" || of.Person != "" || len(of.Counts) != len(want)+2 || of.Counts[0].Site != "sued" || of.Counts[0].Account != "" {
			t.Errorf("of the tenant: %+v", of)
		}
		of, err = w.Count(ctx, location.Of{Tenant: w.Tenants[1].ID, Person: anna.Key.Account})
		must(t, err)
		if of.Person != anna.Address || len(of.Counts) != 4 || slices.ContainsFunc(of.Counts, func(c location.Count) bool { return c.Account != anna.Address }) {
			t.Errorf("of the person: %+v", of)
		}
		// No item is looked at, however many there are.
		must(t, w.Options.Sites[1].DB.Update(ctx, func(tx meta.Tx) error {
			var b meta.Batch
			b.Exec(`UPDATE collection SET items = 1000000, bytes = 5000000000 WHERE tenant_id = $1 AND collection_id = $2`, w.Tenants[1].ID, inbox.ID)
			return tx.Run(ctx, &b)
		}))
		placed, err := w.Placed(ctx, anna.Key)
		if err != nil || len(placed) != 3 || placed[0].Items != 999_998 || placed[0].Bytes != 4_999_500_000 || placed[1].Store != w.Options.Sites[1].BlobsName {
			t.Errorf("placed %+v, %v", placed, err)
		}
		none, err := w.Counts(ctx, w.Tenants[0].ID)
		if err != nil || len(none) > 0 {
			t.Errorf("the other tenant: %v, %v", none, err)
		}
	})
}

// What was deleted is told until it is erased, and by when that is: while the content
// lies unnamed, while its object waits for its time; of the person and of the tenant.
func TestWhatWasDeletedIsTold(t *testing.T) {
	onTwoSites(t, func(o *store.Options) { o.Retention = 30 * 24 * time.Hour }, func(t *testing.T, w *storetest.Towns) {
		ctx, tenant := t.Context(), w.Tenants[1].ID
		anna := w.Account(t, 1, store.Person, "anna")
		inbox, err := w.CreateCollection(ctx, anna.Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
		must(t, err)
		var uids []int64
		for _, size := range []int{200_000, 100} {
			got, err := w.AddObjects(ctx, anna.Key, inbox.ID, []store.NewObject{{Body: text(t, w.Store, size)}})
			must(t, err)
			uids = append(uids, got[0].UID)
		}
		wantDeleted := func(what string, want map[string][2]int64, after time.Duration) {
			t.Helper()
			for _, of := range []location.Of{{Tenant: tenant}, {Tenant: tenant, Person: anna.Key.Account}} {
				counted, err := w.Count(ctx, of)
				must(t, err)
				got := map[string][2]int64{}
				for _, c := range counted.Counts {
					if c.Kind != location.KindDeleted {
						continue
					}
					got[string(c.Part)] = [2]int64{c.Items, c.Bytes}
					wait := after
					if c.Part == location.Database {
						wait = 24 * time.Hour
					}
					if left := time.Until(c.Until); left < wait-time.Hour || left > wait+3*time.Hour || c.Site != "sued" {
						t.Errorf("%s: %+v is erased in %s", what, c, left)
					}
				}
				if !maps.Equal(got, want) {
					t.Errorf("%s, %+v: %v, want %v", what, of, got, want)
				}
			}
		}
		wantDeleted("nothing", map[string][2]int64{}, 0)
		_, err = w.Expunge(ctx, anna.Key, inbox.ID, uids, false)
		must(t, err)
		must(t, w.MaintainOnce(ctx)) // too young to be swept
		wantDeleted("unnamed", map[string][2]int64{"database": {1, 100}, "objects": {1, 200_000}}, 31*24*time.Hour)
		must(t, w.Options.Sites[1].DB.Update(ctx, func(tx meta.Tx) error {
			var b meta.Batch
			b.Exec(`UPDATE content SET created_at = 0 WHERE tenant_id = $1`, tenant)
			return tx.Run(ctx, &b)
		}))
		must(t, w.MaintainOnce(ctx))
		wantDeleted("swept", map[string][2]int64{"objects": {1, 200_000}}, 30*24*time.Hour)
		must(t, w.Options.Sites[1].DB.Update(ctx, func(tx meta.Tx) error {
			var b meta.Batch
			b.Exec(`UPDATE content_delete SET due_at = 0 WHERE tenant_id = $1`, tenant)
			return tx.Run(ctx, &b)
		}))
		must(t, w.MaintainOnce(ctx))
		wantDeleted("erased", map[string][2]int64{}, 0)
	})
}

// What the directory has of a tenant is told with the site of the directory, though the
// tenant lives elsewhere; without the directory the report says what is missing.
func TestWhatTheDirectoryHasIsTold(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		counted, err := w.Count(ctx, location.Of{Tenant: w.Tenants[1].ID})
		must(t, err)
		got := map[string]int64{}
		for _, c := range counted.Counts {
			if c.Site != "nord" || c.Part != location.Database || c.Bytes == 0 {
				t.Errorf("%+v", c)
			}
			got[c.Kind] = c.Items
		}
		if want := map[string]int64{location.KindTenant: 1, location.KindDomains: 1}; !maps.Equal(got, want) || len(counted.Notes) > 0 {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
