package store

import (
	"context"
	"fmt"
	"strings"

	"fachwerk/internal/store/meta"
)

// checkAddresses finds the addresses at a site whose domain is not their tenant's: mail to
// them goes to whose it is. A home that was restored from before a domain moved has such.
func (s *Store) checkAddresses(ctx context.Context, at *site, o CheckOptions) (found []Finding, err error) {
	says := s.directory // whose a domain is
	if o.Without[says.Name] {
		says = at
	}
	for range 3 { // both may go between the two
		if found, err = at.addressesOutside(ctx, says); err != nil || len(found) == 0 {
			return nil, err
		}
	}
	return found, nil
}

func (at *site) addressesOutside(ctx context.Context, says *site) (found []Finding, err error) {
	type address struct {
		tenant, account int64
		name            string
	}
	var list []address
	err = at.view(ctx, func(r meta.Rows) error {
		var a address
		err := r.Scan(&a.tenant, &a.account, &a.name)
		list = append(list, a)
		return err
	}, `SELECT tenant_id, account_id, address FROM address ORDER BY tenant_id, address`)
	if err != nil {
		return nil, err
	}
	owner := map[string]int64{}
	err = says.view(ctx, func(r meta.Rows) error {
		var name string
		var tenant int64
		err := r.Scan(&name, &tenant)
		owner[name] = tenant
		return err
	}, `SELECT name, tenant_id FROM domain`)
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if domain := a.name[strings.LastIndexByte(a.name, '@')+1:]; owner[domain] != a.tenant {
			found = append(found, Finding{a.name, fmt.Sprintf("account %d of tenant %d has this address, but the domain is not the tenant's", a.account, a.tenant)})
		}
	}
	return found, nil
}
