package store_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// incompressible bytes lie in the blob store.
func incompressible(n int) []byte {
	b := make([]byte, n)
	state := uint64(88172645463325252)
	for i := range b {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		b[i] = byte(state)
	}
	return b
}

func objects(t *testing.T, p *storetest.Parts) []blob.Info {
	t.Helper()
	list, err := p.Blobs.List(t.Context(), blob.TenantPrefix(p.Tenant.ID), "", 0)
	must(t, err)
	return list
}

// Whatever is damaged behind the store's back, check finds.
func TestCheckFindsDamage(t *testing.T) {
	damages := map[string]struct {
		do   func(t *testing.T, p *storetest.Parts, a store.Account)
		want string
	}{
		"nothing": {func(*testing.T, *storetest.Parts, store.Account) {}, ""},
		"object gone": {func(t *testing.T, p *storetest.Parts, _ store.Account) {
			must(t, p.Blobs.Delete(t.Context(), objects(t, p)[0].Key))
		}, "missing"},
		"object changed": {func(t *testing.T, p *storetest.Parts, _ store.Account) {
			o := objects(t, p)[0]
			must(t, p.Blobs.Delete(t.Context(), o.Key))
			must(t, p.Blobs.Put(t.Context(), o.Key, blob.Bytes(incompressible(int(o.Size)))))
		}, "corrupt"},
		"inline bytes changed": {func(t *testing.T, p *storetest.Parts, a store.Account) {
			sql(t, p, `UPDATE content SET inline = $1 WHERE tenant_id = $2 AND account_id = $3 AND object_key = ''`,
				[]byte("etwas anderes, das lang genug ist, um ein Kopf zu sein"), a.Tenant, a.Key.Account)
		}, "corrupt"},
		"account key of another": {func(t *testing.T, p *storetest.Parts, a store.Account) {
			b := p.Person(t, "bert")
			sql(t, p, `UPDATE account SET wrapped_key = (SELECT wrapped_key FROM account WHERE tenant_id = $1 AND account_id = $2)
				WHERE tenant_id = $1 AND account_id = $3`, a.Tenant, b.Key.Account, a.Key.Account)
		}, "key does not open"},
		"counter wrong": {func(t *testing.T, p *storetest.Parts, a store.Account) {
			sql(t, p, `UPDATE collection SET unseen = unseen + 1 WHERE tenant_id = $1 AND account_id = $2`, a.Tenant, a.Key.Account)
		}, "unseen"},
		"domain gone": {func(t *testing.T, p *storetest.Parts, _ store.Account) {
			sql(t, p, `DELETE FROM domain WHERE tenant_id = $1`, p.Tenant.ID)
		}, "the domain is not the tenant's"},
		"quota wrong": {func(t *testing.T, p *storetest.Parts, a store.Account) {
			sql(t, p, `UPDATE account SET used_bytes = used_bytes - 1 WHERE tenant_id = $1 AND account_id = $2`, a.Tenant, a.Key.Account)
		}, "used"},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			p := storetest.Open(t, storetest.Embedded, nil)
			a := p.Person(t, "anna")
			inbox := mailbox(t, p, a.Key, "INBOX")
			add(t, p, a.Key, inbox.ID, []byte("Subject: klein\r\n\r\n"))
			add(t, p, a.Key, inbox.ID, incompressible(200_000))
			damage.do(t, p, a)
			findings, err := p.CheckAll(t.Context(), store.CheckOptions{})
			must(t, err)
			all := strings.ToLower(fmt.Sprint(findings))
			if damage.want == "" && len(findings) > 0 || !strings.Contains(all, damage.want) {
				t.Errorf("findings %v, want one that says %q", findings, damage.want)
			}
		})
	}
}

func sql(t *testing.T, p *storetest.Parts, text string, args ...any) {
	t.Helper()
	must(t, p.DB.Update(t.Context(), func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec(text, args...)
		return tx.Run(context.Background(), &b)
	}))
}

// Objects that no row names go after the retention time; all others stay.
func TestOrphansAreSwept(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		a := p.Person(t, "anna")
		inbox := mailbox(t, p, a.Key, "INBOX")
		add(t, p, a.Key, inbox.ID, incompressible(200_000))
		old := p.Blobs
		days := func(n int) time.Time { return time.Now().AddDate(0, 0, -n) }
		orphan, recent, waiting := blob.NewKey(p.Tenant.ID, days(12)), blob.NewKey(p.Tenant.ID, days(5)), blob.NewKey(p.Tenant.ID, days(13))
		for _, key := range []string{orphan, recent, waiting} {
			must(t, old.Put(t.Context(), key, blob.Bytes("sealed")))
		}
		sql(t, p, `INSERT INTO content_delete (tenant_id, object_key, due_at) VALUES ($1, $2, {now} + $3)`,
			p.Tenant.ID, waiting, (24 * time.Hour).Microseconds())
		aged, err := store.New(t.Context(), store.Options{Sites: []store.Site{{Site: storetest.Site, DB: p.DB, Blobs: aged{old}}}, Keys: p.Keys,
			Placement: p.Placement})
		must(t, err)
		defer aged.Close()
		must(t, aged.MaintainOnce(t.Context()))
		left := map[string]bool{}
		for _, o := range objects(t, p) {
			left[o.Key] = true
		}
		if left[orphan] || !left[recent] || !left[waiting] || len(left) != 3 {
			t.Errorf("orphan there: %v, recent there: %v, waiting there: %v, %d in all, want 3", left[orphan], left[recent], left[waiting], len(left))
		}
	})
}

// aged makes every object look ten days old: nothing here can wait that long.
type aged struct{ blob.Store }

func (a aged) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	list, err := a.Store.List(ctx, prefix, after, limit)
	for i := range list {
		list[i].ModTime = list[i].ModTime.AddDate(0, 0, -10)
	}
	return list, err
}

// A deleted message's object outlives it for the retention time, then goes.
func TestObjectsGoAfterRetention(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, func(o *store.Options) { o.Retention = time.Millisecond })
	a := p.Person(t, "anna")
	inbox := mailbox(t, p, a.Key, "INBOX")
	one := add(t, p, a.Key, inbox.ID, incompressible(200_000))
	_, err := p.Expunge(t.Context(), a.Key, inbox.ID, []int64{one.UID}, false)
	must(t, err)
	must(t, p.MaintainOnce(t.Context()))
	if n := len(objects(t, p)); n != 1 {
		t.Fatalf("%d objects: a content row younger than a day is not swept", n)
	}
	sql(t, p, `UPDATE content SET created_at = created_at - $1`, (48 * time.Hour).Microseconds())
	must(t, p.MaintainOnce(t.Context()))
	time.Sleep(5 * time.Millisecond)
	must(t, p.MaintainOnce(t.Context()))
	if n := len(objects(t, p)); n != 0 {
		t.Errorf("%d objects are left", n)
	}
}

// A removed tenant leaves nothing: no row, no object, no name that is in use.
func TestARemovedTenantLeavesNothing(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		anna, office := p.Person(t, "anna"), p.Function(t, "buergeramt")
		must(t, p.AddGrant(ctx, office.Key, anna.Key, store.RightRead))
		inbox := mailbox(t, p, anna.Key, "INBOX")
		add(t, p, anna.Key, inbox.ID, incompressible(200_000))
		must(t, p.Subscribe(ctx, anna.Key, anna.Key.Account, store.Mailbox, "INBOX", true))
		must(t, p.SetPasswordHash(ctx, auth.AccountRef(anna.Key), "$argon2id$..."))
		enqueue(t, p, "eins")
		must(t, p.RemoveTenant(ctx, p.Tenant.ID))
		retain, err := store.New(ctx, store.Options{Sites: []store.Site{{Site: storetest.Site, DB: p.DB, Blobs: p.Blobs}}, Keys: p.Keys,
			Placement: p.Placement, Retention: time.Millisecond})
		must(t, err)
		defer retain.Close()
		must(t, retain.MaintainOnce(ctx))
		sql(t, p, `UPDATE content SET created_at = created_at - $1`, (48 * time.Hour).Microseconds())
		for range 2 {
			time.Sleep(5 * time.Millisecond)
			must(t, retain.MaintainOnce(ctx))
		}
		must(t, p.DB.View(ctx, func(tx meta.Tx) error {
			for _, table := range []string{"tenant", "account", "address", "domain", "issuer", "collection", "item", "content", "item_meta",
				"content_delete", "account_grant", "subscription", "password", "queue_message", "queue_recipient", "tombstone"} {
				rows, err := tx.Query(ctx, "SELECT count(*) FROM "+table)
				if err != nil {
					return err
				}
				var n int
				for rows.Next() {
					if err := rows.Scan(&n); err != nil {
						return err
					}
				}
				rows.Close()
				if n != 0 {
					t.Errorf("table %s has %d rows left", table, n)
				}
			}
			return nil
		}))
		if n := len(objects(t, p)); n != 0 {
			t.Errorf("%d objects are left", n)
		}
		again, err := p.CreateTenant(ctx, "musterstadt", storetest.Site.Name)
		must(t, err)
		must(t, p.AddDomain(ctx, again.ID, "musterstadt.example"))
	})
}
