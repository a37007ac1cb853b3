package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
)

// Objects of uploads that never became a row are looked for by the day in their
// key: days that are over for long enough that no upload of them still runs, back
// to where a server that stood still for weeks finds its own.
// After a restore the database does not name what came after the backup; those
// objects are what could be salvaged, so they stay for the retention time.
const orphanDays = 40

// orphanAfter is how old an object without a row must be.
func (s *Store) orphanAfter() time.Duration { return max(orphanAge, s.o.Retention) }

// sweepOrphans deletes objects that no row names: those of uploads that were
// broken off between the blob store and the transaction.
func (s *Store) sweepOrphans(ctx context.Context, at *site) error {
	if time.Since(meta.Began(at.db.Generation())) < s.orphanAfter() {
		return nil // what came after the backup may be another's who goes on
	}
	if ours, err := s.mayDelete(ctx, at); err != nil || !ours {
		return err
	}
	tenants, err := at.tenants(ctx)
	if err != nil {
		return err
	}
	now, err := at.now(ctx)
	if err != nil {
		return err
	}
	first := 1 + int((s.orphanAfter()+24*time.Hour-1)/(24*time.Hour))
	for _, t := range tenants {
		for day := first; day < first+orphanDays; day++ {
			if err := s.sweepDay(ctx, at, t.ID, blob.DayPrefix(t.ID, now.AddDate(0, 0, -day))); err != nil {
				return fmt.Errorf("objects without a row: %w", err)
			}
		}
	}
	return nil
}

func (s *Store) sweepDay(ctx context.Context, at *site, tenant int64, prefix string) error {
	after := ""
	for {
		page, err := at.blobs.List(ctx, prefix, after, 500)
		if err != nil || len(page) == 0 {
			return err
		}
		after = page[len(page)-1].Key
		named, err := at.named(ctx, tenant, page)
		if err != nil {
			return err
		}
		for _, o := range page {
			if named[o.Key] || time.Since(o.ModTime) < s.orphanAfter() {
				continue
			}
			s.log.Info("an object that no row names is deleted", "key", o.Key, "bytes", o.Size)
			if err := at.blobs.Delete(ctx, o.Key); err != nil {
				return err
			}
		}
	}
}

// named finds which objects a row names, be it one that waits for deletion.
func (at *site) named(ctx context.Context, tenant int64, page []blob.Info) (map[string]bool, error) {
	args := []any{tenant}
	marks := make([]string, len(page))
	for i, o := range page {
		args = append(args, o.Key)
		marks[i] = fmt.Sprintf("$%d", i+2)
	}
	list := strings.Join(marks, ",")
	found := make(map[string]bool, len(page))
	err := at.view(ctx, func(r meta.Rows) error {
		var key string
		err := r.Scan(&key)
		found[key] = true
		return err
	}, `SELECT object_key FROM content WHERE tenant_id = $1 AND object_key <> '' AND object_key IN (`+list+`)
		UNION ALL SELECT object_key FROM content_delete WHERE tenant_id = $1 AND object_key IN (`+list+`)`, args...)
	return found, err
}
