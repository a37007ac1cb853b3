package store

import (
	"context"
	"strconv"

	"fachwerk/internal/store/meta"
)

// PeopleVersion changes whenever an account of the tenant is made, removed, disabled,
// or gets or loses an address: one key read.
func (s *Store) PeopleVersion(ctx context.Context, tenant int64) (string, error) {
	var n int64
	if err := s.at(ctx, tenant).one(ctx, []any{&n}, `SELECT people FROM tenant WHERE tenant_id = $1`, tenant); err != nil {
		return "", err
	}
	return strconv.FormatInt(n, 10), nil
}

// peopleChanged raises it in the transaction that changes them.
func peopleChanged(ctx context.Context, tx meta.Tx, tenant int64) error {
	_, err := execIn(ctx, tx, `UPDATE tenant SET people = people + 1 WHERE tenant_id = $1`, tenant)
	return err
}
