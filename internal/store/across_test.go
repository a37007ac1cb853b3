package store_test

import (
	"errors"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

func TestCopyAndMoveAcrossAccounts(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		anna, office := p.Person(t, "anna"), p.Function(t, "buergeramt")
		src, dst := mailbox(t, p, anna.Key, "INBOX"), mailbox(t, p, office.Key, "INBOX")
		one, two := add(t, p, anna.Key, src.ID, []byte("Subject: eins\r\n\r\n")), add(t, p, anna.Key, src.ID, []byte("Subject: zwei\r\n\r\n"))
		r, err := p.CopyAcross(ctx, anna.Key, src.ID, office.Key, dst.ID, []int64{one.UID}, false)
		must(t, err)
		if len(r.Dest) != 1 || r.UIDValidity != dst.UIDValidity {
			t.Fatalf("copy: %+v", r)
		}
		if got := read(t, p, office.Key, dst.ID, r.Dest[0]); string(got) != "Subject: eins\r\n\r\n" {
			t.Errorf("copy reads %q", got)
		}
		r, err = p.CopyAcross(ctx, anna.Key, src.ID, office.Key, dst.ID, []int64{two.UID, 99}, true)
		must(t, err)
		if len(r.Dest) != 1 || r.Removed == nil || len(r.Removed.UIDs) != 1 || r.Removed.UIDs[0] != two.UID {
			t.Fatalf("move: %+v", r)
		}
		for _, move := range []bool{false, true} {
			r, err := p.CopyAcross(ctx, anna.Key, src.ID, office.Key, dst.ID, []int64{99}, move)
			if err != nil || len(r.Dest) != 0 {
				t.Errorf("what is not there: %+v, %v", r, err)
			}
		}
		items, err := p.Items(ctx, office.Key, dst.ID, 0, 10)
		must(t, err)
		if len(items) != 2 {
			t.Fatalf("%d items at the destination, want 2", len(items))
		}
		metas := 0
		must(t, p.Metas(ctx, office.Key, []int64{items[0].ObjectID, items[1].ObjectID},
			func(_ int64, encoder int16, plain []byte, _ store.ContentID) error {
				metas++
				if encoder != 1 || len(plain) == 0 {
					t.Errorf("meta came over as %d %q", encoder, plain)
				}
				return nil
			}))
		if metas != 2 {
			t.Errorf("%d metas came over, want 2", metas)
		}
		findings, err := p.CheckAll(ctx, store.CheckOptions{})
		must(t, err)
		if len(findings) > 0 {
			t.Errorf("check: %v", findings)
		}
	})
}

// Nothing is copied or moved into another tenant, be it at the same site: it is answered
// as for an account that does not exist.
func TestNothingCrossesTenants(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		other, err := p.CreateTenant(ctx, "nachbarort", storetest.Site.Name)
		must(t, err)
		must(t, p.AddDomain(ctx, other.ID, "nachbarort.example"))
		anna := p.Person(t, "anna")
		bert, err := p.CreateAccount(ctx, store.NewAccount{Tenant: other.ID, Kind: store.Person, Address: "bert@nachbarort.example"})
		must(t, err)
		nobody := store.Key{Tenant: other.ID, Account: bert.Key.Account + 1}
		src, dst := mailbox(t, p, anna.Key, "INBOX"), mailbox(t, p, bert.Key, "INBOX")
		one := add(t, p, anna.Key, src.ID, []byte("Subject: eins\r\n\r\n"))
		item, err := p.ItemsByUID(ctx, anna.Key, src.ID, []int64{one.UID})
		must(t, err)
		for _, to := range []store.Key{bert.Key, nobody} {
			for _, move := range []bool{false, true} {
				_, err := p.CopyAcross(ctx, anna.Key, src.ID, to, dst.ID, []int64{one.UID}, move)
				wantErr(t, err, store.ErrNotFound)
				_, err = p.CarryAcross(ctx, anna.Key, to, store.Transfer{Collection: src.ID, Item: item[0],
					To: store.Spot{Collection: dst.ID, Name: "eins"}}, move)
				wantErr(t, err, store.ErrNotFound)
			}
		}
		if items, err := p.Items(ctx, bert.Key, dst.ID, 0, 10); err != nil || len(items) != 0 {
			t.Errorf("%d items have crossed, %v", len(items), err)
		}
		if got := read(t, p, anna.Key, src.ID, one.UID); len(got) == 0 {
			t.Error("the message has gone")
		}
	})
}

// A tenant that has used up its quota may move files between its accounts and not copy
// them; the account's own quota holds for both.
func TestQuotaOfFilesThatMoveAcross(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		anna, office := p.Person(t, "anna"), p.Function(t, "amt")
		drive := func(who store.Account) store.Collection {
			c, err := p.CreateCollection(ctx, who.Key, store.Drive, "Dateien", "", store.CollectionOptions{})
			must(t, err)
			return c
		}
		src, dst := drive(anna), drive(office)
		up, err := p.NewUpload(ctx, anna.Key, store.UploadOptions{Size: 100_000})
		must(t, err)
		defer up.Close()
		_, err = up.Write(incompressible(100_000))
		must(t, errors.Join(err, up.Finish()))
		put, err := p.PutResource(ctx, anna.Key, store.PutResource{Collection: src.ID, Name: "a.bin", Upload: up})
		must(t, err)
		must(t, p.MaintainOnce(ctx)) // sums up what is used
		_, err = p.UpdateTenant(ctx, p.Tenant.ID, store.TenantSet{Quota: &store.TenantQuota{Bytes: 50_000}})
		must(t, err)
		must(t, p.LoadDirectory(ctx))
		carry := func(move bool) error {
			_, err := p.CarryAcross(ctx, anna.Key, office.Key, store.Transfer{Collection: src.ID, Item: put.Item,
				To: store.Spot{Collection: dst.ID, Name: "a.bin"}}, move)
			return err
		}
		wantErr(t, carry(false), store.ErrQuota)
		must(t, p.SetQuota(ctx, office.Key, 50_000, 0))
		wantErr(t, carry(true), store.ErrQuota)
		must(t, p.SetQuota(ctx, office.Key, 0, 0))
		must(t, carry(true))
		if items, err := p.Items(ctx, office.Key, dst.ID, 0, 10); err != nil || len(items) != 1 {
			t.Errorf("%d items have come, %v", len(items), err)
		}
		findings, err := p.CheckAll(ctx, store.CheckOptions{})
		must(t, err)
		if len(findings) > 0 {
			t.Error(findings)
		}
	})
}
