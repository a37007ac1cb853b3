package app

import (
	"errors"
	"testing"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/portal"
)

// Whoever signs in already is told by mail of each further way to sign in that an
// administrator makes, and for who operates the installation a tenant's admin makes none.
func TestNewSignInIsTold(t *testing.T) {
	in := openForTest(t)
	ctx, o := t.Context(), office{in}
	in.cfg.OIDC.OperatorGroup = "betrieb"
	const own = "https://login.nordstadt.example"
	north, err := in.store.CreateTenant(ctx, "nordstadt", in.sites[0].Name)
	for _, err := range []error{
		err, in.store.AddDomain(ctx, north.ID, "nordstadt.example"),
		in.store.BindIssuer(ctx, store.Issuer{Tenant: north.ID, URL: in.cfg.OIDC.Issuer}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	made, err := o.Add(ctx, north.ID, portal.NewAccount{Kind: "person", Address: "anna@nordstadt.example", Name: "Anna"})
	if err != nil {
		t.Fatal(err)
	}
	anna := auth.AccountRef{Tenant: north.ID, Account: made.ID}
	first := func() error { return second(o.FirstLogin(ctx, anna)) }
	for _, step := range []struct {
		what string
		do   func() error
		told int64 // messages altogether
	}{
		{"the first password", first, 0},
		{"a second one", first, 1},
		{"a provider of the town's own", func() error {
			return in.store.BindIssuer(ctx, store.Issuer{Tenant: north.ID, URL: own, Own: true, ClientID: "portal", Audience: "mail"})
		}, 1},
		{"an invitation", first, 2},
		{"a subject", func() error { return in.BindSubject(ctx, "anna@nordstadt.example", own, "anna") }, 3},
		{"the same subject", func() error { return in.BindSubject(ctx, "anna@nordstadt.example", own, "anna") }, 3},
		{"a password by the command line", func() error { return in.SetPassword(ctx, "anna@nordstadt.example", "a password") }, 4},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.what, err)
		}
		a, err := in.store.Account(ctx, keyOf(anna))
		if err != nil || a.UsedItems != step.told {
			t.Errorf("after %s Anna has %d messages, not %d, %v", step.what, a.UsedItems, step.told, err)
		}
	}

	// The town's own provider gives its admin their role, not the operator's.
	if err := in.ChangeLoginGroups(ctx, "anna@nordstadt.example", []string{"betrieb"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := first(); !errors.Is(err, portal.ErrOperator) {
		t.Errorf("an invitation of who operates the installation: %v", err)
	}
}
