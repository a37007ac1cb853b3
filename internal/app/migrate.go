package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"fachwerk/internal/store/meta"
)

// Migrate brings the database of every site to this version's schema, and closes them
// again. It may run twice, and beside servers of the version before. It needs neither
// keys nor certificates.
func Migrate(ctx context.Context, w Where, log *slog.Logger) (err error) {
	c, err := w.Load()
	if err != nil {
		return err
	}
	in := &Installation{cfg: c, log: log, metrics: newMetrics()}
	if in.roots, err = roots(c.TLS.CA); err != nil {
		return err
	}
	for i, s := range c.Sites {
		if failed := in.migrateSite(ctx, i); failed != nil {
			err = errors.Join(err, fmt.Errorf("site %s: %w", s.Name, failed))
		}
	}
	return err
}

func (in *Installation) migrateSite(ctx context.Context, i int) error {
	m, _ := in.cfg.EnginesOf(i)
	e, err := openMetadata(ctx, m, in.roots, nil)
	if err != nil {
		return err
	}
	db, err := meta.Open(ctx, observedEngine{e.use, in.metrics}, in.log)
	if err != nil {
		e.use.Close()
		return fmt.Errorf("metadata database: %w", withRemedy(err))
	}
	return db.Close()
}
