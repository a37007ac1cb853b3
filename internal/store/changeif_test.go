package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
)

var errMeanwhile = errors.New("changed meanwhile")

// racers change the same thing at the same time, in two processes in turn; each says
// whether its condition held.
func racers(t *testing.T, processes []*store.Store, change func(s *store.Store, n int) error) (won []int) {
	t.Helper()
	const many = 12
	errs := make([]error, many)
	var all sync.WaitGroup
	begin := make(chan struct{})
	for n := range many {
		all.Go(func() {
			<-begin
			errs[n] = change(processes[n%len(processes)], n)
		})
	}
	close(begin)
	all.Wait()
	for n, err := range errs {
		switch {
		case err == nil:
			won = append(won, n)
		case !errors.Is(err, errMeanwhile):
			t.Errorf("change %d: %v", n, err)
		}
	}
	return won
}

// Of many who read the same state, in two processes, one changes it; the home of the
// tenant has what the directory has, whoever was last.
func TestOneOfManyConditionalChangesWins(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		other := w.Replica(t, w.Options)
		must(t, other.LoadDirectory(ctx))
		processes := []*store.Store{w.Store, other}
		const url = "https://login.example"
		for i, town := range w.Tenants {
			home := w.Options.Sites[i].DB
			before, err := w.Tenant(ctx, town.ID)
			must(t, err)
			won := racers(t, processes, func(s *store.Store, n int) error {
				_, err := s.UpdateTenant(ctx, town.ID, store.TenantSet{
					Settings: &store.TenantSettings{Contact: fmt.Sprint("Amt ", n)}, Quota: &store.TenantQuota{Accounts: int64(100 + n)},
					If: func(now store.Tenant) error {
						if now.Settings != before.Settings || now.Quota != before.Quota {
							return errMeanwhile
						}
						return nil
					},
				})
				return err
			})
			after, err := w.Tenant(ctx, town.ID)
			must(t, err)
			if len(won) != 1 || after.Quota.Accounts != int64(100+won[0]) || after.Settings.Contact != fmt.Sprint("Amt ", won[0]) {
				t.Errorf("%s: %v have won, and it is %+v %+v", town.Name, won, after.Settings, after.Quota)
			}

			// Without a condition all win, and the last one stays at both places.
			won = racers(t, processes, func(s *store.Store, n int) error {
				_, err := s.UpdateTenant(ctx, town.ID, store.TenantSet{Quota: &store.TenantQuota{Accounts: int64(200 + n)}})
				return errors.Join(err, s.BindIssuer(ctx, store.Issuer{Tenant: town.ID, URL: url, Own: true, ClientID: "portal", Audience: fmt.Sprint("urn:", n)}))
			})
			after, err = w.Tenant(ctx, town.ID)
			must(t, err)
			bound, err := w.Issuers(ctx, town.ID)
			must(t, err)
			if len(won) < 12 || len(bound) != 1 {
				t.Fatalf("%s: %v went on, bound is %+v", town.Name, won, bound)
			}
			if n := rows(t, home, `SELECT count(*) FROM tenant t JOIN issuer i ON i.tenant_id = t.tenant_id
				WHERE t.tenant_id = $1 AND t.quota_accounts = $2 AND i.audience = $3`, town.ID, after.Quota.Accounts, bound[0].Audience); n != 1 {
				t.Errorf("%s: its home has not what the directory has: %+v, %s", town.Name, after.Quota, bound[0].Audience)
			}

			mark := bound[0].Mark
			won = racers(t, processes, func(s *store.Store, n int) error {
				_, err := s.BindIssuerIf(ctx, store.Issuer{Tenant: town.ID, URL: url, Own: true, ClientID: "portal", Secret: fmt.Sprint("geheim ", n)},
					store.IssuerTerms{If: func(now *store.Issuer) error {
						if now == nil || now.Mark != mark {
							return errMeanwhile
						}
						return nil
					}})
				return err
			})
			if bound, err = w.Issuers(ctx, town.ID); err != nil || len(won) != 1 || bound[0].Secret != fmt.Sprint("geheim ", won[0]) || bound[0].Mark == mark {
				t.Errorf("%s: %v have won, and the issuer is %+v, %v", town.Name, won, bound, err)
			}
			kept, err := other.BindIssuerIf(ctx, store.Issuer{Tenant: town.ID, URL: url, Own: true, ClientID: "portal2"}, store.IssuerTerms{KeepSecret: true})
			must(t, err)
			if kept.Mark != bound[0].Mark || kept.ClientID != "portal2" {
				t.Errorf("%s: its secret does not stay: %+v", town.Name, kept)
			}
			must(t, other.UnbindIssuer(ctx, town.ID, url))
			if n := rows(t, home, `SELECT count(*) FROM issuer WHERE tenant_id = $1`, town.ID); n != 0 {
				t.Errorf("%s: %d issuers at home", town.Name, n)
			}

			anna := w.Account(t, i, store.Person, "anna")
			won = racers(t, processes, func(s *store.Store, n int) error {
				name, bytes := fmt.Sprint("Anna ", n), int64(n+1)<<20
				_, err := s.UpdateAccount(ctx, anna.Key, store.AccountSet{Name: &name, QuotaBytes: &bytes, If: func(now store.Account) error {
					if now.DisplayName != anna.DisplayName || now.QuotaBytes != anna.QuotaBytes {
						return errMeanwhile
					}
					return nil
				}})
				return err
			})
			a, err := w.Store.Account(ctx, anna.Key)
			must(t, err)
			if len(won) != 1 || a.DisplayName != fmt.Sprint("Anna ", won[0]) || a.QuotaBytes != int64(won[0]+1)<<20 {
				t.Errorf("%s: %v have won, and it is %+v", town.Name, won, a)
			}
		}
	})
}

// What the directory has and the home has not, because it was away, comes with the
// next change.
func TestHomeCatchesUpWithTheDirectory(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx, id := t.Context(), w.Tenants[1].ID
		home := w.Options.Sites[1].DB
		must(t, execute(t, w.Options.Sites[0].DB, `UPDATE tenant SET quota_accounts = 7 WHERE tenant_id = $1`, id))
		must(t, execute(t, home, `INSERT INTO issuer (tenant_id, url) VALUES ($1, 'https://old.example')`, id))
		_, err := w.UpdateTenant(ctx, id, store.TenantSet{Settings: &store.TenantSettings{Language: "de"}})
		must(t, err)
		if n := rows(t, home, `SELECT count(*) FROM tenant WHERE tenant_id = $1 AND quota_accounts = 7`, id); n != 1 {
			t.Error("the quota did not come")
		}
		if n := rows(t, home, `SELECT count(*) FROM issuer WHERE tenant_id = $1`, id); n != 0 {
			t.Error("an issuer that is not bound any more opens accounts")
		}
		_, err = w.UpdateTenant(ctx, id, store.TenantSet{Policy: &store.TenantPolicy{Sites: []string{"sued", "west"}}})
		wantErr(t, err, store.ErrSetting)

		// Where nothing may be written, a person is shut out all the same.
		anna := w.Account(t, 1, store.Person, "anna")
		_, err = w.UpdateTenant(ctx, id, store.TenantSet{Policy: &store.TenantPolicy{Sites: []string{"nord"}}})
		must(t, err)
		wantErr(t, w.SetDisplayName(ctx, anna.Key, "Anna"), location.ErrElsewhere)
		must(t, w.SetDisabled(ctx, anna.Key, true))
	})
}

// execute runs one statement beside the store.
func execute(t *testing.T, db *meta.DB, sql string, args ...any) error {
	return db.Update(t.Context(), func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec(sql, args...)
		return tx.Run(t.Context(), &b)
	})
}
