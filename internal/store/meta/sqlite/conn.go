package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"fachwerk/internal/store/meta"
)

// maxStatements bounds the prepared statements a connection keeps.
const maxStatements = 400

// conn is one connection with its prepared statements, and a [meta.Tx] while a
// transaction is open on it. It is used by one goroutine at a time.
type conn struct {
	sql        *sql.Conn
	statements map[string]*statement
}

// statement is prepared. SQLite finds numbered parameters by a linear search, so
// they are worded as plain question marks, in the order in which they occur.
type statement struct {
	*sql.Stmt
	order []int // the argument, counted from 0, of each question mark
}

// arguments puts args into the statement's order.
func (s *statement) arguments(args []any) ([]any, error) {
	ordered := make([]any, len(s.order))
	for n, i := range s.order {
		if i >= len(args) {
			return nil, fmt.Errorf("sqlite: no argument for $%d", i+1)
		}
		ordered[n] = args[i]
	}
	return ordered, nil
}

// now is SQLite's clock; it counts milliseconds.
const now = "CAST(round(unixepoch('subsec')*1000000.0) AS INTEGER)"

var placeholder = regexp.MustCompile(`\$(\d+)`)

// byIndex is the comment that names the index of the table before it. SQLite plans
// without knowing how many rows there are and would else walk a collection.
var byIndex = regexp.MustCompile(`/\*by (\w+)\*/`)

// local words a statement for SQLite.
func local(text string) (worded string, order []int) {
	worded = placeholder.ReplaceAllStringFunc(text, func(p string) string {
		n, _ := strconv.Atoi(p[1:]) // digits, says the expression
		order = append(order, n-1)
		return "?"
	})
	return strings.ReplaceAll(byIndex.ReplaceAllString(worded, "INDEXED BY $1"), "{now}", now), order
}

// The contexts below are the background's: a statement is short, and a
// cancellable context costs the driver a goroutine each.

func (c *conn) plain(text string) error {
	st, err := c.prepare(text)
	if err != nil {
		return err
	}
	_, err = st.ExecContext(context.Background())
	return translate(err)
}

func (c *conn) prepare(text string) (*statement, error) {
	if st, ok := c.statements[text]; ok {
		return st, nil
	}
	if len(c.statements) >= maxStatements {
		for k, st := range c.statements {
			_ = st.Close()
			delete(c.statements, k)
		}
	}
	worded, order := local(text)
	prepared, err := c.sql.PrepareContext(context.Background(), worded)
	if err != nil {
		return nil, translate(err)
	}
	st := &statement{prepared, order}
	c.statements[text] = st
	return st, nil
}

// Query runs one statement.
func (c *conn) Query(ctx context.Context, text string, args ...any) (meta.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	st, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	if args, err = st.arguments(args); err != nil {
		return nil, err
	}
	r, err := st.QueryContext(context.Background(), args...)
	if err != nil {
		return nil, translate(err)
	}
	return rows{r}, nil
}

// Run runs the statements of b in order.
func (c *conn) Run(ctx context.Context, b *meta.Batch) error {
	for i := range b.Statements {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := c.run(ctx, &b.Statements[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) run(ctx context.Context, s *meta.Statement) error {
	if s.Rows != nil {
		r, err := c.Query(ctx, s.SQL, s.Args...)
		if err != nil {
			return err
		}
		defer r.Close()
		if err := s.Rows(r); err != nil {
			return err
		}
		for r.Next() { // what RETURNING changes is done only when all is read
		}
		return r.Err()
	}
	st, err := c.prepare(s.SQL)
	if err != nil {
		return err
	}
	args, err := st.arguments(s.Args)
	if err != nil {
		return err
	}
	res, err := st.ExecContext(context.Background(), args...)
	if err != nil {
		return fmt.Errorf("%w in %.60q", translate(err), s.SQL)
	}
	if s.Affected == nil {
		return nil
	}
	n, err := res.RowsAffected()
	if err != nil {
		return err
	}
	return s.Affected(n)
}

func (c *conn) close() error {
	for _, st := range c.statements {
		_ = st.Close()
	}
	return c.sql.Close()
}

// rows is a result; database/sql's Close answers an error that Err tells too.
type rows struct{ *sql.Rows }

func (r rows) Close()     { _ = r.Rows.Close() }
func (r rows) Err() error { return translate(r.Rows.Err()) }

// translate gives SQLite's result codes the names of package meta.
func translate(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return fmt.Errorf("%w: %w", meta.ErrExists, err)
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return fmt.Errorf("%w: %w", meta.ErrReference, err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", meta.ErrFull, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%w: %w", meta.ErrConflict, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", meta.ErrUnavailable, err)
	}
	return err
}
