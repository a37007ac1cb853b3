package store_test

import (
	"errors"
	"testing"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// A subject opens one account or none: never another person's, and never one of
// two by chance.
func TestSubjectOpensOneAccount(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		const issuer = "https://login.musterstadt.example"
		anna, bert := p.Person(t, "anna"), p.Person(t, "bert")
		wantErr(t, p.BindSubject(ctx, anna.Key, issuer, "s1"), store.ErrNotFound) // the operator binds issuers, nobody else
		must(t, p.BindIssuer(ctx, store.Issuer{Tenant: p.Tenant.ID, URL: issuer}))
		must(t, p.BindSubject(ctx, anna.Key, issuer, "s1"))
		must(t, p.BindSubject(ctx, anna.Key, issuer, "s1"))
		wantErr(t, p.BindSubject(ctx, bert.Key, issuer, "s1"), store.ErrExists)
		who, err := p.PersonBySubject(ctx, issuer, "s1")
		if err != nil || who.Account != anna.Key.Account {
			t.Errorf("s1 is %+v, %v", who, err)
		}

		other, err := p.CreateTenant(ctx, "nachbardorf", storetest.Site.Name)
		must(t, err)
		must(t, p.AddDomain(ctx, other.ID, "nachbardorf.example"))
		carl, err := p.CreateAccount(ctx, store.NewAccount{Tenant: other.ID, Kind: store.Person, Address: "carl@nachbardorf.example"})
		must(t, err)
		must(t, p.BindIssuer(ctx, store.Issuer{Tenant: other.ID, URL: issuer}))
		must(t, p.BindSubject(ctx, carl.Key, issuer, "s1"))
		who, err = p.PersonBySubject(ctx, issuer, "s1")
		if err == nil || errors.Is(err, auth.ErrNotFound) || who != (auth.Person{}) {
			t.Errorf("of two accounts s1 is %+v, %v", who, err)
		}
		for tenant, account := range map[int64]store.Account{p.Tenant.ID: anna, other.ID: carl} {
			who, err = p.PersonIn(ctx, tenant, issuer, "s1")
			if err != nil || who.AccountRef != auth.AccountRef(account.Key) {
				t.Errorf("in tenant %d s1 is %+v, %v", tenant, who, err)
			}
		}
	})
}
