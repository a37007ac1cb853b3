package store_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// Rights come from grants to persons and to groups alike, wherever they are asked for,
// and end everywhere when either goes.
func TestGroupGrants(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		const issuer = "https://login.example"
		other := w.Replica(t, w.Options)
		for i := range w.Tenants {
			must(t, w.BindIssuer(ctx, store.Issuer{Tenant: w.Tenants[i].ID, URL: issuer}))
		}
		anna, bert := w.Account(t, 1, store.Person, "anna"), w.Account(t, 1, store.Person, "bert")
		office := w.Account(t, 1, store.Function, "amt")
		stranger := w.Account(t, 0, store.Person, "carl")
		must(t, w.SetGroups(ctx, stranger.Key, issuer, []string{"bau"}))
		rights := func(who store.Account) store.Rights {
			t.Helper()
			r, err := other.RightsOf(ctx, office.Key, who.Key.Account)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			grants, err := other.GrantsOf(ctx, who.Key)
			must(t, err)
			var listed store.Rights
			for _, g := range grants {
				if g.Account == office.Key {
					listed = g.Rights
				}
			}
			may, err := other.MayUse(ctx, auth.AccountRef(who.Key), office.Address)
			must(t, err)
			if listed != r || may != (r != 0) {
				t.Errorf("%s: %v is listed, %v is answered, may use: %v", who.Address, listed, r, may)
			}
			return r
		}
		is := func(who store.Account, want store.Rights) {
			t.Helper()
			if got := rights(who); got != want {
				t.Errorf("%s has %q, want %q", who.Address, got, want)
			}
		}
		must(t, w.AddGroupGrant(ctx, office.Key, "bau", store.RightRead|store.RightWrite))
		is(anna, 0)
		must(t, w.SetGroups(ctx, anna.Key, issuer, []string{"bau", "bau", "", "alle"}))
		is(anna, store.RightRead|store.RightWrite)
		is(bert, 0)
		is(stranger, 0)
		must(t, w.AddGrant(ctx, office.Key, anna.Key, store.RightRead|store.RightSendAs))
		must(t, w.AddGroupGrant(ctx, office.Key, "alle", store.RightManage))
		is(anna, store.AllRights)
		grants, err := w.GrantsOn(ctx, office.Key)
		if err != nil || len(grants) != 1 || grants[0].Rights != store.AllRights || grants[0].PersonName != anna.Address {
			t.Errorf("%+v, %v", grants, err)
		}
		if all, err := w.Grants(ctx, w.Tenants[1].ID); err != nil || len(all) != 1 || all[0].Rights != store.RightRead|store.RightSendAs {
			t.Errorf("grants to persons: %+v, %v", all, err)
		}
		if all, err := w.GroupGrants(ctx, 0); err != nil || len(all) != 2 || all[0].Group != "alle" || all[1].Address != office.Address {
			t.Errorf("grants to groups: %+v, %v", all, err)
		}

		// Whoever watches either account hears of it, in every process.
		var told sync.Map
		for _, key := range []store.Key{anna.Key, office.Key} {
			t.Cleanup(other.Watch(key, func() { told.Store(key, true) }))
		}
		heard := func(keys ...store.Key) func() bool {
			return func() bool {
				for _, key := range keys {
					if _, ok := told.Load(key); !ok {
						return false
					}
				}
				return true
			}
		}
		eventually(t, "the first comparison", heard(anna.Key, office.Key))
		told.Clear()
		must(t, w.RemoveGroupGrant(ctx, office.Key, "bau"))
		eventually(t, "both hear of a grant to a group that went", heard(anna.Key, office.Key))
		is(anna, store.RightRead|store.RightManage|store.RightSendAs)
		told.Clear()
		must(t, w.SetGroups(ctx, anna.Key, issuer, []string{"bau"}))
		eventually(t, "who left a group hears of it", heard(anna.Key))
		is(anna, store.RightRead|store.RightSendAs)
		told.Clear()
		must(t, w.RemoveGrant(ctx, office.Key, anna.Key))
		eventually(t, "both hear of a grant that went", heard(anna.Key, office.Key))
		is(anna, 0)

		before, err := w.ModSeq(ctx, anna.Key)
		must(t, err)
		must(t, w.SetGroups(ctx, anna.Key, issuer, []string{"bau"}))
		if after, err := w.ModSeq(ctx, anna.Key); err != nil || after != before {
			t.Errorf("what did not change was written: %d, %d, %v", before, after, err)
		}
		var many []string
		for i := range store.MaxGroups + 1 {
			many = append(many, "g"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+time.Unix(int64(i), 0).UTC().Format("150405"))
		}
		wantErr(t, w.SetGroups(ctx, anna.Key, issuer, many), store.ErrTooLarge)
		must(t, w.SetGroups(ctx, anna.Key, issuer, many[:store.MaxGroups]))
		wantErr(t, w.SetGroups(ctx, bert.Key, "https://elsewhere.example", []string{"bau"}), store.ErrNotFound)
		wantErr(t, w.AddGroupGrant(ctx, anna.Key, "bau", store.RightRead), store.ErrGrant)
		wantErr(t, w.AddGroupGrant(ctx, office.Key, "", store.RightRead), store.ErrSetting)
		wantErr(t, w.RemoveGroupGrant(ctx, office.Key, "nobody"), store.ErrNotFound)
	})
}

// A tenant's limits hold: of accounts exactly, of bytes and items once they are summed
// up; what takes nothing more is allowed beyond them.
