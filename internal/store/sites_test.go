package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// A town is a tenant with a person who has one message of 200 kB, at a site of its own.
type town struct {
	site   string
	tenant store.Tenant
	person store.Account
	inbox  store.Collection
}

// twoSites opens a store of two sites, the first with the directory.
func twoSites(t *testing.T) (s *store.Store, o store.Options, towns []town) {
	t.Helper()
	w := storetest.TwoSites(t, storetest.Embedded, nil)
	for _, tenant := range w.Tenants {
		towns = append(towns, settle(t, w.Store, tenant))
	}
	return w.Store, w.Options, towns
}

func openStore(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	s, err := store.New(context.WithoutCancel(t.Context()), o)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

func settle(t *testing.T, s *store.Store, tenant store.Tenant) town {
	t.Helper()
	ctx := t.Context()
	w := town{site: tenant.HomeSite, tenant: tenant}
	must(t, s.BindIssuer(ctx, store.Issuer{Tenant: tenant.ID, URL: "https://login.example"}))
	var err error
	w.person, err = s.CreateAccount(ctx, store.NewAccount{Tenant: tenant.ID, Kind: store.Person, Address: "anna@" + tenant.Name + ".example",
		Issuer: "https://login.example", Subject: tenant.HomeSite})
	must(t, err)
	w.inbox, err = s.CreateCollection(ctx, w.person.Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
	must(t, err)
	deliver(t, s, w)
	return w
}

func deliver(t *testing.T, s *store.Store, w town) {
	t.Helper()
	spool := s.NewSpool(0)
	defer spool.Close()
	_, err := spool.Write(incompressible(200_000))
	must(t, err)
	_, err = s.AddObjects(t.Context(), w.person.Key, w.inbox.ID, []store.NewObject{{Body: spool}})
	must(t, err)
}

// Each tenant's rows and objects lie at its home, and nowhere else.
func TestEachTenantLiesAtItsHome(t *testing.T) {
	s, o, towns := twoSites(t)
	for i, w := range towns {
		for j, at := range o.Sites {
			var rows int64
			var b meta.Batch
			b.Query(func(r meta.Rows) error {
				for r.Next() {
					if err := r.Scan(&rows); err != nil {
						return err
					}
				}
				return r.Err()
			}, `SELECT (SELECT count(*) FROM account WHERE tenant_id = $1) + (SELECT count(*) FROM item WHERE tenant_id = $1)
				+ (SELECT count(*) FROM content WHERE tenant_id = $1) + (SELECT count(*) FROM subject WHERE tenant_id = $1)`, w.tenant.ID)
			must(t, at.DB.Read(t.Context(), &b))
			objects, err := at.Blobs.List(t.Context(), "", blob.MarkKey, 0)
			must(t, err)
			if here := i == j; (rows > 0) != here {
				t.Errorf("%s has %d rows of the tenant at %s", at.Name, rows, w.site)
			}
			if len(objects) != 1 {
				t.Errorf("%s holds %d objects", at.Name, len(objects))
			}
		}
		found, err := s.Resolve(t.Context(), "ANNA@"+w.site+"stadt.example")
		must(t, err)
		if found.Key != w.person.Key {
			t.Errorf("%s led to %v", w.site, found.Key)
		}
		person, err := s.PersonBySubject(t.Context(), "https://login.example", w.site)
		must(t, err)
		if person.AccountRef != auth.AccountRef(w.person.Key) {
			t.Errorf("the subject led to %v", person)
		}
		place, err := s.SiteOf(t.Context(), w.tenant.ID)
		must(t, err)
		placed, err := s.Placed(t.Context(), w.person.Key)
		must(t, err)
		if place.Name != w.site || len(placed) != 1 || placed[0].Site.Name != w.site || placed[0].Items != 1 {
			t.Errorf("%s: lies at %s: %+v", w.site, place.Name, placed)
		}
	}
	if all, err := s.Accounts(t.Context(), 0); err != nil || len(all) != 2 {
		t.Errorf("accounts %v, %v", all, err)
	}
	findings, err := s.CheckAll(t.Context(), store.CheckOptions{})
	must(t, err)
	if len(findings) > 0 {
		t.Error(findings)
	}
}

// The queue of every site is worked through, and its messages found.
func TestQueueOfAllSites(t *testing.T) {
	s, _, towns := twoSites(t)
	for _, w := range towns {
		spool := s.NewSpool(0)
		_, err := spool.Write([]byte("Subject: x\r\n\r\nx\r\n"))
		must(t, err)
		_, err = s.Enqueue(t.Context(), w.tenant.ID, store.QueueMessage{ReversePath: w.person.Address,
			Recipients: []store.QueueRecipient{{ForwardPath: "b@elsewhere.example", NextHop: "elsewhere.example", Expires: time.Now().Add(time.Hour)}}}, nil, spool)
		must(t, err)
		must(t, spool.Close())
	}
	if _, ok, err := s.NextDue(t.Context()); err != nil || !ok {
		t.Errorf("nothing is due: %v, %v", ok, err)
	}
	if n, waiting, err := s.QueueLength(t.Context()); err != nil || n != 2 || waiting != 2 {
		t.Errorf("%d messages for %d, %v", n, waiting, err)
	}
	if list, err := s.QueueMessages(t.Context(), 0, store.QueueRef{}, 10); err != nil || len(list) != 2 {
		t.Errorf("%d messages are listed, %v", len(list), err)
	}
	claims, err := s.ClaimQueue(t.Context(), 10, time.Minute)
	must(t, err)
	if len(claims) != 2 || claims[0].Message.Ref.Tenant == claims[1].Message.Ref.Tenant {
		t.Errorf("claimed %+v", claims)
	}
}

// While the directory is away the tenants of other sites are served, and one of
// whom nothing is known is told to wait, not refused.
func TestTheDirectoryIsAway(t *testing.T) {
	s, o, towns := twoSites(t)
	fresh := o
	fresh.Sites = append([]store.Site(nil), o.Sites...)
	away := errors.Join(meta.ErrUnavailable, errors.New("no route to host"))
	fresh.Sites[0].DB = meta.Absent(away)
	unknowing := openStore(t, fresh)
	_, err := unknowing.Resolve(t.Context(), towns[1].person.Address)
	wantErr(t, err, store.ErrTemporary)
	_, err = unknowing.DomainTenant(t.Context(), "suedstadt.example")
	wantErr(t, err, store.ErrTemporary)
	_, err = unknowing.Account(t.Context(), towns[1].person.Key)
	wantErr(t, err, store.ErrTemporary)

	must(t, s.LoadDirectory(t.Context()))
	must(t, o.Sites[0].DB.Close())
	if _, err := s.Resolve(t.Context(), towns[1].person.Address); err != nil {
		t.Errorf("a tenant of the other site: %v", err)
	}
	deliver(t, s, towns[1])
	if err := s.Check(t.Context()); err != nil {
		t.Errorf("one site away makes the whole store unready: %v", err)
	}
}

// A domain belongs to one tenant, wherever both live.
func TestDomainsAreUniqueOverSites(t *testing.T) {
	s, _, towns := twoSites(t)
	wantErr(t, s.AddDomain(t.Context(), towns[1].tenant.ID, "nordstadt.example"), store.ErrExists)
	wantErr(t, s.RemoveDomain(t.Context(), towns[1].tenant.ID, "nordstadt.example"), store.ErrNotFound)
	wantErr(t, s.RemoveDomain(t.Context(), towns[1].tenant.ID, "suedstadt.example"), store.ErrBusy)
	must(t, s.AddDomain(t.Context(), towns[1].tenant.ID, "sued.example"))
	must(t, s.RemoveDomain(t.Context(), towns[1].tenant.ID, "sued.example"))
	must(t, s.AddDomain(t.Context(), towns[0].tenant.ID, "sued.example"))
	_, err := s.CreateAccount(t.Context(), store.NewAccount{Tenant: towns[1].tenant.ID, Kind: store.Person, Address: "b@sued.example"})
	wantErr(t, err, store.ErrNotFound)
	_, err = s.CreateTenant(t.Context(), "nordstadt", "sued")
	wantErr(t, err, store.ErrExists)
	if _, err = s.CreateTenant(t.Context(), "weststadt", "west"); err == nil || !strings.Contains(err.Error(), "west") {
		t.Errorf("a tenant at a site that is not declared: %v", err)
	}
}

// A tenant that goes leaves nothing at its home and in the directory; the other one
// does not notice.
func TestRemoveTenantOfAnotherSite(t *testing.T) {
	s, o, towns := twoSites(t)
	must(t, s.RemoveTenant(t.Context(), towns[1].tenant.ID))
	_, err := s.Resolve(t.Context(), towns[1].person.Address)
	wantErr(t, err, store.ErrNotFound)
	quick := o
	quick.Retention = time.Nanosecond
	reaper := openStore(t, quick)
	var b meta.Batch
	b.Exec(`UPDATE content SET created_at = created_at - $1`, (48 * time.Hour).Microseconds())
	for i := 0; ; i++ {
		must(t, reaper.MaintainOnce(t.Context()))
		must(t, o.Sites[1].DB.Update(t.Context(), func(tx meta.Tx) error { return tx.Run(t.Context(), &b) }))
		objects, err := o.Sites[1].Blobs.List(t.Context(), "", blob.MarkKey, 0) // but the mark
		must(t, err)
		left, err := s.Tenants(t.Context())
		must(t, err)
		if len(objects) == 0 && len(left) == 1 {
			break
		}
		if i > 20 {
			t.Fatalf("%d objects and %d tenants are left", len(objects), len(left))
		}
	}
	deliver(t, s, towns[0])
}
