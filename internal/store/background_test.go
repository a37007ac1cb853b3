package store_test

import (
	"errors"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
)

// What runs by itself asks as well: trash of a tenant that may not be written for
// waits, and keeps none of another's; groups that a login tells of change nothing.
func TestBackgroundWorkAsks(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		const issuer = "https://issuer.example"
		other, err := w.CreateTenant(ctx, "nebenan", "sued")
		must(t, err)
		must(t, w.AddDomain(ctx, other.ID, "nebenan.example"))
		bert, err := w.CreateAccount(ctx, store.NewAccount{Tenant: other.ID, Kind: store.Person, Address: "bert@nebenan.example"})
		must(t, err)
		anna := w.Account(t, 1, store.Person, "anna")
		must(t, w.BindIssuer(ctx, store.Issuer{Tenant: anna.Tenant, URL: issuer}))
		must(t, w.SetGroups(ctx, anna.Key, issuer, []string{"amt"}))
		drives := map[store.Key]int64{}
		for key, files := range map[store.Key]int{anna.Key: 5, bert.Key: 1} {
			drive, err := w.CreateCollection(ctx, key, store.Drive, "Dateien", "", store.CollectionOptions{})
			must(t, err)
			drives[key] = drive.ID
			for n := range files {
				up, err := w.NewUpload(ctx, key, store.UploadOptions{Size: -1})
				must(t, err)
				_, err = up.Write(incompressible(1000))
				must(t, errors.Join(err, up.Finish()))
				put, err := w.PutResource(ctx, key, store.PutResource{Collection: drive.ID, Name: string(rune('a' + n)), Upload: up})
				must(t, errors.Join(err, up.Close()))
				must(t, w.TrashResource(ctx, key, drive.ID, put.Item, store.Guard{}))
			}
		}
		waits := func(key store.Key, want int) {
			t.Helper()
			if list, err := w.Trash(ctx, key, drives[key]); err != nil || len(list) != want {
				t.Errorf("%d items are in the trash, %v; want %d", len(list), err, want)
			}
		}
		_, err = w.UpdateTenant(ctx, anna.Tenant, store.TenantSet{Policy: &store.TenantPolicy{Sites: []string{"nord"}}})
		must(t, err)
		modseq, err := w.ModSeq(ctx, anna.Key)
		must(t, err)
		eventually(t, "the other tenant's trash is emptied", func() bool {
			more, err := w.EmptyTrash(ctx, time.Microsecond, 2)
			if err != nil || more {
				t.Fatalf("emptied with %v, %v", more, err)
			}
			list, err := w.Trash(ctx, bert.Key, drives[bert.Key])
			must(t, err)
			return len(list) == 0
		})
		waits(anna.Key, 5)
		wantErr(t, w.SetGroups(ctx, anna.Key, issuer, []string{"amt", "anderes"}), location.ErrElsewhere)
		must(t, w.SetGroups(ctx, anna.Key, issuer, []string{"amt"})) // nothing new is nothing to write
		must(t, w.MaintainOnce(ctx))
		waits(anna.Key, 5)
		if now, err := w.ModSeq(ctx, anna.Key); err != nil || now != modseq {
			t.Errorf("the account's modseq went from %d to %d, %v", modseq, now, err)
		}
		_, err = w.UpdateTenant(ctx, anna.Tenant, store.TenantSet{Policy: &store.TenantPolicy{}})
		must(t, err)
		for more := true; more; {
			more, err = w.EmptyTrash(ctx, time.Microsecond, 2)
			must(t, err)
		}
		waits(anna.Key, 0)
	})
}
