package store

import (
	"context"
	"errors"
	"fmt"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// Alias is a further address of an account.
type Alias struct {
	Address string
	Account int64
	Target  string // the account's primary address
}

// AddAlias lets a further address lead to an account.
func (s *Store) AddAlias(ctx context.Context, key Key, address string) error {
	address, err := NormalizeAddress(address)
	if err != nil {
		return err
	}
	if err := s.admit(ctx, key.Tenant, location.Metadata); err != nil {
		return err
	}
	return s.at(ctx, key.Tenant).change(ctx, func(tx meta.Tx, changed func(*meta.Batch)) error {
		if err := ownDomain(ctx, tx, key.Tenant, address); err != nil {
			return err
		}
		if err := freeAddress(ctx, tx, key.Tenant, address); err != nil {
			return err
		}
		_, err := execIn(ctx, tx, `INSERT INTO address (tenant_id, address, account_id) VALUES ($1, $2, $3)`,
			key.Tenant, address, key.Account)
		if err != nil {
			return err
		}
		return addressesChanged(ctx, tx, key.Tenant, changed)
	})
}

// RemoveAlias takes an alias away; a primary address cannot be removed.
func (s *Store) RemoveAlias(ctx context.Context, tenant int64, address string) error {
	address, err := NormalizeAddress(address)
	if err != nil {
		return err
	}
	return s.at(ctx, tenant).change(ctx, func(tx meta.Tx, changed func(*meta.Batch)) error {
		n, err := execIn(ctx, tx, `DELETE FROM address WHERE tenant_id = $1 AND address = $2 AND NOT EXISTS (
			SELECT 1 FROM account a WHERE a.tenant_id = $3 AND a.account_id = address.account_id AND a.address = $4)`,
			tenant, address, tenant, address)
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("alias %s: %w", address, ErrNotFound)
		}
		return addressesChanged(ctx, tx, tenant, changed)
	})
}

// addressesChanged ends a transaction that changes whose an address is.
func addressesChanged(ctx context.Context, tx meta.Tx, tenant int64, changed func(*meta.Batch)) error {
	if err := peopleChanged(ctx, tx, tenant); err != nil {
		return err
	}
	var b meta.Batch
	changed(&b)
	return tx.Run(ctx, &b)
}

// Aliases lists a tenant's aliases, primary addresses left out.
func (s *Store) Aliases(ctx context.Context, tenant int64) (list []Alias, err error) {
	for _, at := range s.among(ctx, tenant) {
		err = errors.Join(err, at.aliases(ctx, tenant, &list))
	}
	return list, err
}

func (at *site) aliases(ctx context.Context, tenant int64, list *[]Alias) error {
	return at.view(ctx, func(r meta.Rows) error {
		var l Alias
		err := r.Scan(&l.Address, &l.Account, &l.Target)
		*list = append(*list, l)
		return err
	}, `SELECT x.address, x.account_id, a.address FROM address x
		JOIN account a ON a.tenant_id = x.tenant_id AND a.account_id = x.account_id
		WHERE (x.tenant_id = $1 OR $1 = 0) AND x.address <> a.address ORDER BY x.address`, tenant)
}

// Addresses lists all addresses that lead to an account, the primary one first.
func (s *Store) Addresses(ctx context.Context, key Key) (list []string, err error) {
	err = s.at(ctx, key.Tenant).view(ctx, func(r meta.Rows) error {
		var address string
		err := r.Scan(&address)
		list = append(list, address)
		return err
	}, `SELECT x.address FROM address x
		JOIN account a ON a.tenant_id = x.tenant_id AND a.account_id = x.account_id
		WHERE x.tenant_id = $1 AND x.account_id = $2
		ORDER BY CASE WHEN x.address = a.address THEN 0 ELSE 1 END, x.address`, key.Tenant, key.Account)
	return list, err
}
