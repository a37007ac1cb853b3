package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// A domain is taken from a tenant while an address in it is made: one of the two is
// refused, always.
func TestNoAddressOutlivesItsDomain(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx, tenant := t.Context(), w.Tenants[1].ID // who is not at home at the directory's site
		must(t, w.AddDomain(ctx, tenant, "bleibt.example"))
		target, err := w.CreateAccount(ctx, store.NewAccount{Tenant: tenant, Kind: store.Person, Address: "anna@bleibt.example"})
		must(t, err)
		makes := map[string]func(domain string) error{
			"account": func(domain string) error {
				_, err := w.CreateAccount(ctx, store.NewAccount{Tenant: tenant, Kind: store.Person, Address: "chefin@" + domain})
				return err
			},
			"alias": func(domain string) error { return w.AddAlias(ctx, target.Key, "chefin@"+domain) },
		}
		for what, makeAddress := range makes {
			made := 0
			for i := range races {
				domain := fmt.Sprintf("%s%d.example", what, i)
				must(t, w.AddDomain(ctx, tenant, domain))
				var both sync.WaitGroup
				var making, removing error
				both.Go(func() { making = makeAddress(domain) })
				both.Go(func() { removing = w.RemoveDomain(ctx, tenant, domain) })
				both.Wait()
				switch {
				case making == nil && errors.Is(removing, store.ErrBusy):
					made++
				case removing == nil && errors.Is(making, store.ErrNotFound):
				default:
					t.Fatalf("%s in %s: %v; the domain's removal: %v", what, domain, making, removing)
				}
			}
			t.Logf("%s: %d of %d times the address was first", what, made, races)
		}
		findings, err := w.CheckAll(ctx, store.CheckOptions{})
		must(t, err)
		for _, f := range findings {
			t.Error(f)
		}
	})
}

// races is how often each is tried; without the lock most of them leave an address.
const races = 25
