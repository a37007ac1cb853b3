package store_test

import (
	"maps"
	"slices"
	"testing"

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
		if of.Tenant != "suedstadt" || of.Person != "" || len(of.Counts) != len(want) || of.Counts[0].Site != "sued" || of.Counts[0].Account != "" {
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
