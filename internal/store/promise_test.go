package store_test

import (
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// A database that has lost a change of rights, or of how somebody signs in, is noticed
// like one that has lost a message.
func TestChangesOfRightsAreRemembered(t *testing.T) {
	p := storetest.Open(t, storetest.Embedded, nil)
	ctx := t.Context()
	const issuer = "https://login.example"
	must(t, p.BindIssuer(ctx, store.Issuer{Tenant: p.Tenant.ID, URL: issuer}))
	office, anna := p.Function(t, "amt"), p.Person(t, "anna")
	ref := auth.AccountRef(anna.Key)
	inbox, err := p.CreateCollection(ctx, anna.Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
	must(t, err)
	add := func() error {
		_, err := p.AddObjects(ctx, anna.Key, inbox.ID, []store.NewObject{{Body: text(t, p.Store, 10)}})
		return err
	}
	setModSeq := func(by int64) {
		t.Helper()
		must(t, p.DB.Update(ctx, func(tx meta.Tx) error {
			var b meta.Batch
			b.Exec(`UPDATE account SET modseq = modseq + $1 WHERE tenant_id = $2 AND account_id = $3`, by, anna.Tenant, anna.Account)
			return tx.Run(ctx, &b)
		}))
	}
	made := auth.AppPassword{AccountRef: ref, Name: "x", Hash: []byte("h"), Expires: time.Now().Add(time.Hour)}
	kept, err := p.AddAppPassword(ctx, made, 10)
	must(t, err)
	session := func(name string) []byte {
		id := []byte(name + "0123456789abcdef0123456789abcde")
		must(t, p.AddSession(ctx, auth.Session{AccountRef: ref, ID: id, Issuer: issuer, Subject: "anna", SID: name,
			Expires: time.Now().Add(time.Hour), Secret: []byte("x")}))
		return id
	}
	session("2") // for the issuer to end
	for _, change := range []struct {
		of  string
		run func() error
	}{
		{"a password", func() error { return p.SetPasswordHash(ctx, ref, "$argon2id$") }},
		{"an app password", func() error { return p.RevokeAppPassword(ctx, ref, kept.ID) }},
		{"a grant", func() error { return p.AddGrant(ctx, office.Key, anna.Key, store.RightRead) }},
		{"a grant that ends", func() error { return p.RemoveGrant(ctx, office.Key, anna.Key) }},
		{"groups", func() error { return p.SetGroups(ctx, anna.Key, issuer, []string{"bau"}) }},
		{"a grant to a group", func() error { return p.AddGroupGrant(ctx, office.Key, "bau", store.RightRead) }},
		{"a session that ends", func() error { return p.EndSession(ctx, ref, session("1")) }},
		{"a session that its issuer ends", func() error { _, err := p.EndSessionsOf(ctx, issuer, "anna", ""); return err }},
		{"an account that is disabled", func() error { return p.SetDisabled(ctx, anna.Key, true) }},
		{"an account that is not any more", func() error { return p.SetDisabled(ctx, anna.Key, false) }},
	} {
		must(t, add())
		must(t, change.run())
		setModSeq(-1)
		if err := add(); err == nil {
			t.Errorf("the database has lost %s, and is used", change.of)
		}
		setModSeq(1)
	}
	must(t, add())
}

// Every change of tenants, domains, issuers and addresses is counted, in the directory and
// at the home that keeps a copy, so that a database that has lost one is noticed.
func TestChangesOfTheDirectoryAreCounted(t *testing.T) {
	w := storetest.TwoSites(t, storetest.Embedded, nil)
	ctx := t.Context()
	directory, home, id := w.Options.Sites[0].DB, w.Options.Sites[1].DB, w.Tenants[1].ID
	const issuer = "https://login.suedstadt.example"
	emil := w.Account(t, 1, store.Person, "emil")
	update := func(set store.TenantSet) func() error {
		return func() error { _, err := w.UpdateTenant(ctx, id, set); return err }
	}
	name := "suedstadt neu"
	const both, alone = true, false
	for _, change := range []struct {
		of  string
		run func() error
		in  bool // the directory too
	}{
		{"a domain", func() error { return w.AddDomain(ctx, id, "neu.example") }, both},
		{"a domain that goes", func() error { return w.RemoveDomain(ctx, id, "neu.example") }, both},
		{"an issuer", func() error { return w.BindIssuer(ctx, store.Issuer{Tenant: id, URL: issuer}) }, both},
		{"an issuer that is unbound", func() error { return w.UnbindIssuer(ctx, id, issuer) }, both},
		{"a name", update(store.TenantSet{Name: &name}), both},
		{"a policy", update(store.TenantSet{Policy: &store.TenantPolicy{Sites: []string{"sued"}}}), both},
		{"a quota", update(store.TenantSet{Quota: &store.TenantQuota{Accounts: 9}}), both},
		{"settings", update(store.TenantSet{Settings: &store.TenantSettings{Language: "de"}}), both},
		{"an account", func() error { w.Account(t, 1, store.Person, "otto"); return nil }, alone},
		{"an alias", func() error { return w.AddAlias(ctx, emil.Key, "e@suedstadt.example") }, alone},
		{"an alias that goes", func() error { return w.RemoveAlias(ctx, id, "e@suedstadt.example") }, alone},
		{"a tenant", func() error { _, err := w.CreateTenant(ctx, "oststadt", "sued"); return err }, both},
		{"a tenant that goes", func() error { return w.RemoveTenant(ctx, id) }, both},
	} {
		counted := func(db *meta.DB) int64 {
			t.Helper()
			n, err := db.Directory(ctx)
			must(t, err)
			return n
		}
		there, here := counted(directory), counted(home)
		must(t, change.run())
		if change.in == both && counted(directory) <= there {
			t.Error("the directory does not count", change.of)
		}
		if counted(home) <= here {
			t.Error("the home does not count", change.of)
		}
	}
}

// A home that was restored, and goes on in a new generation, hears again what the
// directory says of its tenants.
func TestRestoredHomeHearsOfItsTenants(t *testing.T) {
	w := storetest.TwoSites(t, storetest.Embedded, nil)
	ctx, id, home := t.Context(), w.Tenants[1].ID, w.Options.Sites[1].DB
	const issuer = "https://login.suedstadt.example"
	must(t, w.BindIssuer(ctx, store.Issuer{Tenant: id, URL: issuer}))
	must(t, w.UnbindIssuer(ctx, id, issuer))
	must(t, w.LoadDirectory(ctx))
	must(t, w.RepairCopies(ctx, "sued"))
	must(t, home.Update(ctx, func(tx meta.Tx) error { // as a backup of before has it
		var b meta.Batch
		b.Exec(`INSERT INTO issuer (tenant_id, url) VALUES ($1, $2)`, id, issuer)
		return tx.Run(ctx, &b)
	}))
	must(t, w.NewGeneration(ctx, "sued"))
	must(t, w.RepairCopies(ctx, "sued"))
	if n := rows(t, home, `SELECT count(*) FROM issuer WHERE tenant_id = $1`, id); n != 0 {
		t.Error("an issuer that was unbound lets people in again")
	}
}
