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
