package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// overviewPatience bounds how long an overview of all sites waits for one.
const overviewPatience = 5 * time.Second

// eachSite asks all sites at the same time, and gives the names of those whose answer is
// an error or does not come, in their order.
func (s *Store) eachSite(ctx context.Context, ask func(ctx context.Context, at *site) error) (away []string) {
	errs := make([]error, len(s.sites))
	var all sync.WaitGroup
	for i, at := range s.sites {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, overviewPatience)
			defer cancel()
			errs[i] = ask(ctx, at)
		})
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			away = append(away, s.sites[i].Name)
		}
	}
	return away
}

// SitesAway asks every site's database and blob store, for a few seconds, and gives the
// names of those of which one does not answer.
func (s *Store) SitesAway(ctx context.Context) []string {
	return s.eachSite(ctx, func(ctx context.Context, at *site) error { return at.check(ctx) })
}

// QueueSum counts what waits to go out at all sites that answer, and names the others.
// It fails where none answers.
func (s *Store) QueueSum(ctx context.Context) (messages, waiting int64, away []string, err error) {
	var mu sync.Mutex
	var errs []error
	away = s.eachSite(ctx, func(ctx context.Context, at *site) error {
		m, w, err := at.queueLength(ctx)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, fmt.Errorf("site %s: %w", at.Name, err))
		}
		messages, waiting = messages+m, waiting+w
		return err
	})
	if len(errs) == len(s.sites) {
		return 0, 0, away, outer(errors.Join(errs...))
	}
	return messages, waiting, away, nil
}

// TenantsKnown is Tenants, and where the directory does not answer what it said last:
// then its site is away.
func (s *Store) TenantsKnown(ctx context.Context) (list []Tenant, away string, err error) {
	ask, cancel := context.WithTimeout(ctx, overviewPatience)
	defer cancel()
	if list, err = s.Tenants(ask); err == nil || ctx.Err() != nil {
		return list, "", err
	}
	if list = s.tenants.known(); len(list) == 0 {
		return nil, s.directory.Name, outer(err)
	}
	slices.SortFunc(list, func(a, b Tenant) int { return strings.Compare(a.Name, b.Name) })
	return list, s.directory.Name, nil
}

// TenantKnown is Tenant, and where the directory does not answer what it said last.
func (s *Store) TenantKnown(ctx context.Context, id int64) (Tenant, error) {
	kept, ok := s.tenants.tenant(id)
	ask, cancel := patient(ctx, ok)
	defer cancel()
	t, err := s.Tenant(ask, id)
	if err != nil && !isNotFound(err) && ok && ctx.Err() == nil {
		return kept.value, nil
	}
	return t, err
}
