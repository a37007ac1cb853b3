package store_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"reflect"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
)

// onTwoSites runs a test on two sites of either pair of engines.
func onTwoSites(t *testing.T, change func(*store.Options), f func(t *testing.T, w *storetest.Towns)) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) { f(t, storetest.TwoSites(t, e, change)) })
	}
}

// eventually waits for what the background does.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to this: %s", what)
		}
	}
}

func text(t *testing.T, s *store.Store, n int) *store.Spool {
	t.Helper()
	spool := s.NewSpool(0)
	_, err := spool.Write(incompressible(n))
	must(t, err)
	t.Cleanup(func() { spool.Close() })
	return spool
}

func rows(t *testing.T, db *meta.DB, sql string, args ...any) (n int64) {
	t.Helper()
	var b meta.Batch
	b.Query(func(r meta.Rows) error {
		for r.Next() {
			if err := r.Scan(&n); err != nil {
				return err
			}
		}
		return r.Err()
	}, sql, args...)
	must(t, db.Read(t.Context(), &b))
	return n
}

// What a tenant is given is the same in the directory and at its home, and known to
// every process soon.
func TestTenantSettings(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		other := w.Replica(t, w.Options)
		must(t, other.LoadDirectory(ctx))
		for i, before := range w.Tenants {
			set := store.TenantSet{
				Settings: &store.TenantSettings{DisplayName: "Südstadt", Language: "de", Contact: "IT-Service", ContactAddress: "it@suedstadt.example"},
				Policy:   &store.TenantPolicy{Sites: []string{"nord", "sued"}, RefuseOnMismatch: true},
				Quota:    &store.TenantQuota{Bytes: 1000, Items: 10, Accounts: 3},
			}
			got, err := w.UpdateTenant(ctx, before.ID, set)
			must(t, err)
			if !reflect.DeepEqual(got.Settings, *set.Settings) || !reflect.DeepEqual(got.Policy, *set.Policy) || got.Quota != *set.Quota || got.Name != before.Name {
				t.Errorf("%+v", got)
			}
			name := before.Name + " neu"
			got, err = w.UpdateTenant(ctx, before.ID, store.TenantSet{Name: &name})
			must(t, err)
			if got.Name != name || got.Settings != *set.Settings {
				t.Errorf("%+v", got)
			}
			if n := rows(t, w.Options.Sites[i].DB, `SELECT count(*) FROM tenant WHERE tenant_id = $1 AND name = $2 AND quota_accounts = 3`, before.ID, name); n != 1 {
				t.Errorf("%s: %d rows at home", name, n)
			}
			_, err = w.CreateAccount(ctx, store.NewAccount{Tenant: before.ID, Kind: store.Person, Address: "a@" + before.Name + ".example"})
			wantErr(t, err, location.ErrMismatch) // no site was verified
			eventually(t, "another process heeds the policy", func() bool {
				return errors.Is(other.AddDomain(ctx, before.ID, "neu."+before.Name+".example"), location.ErrMismatch)
			})
		}
		taken := w.Tenants[1].Name + " neu"
		_, err := w.UpdateTenant(ctx, w.Tenants[0].ID, store.TenantSet{Name: &taken})
		wantErr(t, err, store.ErrExists)
		for _, bad := range []store.TenantSet{
			{Settings: &store.TenantSettings{Language: "fr"}}, {Settings: &store.TenantSettings{Contact: "a\nb"}},
			{Settings: &store.TenantSettings{ContactAddress: "javascript:alert(1)"}}, {Quota: &store.TenantQuota{Bytes: -1}},
			{Policy: &store.TenantPolicy{Sites: []string{""}}}, {Name: new(string)},
		} {
			_, err := w.UpdateTenant(ctx, w.Tenants[0].ID, bad)
			wantErr(t, err, store.ErrSetting)
		}
		_, err = w.UpdateTenant(ctx, 4711, store.TenantSet{Quota: &store.TenantQuota{}})
		wantErr(t, err, store.ErrNotFound)
	})
}

func TestTenantLogo(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx, id := t.Context(), w.Tenants[1].ID
		var picture bytes.Buffer
		must(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))))
		_, _, err := w.TenantLogo(ctx, id)
		wantErr(t, err, store.ErrNotFound)
		must(t, w.SetTenantLogo(ctx, id, "image/png", picture.Bytes()))
		kind, got, err := w.TenantLogo(ctx, id)
		if err != nil || kind != "image/png" || !bytes.Equal(got, picture.Bytes()) {
			t.Errorf("%s, %d bytes, %v", kind, len(got), err)
		}
		wantErr(t, w.SetTenantLogo(ctx, id, "image/svg+xml", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)), store.ErrSetting)
		wantErr(t, w.SetTenantLogo(ctx, id, "image/png", []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`)), store.ErrSetting)
		wantErr(t, w.SetTenantLogo(ctx, id, "image/jpeg", picture.Bytes()), store.ErrSetting)
		wantErr(t, w.SetTenantLogo(ctx, id, "image/png", append(picture.Bytes(), make([]byte, store.MaxLogo)...)), store.ErrSetting)
		must(t, w.SetTenantLogo(ctx, id, "", nil))
		_, _, err = w.TenantLogo(ctx, id)
		wantErr(t, err, store.ErrNotFound)
	})
}

// The secret of a tenant's own provider opens for its row alone, and lies nowhere in
// plain.
func TestIssuers(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		own := store.Issuer{Tenant: w.Tenants[1].ID, URL: "https://login.suedstadt.example", Own: true, ClientID: "portal", Secret: "geheim genug",
			Audience: "fachwerk", Scopes: map[string]string{"mail_read": "mail:read"}, GroupsClaim: "roles", AdminGroup: "it", PrivacyGroup: "dsb"}
		must(t, w.BindIssuer(ctx, own))
		shared := store.Issuer{Tenant: w.Tenants[0].ID, URL: "https://login.example"}
		must(t, w.BindIssuer(ctx, store.Issuer{Tenant: shared.Tenant, URL: shared.URL, ClientID: "of the configuration", AdminGroup: "likewise"}))
		list, err := w.Issuers(ctx, w.Tenants[1].ID)
		if len(list) == 1 && list[0].Mark != "" {
			own.Mark = list[0].Mark
		}
		if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], own) {
			t.Errorf("%+v, %v", list, err)
		}
		list, err = w.Issuers(ctx, w.Tenants[0].ID)
		if err != nil || len(list) != 1 || !reflect.DeepEqual(list[0], shared) {
			t.Errorf("%+v, %v", list, err)
		}
		if list, err = w.Issuers(ctx, 0); err != nil || len(list) != 2 {
			t.Errorf("%+v, %v", list, err)
		}
		for _, at := range w.Options.Sites {
			if n := rows(t, at.DB, `SELECT count(*) FROM issuer WHERE client_id LIKE '%geheim%' OR scopes LIKE '%geheim%'`); n > 0 {
				t.Error("a secret lies in plain")
			}
		}
		must(t, w.Options.Sites[0].DB.Update(ctx, func(tx meta.Tx) error {
			var b meta.Batch
			b.Exec(`UPDATE issuer SET own = 1, sealed = (SELECT sealed FROM issuer WHERE tenant_id = $1) WHERE tenant_id = $2`, own.Tenant, shared.Tenant)
			return tx.Run(ctx, &b)
		}))
		if list, err = w.Issuers(ctx, shared.Tenant); err == nil {
			t.Errorf("a secret of another tenant opened: %+v", list)
		}
		if list, err = w.Issuers(ctx, 0); err != nil || len(list) != 1 || list[0].Tenant != own.Tenant {
			t.Errorf("a secret that does not open hides the other issuers: %+v, %v", list, err)
		}

		anna := w.Account(t, 1, store.Person, "anna")
		must(t, w.BindSubject(ctx, anna.Key, own.URL, "s1"))
		must(t, w.SetGroups(ctx, anna.Key, own.URL, []string{"bau"}))
		_, err = w.PersonIn(ctx, own.Tenant, own.URL, "s1")
		must(t, err)
		_, err = w.PersonIn(ctx, shared.Tenant, own.URL, "s1")
		if err == nil {
			t.Error("a person of another tenant was found")
		}
		must(t, w.UnbindIssuer(ctx, own.Tenant, own.URL))
		wantErr(t, w.UnbindIssuer(ctx, own.Tenant, own.URL), store.ErrNotFound)
		if _, err = w.PersonIn(ctx, own.Tenant, own.URL, "s1"); err == nil {
			t.Error("an issuer that was unbound opens an account")
		}
		if groups, err := w.GroupsOf(ctx, anna.Key); err != nil || len(groups) > 0 {
			t.Errorf("its groups count on: %v, %v", groups, err)
		}
		for _, url := range []string{"", "login.example", "javascript:x", "https://a@b.example", "https://b.example/?x"} {
			wantErr(t, w.BindIssuer(ctx, store.Issuer{Tenant: own.Tenant, URL: url}), store.ErrSetting)
		}
	})
}

func TestTenantQuota(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx, id := t.Context(), w.Tenants[1].ID
		_, err := w.UpdateTenant(ctx, id, store.TenantSet{Quota: &store.TenantQuota{Accounts: 3}})
		must(t, err)
		var made, refused int
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				_, err := w.CreateAccount(ctx, store.NewAccount{Tenant: id, Kind: store.Person, Address: string(rune('a'+i)) + "@suedstadt.example"})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					made++
				case errors.Is(err, store.ErrQuota):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if made != 3 || refused != 5 {
			t.Errorf("%d accounts were made, %d refused", made, refused)
		}
		list, err := w.Accounts(ctx, id)
		must(t, err)
		anna := list[0]
		inbox, err := w.CreateCollection(ctx, anna.Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
		must(t, err)
		_, err = w.UpdateTenant(ctx, id, store.TenantSet{Quota: &store.TenantQuota{Bytes: 250_000, Items: 100, Accounts: 3}})
		must(t, err)
		add := func(n int) error {
			_, err := w.AddObjects(ctx, anna.Key, inbox.ID, []store.NewObject{{Body: text(t, w.Store, n)}})
			return err
		}
		must(t, add(200_000))
		must(t, w.MaintainOnce(ctx))
		must(t, w.LoadDirectory(ctx))
		wantErr(t, add(60_000), store.ErrQuota)
		bert := list[1]
		theirs, err := w.CreateCollection(ctx, bert.Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
		must(t, err)
		_, err = w.CopyAcross(ctx, anna.Key, inbox.ID, bert.Key, theirs.ID, []int64{1}, false)
		wantErr(t, err, store.ErrQuota)
		_, err = w.UpdateTenant(ctx, id, store.TenantSet{Quota: &store.TenantQuota{Items: 1}})
		must(t, err)
		_, err = w.Copy(ctx, anna.Key, inbox.ID, inbox.ID, []int64{1})
		wantErr(t, err, store.ErrQuota)
		_, err = w.CopyAcross(ctx, anna.Key, inbox.ID, bert.Key, theirs.ID, []int64{1}, true)
		must(t, err)
		_, err = w.CopyAcross(ctx, bert.Key, theirs.ID, anna.Key, inbox.ID, []int64{1}, true)
		must(t, err)
		_, err = w.UpdateTenant(ctx, id, store.TenantSet{Quota: &store.TenantQuota{Bytes: 250_000, Items: 100, Accounts: 3}})
		must(t, err)
		_, err = w.NewUpload(ctx, anna.Key, store.UploadOptions{Size: 60_000})
		wantErr(t, err, store.ErrQuota)
		up, err := w.NewUpload(ctx, anna.Key, store.UploadOptions{Size: 60_000, Replaces: 60_000})
		must(t, err)
		must(t, up.Close())
		must(t, add(40_000))
		got, err := w.Tenant(ctx, id)
		must(t, err)
		if got.UsedBytes != 200_000 || got.UsedItems != 1 || got.UsedAccounts != 3 {
			t.Errorf("used: %+v", got)
		}
		_, err = w.Expunge(ctx, anna.Key, inbox.ID, nil, false)
		must(t, err)
		eventually(t, "what went is summed up", func() bool { // by followUsage, and read by followDirectory
			err := add(100_000)
			if err != nil && !errors.Is(err, store.ErrQuota) {
				t.Fatal(err)
			}
			return err == nil
		})
		findings, err := w.CheckAll(ctx, store.CheckOptions{})
		must(t, err)
		if len(findings) > 0 {
			t.Error(findings)
		}
		if got, _ = w.Tenant(ctx, id); got.UsedItems != 1 || got.UsedBytes != 100_000 {
			t.Errorf("after the check: %+v", got)
		}
	})
}

// A new tenant is known to every process and a removed one forgotten, without anybody
// asking for it, also by those that cannot ask any more.
func TestDirectoryIsFollowed(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		other := w.Replica(t, w.Options)
		must(t, other.LoadDirectory(ctx))
		name := "gilt jetzt"
		_, err := w.UpdateTenant(ctx, w.Tenants[1].ID, store.TenantSet{Name: &name, Policy: &store.TenantPolicy{Sites: []string{"nord"}}})
		must(t, err)
		anna := func() error {
			_, err := other.CreateAccount(ctx, store.NewAccount{Tenant: w.Tenants[1].ID, Kind: store.Person, Address: "anna@suedstadt.example"})
			return err
		}
		eventually(t, "the other process heeds the policy", func() bool { return errors.Is(anna(), location.ErrElsewhere) })
		must(t, w.RemoveTenant(ctx, w.Tenants[1].ID))
		eventually(t, "the other process knows that it goes", func() bool { return errors.Is(anna(), store.ErrNotFound) })
		_, err = other.DomainTenant(ctx, "suedstadt.example")
		eventually(t, "its domain is nobody's", func() bool {
			_, err = other.DomainTenant(ctx, "suedstadt.example")
			return errors.Is(err, store.ErrNotFound)
		})
	})
}

// Mail of a tenant that may not be written for waits, and keeps none of another's.
func TestQueueHoldsBack(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		other, err := w.CreateTenant(ctx, "nebenan", "sued")
		must(t, err)
		must(t, w.LoadDirectory(ctx))
		for _, id := range []int64{other.ID, w.Tenants[1].ID} {
			_, err = w.Enqueue(ctx, id, store.QueueMessage{ReversePath: "a@b.example",
				Recipients: []store.QueueRecipient{{ForwardPath: "b@elsewhere.example", NextHop: "elsewhere.example", Expires: time.Now().Add(time.Hour)}}},
				nil, text(t, w.Store, 100))
			must(t, err)
		}
		set := func(sites ...string) {
			_, err := w.UpdateTenant(ctx, w.Tenants[1].ID, store.TenantSet{Policy: &store.TenantPolicy{Sites: sites}})
			must(t, err)
		}
		set("nord")
		claims, err := w.ClaimQueue(ctx, 10, time.Minute)
		if err != nil || len(claims) != 1 || claims[0].Message.Ref.Tenant != other.ID {
			t.Errorf("claimed %+v, %v", claims, err)
		}
		if in, ok, err := w.NextDue(ctx); err != nil || ok && in < 30*time.Second {
			t.Errorf("due in %v, %v, %v", in, ok, err)
		}
		set("sued")
		claims, err = w.ClaimQueue(ctx, 10, time.Minute)
		if err != nil || len(claims) != 1 || claims[0].Message.Ref.Tenant != w.Tenants[1].ID {
			t.Errorf("claimed %+v, %v", claims, err)
		}
	})
}

// tenantTables are all tables whose rows belong to a tenant.
