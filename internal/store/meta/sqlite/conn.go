package sqlite

import (
	"context"
	"fmt"

	sqlite3 "modernc.org/sqlite/lib"

	"fachwerk/internal/store/meta"
)

// maxStatements bounds the prepared statements a connection keeps.
const maxStatements = 400

// conn is one connection with its prepared statements, and a [meta.Tx] while a
// transaction is open on it. It is used by one goroutine at a time. A context is
// looked at between statements: each is short.
type conn struct {
	*handle
	statements map[string]*statement
	queried    []*statement // since the transaction began: their rows end with it
}

func (c *conn) plain(text string) error {
	st, err := c.find(text)
	if err != nil {
		return err
	}
	return st.exec(nil)
}

// find answers a statement that is prepared already, or prepares it.
func (c *conn) find(text string) (*statement, error) {
	if st, ok := c.statements[text]; ok {
		return st, nil
	}
	if len(c.statements) >= maxStatements {
		for k, st := range c.statements {
			if !st.open {
				st.close()
				delete(c.statements, k)
			}
		}
	}
	st, err := c.prepare(text)
	if err != nil {
		return nil, err
	}
	c.statements[text] = st
	return st, nil
}

// Query runs one statement.
func (c *conn) Query(ctx context.Context, text string, args ...any) (meta.Rows, error) {
	return c.query(ctx, text, args)
}

func (c *conn) query(ctx context.Context, text string, args []any) (*rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	st, err := c.find(text)
	if err != nil {
		return nil, err
	}
	if st.open {
		return nil, errOpen
	}
	c.queried = append(c.queried, st)
	more, err := st.begin(args)
	if err != nil {
		st.reset()
		return nil, err
	}
	r := &rows{s: st, ready: more}
	if !more {
		r.Close()
	}
	return r, nil
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
		r, err := c.query(ctx, s.SQL, s.Args)
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
	st, err := c.find(s.SQL)
	if err != nil {
		return err
	}
	if err := st.exec(s.Args); err != nil {
		return fmt.Errorf("%w in %.60q", err, s.SQL)
	}
	if s.Affected == nil {
		return nil
	}
	return s.Affected(sqlite3.Xsqlite3_changes64(c.tls, c.db))
}

// settle closes rows that somebody left open, so that their statements can be run
// again.
func (c *conn) settle() {
	for _, st := range c.queried {
		if st.open {
			st.reset()
		}
	}
	clear(c.queried)
	c.queried = c.queried[:0]
}

func (c *conn) close() error {
	for _, st := range c.statements {
		st.close()
	}
	return c.handle.close()
}
