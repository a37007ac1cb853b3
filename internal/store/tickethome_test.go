package store_test

import (
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/idp"
	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// What a sign-in leaves behind of a person, once it is known who they are, lies at their
// home, and goes with their tenant.
func TestTicketsLieAtHome(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		const issuer = "https://login.example"
		ctx := t.Context()
		count := func(at *meta.DB, where string, args ...any) int64 {
			return rows(t, at, "SELECT count(*) FROM ticket WHERE "+where, args...)
		}
		for i, tenant := range w.Tenants {
			must(t, w.BindIssuer(ctx, store.Issuer{Tenant: tenant.ID, URL: issuer}))
			who := w.Account(t, i, store.Person, "anna")
			ref := auth.AccountRef(who.Key)
			for _, kind := range []string{"idp.session", "idp.refresh"} {
				must(t, w.PutTicket(ctx, auth.Ticket{
					Tenant: tenant.ID, Kind: kind, ID: "1", Owner: idp.Subject(ref), Value: []byte("v"), Expires: time.Now().Add(time.Hour),
				}))
			}
			for _, at := range w.Options.Sites {
				want := int64(0)
				if at.Name == tenant.HomeSite {
					want = 2
				}
				if n := count(at.DB, "tenant_id = $1", tenant.ID); n != want {
					t.Errorf("%s has %d tickets of %s, want %d", at.Name, n, tenant.Name, want)
				}
			}
			must(t, idp.Forget(ctx, w, ref))
			for _, at := range w.Options.Sites {
				if n := count(at.DB, "tenant_id = $1", tenant.ID); n != 0 {
					t.Errorf("%s keeps %d tickets of somebody forgotten", at.Name, n)
				}
			}
			// When an issuer said something is told by rows at home too.
			_, err := w.ChangeWord(ctx, ref, issuer, func(auth.Word) (auth.Word, error) {
				return auth.Word{Groups: []string{"bau"}, At: time.Now()}, nil
			})
			must(t, err)
		}
		// They go with the person, and nobody else's.
		gone, stays := w.Account(t, 0, store.Person, "carl"), w.Account(t, 0, store.Person, "dora")
		for _, a := range []store.Account{gone, stays} {
			must(t, w.PutTicket(ctx, auth.Ticket{
				Tenant: a.Tenant, Kind: "rp.invite", ID: a.Address, Owner: auth.AccountRef(a.Key).Owner(), Value: []byte("v"), Expires: time.Now().Add(time.Hour),
			}))
		}
		must(t, w.RemoveAccount(ctx, gone.Key))
		if n := count(w.Options.Sites[0].DB, "kind = 'rp.invite'"); n != 1 {
			t.Errorf("%d invitations are left of one person removed and one who stays", n)
		}
		for _, at := range w.Options.Sites {
			if n := count(at.DB, "tenant_id = 0"); n != 0 {
				t.Errorf("%s has %d tickets of nobody", at.Name, n)
			}
		}
		// What is left of a tenant, such as in a backup, opens no more without its key.
		town := w.Tenants[1]
		kept := auth.Ticket{Tenant: town.ID, Kind: "idp.refresh", ID: "2", Owner: "x", Value: []byte("anna"), Expires: time.Now().Add(time.Hour)}
		must(t, w.PutTicket(ctx, kept))
		if got, err := w.Ticket(ctx, town.ID, kept.Kind, kept.ID); err != nil || string(got.Value) != "anna" {
			t.Errorf("before the key is destroyed: %q, %v", got.Value, err)
		}
		must(t, w.Options.Keys.DestroyTenantKey(town.ID))
		if got, err := w.Ticket(ctx, town.ID, kept.Kind, kept.ID); err == nil {
			t.Errorf("it opens without the tenant's key: %q", got.Value)
		}
	})
}
