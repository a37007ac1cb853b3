package store_test

import (
	"fmt"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// However much mail of one tenant is due, another's comes with the next claim.
func TestTenantsTakeTurnsInTheQueue(t *testing.T) {
	onTwoSites(t, nil, func(t *testing.T, w *storetest.Towns) {
		ctx := t.Context()
		town := w.Tenants[0]
		second, err := w.CreateTenant(ctx, "kleinstadt", town.HomeSite)
		must(t, err)
		put := func(tenant int64, hop string, n int) {
			t.Helper()
			var rs []store.QueueRecipient
			for i := range n {
				rs = append(rs, store.QueueRecipient{ForwardPath: fmt.Sprintf("x%d@fern.example", i), NextHop: hop, Expires: time.Now().Add(time.Hour)})
			}
			_, err := w.Enqueue(ctx, tenant, store.QueueMessage{ReversePath: "a@musterstadt.example", Recipients: rs}, []byte("A: b\r\n\r\n"), text(t, w.Store, 10))
			must(t, err)
		}
		for range 5 {
			put(town.ID, "fern.example", 100)
		}
		put(second.ID, "fern.example", 1)
		put(second.ID, store.LocalHop, 1)
		put(town.ID, store.LocalHop, 1)
		count := func(leaveOut ...store.QueueShare) (many, few, local int) {
			t.Helper()
			claims, err := w.ClaimQueue(ctx, 100, time.Minute, leaveOut...)
			must(t, err)
			for _, c := range claims {
				n := len(c.Message.Recipients)
				switch {
				case c.NextHop == store.LocalHop:
					local += n
				case c.Message.Ref.Tenant == second.ID:
					few += n
				default:
					many += n
				}
			}
			return many, few, local
		}
		if many, few, local := count(store.QueueShare{Tenant: town.ID}, store.QueueShare{Tenant: second.ID, Local: true}); many != 0 || few != 1 || local != 1 {
			t.Errorf("claimed %d of the many, %d of the few and %d local ones, the first and one kind left out", many, few, local)
		}
		if many, few, local := count(); many != 99 || few != 0 || local != 1 {
			t.Errorf("then %d of the many, %d of the few, %d local ones", many, few, local)
		}
		put(second.ID, "fern.example", 1)
		if many, few, _ := count(); many != 99 || few != 1 {
			t.Errorf("at last %d of the many and %d of the few", many, few)
		}
	})
}
