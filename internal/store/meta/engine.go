package meta

import (
	"context"
	"io/fs"
)

// Engine is a database that holds the metadata of one site.
//
// Statements are written with $1, $2 … and the marker {now}, which an engine
// replaces by its clock as Unix microseconds. All methods are safe for
// concurrent use.
type Engine interface {
	// View runs f on one snapshot, read-only. f must not keep Rows open
	// beyond its return and must not wait for a network.
	View(ctx context.Context, f func(Tx) error) error

	// Update runs f in one writing transaction and commits it if f returns
	// nil. It does not retry; see IsRetryable. The COMMIT itself is not
	// cancelled by ctx. When the answer to COMMIT is lost, the error wraps
	// ErrOutcomeUnknown.
	Update(ctx context.Context, f func(Tx) error) error

	// Migrate brings the schema forward. It runs on a direct connection.
	Migrate(ctx context.Context, migrations fs.FS) error

	// Identity names the storage itself (PostgreSQL: system identifier and
	// timeline; SQLite: the marker file beside the database), so that a
	// restore is noticed.
	Identity(ctx context.Context) (string, error)

	// Shares reports whether writers of different accounts may share one
	// transaction (SQLite, which has one writer) or only those of one
	// account (PostgreSQL).
	Shares() bool

	// Ping reports whether the database answers; the error wraps ErrUnavailable.
	Ping(ctx context.Context) error

	Close() error
}

// Tx is a transaction in progress.
type Tx interface {
	// Query runs one statement; one round trip.
	Query(ctx context.Context, sql string, args ...any) (Rows, error)
	// Run sends all statements of b in one round trip, in order, and fills
	// their results. It stops at the first error.
	Run(ctx context.Context, b *Batch) error
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
