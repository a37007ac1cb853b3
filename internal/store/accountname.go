package store

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// SetDisplayName changes what people call an account; ErrSetting where it is no line of
// text of at most 500 bytes, ErrNotFound where there is no such account.
func (s *Store) SetDisplayName(ctx context.Context, key Key, name string) error {
	if len(name) > maxSetting || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%w: a name has at most %d bytes on one line", ErrSetting, maxSetting)
	}
	if err := s.admit(ctx, key.Tenant, location.Metadata); err != nil {
		return err
	}
	err := s.at(ctx, key.Tenant).update(ctx, func(tx meta.Tx) error {
		n, err := execIn(ctx, tx, `UPDATE account SET display_name = $1, modseq = modseq + 1
			WHERE tenant_id = $2 AND account_id = $3 AND state <> 2 AND kind <> 6`, name, key.Tenant, key.Account)
		if err := errNothing(n, err); err != nil {
			return err
		}
		return peopleChanged(ctx, tx, key.Tenant)
	})
	if err == nil {
		s.announce(key)
	}
	return err
}
