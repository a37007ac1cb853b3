package meta

import (
	"context"
	"fmt"
)

// One row counts what a database has been told of tenants, domains, issuers and addresses:
// what no account's modseq tells of. A transaction that changes any of it raises the
// counter, as its last statement, for the row is everybody's. So whoever was acknowledged
// a change knows a number, and a database that counts less has lost that change or an
// earlier one.
const (
	selectDirectory = "SELECT directory FROM installation WHERE one = 1"
	raiseDirectory  = "UPDATE installation SET directory = directory + 1 WHERE one = 1 RETURNING directory"
)

// Directory answers the counter of what was said of tenants, domains, issuers and
// addresses. Where it is less than this process knows it to have been, the error wraps
// ErrUnavailable and ErrForeignStore.
func (db *DB) Directory(ctx context.Context) (count int64, err error) {
	known := db.promised.newestDirectory() // before it is read: it may be raised meanwhile
	var b Batch
	b.Query(one(&count), selectDirectory)
	if err := db.engine.Read(ctx, &b); err != nil {
		return 0, err
	}
	if err := db.olderDirectory(count, known); err != nil {
		return 0, err
	}
	db.promised.noteDirectory(count)
	return count, nil
}

// UpdateDirectory is Update for what is said of tenants, domains, issuers and addresses.
// f calls raise with the last batch that it runs, where it has changed anything: it adds
// the statement that raises the counter. What was raised is remembered once it is
// committed.
func (db *DB) UpdateDirectory(ctx context.Context, f func(tx Tx, raise func(*Batch)) error) error {
	var raised int64
	err := db.Update(ctx, func(tx Tx) error {
		raised = 0
		return f(tx, func(b *Batch) {
			b.Query(func(r Rows) error {
				if err := one(&raised)(r); err != nil {
					return err
				}
				return db.olderDirectory(raised-1, db.promised.newestDirectory()) // nobody else raises it now
			}, raiseDirectory)
		})
	})
	if err == nil {
		db.promised.noteDirectory(raised)
	}
	return err
}

// olderDirectory is the error where the counter is less than what was acknowledged.
func (db *DB) olderDirectory(count, known int64) error {
	if count >= known {
		return nil
	}
	db.doubt()
	return fmt.Errorf("%w: %w", ErrUnavailable, lostDirectory(count, known))
}

func lostDirectory(count, known int64) error {
	return fmt.Errorf("%w: of what was said of tenants, domains, issuers and addresses it has %d changes, and %d were acknowledged; "+
		wayOut, ErrForeignStore, count, known)
}
