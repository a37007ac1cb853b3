package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
)

// What an account has besides its collections and contents, in an order that
// foreign keys accept.
var accountRows = []string{
	"queue_recipient", "queue_message", "subscription", "origin", "thread", "operation", "collection_tombstone",
	"address", "subject", "password", "app_password", "portal_session", "group_grant", "person_group", "group_word", "location_report",
}

// What a tenant has besides its accounts.
var tenantRows = []string{"domain", "issuer", "tenant_logo", "location_report", "ticket", "throttle", "throttle_known"}

// finishAccount removes the last rows of an account that was marked for removal, once
// its collections are gone: what it has besides, its contents, and itself.
func (s *Store) finishAccount(ctx context.Context, at *site, key Key) error {
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
	if _, err := at.db.Sweep(ctx, key, 0, s.o.Retention); err != nil {
		return outer(err)
	}
	_, err = at.exec(ctx, `DELETE FROM account WHERE tenant_id = $1 AND account_id = $2 AND state = 2`, key.Tenant, key.Account)
	if errors.Is(err, meta.ErrReference) {
		return nil // something came between; the next round takes it
	}
	return err
}

// removeMarked goes on with the tenants of a site that are being removed, and with
// nothing else.
func (s *Store) removeMarked(ctx context.Context, at *site) (err error) {
	list, err := s.tenantsNow(ctx)
	for _, t := range list {
		if !t.Removing || t.HomeSite != at.Name {
			continue
		}
		accounts, failed := at.accounts(ctx, ` WHERE a.tenant_id = $1 AND a.state = 2 ORDER BY a.account_id`, t.ID)
		err = errors.Join(err, failed)
		for _, a := range accounts {
			failed := s.maintainAccount(ctx, at, a)
			if err = errors.Join(err, failed); errors.Is(failed, meta.ErrUnavailable) {
				return err
			}
		}
	}
	return errors.Join(err, s.finishTenants(ctx, at), s.deleteDueObjects(ctx, at))
}

// tenantsNow asks the directory, and waits for it a few seconds: a site has other work.
func (s *Store) tenantsNow(ctx context.Context) ([]Tenant, error) {
	ctx, cancel := context.WithTimeout(ctx, overviewPatience)
	defer cancel()
	list, err := s.directory.tenants(ctx)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	return list, nil
}

// removalsSeen has Maintain go on with removals, where this process runs it.
func (s *Store) removalsSeen() {
	for _, at := range s.sites {
		select {
		case at.removals <- struct{}{}:
		default:
		}
	}
}

// finishTenants removes tenants of a site that were marked and have no account left:
// first what their home knows of them, then the directory's row. Their objects are still
// deleted when they are due.
func (s *Store) finishTenants(ctx context.Context, home *site) error {
	list, err := s.tenantsNow(ctx)
	for _, t := range list {
		if !t.Removing || t.HomeSite != home.Name {
			continue
		}
		if failed := s.markTenant(ctx, home, t.ID); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		gone, failed := s.finishTenant(ctx, home, t.ID)
		if failed == nil && gone && s.only == nil {
			_, failed = s.directory.forget(ctx, t.ID)
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

// finishTenant removes the last rows of a tenant at its home, if no account is left.
// Its key is destroyed once more, should a process have died between the two, and what
// uploads that were broken off have left in the blob store is noted for deletion.
func (s *Store) finishTenant(ctx context.Context, home *site, tenant int64) (gone bool, err error) {
	var accounts int64
	err = home.one(ctx, []any{&accounts}, `SELECT count(*) FROM account WHERE tenant_id = $1`, tenant)
	if err != nil || accounts > 0 {
		return false, err
	}
	if err := s.keys.DestroyTenantKey(tenant); err != nil {
		return false, err
	}
	if ours, err := s.mayDelete(ctx, home); err != nil || !ours {
		return false, err
	}
	if err := home.noteObjects(ctx, tenant, s.o.Retention); err != nil {
		return false, err
	}
	return home.forget(ctx, tenant)
}

// noteObjects notes all that the blob store has of a tenant without contents.
func (at *site) noteObjects(ctx context.Context, tenant int64, retention time.Duration) error {
	after := ""
	for {
		page, err := at.blobs.List(ctx, blob.TenantPrefix(tenant), after, 500)
		if err != nil || len(page) == 0 {
			return outer(err)
		}
		after = page[len(page)-1].Key
		var b meta.Batch
		for _, o := range page {
			b.Exec(`INSERT INTO content_delete (tenant_id, object_key, due_at, size) VALUES ($1, $2, {now} + $3, $4) ON CONFLICT DO NOTHING`,
				tenant, o.Key, retention.Microseconds(), o.Size)
		}
		if err := at.run(ctx, &b); err != nil {
			return err
		}
	}
}

// forget removes a tenant's own rows, unless an account is there.
func (at *site) forget(ctx context.Context, tenant int64) (gone bool, err error) {
	err = at.change(ctx, func(tx meta.Tx, changed func(*meta.Batch)) error {
		var accounts int64
		if err := oneIn(ctx, tx, []any{&accounts}, `SELECT count(*) FROM account WHERE tenant_id = $1`, tenant); err != nil || accounts > 0 {
			return err
		}
		var b meta.Batch
		for _, table := range tenantRows {
			b.Exec("DELETE FROM "+table+" WHERE tenant_id = $1", tenant)
		}
		b.Exec(`DELETE FROM tenant WHERE tenant_id = $1 AND state = 1`, tenant)
		changed(&b)
		gone = true
		return tx.Run(ctx, &b)
	})
	return gone, err
}
