package store_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/png"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/s3"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
	"fachwerk/location/locationtest"
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

// Rights come from grants to persons and to groups alike, wherever they are asked for,
// and end everywhere when either goes.
func TestGroupGrants(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		const issuer = "https://login.example"
		other := w.Replica(t, w.Options)
		for i := range w.Tenants {
			must(t, w.BindIssuer(ctx, store.Issuer{Tenant: w.Tenants[i].ID, URL: issuer}))
		}
		anna, bert := w.Account(t, 1, store.Person, "anna"), w.Account(t, 1, store.Person, "bert")
		office := w.Account(t, 1, store.Function, "amt")
		stranger := w.Account(t, 0, store.Person, "carl")
		must(t, w.SetGroups(ctx, stranger.Key, issuer, []string{"bau"}))
		rights := func(who store.Account) store.Rights {
			t.Helper()
			r, err := other.RightsOf(ctx, office.Key, who.Key.Account)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			grants, err := other.GrantsOf(ctx, who.Key)
			must(t, err)
			var listed store.Rights
			for _, g := range grants {
				if g.Account == office.Key {
					listed = g.Rights
				}
			}
			may, err := other.MayUse(ctx, auth.AccountRef(who.Key), office.Address)
			must(t, err)
			if listed != r || may != (r != 0) {
				t.Errorf("%s: %v is listed, %v is answered, may use: %v", who.Address, listed, r, may)
			}
			return r
		}
		is := func(who store.Account, want store.Rights) {
			t.Helper()
			if got := rights(who); got != want {
				t.Errorf("%s has %q, want %q", who.Address, got, want)
			}
		}
		must(t, w.AddGroupGrant(ctx, office.Key, "bau", store.RightRead|store.RightWrite))
		is(anna, 0)
		must(t, w.SetGroups(ctx, anna.Key, issuer, []string{"bau", "bau", "", "alle"}))
		is(anna, store.RightRead|store.RightWrite)
		is(bert, 0)
		is(stranger, 0)
		must(t, w.AddGrant(ctx, office.Key, anna.Key, store.RightRead|store.RightSendAs))
		must(t, w.AddGroupGrant(ctx, office.Key, "alle", store.RightManage))
		is(anna, store.AllRights)
		grants, err := w.GrantsOn(ctx, office.Key)
		if err != nil || len(grants) != 1 || grants[0].Rights != store.AllRights || grants[0].PersonName != anna.Address {
			t.Errorf("%+v, %v", grants, err)
		}
		if all, err := w.Grants(ctx, w.Tenants[1].ID); err != nil || len(all) != 1 || all[0].Rights != store.RightRead|store.RightSendAs {
			t.Errorf("grants to persons: %+v, %v", all, err)
		}
		if all, err := w.GroupGrants(ctx, 0); err != nil || len(all) != 2 || all[0].Group != "alle" || all[1].Address != office.Address {
			t.Errorf("grants to groups: %+v, %v", all, err)
		}

		// Whoever watches either account hears of it, in every process.
		var told sync.Map
		for _, key := range []store.Key{anna.Key, office.Key} {
			t.Cleanup(other.Watch(key, func() { told.Store(key, true) }))
		}
		heard := func(keys ...store.Key) func() bool {
			return func() bool {
				for _, key := range keys {
					if _, ok := told.Load(key); !ok {
						return false
					}
				}
				return true
			}
		}
		eventually(t, "the first comparison", heard(anna.Key, office.Key))
		told.Clear()
		must(t, w.RemoveGroupGrant(ctx, office.Key, "bau"))
		eventually(t, "both hear of a grant to a group that went", heard(anna.Key, office.Key))
		is(anna, store.RightRead|store.RightManage|store.RightSendAs)
		told.Clear()
		must(t, w.SetGroups(ctx, anna.Key, issuer, []string{"bau"}))
		eventually(t, "who left a group hears of it", heard(anna.Key))
		is(anna, store.RightRead|store.RightSendAs)
		told.Clear()
		must(t, w.RemoveGrant(ctx, office.Key, anna.Key))
		eventually(t, "both hear of a grant that went", heard(anna.Key, office.Key))
		is(anna, 0)

		before, err := w.ModSeq(ctx, anna.Key)
		must(t, err)
		must(t, w.SetGroups(ctx, anna.Key, issuer, []string{"bau"}))
		if after, err := w.ModSeq(ctx, anna.Key); err != nil || after != before {
			t.Errorf("what did not change was written: %d, %d, %v", before, after, err)
		}
		var many []string
		for i := range store.MaxGroups + 1 {
			many = append(many, "g"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+time.Unix(int64(i), 0).UTC().Format("150405"))
		}
		wantErr(t, w.SetGroups(ctx, anna.Key, issuer, many), store.ErrTooLarge)
		must(t, w.SetGroups(ctx, anna.Key, issuer, many[:store.MaxGroups]))
		wantErr(t, w.SetGroups(ctx, bert.Key, "https://elsewhere.example", []string{"bau"}), store.ErrNotFound)
		wantErr(t, w.AddGroupGrant(ctx, anna.Key, "bau", store.RightRead), store.ErrGrant)
		wantErr(t, w.AddGroupGrant(ctx, office.Key, "", store.RightRead), store.ErrSetting)
		wantErr(t, w.RemoveGroupGrant(ctx, office.Key, "nobody"), store.ErrNotFound)
	})
}

// A tenant's limits hold: of accounts exactly, of bytes and items once they are summed
// up; what takes nothing more is allowed beyond them.
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
func tenantTables(t *testing.T) (tables []string) {
	t.Helper()
	made := regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`)
	entries, err := fs.ReadDir(meta.Migrations(), ".")
	must(t, err)
	for _, e := range entries {
		text, err := fs.ReadFile(meta.Migrations(), e.Name())
		must(t, err)
		for _, m := range made.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[2], "tenant_id") {
				tables = append(tables, m[1])
			}
		}
	}
	if len(tables) < 30 {
		t.Fatalf("only the tables %v were found", tables)
	}
	return tables
}

// A tenant that is removed while all others are used leaves nothing: no row in any
// table of any site, no key, no object. The others lose nothing.
func TestRemoveTenantUnderLoad(t *testing.T) {
	onTwoSites(t, func(o *store.Options) { o.Retention = time.Nanosecond }, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		var doomed, inboxes [2]store.Account
		var mailboxes [2]store.Collection
		for i, tenant := range w.Tenants {
			must(t, w.BindIssuer(ctx, store.Issuer{Tenant: tenant.ID, URL: "https://login.example", Own: true, Secret: "geheim"}))
			inboxes[i] = w.Account(t, i, store.Person, "anna")
			var err error
			mailboxes[i], err = w.CreateCollection(ctx, inboxes[i].Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
			must(t, err)
			furnish(t, w, i, inboxes[i])
		}
		doomed = inboxes
		add := func(i, size int) error {
			spool := w.NewSpool(0)
			defer spool.Close()
			if _, err := spool.Write(incompressible(size)); err != nil {
				return err
			}
			_, err := w.AddObjects(context.WithoutCancel(ctx), doomed[i].Key, mailboxes[i].ID, []store.NewObject{{Body: spool, ThreadKeys: []string{"<a@b>"}}})
			return err
		}
		keepVersions(t, w)
		for range 5 {
			must(t, add(0, 100_000))
			must(t, add(0, 100))
		}
		// Both are written to while one goes.
		stop := make(chan struct{})
		var writing sync.WaitGroup
		var kept int
		for i := range w.Tenants {
			writing.Go(func() {
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					default:
					}
					err := add(i, 100+70_000*(n%2))
					if i == 1 && err != nil {
						t.Errorf("the other tenant: %v", err)
						return
					}
					if i == 1 {
						kept++
					}
				}
			})
		}
		before := w.Tenants[0].ID
		running, end := context.WithCancel(ctx)
		defer end()
		var background sync.WaitGroup
		for range 2 { // as two processes do
			s := w.Replica(t, w.Options)
			background.Go(func() { s.Maintain(running, time.Hour) })
		}
		must(t, w.RemoveTenant(ctx, before))
		if err := w.Options.Keys.CheckTenantKey(before); !errors.Is(err, content.ErrNoKey) {
			t.Errorf("its key: %v", err)
		}
		eventually(t, "the tenant is gone", func() bool {
			_, err := w.Tenant(ctx, before)
			return errors.Is(err, store.ErrNotFound)
		})
		close(stop)
		writing.Wait()
		end()
		background.Wait()
		must(t, w.MaintainOnce(ctx))

		for _, at := range w.Options.Sites {
			for _, table := range tenantTables(t) {
				if n := rows(t, at.DB, "SELECT count(*) FROM "+table+" WHERE tenant_id = $1", before); n > 0 {
					t.Errorf("%s: %d rows of it are left in %s", at.Name, n, table)
				}
			}
			list, err := at.Blobs.List(ctx, blob.TenantPrefix(before), "", 0)
			if err != nil || len(list) > 0 {
				t.Errorf("%s: %d objects of it are left, %v", at.Name, len(list), err)
			}
		}
		if n := versions(t, w, before); n > 0 {
			t.Errorf("%d versions of its objects are left", n)
		}
		if w.Buckets != nil && versions(t, w, w.Tenants[1].ID) == 0 {
			t.Error("no versions are seen of objects that are there")
		}
		entries, err := os.ReadDir(filepath.Join(w.Folder, "keys", "tenants"))
		must(t, err)
		if len(entries) != 1 {
			t.Errorf("the key directory holds %v", entries)
		}
		c, err := w.Collection(ctx, doomed[1].Key, mailboxes[1].ID)
		if err != nil || c.Items != int64(kept) {
			t.Errorf("the other one has %d messages of %d, %v", c.Items, kept, err)
		}
		findings, err := w.CheckAll(ctx, store.CheckOptions{})
		must(t, err)
		if len(findings) > 0 {
			t.Error(findings)
		}
	})
}

// bucket is that of a site, where it is one.
func bucket(t *testing.T, url string) (*minio.Client, s3.Config) {
	t.Helper()
	c, err := s3.Parse(url)
	must(t, err)
	client, err := minio.New(c.Endpoint, &minio.Options{Creds: credentials.NewStaticV4(c.Access, c.Secret, ""), Secure: c.TLS, Region: c.Region})
	must(t, err)
	return client, c
}

// keepVersions has the buckets keep every version of every object.
func keepVersions(t *testing.T, w *storetest.Towns) {
	t.Helper()
	for _, url := range w.Buckets {
		client, c := bucket(t, url)
		if err := client.EnableVersioning(t.Context(), c.Bucket); err != nil {
			t.Log("the S3 service keeps no versions, so none are looked for: " + err.Error())
			w.Buckets = nil
			return
		}
	}
}

func versions(t *testing.T, w *storetest.Towns, tenant int64) (n int) {
	t.Helper()
	for _, url := range w.Buckets {
		client, c := bucket(t, url)
		for o := range client.ListObjects(t.Context(), c.Bucket, minio.ListObjectsOptions{
			Prefix: c.Prefix + blob.TenantPrefix(tenant), Recursive: true, WithVersions: true}) {
			must(t, o.Err)
			n++
		}
	}
	return n
}

// furnish gives a tenant something in as many tables as there are.
func furnish(t *testing.T, w *storetest.Towns, town int, anna store.Account) {
	t.Helper()
	ctx, id := t.Context(), w.Tenants[town].ID
	office := w.Account(t, town, store.Function, "amt")
	must(t, w.AddAlias(ctx, office.Key, "info@"+w.Tenants[town].Name+".example"))
	must(t, w.BindSubject(ctx, anna.Key, "https://login.example", "s1"))
	must(t, w.SetGroups(ctx, anna.Key, "https://login.example", []string{"bau"}))
	must(t, w.AddGroupGrant(ctx, office.Key, "bau", store.RightRead))
	must(t, w.AddGrant(ctx, office.Key, anna.Key, store.RightRead))
	must(t, w.SetPasswordHash(ctx, auth.AccountRef(anna.Key), "$argon2id$x"))
	var picture bytes.Buffer
	must(t, png.Encode(&picture, image.NewGray(image.Rect(0, 0, 8, 8))))
	must(t, w.SetTenantLogo(ctx, id, "image/png", picture.Bytes()))
	must(t, w.SaveReport(ctx, location.Of{Tenant: id}, location.Kept{Number: 1, At: time.Now(), JWS: "x"}))
	must(t, w.SaveReport(ctx, location.Of{Tenant: id, Person: anna.Key.Account}, location.Kept{Number: 1, At: time.Now(), JWS: "x"}))
	_, err := w.Enqueue(ctx, id, store.QueueMessage{ReversePath: anna.Address,
		Recipients: []store.QueueRecipient{{ForwardPath: "b@elsewhere.example", NextHop: "elsewhere.example", Expires: time.Now().Add(time.Hour)}}},
		nil, text(t, w.Store, 100_000))
	must(t, err)
	drive, err := w.CreateCollection(ctx, anna.Key, store.Drive, "Dateien", "", store.CollectionOptions{})
	must(t, err)
	up, err := w.NewUpload(ctx, anna.Key, store.UploadOptions{Size: 100_000})
	must(t, err)
	defer up.Close()
	_, err = up.Write(incompressible(100_000))
	must(t, errors.Join(err, up.Finish()))
	put, err := w.PutResource(ctx, anna.Key, store.PutResource{Collection: drive.ID, Name: "a.bin", Upload: up})
	must(t, err)
	must(t, w.TrashResource(ctx, anna.Key, drive.ID, put.Item, store.Guard{}))
}

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
