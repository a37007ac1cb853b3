package store

import (
	"context"
	"errors"
	"time"

	"fachwerk/internal/store/blob"
)

// orphanAge is how old a content row or an object without a row must be before
// it counts as left over: longer than any upload takes.
const orphanAge = 24 * time.Hour

// Maintain runs the store's background work until ctx ends: it removes what was
// marked, moves history floors, sweeps content that nothing names, deletes
// objects whose time has come, ends sessions, and reaps the queue. Any number of
// replicas may run it; each step is safe against the others.
func (s *Store) Maintain(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := s.MaintainOnce(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("maintenance did not finish; it will be tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// MaintainOnce runs every step once. One call at a time.
func (s *Store) MaintainOnce(ctx context.Context) error {
	err := errors.Join(s.expireLogin(ctx), s.reapQueue(ctx), outer(s.db.ForgetLocks(ctx)))
	accounts, listErr := s.allAccounts(ctx)
	if listErr != nil {
		return errors.Join(err, listErr)
	}
	for _, a := range accounts {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = errors.Join(err, s.maintainAccount(ctx, a))
	}
	return errors.Join(err, s.finishTenants(ctx), s.deleteDueObjects(ctx), s.dailyOrphans(ctx))
}

// dailyOrphans looks for orphans once a day and process.
func (s *Store) dailyOrphans(ctx context.Context) error {
	if time.Since(s.orphansSwept) < 24*time.Hour {
		return nil
	}
	err := s.sweepOrphans(ctx)
	if err == nil {
		s.orphansSwept = time.Now()
	}
	return err
}

func (s *Store) maintainAccount(ctx context.Context, a Account) error {
	for {
		more, err := s.db.RemoveDeleted(ctx, a.Key, 1000)
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if a.State != Removing {
		if err := s.reap(ctx, a.Key); err != nil {
			return err
		}
	}
	if a.State != Removing {
		wrong, err := s.db.Recount(ctx, a.Key)
		if err != nil {
			return err
		}
		if wrong {
			s.log.Warn("the bytes that an account uses were counted anew", "account", a.Key.Account)
		}
	}
	if _, err := s.db.Purge(ctx, a.Key, s.o.History); err != nil {
		return err
	}
	if _, err := s.db.Sweep(ctx, a.Key, orphanAge, s.o.Retention); err != nil {
		return err
	}
	if a.State == Removing {
		return s.finishAccount(ctx, a.Key)
	}
	return nil
}

// deleteDueObjects deletes objects whose content row has been gone for the
// retention time.
func (s *Store) deleteDueObjects(ctx context.Context) error {
	for {
		due, err := s.db.DueObjects(ctx, 100)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, d := range due {
			if err := s.blobs.Delete(ctx, d.ObjectKey); err != nil && !errors.Is(err, blob.ErrNotFound) {
				return err
			}
			if err := s.db.ForgetObject(ctx, d.Tenant, d.ObjectKey); err != nil {
				return err
			}
		}
	}
}

// NewGeneration tells the store that it was restored or failed over with loss:
// every account's counters jump, so that no client sees a UID or modseq again.
func (s *Store) NewGeneration(ctx context.Context) error { return outer(s.db.NewGeneration(ctx)) }
