package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
)

const (
	// deleteAgain is after how long an object is tried again that could not be deleted.
	deleteAgain = time.Hour
	// deleteFailures in a row end a round.
	deleteFailures = 50
)

// deleteDueObjects deletes objects whose content row has been gone for the
// retention time. One that cannot be deleted, such as under a legal hold of the object
// store, is passed over and tried again later: no other's content stays because of it.
func (s *Store) deleteDueObjects(ctx context.Context, at *site) error {
	kept, inARow := 0, 0
	var last error
	for inARow < deleteFailures {
		due, err := at.db.DueObjects(ctx, 100)
		if err != nil {
			return outer(err)
		}
		if len(due) == 0 {
			break
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
			if err := s.putOff(ctx, at, d, err); err != nil {
				return err
			}
			if inARow == deleteFailures {
				break
			}
		}
	}
	if kept > 0 {
		return fmt.Errorf("%d objects could not be deleted, the last one: %w", kept, last)
	}
	return nil
}

// putOff has an object tried again later, and tells people of it.
func (s *Store) putOff(ctx context.Context, at *site, d meta.DueObject, why error) error {
	s.log.Warn("an object whose time has come cannot be deleted; it is tried again later",
		"site", at.Name, "tenant", d.Tenant, "object", d.ObjectKey, "again", deleteAgain, "err", why)
	if at.kept != nil {
		at.kept()
	}
	return outer(at.db.PutOffObject(ctx, d.Tenant, d.ObjectKey, deleteAgain))
}
