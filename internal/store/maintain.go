package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
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
	work := s.MaintainOnce
	for {
		if err := work(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("maintenance did not finish; it will be tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			work = s.MaintainOnce
		case <-s.removals: // a tenant that is removed does not wait for its turn
			work = s.removeMarked
		}
	}
}

// MaintainOnce runs every step once at every site; what fails at one keeps none
// from being done at another. One call at a time.
func (s *Store) MaintainOnce(ctx context.Context) (err error) {
	for _, at := range s.sites {
		if failed := s.maintainSite(ctx, at); failed != nil {
			err = errors.Join(err, fmt.Errorf("site %s: %w", at.Name, failed))
		}
	}
	return errors.Join(err, s.finishTenants(ctx))
}

func (s *Store) maintainSite(ctx context.Context, at *site) error {
	err := errors.Join(at.expireLogin(ctx), at.reapQueue(ctx), outer(at.db.ForgetLocks(ctx)))
	accounts, listErr := at.allAccounts(ctx)
	if listErr != nil {
		return errors.Join(err, listErr)
	}
	for _, a := range accounts {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err = errors.Join(err, s.maintainAccount(ctx, at, a))
	}
	return errors.Join(err, at.deleteDueObjects(ctx), s.refreshUsage(ctx, at, ""), s.daily(ctx, at, accounts))
}

// countPlaces counts what earlier versions did not.
func (s *Store) countPlaces(ctx context.Context, at *site, key Key) error {
	for {
		more, err := at.db.CountPlaces(ctx, key)
		if err != nil || !more {
			return outer(err)
		}
	}
}

// daily does once a day and process what reads much: it looks for orphans, counts
// anew what lies in the blob store, and forgets what arrived long ago.
func (s *Store) daily(ctx context.Context, at *site, accounts []Account) error {
	if time.Since(at.daily) < 24*time.Hour {
		return nil
	}
	err := s.sweepOrphans(ctx, at)
	for _, a := range accounts {
		if a.State == Removing || ctx.Err() != nil {
			continue
		}
		wrong, failed := at.db.RecountPlaces(ctx, a.Key)
		if wrong {
			s.log.Warn("what an account has in the blob store was counted anew", "account", a.Key.Account)
		}
		err = errors.Join(err, outer(failed), s.forgetArrivals(ctx, at, a.Key))
	}
	if err == nil {
		at.daily = time.Now()
	}
	return err
}

func (s *Store) maintainAccount(ctx context.Context, at *site, a Account) error {
	for {
		more, err := at.db.RemoveDeleted(ctx, a.Key, 1000)
		if errors.Is(err, meta.ErrNotFound) {
			return nil // another process was faster
		}
		if err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if a.State != Removing {
		if err := at.reap(ctx, a.Key); err != nil {
			return err
		}
	}
	if a.State != Removing {
		wrong, err := at.db.Recount(ctx, a.Key)
		if err != nil {
			return err
		}
		if wrong {
			s.log.Warn("the bytes that an account uses were counted anew", "account", a.Key.Account)
		}
		if err := s.countPlaces(ctx, at, a.Key); err != nil {
			return err
		}
	}
	if a.State == Removing { // nothing is written to it any more
		return s.finishAccount(ctx, at, a.Key)
	}
	if _, err := at.db.Purge(ctx, a.Key, s.o.History); err != nil {
		return err
	}
	_, err := at.db.Sweep(ctx, a.Key, orphanAge, s.o.Retention)
	return err
}

// deleteDueObjects deletes objects whose content row has been gone for the
// retention time.
func (at *site) deleteDueObjects(ctx context.Context) error {
	for {
		due, err := at.db.DueObjects(ctx, 100)
		if err != nil || len(due) == 0 {
			return err
		}
		for _, d := range due {
			if err := at.blobs.Delete(ctx, d.ObjectKey); err != nil && !errors.Is(err, blob.ErrNotFound) {
				return err
			}
			if err := at.db.ForgetObject(ctx, d.Tenant, d.ObjectKey); err != nil {
				return err
			}
		}
	}
}

// NewGeneration tells the store that a site was restored or failed over with loss:
// every account's counters jump there, so that no client sees a UID or modseq again.
func (s *Store) NewGeneration(ctx context.Context, site string) error {
	return outer(s.siteNamed(site).db.NewGeneration(ctx))
}
