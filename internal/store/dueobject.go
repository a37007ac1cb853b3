package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
)

const (
	// deleteAgain is after how long an object is tried again that could not be deleted.
	deleteAgain = time.Hour
	// deleteFailures in a row end a round that has taken deleteTime: many that are held, as
	// those of a tenant under a legal hold, are passed over as fast as the store answers.
	deleteFailures = 50
	deleteTime     = 2 * time.Minute
)

// deleteDueObjects deletes objects whose content row has been gone for the
// retention time. One that cannot be deleted, such as under a legal hold of the object
// store, is passed over and tried again later: no other's content stays because of it.
func (s *Store) deleteDueObjects(ctx context.Context, at *site) error {
	kept, inARow := 0, 0
	var last error
	begun := time.Now()
	enough := func() bool { return inARow >= deleteFailures && time.Since(begun) > deleteTime }
	for looked := false; !enough(); looked = true {
		due, err := at.db.DueObjects(ctx, 100)
		if err != nil {
			return outer(err)
		}
		if len(due) == 0 {
			break
		}
		if !looked {
			if ours, err := s.mayDelete(ctx, at); err != nil || !ours {
				return err
			}
		}
		for _, d := range due {
			err := at.blobs.Delete(ctx, d.ObjectKey)
			if err == nil || errors.Is(err, blob.ErrNotFound) {
				inARow = 0
				if err := at.db.ForgetObject(ctx, d.Tenant, d.ObjectKey); err != nil {
					return outer(err)
				}
				continue
			}
			if away := at.blobs.Check(ctx); away != nil || ctx.Err() != nil { // it is not this object
				return errors.Join(err, away)
			}
			kept, inARow, last = kept+1, inARow+1, err
			if err := s.putOff(ctx, at, d, err, kept <= deleteFailures); err != nil {
				return err
			}
			if enough() {
				break
			}
		}
	}
	if kept > 0 {
		return fmt.Errorf("%d objects could not be deleted, the last one: %w", kept, last)
	}
	return nil
}

// putOff has an object tried again later, and tells people of it: of the first of a round
// by a line each, of all by the count.
func (s *Store) putOff(ctx context.Context, at *site, d meta.DueObject, why error, say bool) error {
	level := slog.LevelWarn
	if !say {
		level = slog.LevelDebug
	}
	s.log.Log(ctx, level, "an object whose time has come cannot be deleted; it is tried again later",
		"site", at.Name, "tenant", d.Tenant, "object", d.ObjectKey, "again", deleteAgain, "err", why)
	if at.kept != nil {
		at.kept()
	}
	return outer(at.db.PutOffObject(ctx, d.Tenant, d.ObjectKey, deleteAgain))
}
