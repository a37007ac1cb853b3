package meta

import (
	"context"
	"io/fs"
)

// Engine is a database that holds the metadata of one site.
//
// Statements are written with $1, $2 … and the marker {now}, which an engine
// replaces by its clock as Unix microseconds. {lock} at the end of a SELECT locks its
// rows in their order until the transaction ends; {free} does so with those that no other
// transaction has locked, and passes the others over. The comment /*by index*/ behind a table
// names the index to use, for an engine that plans without knowing how many rows
// there are; CROSS JOIN keeps the order of tables. See Batch.ByIndex for one that knows,
// and remembers too long. Arguments are int64, string,
// []byte and nil. All methods are safe for concurrent use.
//
// Errors wrap the sentinels of this package where one fits: ErrUnavailable,
// ErrFull, ErrConflict, ErrExists (a unique key), ErrReference (a foreign key).
type Engine interface {
	// View runs f on one snapshot, read-only, again where its first statement
	// met a broken connection. f must not keep Rows open beyond its return
	// and must not wait for a network.
	View(ctx context.Context, f func(Tx) error) error

	// Read runs b on one snapshot, in one round trip.
	Read(ctx context.Context, b *Batch) error

	// Update runs f in one writing transaction and commits it if f returns
	// nil; like View it runs f again where the first statement met a broken
	// connection. It does not retry lost conflicts; see DB.Update. The COMMIT itself is not
	// cancelled by ctx. When the answer to COMMIT is lost, the error wraps
	// ErrOutcomeUnknown.
	Update(ctx context.Context, f func(Tx) error) error

	// Migrate brings the schema forward. It runs on a direct connection.
	Migrate(ctx context.Context, migrations fs.FS) error

	// Identity names the storage itself (PostgreSQL: system identifier,
	// timeline and database; SQLite: the marker file beside the database),
	// so that a restore is noticed.
	Identity(ctx context.Context) (string, error)

	// Shares reports whether writers of different accounts share one
	// transaction, because the engine has one writer in this process and
	// COMMIT's answer cannot be lost (SQLite), or only those of one account
	// do (PostgreSQL).
	Shares() bool

	// Ping reports whether the database answers; the error wraps ErrUnavailable.
	Ping(ctx context.Context) error

	Close() error
}

// Renamer is an engine whose storage can bear a new name each time it is opened, so
// that an older copy of it is noticed (SQLite).
type Renamer interface {
	// Rename calls accept with the names that the storage may bear, one
	// space between, and the one that it will bear from now on. accept writes
	// that into the storage, or refuses.
	Rename(ctx context.Context, accept func(old, name string) error) error
}

// Replaceable is an engine behind whose name another server may answer one day: a
// standby that took over, or an older copy that somebody has restored (PostgreSQL).
type Replaceable interface {
	// Follow takes the server that answers now for the right one and answers the
	// storage's identity there. From then on nothing is asked of another one, nor
	// of the same one when it was started anew, before judge has accepted it. Until
	// then calls wait; where judge refuses by ErrForeignStore they fail with that
	// and ErrUnavailable, and it is asked again from time to time.
	Follow(ctx context.Context, judge Judge) (identity string, err error)
	// Doubt has the server judged as if it were another.
	Doubt()
}

// Judge looks at the server that answers. within runs a writing transaction there, and
// nowhere else. Where another server answers than before, or one started anew, fresh
// is set; judge is called from time to time without it, too. Another error than
// ErrForeignStore says that it could not be looked at now.
type Judge func(ctx context.Context, identity string, fresh bool, within func(context.Context, func(Tx) error) error) error

// Tx is a transaction in progress.
type Tx interface {
	// Query runs one statement; one round trip.
	Query(ctx context.Context, sql string, args ...any) (Rows, error)
	// Run sends all statements of b in one round trip, in order, and fills
	// their results. It stops at the first error.
	Run(ctx context.Context, b *Batch) error
}

// Closing is a transaction of an engine's Update whose COMMIT can travel with its last
// statements: a round trip less under the locks.
type Closing interface {
	// Last runs b, whose results nobody looks at, and commits. Nothing may follow,
	// and f must return what it returned. It is not cancelled by ctx, and fails as
	// Update does.
	Last(ctx context.Context, b *Batch) error
}

// Rows is a result that is read forward once.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// Batch collects statements that travel together.
type Batch struct{ Statements []Statement }

// Statement is one SQL text with its arguments and what to do with its result.
type Statement struct {
	SQL  string
	Args []any
	// Rows, if set, reads the result's rows.
	Rows func(Rows) error
	// Affected, if set, is told the number of rows changed.
	Affected func(n int64) error
}

// Exec adds a statement whose result does not matter.
func (b *Batch) Exec(sql string, args ...any) {
	b.Statements = append(b.Statements, Statement{SQL: sql, Args: args})
}

// Query adds a statement whose rows are given to read.
func (b *Batch) Query(read func(Rows) error, sql string, args ...any) {
	b.Statements = append(b.Statements, Statement{SQL: sql, Args: args, Rows: read})
}

// Count adds a statement and tells counted how many rows it changed.
func (b *Batch) Count(counted func(n int64) error, sql string, args ...any) {
	b.Statements = append(b.Statements, Statement{SQL: sql, Args: args, Affected: counted})
}

// ByIndex has the statements that follow in the transaction find their rows by indexes
// alone. An engine that keeps plans (PostgreSQL) may else read a whole table for minutes
// because there was little in it when the plan was made: what grows suddenly, as a queue
// does, needs it.
func (b *Batch) ByIndex() { b.Exec("{by index}") }
