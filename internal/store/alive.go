package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	"fachwerk/auth"
	"fachwerk/internal/store/meta"
)

var _ auth.ManyChanges = (*Store)(nil)

// aliveAtOnce is how many accounts of a tenant one statement asks for; a shorter list
// repeats its last one, so that there is one text.
const aliveAtOnce = 64

var aliveText = func() string {
	var list strings.Builder
	for i := range aliveAtOnce {
		list.WriteString(",$" + strconv.Itoa(i+2))
	}
	return `SELECT a.tenant_id, a.account_id, COALESCE(p.app_password_id, 0) FROM account a
		LEFT JOIN app_password p ON p.tenant_id = a.tenant_id AND p.account_id = a.account_id AND (p.expires_at = 0 OR p.expires_at > {now})
		WHERE a.tenant_id = $1 AND a.state = 0 AND a.account_id IN (` + list.String()[1:] + `)`
}()

// AliveOf implements auth.ManyChanges: one round trip for each site, to all at the same
// time. Of whom a site that is away knows, nothing is known to have ended: it keeps no
// other's logins open. It fails where no site answers.
func (s *Store) AliveOf(ctx context.Context, logins []auth.Login) ([]bool, error) {
	byTenant := map[int64][]int64{}
	for _, l := range logins {
		byTenant[l.Tenant] = append(byTenant[l.Tenant], l.Account)
	}
	asked := map[*site]*aliveAt{}
	of := map[int64]*aliveAt{}
	for tenant, accounts := range byTenant {
		at := s.at(ctx, tenant)
		if asked[at] == nil {
			asked[at] = &aliveAt{there: map[auth.Login]bool{}}
		}
		of[tenant] = asked[at]
		askAlive(&of[tenant].batch, tenant, accounts, of[tenant].there)
	}
	var all sync.WaitGroup
	for at, a := range asked {
		all.Go(func() {
			if err := at.db.Read(ctx, &a.batch); err != nil && !isNotFound(err) { // of a tenant that is gone nobody is there
				a.away = outer(err)
			}
		})
	}
	all.Wait()
	var errs []error
	for _, a := range asked {
		if a.away != nil {
			errs = append(errs, a.away)
		}
	}
	switch {
	case len(errs) > 0 && len(errs) == len(asked):
		return nil, loginError(errors.Join(errs...))
	case len(errs) > 0:
		s.log.Warn("open logins of a site could not be looked up", "err", errors.Join(errs...))
	}
	alive := make([]bool, len(logins))
	for i, l := range logins {
		a := of[l.Tenant]
		alive[i] = a.away != nil || a.there[auth.Login{AccountRef: l.AccountRef}] && (l.AppPassword == 0 || a.there[l])
	}
	return alive, nil
}

// aliveAt is what one site is asked, and says.
type aliveAt struct {
	batch meta.Batch
	there map[auth.Login]bool // with AppPassword 0 for the person
	away  error
}

func askAlive(b *meta.Batch, tenant int64, accounts []int64, there map[auth.Login]bool) {
	slices.SortFunc(accounts, cmp.Compare[int64])
	for some := range slices.Chunk(slices.Compact(accounts), aliveAtOnce) {
		args := []any{tenant}
		for i := range aliveAtOnce {
			args = append(args, some[min(i, len(some)-1)])
		}
		b.Query(eachRow(func(r meta.Rows) error {
			var l auth.Login
			if err := r.Scan(&l.Tenant, &l.Account, &l.AppPassword); err != nil {
				return err
			}
			there[l] = true
			there[auth.Login{AccountRef: l.AccountRef}] = true
			return nil
		}), aliveText, args...)
	}
}
