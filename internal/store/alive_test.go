package store_test

import (
	"fmt"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// Asked of many logins together the store says what it says of each.
func TestAliveOfMany(t *testing.T) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) {
			p := storetest.Open(t, e, nil)
			ctx := t.Context()
			var logins []auth.Login
			for n := range 150 {
				ref := refOf(p.Person(t, fmt.Sprintf("person%d", n)).Key)
				logins = append(logins, auth.Login{AccountRef: ref})
				if n%3 == 0 {
					continue
				}
				made, err := p.AddAppPassword(ctx, auth.AppPassword{AccountRef: ref, Name: "Telefon", Hash: []byte{1}}, 10)
				must(t, err)
				logins = append(logins, auth.Login{AccountRef: ref, AppPassword: made.ID}, auth.Login{AccountRef: ref, AppPassword: made.ID + 1})
				switch n % 5 {
				case 1:
					must(t, p.RevokeAppPassword(ctx, ref, made.ID))
				case 2:
					must(t, p.SetDisabled(ctx, store.Key{Tenant: ref.Tenant, Account: ref.Account}, true))
				case 3:
					old, err := p.AddAppPassword(ctx, auth.AppPassword{AccountRef: ref, Name: "Alt", Hash: []byte{2}, Expires: time.Now().Add(-time.Hour)}, 10)
					must(t, err)
					logins = append(logins, auth.Login{AccountRef: ref, AppPassword: old.ID})
				}
			}
			logins = append(logins, auth.Login{AccountRef: auth.AccountRef{Tenant: p.Tenant.ID, Account: 7}})
			got, err := p.AliveOf(ctx, logins)
			must(t, err)
			alive := 0
			for i, l := range logins {
				want, err := p.Alive(ctx, l.AccountRef, l.AppPassword)
				must(t, err)
				if got[i] != want {
					t.Errorf("login %d: %v together, %v alone", i, got[i], want)
				}
				if want {
					alive++
				}
			}
			if alive < 100 || alive == len(logins) {
				t.Errorf("%d of %d logins are alive: nothing was tested", alive, len(logins))
			}
		})
	}
}

func refOf(key store.Key) auth.AccountRef {
	return auth.AccountRef{Tenant: key.Tenant, Account: key.Account}
}
