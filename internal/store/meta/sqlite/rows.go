package sqlite

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"reflect"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"fachwerk/internal/store/meta"
)

// rows reads what a statement answers; it implements [meta.Rows]. The first row is
// there already when it is made.
type rows struct {
	s     *statement // nil once closed
	ready bool       // the statement stands on a row that Next has not told yet
	err   error
}

// Next goes to the next row; after the last one the rows are closed.
func (r *rows) Next() bool {
	if r.s == nil || !r.s.open {
		return false
	}
	more := r.ready
	if r.ready = false; !more {
		more, r.err = r.s.step()
	}
	if !more {
		r.Close()
	}
	return more
}

// Err is what ended the rows too early.
func (r *rows) Err() error { return r.err }

// Close ends the reading; it may be called again.
func (r *rows) Close() {
	if r.s != nil {
		r.s.reset()
		r.s = nil
	}
}

// Scan copies the columns of the row: NULL only into what can hold it, and no number
// into what is too small for it.
func (r *rows) Scan(dest ...any) error {
	if r.s == nil || !r.s.open {
		return errors.New("sqlite: no row to read")
	}
	if len(dest) != r.s.columns {
		return fmt.Errorf("sqlite: %d columns are read into %d places", r.s.columns, len(dest))
	}
	for i, d := range dest {
		v := value{r.s.h.tls, sqlite3.Xsqlite3_column_value(r.s.h.tls, r.s.stmt, int32(i))}
		if err := v.into(d); err != nil {
			return fmt.Errorf("sqlite: column %d: %w", i, err)
		}
	}
	return nil
}

// value is one column of the row that a statement stands on.
type value struct {
	tls *libc.TLS
	at  uintptr
}

var errKind = errors.New("of another kind than what it is read into")

func (v value) kind() int32    { return sqlite3.Xsqlite3_value_type(v.tls, v.at) }
func (v value) integer() int64 { return sqlite3.Xsqlite3_value_int64(v.tls, v.at) }

// look is the text or blob as long as the row is current; empty as nil. As a blob it
// needs no copy that ends with a zero byte.
func (v value) look(kind int32) []byte {
	read := sqlite3.Xsqlite3_value_blob
	if kind != sqlite3.SQLITE_TEXT && kind != sqlite3.SQLITE_BLOB {
		read = sqlite3.Xsqlite3_value_text // a number in digits
	}
	p := read(v.tls, v.at)
	if p == 0 {
		return nil
	}
	return libc.GoBytes(p, int(sqlite3.Xsqlite3_value_bytes(v.tls, v.at)))
}

// into copies the value to where a pointer shows.
func (v value) into(dest any) error {
	kind := v.kind()
	switch d := dest.(type) {
	case *int64:
		if kind != sqlite3.SQLITE_INTEGER {
			return errKind
		}
		*d = v.integer()
		return nil
	case *string:
		if kind == sqlite3.SQLITE_NULL {
			return errKind
		}
		*d = string(v.look(kind))
		return nil
	case *[]byte:
		*d = nil
		if kind != sqlite3.SQLITE_NULL {
			*d = bytes.Clone(v.look(kind))
		}
		return nil
	case *meta.ContentID:
		return v.fixed((*[16]byte)(d), kind)
	case *meta.Digest:
		return v.fixed((*[16]byte)(d), kind)
	case sql.Scanner:
		return d.Scan(v.boxed(kind))
	}
	return v.reflected(reflect.ValueOf(dest), kind)
}

// fixed copies 16 bytes; NULL is zero.
func (v value) fixed(to *[16]byte, kind int32) error {
	*to = [16]byte{}
	if kind == sqlite3.SQLITE_NULL {
		return nil
	}
	b := v.look(kind)
	if kind != sqlite3.SQLITE_BLOB || len(b) != len(to) {
		return errKind
	}
	copy(to[:], b)
	return nil
}

// boxed is the value as a [sql.Scanner] knows it.
func (v value) boxed(kind int32) any {
	switch kind {
	case sqlite3.SQLITE_INTEGER:
		return v.integer()
	case sqlite3.SQLITE_TEXT:
		return string(v.look(kind))
	case sqlite3.SQLITE_BLOB:
		return bytes.Clone(v.look(kind))
	case sqlite3.SQLITE_FLOAT:
		return sqlite3.Xsqlite3_value_double(v.tls, v.at)
	}
	return nil
}

// reflected reads into the kinds of integer and truth that the others are not.
func (v value) reflected(dest reflect.Value, kind int32) error {
	if dest.Kind() != reflect.Pointer || dest.IsNil() {
		return errKind
	}
	to := dest.Elem()
	switch {
	case to.Kind() == reflect.String && kind == sqlite3.SQLITE_TEXT:
		to.SetString(string(v.look(kind)))
		return nil
	case kind != sqlite3.SQLITE_INTEGER:
		return errKind
	}
	n := v.integer()
	switch {
	case to.CanInt() && !to.OverflowInt(n):
		to.SetInt(n)
	case to.Kind() == reflect.Bool && (n == 0 || n == 1):
		to.SetBool(n == 1)
	default:
		return errKind
	}
	return nil
}
