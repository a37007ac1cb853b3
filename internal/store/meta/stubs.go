package meta

import (
	"context"
	"errors"
	"time"
)

var errUnfinished = errors.New("meta: comes with the next commit")

func (db *DB) Purge(ctx context.Context, key Key, keep time.Duration) (removed int, err error) {
	return 0, errUnfinished
}
func (db *DB) Sweep(ctx context.Context, key Key, olderThan, retention time.Duration) (removed int, err error) {
	return 0, errUnfinished
}
func (db *DB) RemoveDeleted(ctx context.Context, key Key, limit int) (more bool, err error) {
	return false, errUnfinished
}

// DueObject is an object of the blob store whose time has come.
type DueObject struct {
	Tenant    int64
	ObjectKey string
	DueAt     int64
}

func (db *DB) DueObjects(ctx context.Context, limit int) ([]DueObject, error) {
	return nil, errUnfinished
}
func (db *DB) ForgetObject(ctx context.Context, tenant int64, objectKey string) error {
	return errUnfinished
}

// Finding is something that Verify found wrong.
type Finding struct {
	Key        Key
	Collection int64
	What       string
	Want, Got  int64
}

func (db *DB) Verify(ctx context.Context, key Key) ([]Finding, error) { return nil, errUnfinished }

func (db *DB) MoveAcross(ctx context.Context, from Key, src int64, to Key, dst int64, uids []int64, items []NewItem) (CopyResult, error) {
	return CopyResult{}, errUnfinished
}
