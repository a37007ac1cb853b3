package store

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"fachwerk/internal/store/meta"
)

// roomForAccount says in the transaction that makes an account whether the tenant's
// quota allows one more. Whoever makes one holds the tenant's row.
func roomForAccount(ctx context.Context, tx meta.Tx, tenant int64) error {
	var quota, there int64
	err := oneIn(ctx, tx, []any{&quota, &there}, `SELECT quota_accounts, (SELECT count(*) FROM account
		WHERE tenant_id = $1 AND kind <> 6 AND state <> 2) FROM tenant WHERE tenant_id = $1`, tenant)
	if err == nil && quota > 0 && there >= quota {
		return fmt.Errorf("the tenant has the %d accounts that it may have: %w", quota, ErrQuota)
	}
	return err
}

// followUsage sums up what tenants use that have a quota, until ctx ends, of each site
// by itself.
func (s *Store) followUsage(ctx context.Context, every time.Duration) {
	var all sync.WaitGroup
	for _, at := range s.sites {
		all.Go(func() { s.followUsageAt(ctx, at, every) })
	}
	all.Wait()
}

func (s *Store) followUsageAt(ctx context.Context, at *site, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := s.refreshUsage(ctx, at, ` AND t.quota_bytes + t.quota_items > 0`); err != nil && ctx.Err() == nil {
				s.log.Debug("what tenants use was not summed up", "site", at.Name, "err", err)
			}
		}
	}
}

// sumsOfTenants answers what the tenants that live at a site use, by the counters of
// their accounts, and what their rows say of it.
const sumsOfTenants = `SELECT t.tenant_id, t.used_bytes, t.used_items, t.used_accounts,
	CAST(coalesce(sum(a.used_bytes), 0) AS BIGINT), CAST(coalesce(sum(a.used_items), 0) AS BIGINT), count(a.account_id)
	FROM tenant t LEFT JOIN account a ON a.tenant_id = t.tenant_id AND a.kind <> 6 AND a.state <> 2
	WHERE t.home_site = $1 AND t.state = 0`

type tenantSum struct {
	tenant              int64
	said                [3]int64
	bytes, items, count int64
}

func (t *tenantSum) sums() [3]int64 { return [3]int64{t.bytes, t.items, t.count} }

func (at *site) tenantSums(ctx context.Context, where string) (list []tenantSum, err error) {
	err = at.view(ctx, func(r meta.Rows) error {
		var s tenantSum
		err := r.Scan(&s.tenant, &s.said[0], &s.said[1], &s.said[2], &s.bytes, &s.items, &s.count)
		list = append(list, s)
		return err
	}, sumsOfTenants+where+` GROUP BY t.tenant_id, t.used_bytes, t.used_items, t.used_accounts ORDER BY t.tenant_id`, at.Name)
	return list, err
}

// refreshUsage writes down what has changed of the sums, at the tenants' home and in
// the directory, which every process reads.
func (s *Store) refreshUsage(ctx context.Context, at *site, where string) error {
	list, err := at.tenantSums(ctx, where)
	if err != nil {
		return err
	}
	var b meta.Batch
	for _, t := range list {
		if t.said != t.sums() {
			b.Exec(`UPDATE tenant SET used_bytes = $1, used_items = $2, used_accounts = $3 WHERE tenant_id = $4`,
				t.bytes, t.items, t.count, t.tenant)
		}
	}
	if len(b.Statements) == 0 {
		return nil
	}
	if at != s.directory { // first: what the home says decides whether it is written again
		asking, cancel := context.WithTimeout(ctx, overviewPatience)
		defer cancel()
		if err := s.directory.changeAll(asking, &b); err != nil {
			return fmt.Errorf("directory: %w", err)
		}
	}
	return at.changeAll(ctx, &b)
}

// SumUsage brings what tenants use up to date in a list, which may be as old as the
// last maintenance for those without a quota. All sites are asked at the same time, each
// for a few seconds; of those that do not answer the names are given, and what they would
// say stays as it is.
func (s *Store) SumUsage(ctx context.Context, list []Tenant) (away []string) {
	where := ""
	if len(list) == 1 {
		where = fmt.Sprintf(" AND t.tenant_id = %d", list[0].ID)
	}
	homes := make(map[string]bool)
	for _, t := range list {
		homes[t.HomeSite] = true
	}
	var mu sync.Mutex
	return s.eachSite(ctx, func(ctx context.Context, at *site) error {
		if !homes[at.Name] {
			return nil
		}
		sums, err := at.tenantSums(ctx, where)
		if err != nil {
			s.log.Debug("what tenants use was not summed up", "site", at.Name, "err", err)
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, sum := range sums {
			if i := slices.IndexFunc(list, func(t Tenant) bool { return t.ID == sum.tenant }); i >= 0 {
				list[i].UsedBytes, list[i].UsedItems, list[i].UsedAccounts = sum.bytes, sum.items, sum.count
			}
		}
		return nil
	})
}
