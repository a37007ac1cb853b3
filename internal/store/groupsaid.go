package store

import (
	"context"

	"fachwerk/internal/store/meta"
)

// GroupsSaid lists the groups that one issuer said last that a person is in. For the
// embedded provider these rows are the groups themselves: what other issuers say of
// the person must not get into its tokens.
func (s *Store) GroupsSaid(ctx context.Context, person Key, issuer string) (groups []string, err error) {
	err = s.at(ctx, person.Tenant).view(ctx, func(r meta.Rows) error {
		var name string
		err := r.Scan(&name)
		groups = append(groups, name)
		return err
	}, `SELECT group_name FROM person_group WHERE tenant_id = $1 AND account_id = $2 AND issuer = $3 ORDER BY group_name`,
		person.Tenant, person.Account, issuer)
	return groups, err
}
