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

// What is read of the queue again and again.
const (
	ReadLines    = readLines
	TakeFromLine = takeFromLine
	RenewLeases  = renewLeases
	ReadDone     = readDone
	CountWaiting = countWaiting
)

// ReapAll is a part of Maintain.
func (s *Store) ReapAll(ctx context.Context) error { return s.directory.reapQueue(ctx) }

// Turns has shares take turns.
func Turns() func(shares []QueueShare, n int) []QueueShare {
	var order turns
	return func(shares []QueueShare, n int) (next []QueueShare) {
		var lines []queueLine
		for _, s := range shares {
			lines = append(lines, queueLine{QueueShare: s})
		}
		for _, l := range order.next(lines, n) {
			next = append(next, l.QueueShare)
		}
		return next
	}
}

// RepairCopies is a part of Maintain.
func (s *Store) RepairCopies(ctx context.Context, site string) error {
	return s.repairCopies(ctx, s.siteNamed(site))
}
