package mail

import (
	"context"
	"errors"
	"fmt"

	"fachwerk/internal/store"
)

// kinds pairs the store's errors with those of this package. The first that
// fits counts.
var kinds = []struct{ of, is error }{
	{store.ErrTemporary, ErrTemporary},
	{store.ErrUnavailable, ErrTemporary},
	{store.ErrFull, ErrTemporary},
	{store.ErrMoved, ErrTemporary}, // the next try reaches the new site
	{store.ErrTenantQuota, ErrTenantQuota},
	{store.ErrQuota, ErrQuota},
	{store.ErrTooMany, ErrTooMany},
	{store.ErrTooLarge, ErrTooLarge},
	{store.ErrNotFound, ErrNotFound},
	{store.ErrExists, ErrExists},
	{store.ErrCorrupt, ErrCorrupt},
	{store.ErrLease, ErrLease},
}

// wrap says what was tried and which kind of error came of it; the cause stays
// in the chain. Errors reach logs, so mailbox names, which people chose, stay out.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	tried := fmt.Sprintf(format, args...)
	for _, k := range kinds {
		if errors.Is(err, k.is) {
			break // is one of ours already
		}
		if errors.Is(err, k.of) {
			return fmt.Errorf("mail: %s: %w: %w", tried, k.is, err)
		}
	}
	return fmt.Errorf("mail: %s: %w", tried, err)
}

// cancelled reports whether the caller gave up, which is no fault of the store.
func cancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
