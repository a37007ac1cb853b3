package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/blob/s3"
	"fachwerk/internal/store/meta/postgres"
)

// startTimeout is for database and blob store to answer at the start.
const startTimeout = 10 * time.Second

// remedy says what an administrator can do about an engine's error, "" where
// nothing is known but what the error itself says.
func remedy(err error) string {
	if text := postgres.Remedy(err); text != "" {
		return text
	}
	return s3.Remedy(err)
}

// withRemedy adds it to the error.
func withRemedy(err error) error {
	if text := remedy(err); text != "" {
		return fmt.Errorf("%w; %s", err, text)
	}
	return err
}

// atStart asks database and blob store of every site once. What waiting will not mend,
// such as a wrong key or a bucket that is not there, ends the start, so that an upgrade
// stops before the servers that still work. A store that does not answer is waited for:
// the server starts, is not ready and says so.
func (in *Installation) atStart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var errs []error
	for name, err := range in.store.CheckSites(ctx) {
		switch {
		case err == nil:
		case errors.Is(err, store.ErrTemporary), errors.Is(err, context.DeadlineExceeded):
			in.log.Error("started, but not ready: large content is refused for the time being", "site", name, "error", err, "remedy", remedy(err))
		default:
			errs = append(errs, fmt.Errorf("site %s: %w", name, withRemedy(err)))
		}
	}
	return errors.Join(errs...)
}
