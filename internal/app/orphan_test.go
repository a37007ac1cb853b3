package app

import (
	"fmt"
	"testing"

	"fachwerk/auth"
	"fachwerk/auth/idp"
	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/portal"
)

// What is done for an account that its own tenant names never reaches the account to
// which its address leads now: the domain has gone to another tenant, the account stayed,
// as in a home that was restored from before.
func TestNewSignInOfAnAccountWhoseDomainHasGone(t *testing.T) {
	in := openForTest(t)
	ctx, o := t.Context(), office{in}
	var north, south store.Tenant
	for name, made := range map[string]*store.Tenant{"nordstadt": &north, "suedstadt": &south} {
		var err error
		if *made, err = in.store.CreateTenant(ctx, name, in.sites[0].Name); err != nil {
			t.Fatal(err)
		}
		if err := in.store.BindIssuer(ctx, store.Issuer{Tenant: made.ID, URL: in.cfg.OIDC.Issuer}); err != nil {
			t.Fatal(err)
		}
	}
	const domain, address = "zweckverband.example", "chefin@zweckverband.example"
	add := func(tenant store.Tenant) auth.AccountRef {
		t.Helper()
		if err := in.store.AddDomain(ctx, tenant.ID, domain); err != nil {
			t.Fatal(err)
		}
		a, err := o.Add(ctx, tenant.ID, portal.NewAccount{Kind: "person", Address: address, Name: "Chefin"})
		if err != nil {
			t.Fatal(err)
		}
		return auth.AccountRef{Tenant: tenant.ID, Account: a.ID}
	}
	stayed := add(north)
	err := in.sites[0].db.Update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec(`DELETE FROM domain WHERE name = $1`, domain)
		return tx.Run(ctx, &b)
	})
	if err != nil {
		t.Fatal(err)
	}
	owner := add(south)
	if err := in.SetPassword(ctx, address, "the owner's own"); err != nil {
		t.Fatal(err)
	}

	first, err := o.FirstLogin(ctx, stayed)
	if err != nil {
		t.Fatal(err)
	}
	for ref, password := range map[auth.AccountRef]string{stayed: first.Password, owner: "the owner's own"} {
		phc, err := in.store.PasswordHash(ctx, ref)
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := idp.VerifyPassword(phc, password); !ok || err != nil {
			t.Errorf("the password of account %d of tenant %d is another one: %v", ref.Account, ref.Tenant, err)
		}
	}

	if _, err := (control{in}).Invite(ctx, fmt.Sprint(stayed.Tenant), fmt.Sprint(stayed.Account), ""); err != nil {
		t.Fatal(err)
	}
	for ref, want := range map[auth.AccountRef]int{stayed: 1, owner: 0} {
		if list, err := in.store.TicketsOf(ctx, ref.Tenant, "rp.invite", ref.Owner()); err != nil || len(list) != want {
			t.Errorf("account %d of tenant %d has %d invitations, not %d, %v", ref.Account, ref.Tenant, len(list), want, err)
		}
	}
}
