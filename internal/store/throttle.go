package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store/meta"
)

var _ auth.Failures = (*Store)(nil)

// throttleTenant: failed sign-ins belong to the installation, and are counted in the
// directory's database. Nobody knows yet whose
// tenant somebody is who has not signed in.
const throttleTenant = 0

// maxBusy bounds how many busy counters are read at a time.
const maxBusy = 50_000

var errNoTime = errors.New("store: the half of a throttle's window takes no time")

// AddFailures implements auth.Failures.
func (s *Store) AddFailures(ctx context.Context, half time.Duration, buckets []int64) (map[int64]int, error) {
	if half <= 0 {
		return nil, errNoTime
	}
	buckets = slices.Compact(slices.Sorted(slices.Values(buckets))) // in one order, so that no two wait for each other
	counted := map[int64]int{}
	err := s.directory.update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		for _, bucket := range buckets {
			b.Query(eachRow(func(r meta.Rows) error {
				var n int64
				err := r.Scan(&n)
				counted[bucket] = int(n)
				return err
			}), `INSERT INTO throttle (tenant_id, bucket, half, failures, expires_at) VALUES ($1, $2, {now} / $3, 1, {now} + 2 * $3)
				ON CONFLICT (tenant_id, bucket, half) DO UPDATE SET failures = throttle.failures + 1, expires_at = excluded.expires_at
				RETURNING failures`, int64(throttleTenant), bucket, half.Microseconds())
		}
		return tx.Run(ctx, &b)
	})
	return counted, loginError(err)
}

// FailuresFrom implements auth.Failures.
func (s *Store) FailuresFrom(ctx context.Context, half time.Duration, least int) (now, past map[int64]int, left float64, err error) {
	if half <= 0 {
		return nil, nil, 0, errNoTime
	}
	now, past = map[int64]int{}, map[int64]int{}
	us := half.Microseconds()
	err = s.directory.view(ctx, func(r meta.Rows) error {
		var bucket, at, failures, clock int64
		if err := r.Scan(&bucket, &at, &failures, &clock); err != nil {
			return err
		}
		left = 1 - float64(clock%us)/float64(us)
		switch clock/us - at {
		case 0:
			now[bucket] = int(failures)
		case 1:
			past[bucket] = int(failures)
		}
		return nil
	}, `SELECT bucket, half, failures, {now} FROM throttle
		WHERE tenant_id = $1 AND failures >= 5 AND failures >= $2 AND half >= {now} / $3 - 1 LIMIT $4`,
		int64(throttleTenant), int64(least), us, int64(maxBusy))
	return now, past, left, loginError(err)
}

// AddKnown implements auth.Failures.
func (s *Store) AddKnown(ctx context.Context, remember time.Duration, pairs []int64) error {
	pairs = slices.Compact(slices.Sorted(slices.Values(pairs)))
	return loginError(s.directory.update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		for _, pair := range pairs {
			b.Exec(`INSERT INTO throttle_known (tenant_id, pair, expires_at) VALUES ($1, $2, {now} + $3)
				ON CONFLICT (tenant_id, pair) DO UPDATE SET expires_at = excluded.expires_at`,
				int64(throttleTenant), pair, remember.Microseconds())
		}
		return tx.Run(ctx, &b)
	}))
}

// Known implements auth.Failures.
func (s *Store) Known(ctx context.Context, pairs []int64) (known []int64, err error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	var b meta.Batch
	for _, pair := range pairs {
		b.Query(eachRow(func(r meta.Rows) error {
			var n int64
			err := r.Scan(&n)
			known = append(known, n)
			return err
		}), `SELECT pair FROM throttle_known WHERE tenant_id = $1 AND pair = $2 AND expires_at > {now}`, int64(throttleTenant), pair)
	}
	err = s.directory.db.Read(ctx, &b)
	return known, loginError(outer(err))
}

// expireThrottle removes what no window covers any more.
func expireThrottle(b *meta.Batch) {
	b.Exec(`DELETE FROM throttle WHERE expires_at <= {now}`)
	b.Exec(`DELETE FROM throttle_known WHERE expires_at <= {now}`)
}
