package store_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
)

// Where nothing may be written a right ends all the same, and none begins.
func TestGroupsEndWhereNothingMayBeWritten(t *testing.T) {
	var refuse atomic.Bool
	onTwoSites(t, func(o *store.Options) {
		o.Placement = func(string, location.Subject, location.Kind) error {
			if refuse.Load() {
				return location.ErrMismatch
			}
			return nil
		}
	}, func(t *testing.T, w *storetest.Towns) {
		defer refuse.Store(false)
		ctx := t.Context()
		const issuer = "https://login.example"
		must(t, w.BindIssuer(ctx, store.Issuer{Tenant: w.Tenants[1].ID, URL: issuer}))
		anna, office := w.Account(t, 1, store.Person, "anna"), w.Account(t, 1, store.Function, "amt")
		must(t, w.AddGroupGrant(ctx, office.Key, "bau", store.RightRead))
		must(t, w.AddGroupGrant(ctx, office.Key, "rat", store.RightWrite))

		begin := time.Unix(1_800_000_000, 0)
		said := func(second int, groups ...string) ([]string, error) {
			word, err := w.ChangeWord(ctx, auth.AccountRef(anna.Key), issuer, func(last auth.Word) (auth.Word, error) {
				at := begin.Add(time.Duration(second) * time.Second)
				if at.Before(last.At) {
					return last, nil
				}
				return auth.Word{Groups: groups, At: at}, nil
			})
			return word.Groups, err
		}
		is := func(want ...string) {
			t.Helper()
			word, err := w.Word(ctx, auth.AccountRef(anna.Key), issuer)
			must(t, err)
			if !slices.Equal(word.Groups, want) {
				t.Errorf("the groups are %q, want %q", word.Groups, want)
			}
		}
		_, err := said(0, "bau")
		must(t, err)

		refuse.Store(true)
		if _, err := said(5, "bau", "rat"); !errors.Is(err, location.ErrMismatch) {
			t.Errorf("a group was added: %v", err)
		}
		is("bau")
		if _, err := said(10, "rat"); !errors.Is(err, location.ErrMismatch) {
			t.Errorf("what is left out is not told: %v", err)
		}
		is()
		if r, err := w.RightsOf(ctx, office.Key, anna.Key.Account); err == nil && r != 0 {
			t.Errorf("the rights stay: %v", r)
		}
		refuse.Store(false)
		_, err = said(5, "bau", "rat") // a token from before brings nothing back
		must(t, err)
		is()
		_, err = said(10, "rat") // the same token brings the rest
		must(t, err)
		is("rat")

		refuse.Store(true)
		if _, err := said(15, "rat"); err != nil {
			t.Errorf("the same again: %v", err)
		}
		refuse.Store(false)
		_, err = said(12, "bau", "rat") // older than what was said meanwhile
		must(t, err)
		is("rat")
		refuse.Store(true)
		if _, err := said(20); err != nil {
			t.Errorf("leaving the last group: %v", err)
		}
		is()
	})
}
