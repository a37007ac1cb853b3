package postgres

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"fachwerk/internal/store/meta"
)

// Options of the engine.
type Options struct {
	// Direct is a DSN past a pooler, for migrations and hints, and says that the
	// ordinary one leads to a pooler in transaction mode; empty: there is none.
	Direct string
	// Roots are the authorities believed for the server's certificate where the DSN
	// names none (sslrootcert); nil: the system's.
	Roots *x509.CertPool
	// Connections is the size of the pool; 0 means 16.
	Connections int
	// Patience is how long a connection is waited for, and then each answer, where
	// the caller's context does not end before; 0 means 30 seconds.
	Patience time.Duration
}

// settings are what every session is told when it begins. Times are kept as
// numbers, so the time zone does not matter; it is set so that logs agree.
var settings = map[string]string{
	"application_name":                    "fachwerk",
	"idle_in_transaction_session_timeout": "5000",
	"lock_timeout":                        "2000",
	"tcp_keepalives_idle":                 "10",
	"tcp_keepalives_interval":             "10",
	"timezone":                            "UTC",
}

// aPooler refuses or forgets what a session is told, so that each transaction brings
// these settings along. Statements are described, but not kept under a name: the next
// transaction may meet another server, which says here who it is.
const aPooler = `select set_config('lock_timeout', '2000', true), set_config('idle_in_transaction_session_timeout', '5000', true), ` +
	startedAt + `, (SELECT oid::text FROM pg_database WHERE datname = current_database())`

type engine struct {
	pool     *pgxpool.Pool
	direct   *pgx.ConnConfig
	pooled   bool // sessions are a pooler's
	patience time.Duration
	watch    watch
}

// Open makes a pool of connections to the database that dsn names. It does not
// connect yet: a database that is away is met by the first statement.
func Open(ctx context.Context, dsn string, o Options) (meta.Engine, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, errors.New("metadata DSN: not a PostgreSQL DSN") // the cause might quote the password
	}
	trust(config.ConnConfig, o.Roots)
	direct := config.ConnConfig.Copy()
	if o.Direct != "" {
		if direct, err = pgx.ParseConfig(o.Direct); err != nil {
			return nil, errors.New("direct metadata DSN: not a PostgreSQL DSN")
		}
		trust(direct, o.Roots)
	}
	reach(direct)
	config.MaxConns = 16
	if o.Connections > 0 {
		config.MaxConns = int32(o.Connections)
	}
	config.PingTimeout = pingTime
	reach(config.ConnConfig)
	for name, value := range settings {
		if o.Direct == "" || name == "application_name" || name == "timezone" {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	if o.Direct != "" && config.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	e := &engine{direct: direct, pooled: o.Direct != "", patience: patience}
	if o.Patience > 0 {
		e.patience = o.Patience
	}
	e.watch.init()
	config.AfterConnect = e.met
	if e.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	return e, nil
}

// trust sets the authorities of every way to connect that has none of its own.
func trust(c *pgx.ConnConfig, roots *x509.CertPool) {
	if c.TLSConfig != nil && c.TLSConfig.RootCAs == nil {
		c.TLSConfig.RootCAs = roots
	}
	for _, f := range c.Fallbacks {
		if f.TLSConfig != nil && f.TLSConfig.RootCAs == nil {
			f.TLSConfig.RootCAs = roots
		}
	}
}

// View runs f on the snapshot that its first statement takes.
func (e *engine) View(ctx context.Context, f func(meta.Tx) error) error {
	return e.within(ctx, "begin isolation level repeatable read read only", f, func(t *tx) error {
		ctx, cancel := e.bounded(ctx)
		defer cancel()
		_, err := t.conn.Exec(ctx, "commit")
		return t.translate(err)
	})
}

// Update runs f and commits. The lock that f takes is the order; READ COMMITTED
// suffices under it.
func (e *engine) Update(ctx context.Context, f func(meta.Tx) error) error {
	return e.within(ctx, "begin isolation level read committed", f, func(t *tx) error { return t.commit(ctx) })
}

// onConnection runs f on a connection, and once more on a new one where the first
// was broken: after a restart of the server all idle ones are. f reports whether
// it may be run again.
func (e *engine) onConnection(ctx context.Context, f func(*pgx.Conn) (again bool, err error)) error {
	for first := true; ; first = false {
		conn, err := e.acquire(ctx)
		if err != nil {
			return unavailable(ctx, err)
		}
		again, broken := false, false
		func() {
			defer conn.Release() // also when f panics
			again, err = f(conn.Conn())
			broken = conn.Conn().IsClosed()
		}()
		replaced := errors.Is(err, errReplaced) // as a pooler's session has said
		if replaced {
			e.Doubt()
		}
		if !first || err == nil || !again || !broken && !replaced || ctx.Err() != nil {
			return err
		}
		e.pool.Reset()
	}
}

// acquire takes a connection to a server that may be used. Where another one answers
// than before, it waits until that was judged.
func (e *engine) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	ctx, cancel := e.bounded(ctx)
	defer cancel()
	for {
		if err := e.watch.wait(ctx); err != nil {
			return nil, err
		}
		conn, err := e.pool.Acquire(ctx)
		if !errors.Is(err, errReplaced) {
			return conn, err
		}
	}
}

// within runs f in a transaction and ends it: by end, or by a rollback if f failed
// or panicked.
func (e *engine) within(ctx context.Context, begin string, f func(meta.Tx) error, end func(*tx) error) error {
	return e.onConnection(ctx, func(conn *pgx.Conn) (again bool, err error) {
		return e.transaction(e.begin(conn, begin), f, end)
	})
}

func (e *engine) begin(conn *pgx.Conn, begin string) *tx {
	return &tx{conn: conn, begin: begin, pooled: e.pooled, patience: e.patience, session: e.watch.session}
}

// transaction may be run again as long as the server has answered nothing.
func (e *engine) transaction(t *tx, f func(meta.Tx) error, end func(*tx) error) (again bool, err error) {
	ended := false
	defer func() {
		if !ended {
			t.rollback()
		}
	}()
	if err := f(t); err != nil {
		return !t.answered, err
	}
	ended = true
	if t.begin != "" || t.committed { // nothing was sent, or all is done
		return false, nil
	}
	return false, end(t)
}

// Read runs b in one round trip: one statement is a snapshot by itself, several
// bring their own BEGIN and COMMIT along.
func (e *engine) Read(ctx context.Context, b *meta.Batch) error {
	return e.onConnection(ctx, func(conn *pgx.Conn) (again bool, err error) {
		t := &tx{conn: conn, patience: e.patience}
		if len(b.Statements) > 1 {
			t.begin, t.last = "begin isolation level repeatable read read only", "commit"
		}
		if err = t.Run(ctx, b); err != nil {
			t.rollback()
		}
		return !t.answered, err
	})
}

// Migrate runs the migrations on a direct connection, one process at a time.
func (e *engine) Migrate(ctx context.Context, migrations fs.FS) error {
	db := stdlib.OpenDB(*e.direct)
	defer db.Close()
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return err
	}
	words := strings.NewReplacer("/*rowless*/", "")
	p, err := goose.NewProvider(goose.DialectPostgres, db, meta.Dialect(migrations, words),
		goose.WithDisableGlobalRegistry(true), goose.WithSessionLocker(locker))
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", unavailableUnlessAnswered(err))
	}
	for _, text := range dependencies {
		if _, err := db.ExecContext(ctx, text); err != nil && !errors.Is(unavailableUnlessAnswered(err), meta.ErrExists) {
			return fmt.Errorf("migrate: %w", unavailableUnlessAnswered(err))
		}
	}
	return nil
}

// dependencies tell the planner that an account decides its tenant. Without them it
// takes the columns that every key begins with for independent, expects one row of
// any account, and may then read a whole collection to find one name.
var dependencies = []string{
	`CREATE STATISTICS IF NOT EXISTS item_place (dependencies) ON tenant_id, account_id, collection_id FROM item`,
	`CREATE STATISTICS IF NOT EXISTS content_place (dependencies) ON tenant_id, account_id FROM content`,
}

// Identity is the cluster's system identifier and timeline, and the database's
// number in it: each changes where a database was restored or another took over.
func (e *engine) Identity(ctx context.Context) (string, error) {
	var s server
	b := &meta.Batch{}
	b.Query(func(r meta.Rows) error {
		if r.Next() {
			return r.Scan(s.fields()...)
		}
		return r.Err()
	}, askServer)
	if err := e.Read(ctx, b); err != nil {
		return "", fmt.Errorf("identity of the database: %w", err)
	}
	return s.identity(), nil
}

// Shares is false: each account has its lock, and its own transaction.
func (e *engine) Shares() bool { return false }

// Ping asks for an answer.
func (e *engine) Ping(ctx context.Context) error {
	ctx, cancel := e.bounded(ctx)
	defer cancel()
	if err := e.pool.Ping(ctx); err != nil {
		return fmt.Errorf("%w: %w", meta.ErrUnavailable, err)
	}
	return nil
}

// Close waits for connections in use and closes them all.
func (e *engine) Close() error {
	e.watch.close()
	e.pool.Close()
	return nil
}
