package sqlite_test

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/sqlite"
)

// view runs f in a transaction of a new database.
func view(t *testing.T, f func(tx meta.Tx)) {
	t.Helper()
	e, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.Update(t.Context(), func(tx meta.Tx) error { f(tx); return nil }); err != nil {
		t.Fatal(err)
	}
}

// first reads the first row of a statement.
func first(t *testing.T, tx meta.Tx, text string, args []any, dest ...any) error {
	t.Helper()
	rows, err := tx.Query(t.Context(), text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatalf("%s answers nothing: %v", text, rows.Err())
	}
	return rows.Scan(dest...)
}

// TestValues: what goes in comes out, in every kind that package meta uses.
func TestValues(t *testing.T) {
	id := meta.ContentID{1, 2, 3, 15: 16}
	long := strings.Repeat("ä", 100_000)
	view(t, func(tx meta.Tx) {
		var number int64
		var text, empty, digits string
		var blob, none, nothing []byte
		var got, zero meta.ContentID
		var kind meta.CollectionKind
		var yes bool
		for range 2 { // the second time with a statement that is prepared already
			err := first(t, tx, "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $1", []any{
				int64(math.MinInt64), long, "", []byte{0, 1, 0}, []byte{}, nil, id[:], nil, int64(meta.Drive), true},
				&number, &text, &empty, &blob, &none, &nothing, &got, &zero, &kind, &yes, &digits)
			if err != nil || number != math.MinInt64 || text != long || empty != "" || string(blob) != "\x00\x01\x00" || len(none) != 0 ||
				nothing != nil || got != id || zero != (meta.ContentID{}) || kind != meta.Drive || !yes || digits != "-9223372036854775808" {
				t.Fatal(err, number, len(text), empty, blob, none, nothing, got, zero, kind, yes, digits)
			}
		}
	})
}

// TestMisfits: a value is never bent into what it is read into.
func TestMisfits(t *testing.T) {
	view(t, func(tx meta.Tx) {
		var number int64
		var small int16
		var text string
		var id meta.ContentID
		var yes bool
		for _, c := range []struct {
			text string
			dest any
		}{
			{"SELECT NULL", &number}, {"SELECT 'one'", &number}, {"SELECT 1.5", &number}, {"SELECT NULL", &text},
			{"SELECT 32768", &small}, {"SELECT x'0102'", &id}, {"SELECT 2", &yes}, {"SELECT 1", number},
		} {
			if err := first(t, tx, c.text, nil, c.dest); err == nil {
				t.Errorf("%s was read into %T", c.text, c.dest)
			}
		}
		if err := first(t, tx, "SELECT 1, 2", nil, &number); err == nil {
			t.Error("two columns were read into one place")
		}
		if _, err := tx.Query(t.Context(), "SELECT $2", int64(1)); err == nil {
			t.Error("an argument is missing and nobody minds")
		}
		if _, err := tx.Query(t.Context(), "SELECT $1", 1.5); err == nil {
			t.Error("an argument of an unknown kind was taken")
		}
	})
}

// TestOpenStatement: a statement whose rows are being read is not begun again below
// its reader.
func TestOpenStatement(t *testing.T) {
	view(t, func(tx meta.Tx) {
		const text = "WITH v (x) AS (VALUES (1), (2)) SELECT x FROM v"
		rows, err := tx.Query(t.Context(), text)
		if err != nil || !rows.Next() {
			t.Fatal(err)
		}
		if _, err := tx.Query(t.Context(), text); err == nil {
			t.Error("the rows were taken away")
		}
		var second int64
		if !rows.Next() || rows.Scan(&second) != nil || second != 2 || rows.Next() || rows.Err() != nil {
			t.Error(second, rows.Err())
		}
		if rows.Scan(&second) == nil {
			t.Error("read behind the end")
		}
		if err := first(t, tx, text, nil, &second); err != nil || second != 1 {
			t.Error(second, err)
		}
	})
}

// TestForgottenRows: rows that nobody closed end with their transaction, also where a
// panic ended it.
func TestForgottenRows(t *testing.T) {
	e, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	const text = "WITH v (x) AS (VALUES (1), (2)) SELECT x FROM v"
	for _, in := range []func(context.Context, func(meta.Tx) error) error{e.Update, e.View} {
		var rows meta.Rows
		func() {
			defer func() { _ = recover() }()
			_ = in(t.Context(), func(tx meta.Tx) error {
				if rows, err = tx.Query(t.Context(), text); err != nil || !rows.Next() {
					t.Error(err)
				}
				panic("f fails")
			})
		}()
		var x int64
		if rows.Scan(&x) == nil || rows.Next() {
			t.Error("rows are read after their transaction")
		}
		if err := in(t.Context(), func(tx meta.Tx) error { return first(t, tx, text, nil, &x) }); err != nil || x != 1 {
			t.Error(x, err)
		}
	}
}
