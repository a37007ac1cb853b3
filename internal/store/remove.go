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
	"address", "subject", "password", "app_password", "portal_session",
}

// finishAccount removes the last rows of an account that was marked for removal,
// once its collections and contents are gone.
func (s *Store) finishAccount(ctx context.Context, key Key) error {
	err := s.update(ctx, func(tx meta.Tx) error {
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
	_, err = s.exec(ctx, `DELETE FROM account WHERE tenant_id = $1 AND account_id = $2 AND state = 2`, key.Tenant, key.Account)
	if errors.Is(err, meta.ErrReference) {
		return nil // contents younger than a day are not swept yet
	}
	return err
}

// finishTenants removes tenants that were marked and have no account left. Their
// objects are still deleted when they are due.
func (s *Store) finishTenants(ctx context.Context) error {
	list, err := s.Tenants(ctx)
	for _, t := range list {
		if !t.Removing {
			continue
		}
		err = errors.Join(err, s.update(ctx, func(tx meta.Tx) error {
			var accounts int64
			if err := oneIn(ctx, tx, []any{&accounts}, `SELECT count(*) FROM account WHERE tenant_id = $1`, t.ID); err != nil || accounts > 0 {
				return err
			}
			var b meta.Batch
			b.Exec(`DELETE FROM issuer WHERE tenant_id = $1`, t.ID)
			b.Exec(`DELETE FROM tenant WHERE tenant_id = $1 AND state = 1`, t.ID)
			return tx.Run(ctx, &b)
		}))
	}
	return err
}
