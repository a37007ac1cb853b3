package store_test

import (
	"log/slog"
	"slices"
	"sync"
	"testing"

	"fachwerk/internal/store/meta"
)

// While the directory's site hangs, overviews answer by what it said last and for the
// other site, and name it.
func TestOverviewsWithoutTheDirectory(t *testing.T) {
	_, o, towns := twoSites(t)
	ctx := t.Context()
	h := &hanging{Engine: o.Sites[0].DB.Engine()}
	db, err := meta.Open(ctx, h, slog.New(slog.DiscardHandler))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	o.Sites = slices.Clone(o.Sites)
	o.Sites[0].DB = db
	s := openStore(t, o)
	must(t, s.LoadDirectory(ctx))
	h.now.Store(true)

	nord := []string{o.Sites[0].Name}
	var all sync.WaitGroup
	all.Go(func() {
		list, away, err := s.TenantsKnown(ctx)
		if err != nil || len(list) != 2 || away != nord[0] || list[0].Name > list[1].Name {
			t.Errorf("tenants: %+v, %s away, %v", list, away, err)
		}
		if away := s.SumUsage(ctx, list); !slices.Equal(away, nord) {
			t.Errorf("summed up, %v away", away)
		}
		for _, one := range list {
			if one.ID == towns[1].tenant.ID && one.UsedAccounts == 0 {
				t.Errorf("the other site's is not summed up: %+v", one)
			}
		}
	})
	all.Go(func() {
		for _, w := range towns {
			if got, err := s.TenantKnown(ctx, w.tenant.ID); err != nil || got.Name != w.tenant.Name {
				t.Errorf("%+v, %v", got, err)
			}
		}
	})
	all.Go(func() {
		if _, _, away, err := s.QueueSum(ctx); err != nil || !slices.Equal(away, nord) {
			t.Errorf("queue: %v away, %v", away, err)
		}
	})
	all.Go(func() {
		if away := s.SitesAway(ctx); !slices.Equal(away, nord) {
			t.Errorf("%v away", away)
		}
	})
	all.Wait()
}
