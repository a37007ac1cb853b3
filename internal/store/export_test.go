package store

import (
	"context"

	"fachwerk/internal/store/meta"
)

// Use lets tests outside the package hand on what an upload placed.
func (u *Upload) Use(write func(meta.Content) error) error { return u.use(write) }

// SpoolDir is where temporary files lie.
func (s *Store) SpoolDir() string { return s.o.SpoolDir }

// ExpireLogin is a part of Maintain.
func (s *Store) ExpireLogin(ctx context.Context) error { return s.directory.expireLogin(ctx) }

// QueueAccount is the tenant's hidden one.
func (s *Store) QueueAccount(ctx context.Context, tenant int64) (Key, error) {
	return s.queueAccount(ctx, tenant)
}

// RepairCopies is a part of Maintain.
func (s *Store) RepairCopies(ctx context.Context, site string) error {
	return s.repairCopies(ctx, s.siteNamed(site))
}
