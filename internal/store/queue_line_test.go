package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/storetest"
)

// fillQueue has n messages of one recipient each wait in a tenant's queue, due one after
// the other until now: one that was enqueued, and copies of its rows.
func fillQueue(t testing.TB, p *storetest.Parts, tenant int64, hop string, n int) store.QueueRef {
	t.Helper()
	spool := p.Spool(t, []byte("Subject: a\r\n\r\nb"))
	ref, err := p.Enqueue(t.Context(), tenant, store.QueueMessage{ReversePath: "anna@musterstadt.example", Recipients: []store.QueueRecipient{
		{ForwardPath: "eins@fern.example", NextHop: hop, Expires: time.Now().Add(24 * time.Hour)}}}, nil, spool)
	must(t, err)
	var b meta.Batch
	const copies = ` WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i + 1 < $3), one AS MATERIALIZED (
		SELECT * FROM %s WHERE tenant_id = $1 AND message_id = $2) `
	if n > 1 {
		b.Exec(`INSERT INTO queue_message (tenant_id, account_id, message_id, content_id, size, sealed, created_at)`+fmt.Sprintf(copies, "queue_message")+`
			SELECT tenant_id, account_id, message_id + 1000 * i, content_id, size, sealed, created_at FROM one, c`, tenant, ref.ID, int64(n))
		b.Exec(`INSERT INTO queue_recipient (tenant_id, account_id, message_id, recipient, sealed, next_hop, due_at, expires_at)`+
			fmt.Sprintf(copies, "queue_recipient")+`
			SELECT tenant_id, account_id, message_id + 1000 * i, recipient, sealed, next_hop, due_at - $3 + i, expires_at FROM one, c`,
			tenant, ref.ID, int64(n))
		must(t, p.DB.Update(t.Context(), func(tx meta.Tx) error { return tx.Run(t.Context(), &b) }))
	}
	return ref
}

// recipient names one of the queue's.
type recipient struct {
	ref store.QueueRef
	n   int
}

// claimed is what a call of ClaimQueue leased.
func claimed(t testing.TB, s *store.Store, limit int, lease time.Duration, leaveOut ...store.QueueShare) (list []recipient, due []time.Time) {
	t.Helper()
	claims, err := s.ClaimQueue(t.Context(), limit, lease, leaveOut...)
	must(t, err)
	for _, c := range claims {
		for _, r := range c.Message.Recipients {
			list, due = append(list, recipient{c.Message.Ref, r.N}), append(due, r.Due)
		}
	}
	if len(list) > limit {
		t.Errorf("%d recipients claimed, at most %d were wanted", len(list), limit)
	}
	return list, due
}

func byTenant(list []recipient) map[int64]int {
	counts := map[int64]int{}
	for _, r := range list {
		counts[r.ref.Tenant]++
	}
	return counts
}

// towns makes further tenants.
func towns(t testing.TB, p *storetest.Parts, n int) (tenants []int64) {
	t.Helper()
	for i := range n {
		town, err := p.CreateTenant(t.Context(), fmt.Sprintf("stadt%d", i), storetest.Site.Name)
		must(t, err)
		tenants = append(tenants, town.ID)
	}
	return tenants
}

// A claim shares out what it takes: who has little gets all of it, who has much the rest.
func TestClaimIsSharedOut(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		fillQueue(t, p, p.Tenant.ID, "fern.example", 3000)
		small := towns(t, p, 20)
		for _, tenant := range small {
			fillQueue(t, p, tenant, "fern.example", 3)
		}
		list, _ := claimed(t, p.Store, 100, time.Minute)
		counts := byTenant(list)
		for _, tenant := range small {
			if counts[tenant] != 3 {
				t.Errorf("a tenant with 3 got %d", counts[tenant])
			}
		}
		if counts[p.Tenant.ID] != 40 {
			t.Errorf("who has much got %d, want 40", counts[p.Tenant.ID])
		}
	})
}

// Where more tenants wait than a claim takes recipients, each comes within as many claims
// as that needs, though the mail of some was due long before.
func TestEachTenantComes(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		fillQueue(t, p, p.Tenant.ID, "fern.example", 100)
		many := append(towns(t, p, 20), p.Tenant.ID)
		for _, tenant := range many[:20] {
			fillQueue(t, p, tenant, "fern.example", 30)
		}
		var list []recipient
		for range 5 {
			some, _ := claimed(t, p.Store, 5, time.Minute)
			list = append(list, some...)
		}
		counts := byTenant(list)
		for _, tenant := range many {
			if counts[tenant] == 0 {
				t.Error("a tenant did not come")
			}
		}
		if len(list) != 25 {
			t.Errorf("%d claimed, want 25", len(list))
		}
	})
}

// Of a tenant what was due first comes first, and mail to people here does not wait for
// mail to elsewhere.
func TestClaimInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		fillQueue(t, p, p.Tenant.ID, "fern.example", 300)
		var last time.Time
		for range 4 {
			_, due := claimed(t, p.Store, 25, time.Minute)
			if len(due) != 25 || due[0].Before(last) || !slices.IsSortedFunc(due, time.Time.Compare) {
				t.Fatalf("%d claimed, due at %v, the last one before at %v", len(due), due, last)
			}
			last = due[len(due)-1]
		}
		here := fillQueue(t, p, p.Tenant.ID, store.LocalHop, 1)
		if list, _ := claimed(t, p.Store, 10, time.Minute); len(list) != 10 || !slices.Contains(list, recipient{here, 0}) {
			t.Errorf("mail to somebody here waits: %v", list)
		}
		if list, _ := claimed(t, p.Store, 10, time.Minute, store.QueueShare{Tenant: p.Tenant.ID}); len(list) != 0 {
			t.Errorf("what was left out came: %v", list)
		}
	})
}

// Eight claimers of two processes take each recipient once, in the turns of many tenants.
func TestManyClaimersTakeEachOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		want := 0
		fill := func(tenant int64, hop string, n int) {
			fillQueue(t, p, tenant, hop, n)
			want += n
		}
		fill(p.Tenant.ID, "fern.example", 1000)
		fill(p.Tenant.ID, store.LocalHop, 200)
		for i, tenant := range towns(t, p, 12) {
			fill(tenant, "fern.example", 1+i*3)
		}
		var mu sync.Mutex
		seen := map[recipient]int{}
		var claimers sync.WaitGroup
		for range 8 {
			claimers.Go(func() {
				for {
					claims, err := p.ClaimQueue(t.Context(), 20, time.Hour)
					if errors.Is(err, store.ErrTemporary) {
						continue
					}
					if err != nil {
						t.Error(err)
						return
					}
					if len(claims) == 0 {
						return
					}
					mu.Lock()
					for _, c := range claims {
						for _, r := range c.Message.Recipients {
							seen[recipient{c.Message.Ref, r.N}]++
						}
					}
					mu.Unlock()
				}
			})
		}
		claimers.Wait()
		rest, _ := claimed(t, p.Store, 1, time.Hour)
		for r, times := range seen {
			if times != 1 {
				t.Errorf("message %d was claimed %d times", r.ref.ID, times)
			}
		}
		if len(seen) != want || len(rest) != 0 {
			t.Errorf("%d recipients claimed, want %d; %d were left", len(seen), want, len(rest))
		}
	})
}

// What a process that died had claimed comes again when its leases end, all of it and
// behind nothing that is due later; until then nobody gets it, and it is known when.
func TestLeasesEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		fillQueue(t, p, p.Tenant.ID, "fern.example", 50)
		first, _ := claimed(t, p.Store, 30, time.Hour)
		second, _ := claimed(t, p.Store, 100, 2*time.Hour)
		if len(first) != 30 || len(second) != 20 {
			t.Fatalf("%d and %d claimed", len(first), len(second))
		}
		if none, _ := claimed(t, p.Store, 100, time.Hour); len(none) != 0 {
			t.Errorf("%d claimed under leases that last", len(none))
		}
		if in, ok, err := p.NextDue(t.Context()); err != nil || !ok || in < 50*time.Minute || in > time.Hour {
			t.Errorf("the next is due in %v, %v, %v; want when the first lease ends", in, ok, err)
		}
		sql(t, p, `UPDATE queue_recipient SET lease_until = {now} - 1 WHERE lease_until < {now} + $1`, (90 * time.Minute).Microseconds())
		again, _ := claimed(t, p.Store, 100, time.Hour)
		all := map[recipient]bool{}
		for _, r := range again {
			all[r] = true
		}
		for _, r := range first {
			if !all[r] {
				t.Errorf("message %d did not come again", r.ref.ID)
			}
		}
		if len(again) != 30 {
			t.Errorf("%d came again, want 30", len(again))
		}
	})
}

// What is read of the queue is read by its indexes, whatever a database knows of the
// number of rows: nothing that is not taken is looked at. Nothing is known of 0 and 5000,
// all of 10.
func TestQueueIsReadByIndex(t *testing.T) {
	for _, e := range []storetest.Engines{storetest.Embedded, storetest.Remote} {
		for _, n := range []int{0, 10, 5000} {
			t.Run(fmt.Sprintf("%s, %d", e, n), func(t *testing.T) {
				p := storetest.Open(t, e, nil)
				if n > 0 {
					fillQueue(t, p, p.Tenant.ID, "fern.example", n)
				}
				if n == 10 {
					sql(t, p, "ANALYZE")
				}
				for _, s := range []struct {
					indexes []string
					meta.Statement
				}{
					{[]string{"line"}, meta.Statement{SQL: store.ReadLines}},
					{[]string{"line", "pkey"}, meta.Statement{SQL: store.TakeFromLine,
						Args: []any{int64(7), int64(1000), p.Tenant.ID, int64(0), time.Now().UnixMicro(), int64(10)}}},
					{[]string{"lease"}, meta.Statement{SQL: store.RenewLeases, Args: []any{int64(1000), int64(7)}}},
					{[]string{"done"}, meta.Statement{SQL: store.ReadDone, Args: []any{int64(0), int64(0), int64(0), int64(500)}}},
					{[]string{"pkey"}, meta.Statement{SQL: store.CountWaiting, Args: []any{p.Tenant.ID, int64(1), int64(1)}}},
				} {
					plan := explain(t, p, e, s.Statement)
					used := map[string]bool{}
					for _, m := range regexp.MustCompile(`queue_recipient_(\w+)|PRIMARY KEY|Seq Scan on queue|SCAN queue_recipient$`).FindAllStringSubmatch(plan, -1) {
						switch name := m[1]; {
						case m[0] == "PRIMARY KEY":
							used["pkey"] = true
						case name == "":
							used[m[0]] = true
						case !regexp.MustCompile(`^\d+$`).MatchString(name): // PostgreSQL's names of the table
							used[name] = true
						}
					}
					if got := slices.Sorted(maps.Keys(used)); !slices.Equal(got, s.indexes) {
						t.Errorf("read by %q, want %q:\n%s\n%s", got, s.indexes, s.SQL, plan)
					}
				}
			})
		}
	}
}

func explain(t *testing.T, p *storetest.Parts, e storetest.Engines, s meta.Statement) string {
	t.Helper()
	var lines []string
	var b meta.Batch
	b.ByIndex()
	before := "EXPLAIN "
	if e == storetest.Embedded {
		before = "EXPLAIN QUERY PLAN "
	}
	b.Query(func(r meta.Rows) error {
		for r.Next() {
			var line string
			var a, b, c int64
			dest := []any{&line}
			if e == storetest.Embedded {
				dest = []any{&a, &b, &c, &line}
			}
			if err := r.Scan(dest...); err != nil {
				return err
			}
			lines = append(lines, line)
		}
		return r.Err()
	}, before+s.SQL, s.Args...)
	must(t, p.DB.Update(t.Context(), func(tx meta.Tx) error { return tx.Run(t.Context(), &b) }))
	return strings.Join(lines, "\n")
}

// Lines that go in turns go on behind the last one.
func TestTurns(t *testing.T) {
	lines := []store.QueueShare{{Tenant: 1}, {Tenant: 1, Local: true}, {Tenant: 4}, {Tenant: 9}}
	next := store.Turns()
	got := map[store.QueueShare]int{}
	for range 4 {
		for _, l := range next(lines, 3) {
			got[l]++
		}
	}
	if counts := slices.Collect(maps.Values(got)); !slices.Equal(counts, []int{3, 3, 3, 3}) {
		t.Errorf("in 4 claims of 3 the lines came %v", got)
	}
	if l := next([]store.QueueShare{{Tenant: 9}}, 3); len(l) != 1 {
		t.Errorf("the only line does not come: %v", l)
	}
	if l := next(nil, 3); len(l) != 0 {
		t.Errorf("no line comes as %v", l)
	}
}

// readings is an engine that notes batches about the queue which do not say, first of all,
// that rows are to be found by indexes.
type readings struct {
	meta.Engine
	mu     sync.Mutex
	seen   int
	silent []string
}

func (r *readings) note(b *meta.Batch, said bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range b.Statements {
		said = said || s.SQL == "{by index}"
		if strings.Contains(s.SQL, "queue_") && !strings.Contains(s.SQL, "INSERT") {
			if r.seen++; !said {
				r.silent = append(r.silent, s.SQL)
			}
		}
	}
	return said
}

func (r *readings) Read(ctx context.Context, b *meta.Batch) error {
	r.note(b, false)
	return r.Engine.Read(ctx, b)
}

func (r *readings) Update(ctx context.Context, f func(meta.Tx) error) error {
	return r.Engine.Update(ctx, func(tx meta.Tx) error { return f(&readingTx{tx, r, false}) })
}

type readingTx struct {
	meta.Tx
	r    *readings
	said bool
}

func (t *readingTx) Run(ctx context.Context, b *meta.Batch) error {
	t.said = t.r.note(b, t.said)
	return t.Tx.Run(ctx, b)
}

// All that is asked for each message, and again and again, says so: a plan that was made
// while the queue was short is no good while it is long.
func TestQueueAsksByIndex(t *testing.T) {
	var r *readings
	p := storetest.OpenOver(t, storetest.Embedded, func(e meta.Engine) meta.Engine {
		r = &readings{Engine: e}
		return r
	}, nil)
	ctx := t.Context()
	enqueue(t, p, "eins", "zwei")
	claims, err := p.ClaimQueue(ctx, 10, time.Minute)
	must(t, err)
	if len(claims) != 1 {
		t.Fatal(claims)
	}
	m := claims[0].Message
	_, err = p.RenewQueue(ctx, []store.QueueLease{{Tenant: m.Ref.Tenant, Token: claims[0].Token}}, time.Minute)
	must(t, err)
	_, err = p.QueueBody(ctx, m.Ref)
	must(t, err)
	must(t, finishOne(ctx, p, m.Ref, m.Recipients[0], claims[0].Token, store.QueueResult{State: store.QueueDelivered}))
	must(t, p.ReapAll(ctx))
	must(t, finishOne(ctx, p, m.Ref, m.Recipients[1], claims[0].Token, store.QueueResult{State: store.QueueDelivered}))
	_, _, err = p.NextDue(ctx)
	must(t, err)
	if len(r.silent) > 0 || r.seen < 12 {
		t.Errorf("of %d statements these are not said to go by index: %q", r.seen, r.silent)
	}
}
