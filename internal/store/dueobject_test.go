package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// held is a blob store that deletes nothing under a prefix, as with a legal hold.
type held struct {
	blob.Store
	prefix atomic.Pointer[string]
	tried  atomic.Int64
}

func (h *held) Delete(ctx context.Context, key string) error {
	if p := h.prefix.Load(); p != nil && strings.HasPrefix(key, *p) {
		h.tried.Add(1)
		return fmt.Errorf("%w: access denied: object lock", blob.ErrTemporary)
	}
	return h.Store.Delete(ctx, key)
}

// An object that cannot be deleted keeps no other from being deleted, and is told of.
func TestObjectsThatCannotBeDeleted(t *testing.T) {
	h := &held{}
	var kept atomic.Int64
	p := storetest.Open(t, storetest.Embedded, func(o *store.Options) {
		h.Store = o.Sites[0].Blobs
		o.Sites[0].Blobs, o.Sites[0].Kept = h, func() { kept.Add(1) }
		o.Retention = time.Nanosecond
	})
	ctx := t.Context()
	other, err := p.CreateTenant(ctx, "nachbarstadt", storetest.Site.Name)
	must(t, err)
	must(t, p.AddDomain(ctx, other.ID, "nachbarstadt.example"))
	left := func(tenant int64) int {
		list, err := p.Blobs.List(ctx, blob.TenantPrefix(tenant), "", 0)
		must(t, err)
		return len(list)
	}
	leave := func(tenant int64, address string, objects int) {
		a, err := p.CreateAccount(ctx, store.NewAccount{Tenant: tenant, Kind: store.Person, Address: address})
		must(t, err)
		c, err := p.CreateCollection(ctx, a.Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
		must(t, err)
		for range objects {
			_, err = p.AddObjects(ctx, a.Key, c.ID, []store.NewObject{{Body: text(t, p.Store, 100_000)}})
			must(t, err)
		}
		must(t, p.RemoveAccount(ctx, a.Key))
	}
	prefix := blob.TenantPrefix(p.Tenant.ID)
	h.prefix.Store(&prefix)
	leave(p.Tenant.ID, "a@musterstadt.example", 60) // more than are told of one by one
	leave(other.ID, "b@nachbarstadt.example", 2)    // due after them
	if err := p.MaintainOnce(ctx); err == nil {
		t.Error("nobody was told")
	}
	for n := 0; left(other.ID) > 0; n++ {
		if n == 2 { // its rows go in the first round
			t.Fatal("the other tenant's objects stay")
		}
		_ = p.MaintainOnce(ctx) // tells of those that stay
	}
	if left(p.Tenant.ID) != 60 || h.tried.Load() != 60 || kept.Load() != 60 {
		t.Errorf("%d objects are left, %d were tried, %d were told of", left(p.Tenant.ID), h.tried.Load(), kept.Load())
	}
	h.prefix.Store(nil)
	must(t, p.MaintainOnce(ctx))
	if left(p.Tenant.ID) != 60 {
		t.Error("what was put off was tried again at once")
	}
	must(t, p.DB.Update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec("UPDATE content_delete SET due_at = 0")
		return tx.Run(ctx, &b)
	}))
	must(t, p.MaintainOnce(ctx))
	if left(p.Tenant.ID) != 0 {
		t.Error("what was put off stays")
	}
}
