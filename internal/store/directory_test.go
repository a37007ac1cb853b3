package store_test

import (
	"slices"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

func TestDirectory(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		_, err := p.CreateTenant(ctx, "musterstadt", storetest.Site.Name)
		wantErr(t, err, store.ErrExists)
		other, err := p.CreateTenant(ctx, "nachbarstadt", storetest.Site.Name)
		must(t, err)
		wantErr(t, p.AddDomain(ctx, other.ID, "Musterstadt.Example."), store.ErrExists)
		must(t, p.AddDomain(ctx, other.ID, "bücher.example"))

		a := p.Person(t, "anna")
		_, err = p.CreateAccount(ctx, store.NewAccount{Tenant: p.Tenant.ID, Kind: store.Person, Address: "ANNA@musterstadt.example"})
		wantErr(t, err, store.ErrExists)
		_, err = p.CreateAccount(ctx, store.NewAccount{Tenant: p.Tenant.ID, Kind: store.Person, Address: "x@xn--bcher-kva.example"})
		wantErr(t, err, store.ErrNotFound) // the domain is another tenant's

		must(t, p.AddAlias(ctx, a.Key, "Poststelle@MUSTERSTADT.example"))
		wantErr(t, p.AddAlias(ctx, a.Key, "anna@musterstadt.example"), store.ErrExists)
		for _, address := range []string{"anna@musterstadt.example", "Poststelle@musterstadt.example"} {
			got, err := p.Resolve(ctx, address)
			must(t, err)
			if got.Key != a.Key {
				t.Errorf("%s leads to %v, want %v", address, got.Key, a.Key)
			}
		}
		addresses, err := p.Addresses(ctx, a.Key)
		must(t, err)
		if want := []string{"anna@musterstadt.example", "poststelle@musterstadt.example"}; !slices.Equal(addresses, want) {
			t.Errorf("addresses: %v, want %v", addresses, want)
		}
		wantErr(t, p.RemoveAlias(ctx, p.Tenant.ID, "anna@musterstadt.example"), store.ErrNotFound)
		wantErr(t, p.RemoveDomain(ctx, p.Tenant.ID, "musterstadt.example"), store.ErrBusy)
		must(t, p.RemoveAlias(ctx, p.Tenant.ID, "poststelle@musterstadt.example"))
		_, err = p.Resolve(ctx, "poststelle@musterstadt.example")
		wantErr(t, err, store.ErrNotFound)

		accounts, err := p.Accounts(ctx, p.Tenant.ID)
		must(t, err)
		if len(accounts) != 1 || accounts[0].Address != "anna@musterstadt.example" {
			t.Errorf("accounts: %+v", accounts)
		}
		must(t, p.RemoveAccount(ctx, a.Key))
		must(t, p.MaintainOnce(ctx))
		again := p.Person(t, "anna") // the address is free, the account another
		if again.Key == a.Key {
			t.Error("an account id was used again")
		}
	})
}

func TestGrants(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		anna, bert, office := p.Person(t, "anna"), p.Person(t, "bert"), p.Function(t, "buergeramt")
		must(t, p.AddGrant(ctx, office.Key, anna.Key, store.RightRead))
		must(t, p.AddGrant(ctx, office.Key, anna.Key, store.RightRead|store.RightSendAs))
		wantErr(t, p.AddGrant(ctx, anna.Key, bert.Key, store.RightRead), store.ErrGrant)
		wantErr(t, p.AddGrant(ctx, office.Key, office.Key, store.RightRead), store.ErrGrant)
		grants, err := p.GrantsOf(ctx, anna.Key)
		must(t, err)
		if len(grants) != 1 || grants[0].Rights != store.RightRead|store.RightSendAs || grants[0].Address != office.Address {
			t.Errorf("grants: %+v", grants)
		}
		if grants, _ = p.GrantsOf(ctx, bert.Key); len(grants) != 0 {
			t.Errorf("bert has %+v", grants)
		}
		must(t, p.RemoveGrant(ctx, office.Key, anna.Key))
		wantErr(t, p.RemoveGrant(ctx, office.Key, anna.Key), store.ErrNotFound)
	})
}

func TestWatchersHearOfChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		a := p.Person(t, "anna")
		heard := make(chan struct{}, 100)
		stop := p.Watch(a.Key, func() {
			select {
			case heard <- struct{}{}:
			default:
			}
		})
		wait := func(why string) {
			t.Helper()
			select {
			case <-heard:
			case <-time.After(10 * time.Second):
				t.Fatal("no hint: ", why)
			}
		}
		drain := func() {
			for len(heard) > 0 {
				<-heard
			}
		}
		wait("the first comparison")
		inbox := mailbox(t, p, a.Key, "INBOX")
		wait("a change of this process")
		time.Sleep(200 * time.Millisecond) // polling comes to rest
		drain()
		// Another process's change: past the store, straight in the journal.
		_, err := p.DB.Expunge(t.Context(), a.Key, inbox.ID, nil, true)
		must(t, err)
		_, err = p.DB.CreateCollection(t.Context(), a.Key, store.Mailbox, "Neu", "", store.CollectionOptions{})
		must(t, err)
		wait("a change of another process")
		stop()
	})
}
