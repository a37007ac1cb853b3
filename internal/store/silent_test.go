package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// patient is how long a test waits for what comes in moments.
const patient = 2 * time.Minute

func comes(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(patient); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("%s: not in %s", what, patient)
}

// A site whose database takes everything and answers nothing keeps no work of another
// from being done, however long it is waited for.
func TestSilentSite(t *testing.T) {
	t.Run("one without the directory", func(t *testing.T) { silentSite(t, 1, "sued", 0) })
	t.Run("the one with the directory", func(t *testing.T) { silentSite(t, 0, "nord", 1) })
}

func silentSite(t *testing.T, silent int, name string, other int) {
	w, lines := storetest.TwoLines(t, time.Hour, func(o *store.Options) { o.Retention = time.Nanosecond })
	ctx := t.Context()
	must(t, w.LoadDirectory(ctx))
	tenant := w.Tenants[other].ID
	_, err := w.UpdateTenant(ctx, tenant, store.TenantSet{Quota: &store.TenantQuota{Bytes: 1 << 40}})
	must(t, err)
	var gone []store.Account
	for _, who := range []string{"gegangen", "auchgegangen"} {
		a := w.Account(t, other, store.Person, who)
		c, err := w.CreateCollection(ctx, a.Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
		must(t, err)
		_, err = w.AddObjects(ctx, a.Key, c.ID, []store.NewObject{{Body: text(t, w.Store, 100_000)}})
		must(t, err)
		gone = append(gone, a)
	}
	w.Warm(t, silent)
	lines[name].Silence(true)

	maintaining, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		w.Maintain(maintaining, 100*time.Millisecond)
		close(done)
	}()
	defer func() {
		stop()
		<-done
	}()
	for _, a := range gone { // the first round is not waited for by the second
		must(t, w.RemoveAccount(ctx, a.Key))
		comes(t, "removing an account of the other site", func() bool {
			return rows(t, w.Options.Sites[other].DB, `SELECT count(*) FROM account WHERE account_id = $1`, a.Key.Account) == 0
		})
	}
	comes(t, "deleting the other site's objects", func() bool {
		return rows(t, w.Options.Sites[other].DB, `SELECT count(*) FROM content_delete`) == 0
	})
	if silent == 1 {
		anna := w.Account(t, other, store.Person, "anna")
		c, err := w.CreateCollection(ctx, anna.Key, store.Mailbox, "INBOX", "inbox", store.CollectionOptions{})
		must(t, err)
		_, err = w.AddObjects(ctx, anna.Key, c.ID, []store.NewObject{{Body: text(t, w.Store, 1000)}})
		must(t, err)
		comes(t, "summing up what the other site's tenant uses", func() bool {
			return rows(t, w.Options.Sites[other].DB, `SELECT used_bytes FROM tenant WHERE tenant_id = $1`, tenant) > 0
		})
	}
	if _, _, err := w.QueueLength(ctx); err == nil {
		t.Error("nothing is said of the site that is silent")
	}
}

// A site that is silent is away after a while, by itself.
func TestSilentSiteIsAway(t *testing.T) {
	w, lines := storetest.TwoLines(t, 5*time.Second, nil)
	ctx := t.Context()
	emil := w.Account(t, 1, store.Person, "emil")
	w.Warm(t, 1)
	lines["sued"].Silence(true)
	if _, err := w.Store.Account(context.WithoutCancel(ctx), emil.Key); !errors.Is(err, store.ErrTemporary) {
		t.Error("an account of the silent site:", err)
	}
	lines["sued"].Silence(false)
	comes(t, "the site is served again", func() bool {
		_, err := w.Store.Account(ctx, emil.Key)
		return err == nil
	})
}

// Sessions end at every site that answers, wherever it stands in the configuration.
func TestSilentSiteAndSessions(t *testing.T) {
	w, lines := storetest.TwoLines(t, time.Hour, nil)
	ctx := t.Context()
	const issuer = "https://login.suedstadt.example"
	emil := w.Account(t, 1, store.Person, "emil")
	must(t, w.AddSession(ctx, auth.Session{AccountRef: auth.AccountRef(emil.Key), ID: []byte("0123456789abcdef0123456789abcdef"),
		Issuer: issuer, Subject: "s1", SID: "sid1", Expires: time.Now().Add(time.Hour), Secret: []byte("x")}))
	w.Warm(t, 0)
	lines["nord"].Silence(true)
	ended, err := w.EndSessionsOf(ctx, issuer, "s1", "")
	if ended != 1 || err == nil {
		t.Errorf("%d sessions ended, and nobody was told that a site is missing: %v", ended, err)
	}
	if n := rows(t, w.Options.Sites[1].DB, `SELECT count(*) FROM portal_session`); n != 0 {
		t.Errorf("%d sessions are left", n)
	}
}
