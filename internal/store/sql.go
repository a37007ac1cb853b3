package store

import (
	"context"
	"errors"

	"fachwerk/internal/store/meta"
)

// view reads all rows of one statement in a snapshot of its own: one round trip.
// scan gets each row and reads it at once.
func (at *site) view(ctx context.Context, scan func(meta.Rows) error, sql string, args ...any) error {
	var b meta.Batch
	b.Query(eachRow(scan), sql, args...)
	return outer(at.db.Read(ctx, &b))
}

func eachRow(scan func(meta.Rows) error) func(meta.Rows) error {
	return func(r meta.Rows) error {
		for r.Next() {
			if err := scan(r); err != nil {
				return err
			}
		}
		return r.Err()
	}
}

// query reads all rows of one statement in a transaction.
func query(ctx context.Context, tx meta.Tx, scan func(meta.Rows) error, sql string, args ...any) error {
	rows, err := tx.Query(ctx, sql, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one reads the first row, in one round trip; ErrNotFound if there is none.
func (at *site) one(ctx context.Context, dest []any, sql string, args ...any) error {
	found := false
	err := at.view(ctx, firstRow(&found, dest), sql, args...)
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

func firstRow(found *bool, dest []any) func(meta.Rows) error {
	return func(r meta.Rows) error {
		if *found {
			return nil
		}
		*found = true
		return r.Scan(dest...)
	}
}

func oneIn(ctx context.Context, tx meta.Tx, dest []any, sql string, args ...any) error {
	found := false
	err := query(ctx, tx, firstRow(&found, dest), sql, args...)
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

// update runs f in one writing transaction that locks no account: for the
// directory's tables, login and leases.
func (at *site) update(ctx context.Context, f func(tx meta.Tx) error) error {
	return outer(at.db.Update(ctx, f))
}

// exec runs one writing statement and reports how many rows it changed.
func (at *site) exec(ctx context.Context, sql string, args ...any) (n int64, err error) {
	err = at.update(ctx, func(tx meta.Tx) error {
		n, err = execIn(ctx, tx, sql, args...)
		return err
	})
	return n, err
}

func execIn(ctx context.Context, tx meta.Tx, sql string, args ...any) (int64, error) {
	var n int64
	var b meta.Batch
	b.Statements = append(b.Statements, meta.Statement{SQL: sql, Args: args, Affected: func(k int64) error {
		n = k
		return nil
	}})
	err := tx.Run(ctx, &b)
	return n, err
}

// errNothing turns "no row changed" into ErrNotFound.
func errNothing(n int64, err error) error {
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

func isNotFound(err error) bool { return errors.Is(err, ErrNotFound) }
