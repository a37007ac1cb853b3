package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/blob/s3"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/postgres"
)

// startTimeout is for database and blob store to answer at the start.
const startTimeout = 10 * time.Second

// remedy says what an administrator can do about an engine's error, "" where
// nothing is known but what the error itself says.
func remedy(err error) string {
	if errors.Is(err, meta.ErrForeignStore) {
		return "if it was restored or failed over on purpose, run `fachwerk store new-generation` once, so that no client sees a number twice; else name the right database in metadata.dsn"
	}
	if errors.Is(err, meta.ErrCorrupt) {
		return "stop the server and restore a backup as docs/admin/backup.md says"
	}
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
// such as a wrong key or a bucket that is not there, ends the start where it is the
// directory's site or the only one, so that an upgrade stops before the servers that
// still work. A store that does not answer is waited for, and so is any other site,
// whatever its fault: the server starts, serves the people of the others, and says so.
func (in *Installation) atStart(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	var errs []error
	for name, err := range in.store.CheckSites(ctx) {
		switch {
		case err == nil:
		case errors.Is(err, store.ErrTemporary), errors.Is(err, context.DeadlineExceeded):
			in.log.Error("started, but not ready: the people of this site are not served, or not with large content, until it answers", "site", name, "error", err, "remedy", remedy(err))
		case name != in.cfg.DirectorySite() && len(in.sites) > 1:
			in.log.Error("a site is unavailable: its people are not served, or not with large content, until somebody mends it", "site", name, "error", err, "remedy", remedy(err))
		default:
			errs = append(errs, fmt.Errorf("site %s: %w", name, withRemedy(err)))
		}
	}
	return errors.Join(errs...)
}
