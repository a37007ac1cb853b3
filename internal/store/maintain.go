package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"fachwerk/internal/store/meta"
)

// orphanAge is how old a content row or an object without a row must be before
// it counts as left over: longer than any upload takes.
const orphanAge = 24 * time.Hour

// Maintain runs the store's background work until ctx ends: it removes what was
// marked, moves history floors, sweeps content that nothing names, deletes
// objects whose time has come, ends sessions, and reaps the queue. Any number of
// replicas may run it; each step is safe against the others. Each site has rounds of its
// own: one that is silent keeps no other's from being done.
func (s *Store) Maintain(ctx context.Context, every time.Duration) {
	var all sync.WaitGroup
	for _, at := range s.sites {
		all.Go(func() { s.maintain(ctx, at, every) })
	}
	all.Wait()
}

func (s *Store) maintain(ctx context.Context, at *site, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	defer s.markAtEnd(ctx, at)
	work := s.maintainRound
	for {
		if err := work(ctx, at); err != nil && ctx.Err() == nil {
			s.log.Warn("maintenance did not finish; it will be tried again", "site", at.Name, "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			work = s.maintainRound
		case <-at.removals: // a tenant that is removed does not wait for its turn
			work = s.removeMarked
		}
	}
}

// MaintainOnce runs every step once at every site, at all at the same time; what fails
// at one keeps none from being done at another.
func (s *Store) MaintainOnce(ctx context.Context) error {
	errs := make([]error, len(s.sites))
	var all sync.WaitGroup
	for i, at := range s.sites {
		all.Go(func() {
			if err := s.maintainRound(ctx, at); err != nil {
				errs[i] = fmt.Errorf("site %s: %w", at.Name, err)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// maintainRound runs every step once at a site.
func (s *Store) maintainRound(ctx context.Context, at *site) error {
	at.maintaining.Lock()
	defer at.maintaining.Unlock()
	return errors.Join(s.maintainSite(ctx, at), s.finishTenants(ctx, at), s.repairCopies(ctx, at))
}

// maintainSite ends where the database is away: every further step would wait for it in
// vain.
func (s *Store) maintainSite(ctx context.Context, at *site) error {
	var errs []error
	away := func(err error) bool {
		errs = append(errs, err)
		return ctx.Err() != nil || errors.Is(err, meta.ErrUnavailable)
	}
	if away(at.expireLogin(ctx)) || away(at.reapQueue(ctx)) || away(outer(at.db.ForgetLocks(ctx))) {
		return errors.Join(errs...)
	}
	accounts, err := at.allAccounts(ctx)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	for _, a := range accounts {
		if away(s.maintainAccount(ctx, at, a)) {
			return errors.Join(errs...)
		}
	}
	if !away(s.refreshMark(ctx, at)) && !away(s.deleteDueObjects(ctx, at)) && !away(s.refreshUsage(ctx, at, "")) {
		away(s.daily(ctx, at, accounts))
	}
	return errors.Join(errs...)
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
		if errors.Is(failed, meta.ErrUnavailable) {
			return errors.Join(err, outer(failed))
		}
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

// NewGeneration tells the store that a site was restored or failed over with loss:
// every account's counters jump there, so that no client sees a UID or modseq again.
func (s *Store) NewGeneration(ctx context.Context, site string) error {
	return outer(s.siteNamed(site).db.NewGeneration(ctx))
}
