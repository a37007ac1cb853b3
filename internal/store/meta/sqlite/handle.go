package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"

	"modernc.org/libc"
	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"fachwerk/internal/store/meta"
)

// handle is an open database by SQLite's own functions. database/sql and its driver
// would take a lock for every column of every row and put each value into an
// interface and out of it again: half the time of a listing. In exchange it is used
// by one goroutine at a time, which SQLite is told (SQLITE_OPEN_NOMUTEX).
//
// What SQLite reads and writes lies in memory that Go does not manage; libc.GoBytes
// looks into it.
type handle struct {
	tls     *libc.TLS
	db      uintptr
	damaged func(error) // told that the file is found to be damaged; may be nil
}

// open opens a file that is there, with settings made in their order.
func open(path string, settings []setting) (*handle, error) {
	return openWith(path, sqlite3.SQLITE_OPEN_READWRITE, settings)
}

// openWith is open with flags for SQLite.
func openWith(path string, flags int32, settings []setting) (*handle, error) {
	h := &handle{tls: libc.NewTLS()}
	name, err := libc.CString(path)
	if err != nil {
		h.tls.Close()
		return nil, err
	}
	defer libc.Xfree(h.tls, name)
	rc, db := h.answer(func(place uintptr) int32 {
		return sqlite3.Xsqlite3_open_v2(h.tls, name, place, flags|sqlite3.SQLITE_OPEN_NOMUTEX, 0)
	})
	if h.db = db; rc == sqlite3.SQLITE_OK {
		rc = sqlite3.Xsqlite3_extended_result_codes(h.tls, h.db, 1)
	}
	if rc != sqlite3.SQLITE_OK {
		return nil, errors.Join(h.failed(rc), h.close())
	}
	for _, s := range settings {
		if err := h.exec("PRAGMA " + s.name + " = " + s.value); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", s.name, err), h.close())
		}
	}
	return h, nil
}

// answer calls a function of SQLite that fills in a pointer.
func (h *handle) answer(f func(place uintptr) int32) (rc int32, pointer uintptr) {
	const size = bits.UintSize / 8
	place := h.alloc(size)
	if place == 0 {
		return sqlite3.SQLITE_NOMEM, 0
	}
	defer sqlite3.Xsqlite3_free(h.tls, place)
	b := libc.GoBytes(place, size)
	clear(b)
	rc = f(place)
	if size == 4 {
		return rc, uintptr(binary.NativeEndian.Uint32(b))
	}
	return rc, uintptr(binary.NativeEndian.Uint64(b))
}

func (h *handle) alloc(bytes int) uintptr {
	return sqlite3.Xsqlite3_malloc64(h.tls, sqlite3.Tsqlite3_uint64(bytes))
}

// exec runs one statement, once.
func (h *handle) exec(text string, args ...any) error {
	s, err := h.prepare(text)
	if err != nil {
		return err
	}
	defer s.close()
	return s.exec(args)
}

// ask runs one statement, once, and scans its first row.
func (h *handle) ask(into any, text string) error {
	s, err := h.prepare(text)
	if err != nil {
		return err
	}
	defer s.close()
	defer s.reset()
	more, err := s.begin(nil)
	if err == nil && !more {
		err = fmt.Errorf("sqlite: no answer to %q", text)
	}
	if err != nil {
		return err
	}
	return (&rows{s: s}).Scan(into)
}

// close closes the database; all statements must be closed.
func (h *handle) close() error {
	rc := sqlite3.Xsqlite3_close_v2(h.tls, h.db)
	h.tls.Close()
	if rc != sqlite3.SQLITE_OK {
		return &failure{code: int(rc), text: "close"}
	}
	return nil
}

// failure is a result code of SQLite's that is no success, with its words.
type failure struct {
	code int // extended
	text string
}

func (f *failure) Error() string { return fmt.Sprintf("sqlite: %s (%d)", f.text, f.code) }

// failed is the error to a result code that was just answered.
func (h *handle) failed(rc int32) error {
	text := libc.GoString(sqlite3.Xsqlite3_errstr(h.tls, rc))
	if more := libc.GoString(sqlite3.Xsqlite3_errmsg(h.tls, h.db)); more != text {
		text += ": " + more
	}
	err := translate(&failure{code: int(rc), text: text})
	if h.damaged != nil && errors.Is(err, meta.ErrCorrupt) {
		h.damaged(err)
	}
	return err
}

// code finds SQLite's result code in an error of ours, or of the driver that
// migrations run on.
func code(err error) (int, bool) {
	var own *failure
	if errors.As(err, &own) {
		return own.code, true
	}
	var driver *sqlite.Error
	if errors.As(err, &driver) {
		return driver.Code(), true
	}
	return 0, false
}

// translate gives SQLite's result codes the names of package meta.
func translate(err error) error {
	c, ok := code(err)
	if !ok {
		return err
	}
	switch c {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return fmt.Errorf("%w: %w", meta.ErrExists, err)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fmt.Errorf("%w: %w", meta.ErrReference, err)
	}
	switch c & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", meta.ErrFull, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w: %w", meta.ErrConflict, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", meta.ErrUnavailable, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w: %w", meta.ErrUnavailable, meta.ErrCorrupt, err)
	}
	return err
}
