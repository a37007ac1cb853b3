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
