package store_test

import (
	"errors"
	"testing"
	"time"

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

// A person's new subject at an issuer takes the place of the old ones, and of the sessions
// that they opened; those of other issuers and other people stay.
func TestReplaceSubject(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		const issuer, other = "https://login.musterstadt.example", "https://anders.example"
		anna, bert := p.Person(t, "anna"), p.Person(t, "bert")
		for _, url := range []string{issuer, other} {
			must(t, p.BindIssuer(ctx, store.Issuer{Tenant: p.Tenant.ID, URL: url}))
		}
		if has, err := p.SignsIn(ctx, auth.AccountRef(anna.Key)); has || err != nil {
			t.Errorf("before anybody knows her: %v, %v", has, err)
		}
		known := []struct {
			who         store.Account
			issuer, sub string
			stays       bool
		}{{anna, issuer, "s1", false}, {anna, issuer, "s2", false}, {anna, issuer, "new", true}, {anna, other, "s1", true}, {bert, issuer, "s3", true}}
		for i, k := range known {
			must(t, p.BindSubject(ctx, k.who.Key, k.issuer, k.sub))
			must(t, p.AddSession(ctx, auth.Session{
				AccountRef: auth.AccountRef(k.who.Key), ID: []byte{byte(i)}, Issuer: k.issuer, Subject: k.sub, Expires: time.Now().Add(time.Hour),
			}))
		}
		if has, err := p.SignsIn(ctx, auth.AccountRef(anna.Key)); !has || err != nil {
			t.Errorf("with subjects: %v, %v", has, err)
		}
		wantErr(t, p.ReplaceSubject(ctx, anna.Key, issuer, "s3"), store.ErrExists) // Bert's
		wantErr(t, p.ReplaceSubject(ctx, anna.Key, "https://fremd.example", "s9"), store.ErrNotFound)
		must(t, p.ReplaceSubject(ctx, anna.Key, issuer, "new"))
		for i, k := range known {
			_, err := p.PersonIn(ctx, p.Tenant.ID, k.issuer, k.sub)
			_, err2 := p.Session(ctx, []byte{byte(i)})
			for what, err := range map[string]error{"subject": err, "session": err2} {
				if k.stays && err != nil || !k.stays && !errors.Is(err, auth.ErrNotFound) {
					t.Errorf("%s %s at %s: %v", what, k.sub, k.issuer, err)
				}
			}
		}
	})
}
