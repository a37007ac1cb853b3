package store

import (
	"context"
	"errors"

	"fachwerk/internal/store/meta"
)

// What an account has besides its collections and contents, in an order that
// foreign keys accept.
var accountRows = []string{
	"queue_recipient", "queue_message", "subscription", "origin", "thread", "operation", "collection_tombstone",
	"address", "subject", "password", "app_password", "portal_session", "group_grant", "person_group", "location_report",
}

// finishAccount removes the last rows of an account that was marked for removal,
// once its collections and contents are gone.
func (at *site) finishAccount(ctx context.Context, key Key) error {
	err := at.update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		for _, table := range accountRows {
			b.Exec("DELETE FROM "+table+" WHERE tenant_id = $1 AND account_id = $2", key.Tenant, key.Account)
		}
		b.Exec(`DELETE FROM account_grant WHERE tenant_id = $1 AND (account_id = $2 OR person_id = $2)`, key.Tenant, key.Account)
		return tx.Run(ctx, &b)
	})
	if err != nil {
		return err
	}
	_, err = at.exec(ctx, `DELETE FROM account WHERE tenant_id = $1 AND account_id = $2 AND state = 2`, key.Tenant, key.Account)
	if errors.Is(err, meta.ErrReference) {
		return nil // contents younger than a day are not swept yet
	}
	return err
}

// finishTenants removes tenants that were marked and have no account left: first
// what their home knows of them, then the directory's row. Their objects are still
// deleted when they are due.
func (s *Store) finishTenants(ctx context.Context) error {
	list, err := s.directory.tenants(ctx)
	for _, t := range list {
		if !t.Removing {
			continue
		}
		home := s.siteNamed(t.HomeSite)
		if failed := s.markTenant(ctx, home, t.ID); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		gone, failed := home.finishTenant(ctx, t.ID)
		if failed == nil && gone && s.only == nil {
			_, failed = s.directory.finishTenant(ctx, t.ID)
		}
		err = errors.Join(err, failed)
	}
	return err
}

// markTenant ends a removal that stopped half-way: the directory knows of it, and the
// tenant's home does not.
func (s *Store) markTenant(ctx context.Context, home *site, tenant int64) error {
	var state int64
	err := home.one(ctx, []any{&state}, `SELECT state FROM tenant WHERE tenant_id = $1`, tenant)
	switch {
	case isNotFound(err):
		return nil
	case err == nil && state == 0:
		return s.RemoveTenant(ctx, tenant)
	}
	return err
}

// finishTenant removes a tenant's last rows here, if no account is left.
func (at *site) finishTenant(ctx context.Context, tenant int64) (gone bool, err error) {
	err = at.update(ctx, func(tx meta.Tx) error {
		var accounts int64
		if err := oneIn(ctx, tx, []any{&accounts}, `SELECT count(*) FROM account WHERE tenant_id = $1`, tenant); err != nil || accounts > 0 {
			return err
		}
		var b meta.Batch
		b.Exec(`DELETE FROM domain WHERE tenant_id = $1`, tenant)
		b.Exec(`DELETE FROM issuer WHERE tenant_id = $1`, tenant)
		b.Exec(`DELETE FROM tenant_logo WHERE tenant_id = $1`, tenant)
		b.Exec(`DELETE FROM location_report WHERE tenant_id = $1`, tenant)
		b.Exec(`DELETE FROM tenant WHERE tenant_id = $1 AND state = 1`, tenant)
		directoryChanged(&b)
		gone = true
		return tx.Run(ctx, &b)
	})
	return gone, err
}
