package meta

import (
	"context"
	"fmt"
)

const accountColumns = `kind, state, address, display_name, epoch, modseq, generation, next_id,
	last_uidvalidity, quota_bytes, quota_items, used_bytes, used_items, floor, created_at, {now}`

func (a *Account) fields() []any {
	return []any{&a.Kind, &a.State, &a.Address, &a.DisplayName, &a.Epoch, &a.ModSeq, &a.Generation, &a.NextID,
		&a.LastUIDValidity, &a.QuotaBytes, &a.QuotaItems, &a.UsedBytes, &a.UsedItems, &a.Floor, &a.CreatedAt, &a.Now}
}

// Account answers an account's row, or ErrNotFound.
func (db *DB) Account(ctx context.Context, key Key) (Account, error) {
	a := Account{Key: key}
	b := &Batch{}
	a.query(b)
	if err := db.engine.Read(ctx, b); err != nil {
		return Account{}, fmt.Errorf("account %d: %w", key.Account, err)
	}
	return a, nil
}

func (a *Account) query(b *Batch) {
	b.Query(one(append(a.fields(), &a.WrappedKey)...),
		"SELECT "+accountColumns+", wrapped_key FROM account WHERE tenant_id = $1 AND account_id = $2", a.Tenant, a.Key.Account)
}

// AccountWithCollection answers an account's row and its collection that bears exactly
// that name, in one round trip; ErrNotFound where either is missing.
func (db *DB) AccountWithCollection(ctx context.Context, key Key, kind CollectionKind, name string) (Account, Collection, error) {
	a := Account{Key: key}
	var found []Collection
	b := &Batch{}
	a.query(b)
	b.Query(readCollections(&found), byName, key.Tenant, key.Account, int64(kind), name)
	if err := db.engine.Read(ctx, b); err != nil {
		return Account{}, Collection{}, fmt.Errorf("account %d: %w", key.Account, err)
	}
	c, err := single(found, nil)
	return a, c, err
}

var selectModSeqs = newList("SELECT account_id, modseq FROM account WHERE tenant_id = $1 AND account_id", "", 1)

// AccountModSeqs answers the modseqs of those accounts that are there: what
// watchers compare to learn of changes by other processes.
func (db *DB) AccountModSeqs(ctx context.Context, keys []Key) (map[Key]int64, error) {
	byTenant := map[int64][]int64{}
	for _, k := range keys {
		byTenant[k.Tenant] = append(byTenant[k.Tenant], k.Account)
	}
	b := &Batch{}
	found := make(map[Key]int64, len(keys))
	for tenant, accounts := range byTenant {
		selectModSeqs.query(b, each(func(scan func(...any) error) error {
			var account, modseq int64
			if err := scan(&account, &modseq); err != nil {
				return err
			}
			found[Key{tenant, account}] = modseq
			return nil
		}), accounts, tenant)
	}
	if len(b.Statements) == 0 {
		return found, nil
	}
	if err := db.engine.Read(ctx, b); err != nil {
		return found, err
	}
	for key, modseq := range found {
		db.promised.note(key, modseq)
	}
	return found, nil
}

// room reports ErrQuota where so much more would pass the account's limits.
func (a *Account) room(bytes, items int64) error {
	if a.QuotaBytes > 0 && a.UsedBytes+bytes > a.QuotaBytes || a.QuotaItems > 0 && a.UsedItems+items > a.QuotaItems {
		return ErrQuota
	}
	return nil
}
