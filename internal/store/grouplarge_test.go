package store_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// members puts so many people into a group; only what grants look at is made of them.
func members(t *testing.T, p *storetest.Parts, group string, n int) {
	t.Helper()
	must(t, p.DB.Update(t.Context(), func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec(`INSERT INTO account (tenant_id, account_id, kind, address, display_name, epoch, generation, quota_bytes, quota_items, wrapped_key, created_at)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $2)
			SELECT a.tenant_id, n.i, 1, 'p' || n.i || '@musterstadt.example', '', a.epoch, a.generation, 0, 0, a.wrapped_key, a.created_at
			FROM n, account a WHERE a.tenant_id = $1 AND a.kind = 6`, p.Tenant.ID, int64(n))
		b.Exec(`INSERT INTO person_group (tenant_id, account_id, issuer, group_name)
			SELECT tenant_id, account_id, 'https://login.example', CAST($2 AS TEXT) FROM account WHERE tenant_id = $1 AND account_id <= $3`,
			p.Tenant.ID, group, int64(n))
		return tx.Run(t.Context(), &b)
	}))
}

// A grant to a group takes as many statements for thousands of members as for one, and
// each of them hears of it.
func TestGrantToALargeGroup(t *testing.T) {
	const many = 5000
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		t.Run(e.String(), func(t *testing.T) {
			counted := &storetest.Counted{}
			p := storetest.OpenOver(t, e, func(engine meta.Engine) meta.Engine {
				counted.Engine = engine
				return counted
			}, func(o *store.Options) { o.Poll = time.Hour }) // what is told is not found by polling
			ctx := t.Context()
			office, outsider, gone := p.Function(t, "amt"), p.Person(t, "anna"), p.Person(t, "bert")
			members(t, p, "alle", many)
			must(t, p.RemoveAccount(ctx, gone.Key))
			before := modseqs(t, p)
			var mu sync.Mutex
			told := map[store.Key]int{}
			for id := range int64(many) {
				key := store.Key{Tenant: p.Tenant.ID, Account: id + 1}
				t.Cleanup(p.Watch(key, func() {
					mu.Lock()
					defer mu.Unlock()
					told[key]++
				}))
			}
			change := func(what string, f func() error) {
				counted.Take("")
				must(t, f())
				if texts := counted.Take("account"); len(texts) > 2 {
					t.Errorf("%s takes %d statements", what, len(texts))
				}
				after := modseqs(t, p)
				for key, modseq := range before {
					want := modseq
					if key.Account <= many || key == office.Key {
						want++
					}
					if after[key] != want {
						t.Fatalf("%s: account %d has modseq %d, want %d", what, key.Account, after[key], want)
					}
				}
				before = after
				mu.Lock()
				defer mu.Unlock()
				if len(told) != many {
					t.Errorf("%s: %d of %d members are told", what, len(told), many)
				}
				clear(told)
			}
			change("a grant", func() error { return p.AddGroupGrant(ctx, office.Key, "alle", store.RightRead) })
			if r, err := p.RightsOf(ctx, office.Key, many/2); err != nil || r != store.RightRead {
				t.Errorf("a member has %v, %v", r, err)
			}
			if _, err := p.RightsOf(ctx, office.Key, outsider.Key.Account); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("who is no member: %v", err)
			}
			change("its end", func() error { return p.RemoveGroupGrant(ctx, office.Key, "alle") })
		})
	}
}

func modseqs(t *testing.T, p *storetest.Parts) map[store.Key]int64 {
	t.Helper()
	var b meta.Batch
	all := map[store.Key]int64{}
	b.Query(func(r meta.Rows) error {
		for r.Next() {
			k := store.Key{Tenant: p.Tenant.ID}
			var modseq int64
			if err := r.Scan(&k.Account, &modseq); err != nil {
				return err
			}
			all[k] = modseq
		}
		return r.Err()
	}, `SELECT account_id, modseq FROM account WHERE tenant_id = $1`, p.Tenant.ID)
	must(t, p.DB.Read(t.Context(), &b))
	return all
}

// Grants to groups whose members are the same, and to these themselves, go on side by
// side: everyone locks in one order.
func TestGrantsToTheSamePeople(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		members(t, p, "alle", 200)
		offices := []store.Account{p.Function(t, "amt"), p.Function(t, "bauhof"), p.Function(t, "kasse")}
		var all sync.WaitGroup
		for n, office := range offices {
			all.Go(func() {
				for range 5 {
					if err := errors.Join(p.AddGroupGrant(ctx, office.Key, "alle", store.RightRead),
						p.AddGrant(ctx, office.Key, store.Key{Tenant: p.Tenant.ID, Account: int64(200 - n)}, store.RightWrite),
						p.RemoveGroupGrant(ctx, office.Key, "alle")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		for n, office := range offices {
			r, err := p.RightsOf(ctx, office.Key, int64(200-n))
			if err != nil || r != store.RightWrite {
				t.Errorf("%s: %v, %v", office.Address, r, err)
			}
		}
	})
}

// A queue account belongs to nobody, and nobody needs a grant to themselves.
func TestGrantsThatMakeNoSense(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		ctx := t.Context()
		anna, bert, office := p.Person(t, "anna"), p.Person(t, "bert"), p.Function(t, "amt")
		queue, err := p.QueueAccount(ctx, p.Tenant.ID)
		must(t, err)
		for what, err := range map[string]error{
			"the queue account":   p.AddGrant(ctx, queue, anna.Key, store.RightRead),
			"the queue, a group":  p.AddGroupGrant(ctx, queue, "alle", store.RightRead),
			"oneself":             p.AddGrant(ctx, anna.Key, anna.Key, store.RightRead),
			"another person":      p.AddGrant(ctx, anna.Key, bert.Key, store.RightRead),
			"to the office":       p.AddGrant(ctx, office.Key, office.Key, store.RightRead),
			"to the queue":        p.AddGrant(ctx, office.Key, queue, store.RightRead),
			"no right":            p.AddGrant(ctx, office.Key, anna.Key, 0),
			"of another tenant":   p.AddGrant(ctx, office.Key, store.Key{Tenant: 7, Account: anna.Key.Account}, store.RightRead),
			"an unknown right":    p.AddGrant(ctx, office.Key, anna.Key, store.AllRights+1),
			"to a group, unknown": p.AddGroupGrant(ctx, office.Key, "alle", store.AllRights+1),
		} {
			if !errors.Is(err, store.ErrGrant) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if list, err := p.Grants(ctx, 0); err != nil || len(list) != 0 {
			t.Errorf("%v, %v", list, err)
		}
	})
}
