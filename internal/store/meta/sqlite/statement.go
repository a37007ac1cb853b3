package sqlite

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// statement is prepared. SQLite finds numbered parameters by a linear search, so
// they are worded as plain question marks, in the order in which they occur.
type statement struct {
	h       *handle
	stmt    uintptr
	order   []int // the argument, counted from 0, of each question mark
	columns int
	open    bool    // its rows are being read
	space   uintptr // texts and blobs of the arguments lie here
	room    int     // bytes of space
}

// maxBound is how long the arguments of a statement may be together, bytes: what SQLite
// takes at most for one.
const maxBound = 1_000_000_000

// keptRoom is how much space a statement keeps while nobody uses it, bytes.
const keptRoom = 4 << 10

// now is SQLite's clock; it counts milliseconds.
const now = "CAST(round(unixepoch('subsec')*1000000.0) AS INTEGER)"

var placeholder = regexp.MustCompile(`\$(\d+)`)

// byIndex is the comment that names the index of the table before it. SQLite plans
// without knowing how many rows there are and would else walk a collection.
var byIndex = regexp.MustCompile(`/\*by (\w+)\*/`)

// markers are what stands in statements for what engines word differently. There is one
// writer, so rows need no lock, and plans are made for any number of rows.
var markers = strings.NewReplacer("{now}", now, "{lock}", "", "{free}", "", "{by index}", "SELECT 1")

// local words a statement for SQLite.
func local(text string) (worded string, order []int) {
	worded = placeholder.ReplaceAllStringFunc(text, func(p string) string {
		n, _ := strconv.Atoi(p[1:]) // digits, says the expression
		order = append(order, n-1)
		return "?"
	})
	return markers.Replace(byIndex.ReplaceAllString(worded, "INDEXED BY $1")), order
}

func (h *handle) prepare(text string) (*statement, error) {
	worded, order := local(text)
	words, err := libc.CString(worded)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(h.tls, words)
	rc, stmt := h.answer(func(place uintptr) int32 {
		return sqlite3.Xsqlite3_prepare_v3(h.tls, h.db, words, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, place, 0)
	})
	if rc != sqlite3.SQLITE_OK {
		return nil, fmt.Errorf("%w in %.60q", h.failed(rc), text)
	}
	if stmt == 0 {
		return nil, errors.New("sqlite: an empty statement")
	}
	return &statement{h: h, stmt: stmt, order: order, columns: int(sqlite3.Xsqlite3_column_count(h.tls, stmt))}, nil
}

// errOpen: the rows of a statement that is run again would end.
var errOpen = errors.New("sqlite: a statement is run while its rows are being read")

// exec runs the statement to its end; what it answers is passed over.
func (s *statement) exec(args []any) error {
	if s.open {
		return errOpen
	}
	defer s.reset()
	for more, err := s.begin(args); more || err != nil; more, err = s.step() {
		if err != nil {
			return err
		}
	}
	return nil
}

// begin binds the arguments and makes the first step.
func (s *statement) begin(args []any) (more bool, err error) {
	s.open = true
	if err := s.bind(args); err != nil {
		return false, err
	}
	return s.step()
}

// step goes to the next row.
func (s *statement) step() (more bool, err error) {
	switch rc := sqlite3.Xsqlite3_step(s.h.tls, s.stmt); rc {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, s.h.failed(rc)
	}
}

// reset makes the statement ready to be run again. What went wrong in a step is told
// once more, so it is passed over. Arguments stay bound until others are.
func (s *statement) reset() {
	s.open = false
	_ = sqlite3.Xsqlite3_reset(s.h.tls, s.stmt)
	if s.room > keptRoom {
		_ = sqlite3.Xsqlite3_clear_bindings(s.h.tls, s.stmt)
		s.free()
	}
}

func (s *statement) free() {
	sqlite3.Xsqlite3_free(s.h.tls, s.space)
	s.space, s.room = 0, 0
}

func (s *statement) close() {
	_ = sqlite3.Xsqlite3_finalize(s.h.tls, s.stmt)
	s.free()
}

// bind gives the parameters their values. Texts and blobs are copied into the space,
// where SQLite finds them as long as the statement runs.
func (s *statement) bind(args []any) error {
	need := 1 // an empty text needs a place too
	for _, i := range s.order {
		if i >= len(args) {
			return fmt.Errorf("sqlite: no argument for $%d", i+1)
		}
		switch v := args[i].(type) {
		case string:
			need += len(v)
		case []byte:
			need += len(v)
		}
	}
	if need > maxBound {
		return s.h.failed(sqlite3.SQLITE_TOOBIG)
	}
	if need > s.room {
		s.free()
		if s.space = s.h.alloc(need); s.space == 0 {
			return s.h.failed(sqlite3.SQLITE_NOMEM)
		}
		s.room = need
	}
	at := s.space
	for n, i := range s.order {
		rc, used := s.bindOne(int32(n+1), args[i], at)
		if rc != sqlite3.SQLITE_OK {
			return s.h.failed(rc)
		}
		at += uintptr(used)
	}
	return nil
}

// bindOne gives one parameter its value, a text or blob by a copy at a place.
func (s *statement) bindOne(n int32, arg any, at uintptr) (rc int32, used int) {
	switch v := arg.(type) {
	case int64:
		return sqlite3.Xsqlite3_bind_int64(s.h.tls, s.stmt, n, v), 0
	case string:
		used = copy(libc.GoBytes(at, len(v)), v)
		return sqlite3.Xsqlite3_bind_text(s.h.tls, s.stmt, n, at, int32(len(v)), 0), used
	case []byte:
		if v == nil {
			return sqlite3.Xsqlite3_bind_null(s.h.tls, s.stmt, n), 0
		}
		used = copy(libc.GoBytes(at, len(v)), v)
		return sqlite3.Xsqlite3_bind_blob(s.h.tls, s.stmt, n, at, int32(len(v)), 0), used
	case nil:
		return sqlite3.Xsqlite3_bind_null(s.h.tls, s.stmt, n), 0
	}
	switch v := reflect.ValueOf(arg); {
	case v.CanInt():
		return sqlite3.Xsqlite3_bind_int64(s.h.tls, s.stmt, n, v.Int()), 0
	case v.Kind() == reflect.Bool && v.Bool():
		return sqlite3.Xsqlite3_bind_int64(s.h.tls, s.stmt, n, 1), 0
	case v.Kind() == reflect.Bool:
		return sqlite3.Xsqlite3_bind_int64(s.h.tls, s.stmt, n, 0), 0
	}
	return sqlite3.SQLITE_MISMATCH, 0
}
