package store

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// AccountSet is what UpdateAccount changes; nil stays as it is.
type AccountSet struct {
	Name                   *string // what people call it
	QuotaBytes, QuotaItems *int64  // 0: none
	Disabled               *bool   // its person may not sign in; mail goes on arriving
	// If, where it is set, is told in the transaction that decides how the account is
	// then; its error ends the change. It may be asked more than once.
	If func(Account) error
}

func (set AccountSet) check() error {
	if n := set.Name; n != nil && (len(*n) > maxSetting || !utf8.ValidString(*n) ||
		strings.ContainsFunc(*n, func(r rune) bool { return r < ' ' || r == 0x7f })) {
		return fmt.Errorf("%w: a name has at most %d bytes on one line", ErrSetting, maxSetting)
	}
	for _, n := range []*int64{set.QuotaBytes, set.QuotaItems} {
		if n != nil && *n < 0 {
			return fmt.Errorf("%w: a quota is not negative; 0 means none", ErrSetting)
		}
	}
	return nil
}

// UpdateAccount changes what set names, all of it or nothing, and answers the account
// as it is then. Who is disabled has no session afterwards. Errors: ErrNotFound,
// ErrSetting, that of set.If, and those of the placement function where a name or a
// quota is to be kept.
func (s *Store) UpdateAccount(ctx context.Context, key Key, set AccountSet) (Account, error) {
	if err := set.check(); err != nil {
		return Account{}, err
	}
	if set.Name != nil || set.QuotaBytes != nil || set.QuotaItems != nil {
		if err := s.admit(ctx, key.Tenant, location.Metadata); err != nil {
			return Account{}, err
		}
	}
	at := s.at(ctx, key.Tenant)
	seen := false // whether anybody but operators sees a change
	var a Account
	err := at.update(ctx, func(tx meta.Tx) (err error) {
		if a, err = lockedAccount(ctx, tx, key); err != nil {
			return err
		}
		if set.If != nil {
			if err := set.If(a); err != nil {
				return err
			}
		}
		seen = set.to(&a)
		moved := int64(0)
		if seen {
			moved = 1
		}
		var b meta.Batch
		b.Exec(`UPDATE account SET display_name = $1, quota_bytes = $2, quota_items = $3, state = $4, modseq = modseq + $5
			WHERE tenant_id = $6 AND account_id = $7`,
			a.DisplayName, a.QuotaBytes, a.QuotaItems, int64(a.State), moved, key.Tenant, key.Account)
		if a.State == Disabled {
			b.Exec(`DELETE FROM portal_session WHERE tenant_id = $1 AND account_id = $2`, key.Tenant, key.Account)
		}
		if err := tx.Run(ctx, &b); err != nil || !seen {
			return err
		}
		return peopleChanged(ctx, tx, key.Tenant)
	})
	if set.QuotaBytes != nil || set.QuotaItems != nil {
		at.rooms.forget(key)
	}
	if err != nil {
		return Account{}, err
	}
	if seen {
		s.promise(ctx, key)
		s.announce(key)
	}
	return s.Account(ctx, key)
}

// to makes the change, and tells whether others than operators see it.
func (set AccountSet) to(a *Account) bool {
	was := *a
	if set.Name != nil {
		a.DisplayName = *set.Name
	}
	if set.QuotaBytes != nil {
		a.QuotaBytes = *set.QuotaBytes
	}
	if set.QuotaItems != nil {
		a.QuotaItems = *set.QuotaItems
	}
	if set.Disabled != nil {
		a.State = Active
		if *set.Disabled {
			a.State = Disabled
		}
	}
	return was.DisplayName != a.DisplayName || was.State != a.State
}

// lockedAccount reads an account of which nobody else changes anything until the
// transaction ends. The hidden queue account, and one that is being removed, is not there.
func lockedAccount(ctx context.Context, tx meta.Tx, key Key) (a Account, err error) {
	err = errNothing(execIn(ctx, tx, `UPDATE account SET state = state WHERE tenant_id = $1 AND account_id = $2 AND state <> 2 AND kind <> 6`,
		key.Tenant, key.Account))
	if err != nil {
		return a, fmt.Errorf("account: %w", err)
	}
	err = query(ctx, tx, func(r meta.Rows) (err error) {
		a, err = scanAccount(r)
		return err
	}, accountColumns+` WHERE a.tenant_id = $1 AND a.account_id = $2`, key.Tenant, key.Account)
	return a, err
}

// SetDisplayName changes what people call an account; ErrSetting where it is no line of
// text of at most 500 bytes, ErrNotFound where there is no such account.
func (s *Store) SetDisplayName(ctx context.Context, key Key, name string) error {
	_, err := s.UpdateAccount(ctx, key, AccountSet{Name: &name})
	return err
}

// SetQuota changes an account's limits; 0 means none.
func (s *Store) SetQuota(ctx context.Context, key Key, bytes, items int64) error {
	_, err := s.UpdateAccount(ctx, key, AccountSet{QuotaBytes: &bytes, QuotaItems: &items})
	return err
}

// SetDisabled forbids an account's person to sign in, or allows it again. Mail
// goes on arriving.
func (s *Store) SetDisabled(ctx context.Context, key Key, disabled bool) error {
	_, err := s.UpdateAccount(ctx, key, AccountSet{Disabled: &disabled})
	return err
}
