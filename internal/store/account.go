package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// NewAccount says what account to make.
type NewAccount struct {
	Tenant      int64
	Kind        AccountKind
	Address     string
	DisplayName string
	QuotaBytes  int64 // 0: no limit
	QuotaItems  int64
	// Issuer and Subject bind a person to an OpenID provider that is bound to the
	// tenant already.
	Issuer, Subject string
}

// CreateAccount makes an account with its key. The address's domain must be one
// of the tenant's.
func (s *Store) CreateAccount(ctx context.Context, n NewAccount) (Account, error) {
	address, err := NormalizeAddress(n.Address)
	if err != nil {
		return Account{}, err
	}
	if err := s.admit(ctx, n.Tenant, location.Metadata); err != nil {
		return Account{}, err
	}
	if n.Kind < Person || n.Kind > Resource {
		return Account{}, fmt.Errorf("store: account %s: unknown kind %d", address, n.Kind)
	}
	key := Key{Tenant: n.Tenant, Account: newID()}
	wrapped, err := s.keys.NewAccountKey(key.Tenant, key.Account)
	if err != nil {
		return Account{}, outer(err)
	}
	err = s.at(ctx, n.Tenant).change(ctx, func(tx meta.Tx, changed func(*meta.Batch)) error {
		if err := peopleChanged(ctx, tx, n.Tenant); err != nil {
			return err
		}
		if err := roomForAccount(ctx, tx, n.Tenant); err != nil {
			return err
		}
		if err := ownDomain(ctx, tx, n.Tenant, address); err != nil {
			return err
		}
		if err := freeAddress(ctx, tx, n.Tenant, address); err != nil {
			return err
		}
		var b meta.Batch
		insertAccount(&b, Account{
			Key: key, Kind: n.Kind, Address: address, DisplayName: n.DisplayName,
			QuotaBytes: n.QuotaBytes, QuotaItems: n.QuotaItems, WrappedKey: wrapped,
		})
		b.Exec(`INSERT INTO address (tenant_id, address, account_id) VALUES ($1, $2, $3)`, n.Tenant, address, key.Account)
		if n.Issuer != "" {
			if err := bound(ctx, tx, n.Tenant, n.Issuer); err != nil {
				return err
			}
			b.Exec(`INSERT INTO subject (tenant_id, issuer, sub, account_id) VALUES ($1, $2, $3, $4)`,
				n.Tenant, n.Issuer, n.Subject, key.Account)
		}
		changed(&b)
		return tx.Run(ctx, &b)
	})
	if err != nil {
		return Account{}, fmt.Errorf("store: account %s: %w", address, err)
	}
	return s.Account(ctx, key)
}

// insertAccount takes the tenant's epoch and the store's generation as they are.
func insertAccount(b *meta.Batch, a Account) {
	b.Exec(`INSERT INTO account (tenant_id, account_id, kind, address, display_name, epoch, generation,
			quota_bytes, quota_items, wrapped_key, created_at)
		SELECT $1, $2, $3, $4, $5, t.epoch, i.generation, $6, $7, $8, {now}
		FROM tenant t, installation i WHERE t.tenant_id = $9`,
		a.Tenant, a.Key.Account, int64(a.Kind), a.Address, a.DisplayName, a.QuotaBytes, a.QuotaItems, a.WrappedKey, a.Tenant)
}

// ownDomain refuses an address whose domain is not the tenant's, and has the domain stay
// the tenant's until the transaction ends. Nothing but the tenant may be locked before.
func ownDomain(ctx context.Context, tx meta.Tx, tenant int64, address string) error {
	if err := lockDomains(ctx, tx, tenant); err != nil {
		return err
	}
	domain := address[strings.LastIndexByte(address, '@')+1:]
	var owner int64
	err := oneIn(ctx, tx, []any{&owner}, `SELECT tenant_id FROM domain WHERE name = $1`, domain)
	if isNotFound(err) || err == nil && owner != tenant {
		return fmt.Errorf("domain %s is not one of this tenant's; add it first: %w", domain, ErrNotFound)
	}
	return err
}

func freeAddress(ctx context.Context, tx meta.Tx, tenant int64, address string) error {
	var used int64
	err := oneIn(ctx, tx, []any{&used}, `SELECT account_id FROM address WHERE tenant_id = $1 AND address = $2`, tenant, address)
	switch {
	case isNotFound(err):
		return nil
	case err == nil:
		return fmt.Errorf("address %s: %w", address, ErrExists)
	}
	return err
}

const accountColumns = `SELECT a.tenant_id, a.account_id, a.kind, a.state, a.address, a.display_name, a.epoch, a.modseq,
	a.generation, a.quota_bytes, a.quota_items, a.used_bytes, a.used_items, a.created_at FROM account a`

func scanAccount(r meta.Rows) (a Account, err error) {
	var kind, state int64
	err = r.Scan(&a.Tenant, &a.Key.Account, &kind, &state, &a.Address, &a.DisplayName, &a.Epoch, &a.ModSeq,
		&a.Generation, &a.QuotaBytes, &a.QuotaItems, &a.UsedBytes, &a.UsedItems, &a.CreatedAt)
	a.Kind, a.State = AccountKind(kind), AccountState(state)
	return a, err
}

// Accounts lists a tenant's accounts by address; with tenant 0, everyone's. The
// hidden queue accounts are left out. Beside an error there are those of the sites that
// answer.
func (s *Store) Accounts(ctx context.Context, tenant int64) (list []Account, err error) {
	for _, at := range s.among(ctx, tenant) {
		part, failed := at.accounts(ctx, ` WHERE (a.tenant_id = $1 OR $1 = 0) AND a.kind <> 6 AND a.state <> 2 ORDER BY a.address`, tenant)
		if failed != nil && tenant == 0 {
			failed = fmt.Errorf("site %s: %w", at.Name, failed)
		}
		list, err = append(list, part...), errors.Join(err, failed)
	}
	if len(s.sites) > 1 {
		slices.SortStableFunc(list, func(a, b Account) int { return strings.Compare(a.Address, b.Address) })
	}
	return list, err
}

func (at *site) accounts(ctx context.Context, where string, args ...any) (list []Account, err error) {
	err = at.view(ctx, func(r meta.Rows) error {
		a, err := scanAccount(r)
		list = append(list, a)
		return err
	}, accountColumns+where, args...)
	return list, err
}

// allAccounts lists every account of a site, hidden and removed ones too.
func (at *site) allAccounts(ctx context.Context) ([]Account, error) {
	return at.accounts(ctx, ` ORDER BY a.tenant_id, a.account_id`)
}

// Account reads one.
func (s *Store) Account(ctx context.Context, key Key) (Account, error) {
	return s.at(ctx, key.Tenant).account(ctx, ` WHERE a.tenant_id = $1 AND a.account_id = $2`, key.Tenant, key.Account)
}

func (at *site) account(ctx context.Context, where string, args ...any) (a Account, err error) {
	found := false
	err = at.view(ctx, func(r meta.Rows) error {
		if found { // a login must never open one of several by chance
			return fmt.Errorf("account is not unique: %w", ErrBusy)
		}
		found = true
		a, err = scanAccount(r)
		return err
	}, accountColumns+where, args...)
	if err != nil {
		a = Account{}
	}
	if err == nil && !found {
		err = fmt.Errorf("account: %w", ErrNotFound)
	}
	if err == nil {
		at.rooms.remember(a)
	}
	return a, err
}

// Resolve finds the account an address or alias leads to, of any kind but the
// queue's, disabled ones included.
func (s *Store) Resolve(ctx context.Context, address string) (Account, error) {
	address, err := NormalizeAddress(address)
	if err != nil {
		return Account{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	domain := address[strings.LastIndexByte(address, '@')+1:]
	return s.home(ctx, domain).account(ctx, ` JOIN address x ON x.tenant_id = a.tenant_id AND x.account_id = a.account_id
		JOIN domain d ON d.tenant_id = a.tenant_id
		WHERE d.name = $1 AND x.address = $2 AND a.state <> 2 AND a.kind <> 6`, domain, address)
}

// ResolveIn is Resolve within one tenant: an address of another is looked for at the same
// place, by the same statement, as one that is nobody's.
func (s *Store) ResolveIn(ctx context.Context, tenant int64, address string) (Account, error) {
	address, err := NormalizeAddress(address)
	if err != nil {
		return Account{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	domain := address[strings.LastIndexByte(address, '@')+1:]
	return s.at(ctx, tenant).account(ctx, ` JOIN address x ON x.tenant_id = a.tenant_id AND x.account_id = a.account_id
		JOIN domain d ON d.tenant_id = a.tenant_id
		WHERE x.tenant_id = $1 AND x.address = $2 AND d.name = $3 AND a.state <> 2 AND a.kind <> 6`, tenant, address, domain)
}

// RemoveAccount marks an account for removal and frees its addresses; its rows
// go in the background.
func (s *Store) RemoveAccount(ctx context.Context, key Key) error {
	err := s.at(ctx, key.Tenant).update(ctx, func(tx meta.Tx) error {
		n, err := execIn(ctx, tx, `UPDATE account SET state = 2, modseq = modseq + 1
			WHERE tenant_id = $1 AND account_id = $2 AND kind <> 6`, key.Tenant, key.Account)
		if err := errNothing(n, err); err != nil {
			return err
		}
		var b meta.Batch
		for _, sql := range []string{
			`DELETE FROM address WHERE tenant_id = $1 AND account_id = $2`,
			`DELETE FROM subject WHERE tenant_id = $1 AND account_id = $2`,
			`DELETE FROM password WHERE tenant_id = $1 AND account_id = $2`,
			`DELETE FROM app_password WHERE tenant_id = $1 AND account_id = $2`,
			`DELETE FROM portal_session WHERE tenant_id = $1 AND account_id = $2`,
			`DELETE FROM account_grant WHERE tenant_id = $1 AND (account_id = $2 OR person_id = $2)`,
			`DELETE FROM group_grant WHERE tenant_id = $1 AND account_id = $2`,
			`DELETE FROM person_group WHERE tenant_id = $1 AND account_id = $2`,
			`DELETE FROM group_word WHERE tenant_id = $1 AND account_id = $2`,
		} {
			b.Exec(sql, key.Tenant, key.Account)
		}
		b.Exec(`DELETE FROM ticket WHERE tenant_id = $1 AND owner = $2 AND owner <> ''`, key.Tenant, refOf(key).Owner())
		if err := tx.Run(ctx, &b); err != nil {
			return err
		}
		return peopleChanged(ctx, tx, key.Tenant)
	})
	s.sealers.forget(key)
	s.promise(ctx, key)
	s.announce(key)
	return err
}
