package store

import (
	"context"

	"fachwerk/internal/store/meta"
)

// Use lets tests outside the package hand on what an upload placed.
func (u *Upload) Use(write func(meta.Content) error) error { return u.use(write) }

// SpoolDir is where temporary files lie.
func (s *Store) SpoolDir() string { return s.o.SpoolDir }

// Leave ends a move into another account whose source was as gone says.
func (s *Store) Leave(ctx context.Context, from, to Key, t Transfer, gone Item, done Transferred) error {
	c := &carrier{s: s, from: from, to: to, t: t}
	return c.leave(ctx, meta.Removal{Collection: t.Collection, ID: gone.ID, As: &gone}, done)
}

// ExpireLogin is a part of Maintain.
func (s *Store) ExpireLogin(ctx context.Context) error { return s.expireLogin(ctx) }
