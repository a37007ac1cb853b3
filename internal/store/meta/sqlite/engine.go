package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pressly/goose/v3"

	"fachwerk/internal/store/meta"
)

const (
	// readers is how many snapshots may be read at once; more wait.
	readers = 8
	// What each connection keeps of pages, KiB. Readers find those of the file mapped
	// and need room for those in the log alone; nine large caches were most of a small
	// server's memory.
	writerCache, readerCache = 16 << 10, 2 << 10
	// mapped is how much of the file is read without a copy, bytes. It counts as the
	// process's memory, though the kernel may take it back at any time.
	mapped = 16 << 20
	// checkpointPages is how many pages gather in the log before they go to the file.
	// The same pages of indexes are written again and again: with four times SQLite's
	// 1,000, small PUTs cost a quarter fewer fsyncs and writes.
	checkpointPages = 4000
	// busyTimeout is how long another process is waited for, milliseconds.
	busyTimeout = "10000"
)

// errClosed is answered to those who come after Close.
var errClosed = fmt.Errorf("%w: the database is closed", meta.ErrUnavailable)

// engine has one connection that writes and a few that read.
type engine struct {
	path    string
	writer  chan *conn    // holds the one writer, or nothing while it is in use
	reading chan struct{} // holds a place for each reader in use
	closed  chan struct{}
	damage  atomic.Pointer[error] // why nothing is written any more

	mu   sync.Mutex
	idle []*conn // readers; the last one was used last, and has what is asked for in its cache
}

// Open opens the database file, or makes it (mode 0600) together with the
// marker file beside it that names it. The folder must exist. A backup in the
// database's place is refused with ErrForeignStore; see OpenRestored.
func Open(ctx context.Context, path string) (meta.Engine, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := refuseBackup(path); err != nil {
		return nil, err
	}
	if err := claim(path); err != nil {
		return nil, err
	}
	e := &engine{path: path, writer: make(chan *conn, 1), reading: make(chan struct{}, readers), closed: make(chan struct{})}
	w, err := e.connect(false)
	if err != nil {
		return nil, err
	}
	e.writer <- w
	return e, nil
}

// setting is a PRAGMA; all are ours, and none is quoted.
type setting struct{ name, value string }

// connect opens a connection. page_size only matters for a new file, and comes before
// what makes one of it; sizes of caches are KiB where they are negative.
func (e *engine) connect(readOnly bool) (*conn, error) {
	cache := writerCache
	if readOnly {
		cache = readerCache
	}
	settings := []setting{
		{"busy_timeout", busyTimeout}, {"page_size", "4096"}, {"journal_mode", "WAL"}, {"synchronous", "FULL"},
		{"foreign_keys", "ON"}, {"cache_size", strconv.Itoa(-cache)}, {"temp_store", "MEMORY"},
		{"mmap_size", strconv.Itoa(mapped)}, {"journal_size_limit", "67108864"}, {"wal_autocheckpoint", strconv.Itoa(checkpointPages)},
	}
	if readOnly {
		settings = append(settings, setting{"query_only", "ON"})
	}
	h, err := open(e.path, settings)
	if err != nil {
		e.damaged(err)
		return nil, fmt.Errorf("open %s: %w", e.path, err)
	}
	h.damaged = e.damaged
	return &conn{handle: h, statements: map[string]*statement{}}, nil
}

// View runs f on a snapshot that its first statement takes.
func (e *engine) View(ctx context.Context, f func(meta.Tx) error) error {
	return e.snapshot(ctx, func(c *conn) error {
		if err := c.plain("BEGIN"); err != nil {
			return err
		}
		defer func() { _ = c.plain("ROLLBACK") }() // it ends what only read
		return f(c)
	})
}

// Read runs b; a single statement is a snapshot by itself.
func (e *engine) Read(ctx context.Context, b *meta.Batch) error {
	if len(b.Statements) == 1 {
		return e.snapshot(ctx, func(c *conn) error { return c.Run(ctx, b) })
	}
	return e.View(ctx, func(tx meta.Tx) error { return tx.Run(ctx, b) })
}

// snapshot runs f with a reader of its own.
func (e *engine) snapshot(ctx context.Context, f func(*conn) error) (err error) {
	select {
	case <-e.closed:
		return errClosed
	case e.reading <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.reading }()
	c := e.last()
	if c == nil {
		if c, err = e.connect(true); err != nil {
			return err
		}
	}
	defer func() {
		c.settle()
		e.mu.Lock()
		defer e.mu.Unlock()
		e.idle = append(e.idle, c)
	}()
	return f(c)
}

// last takes the reader that was used last; nil: all are in use.
func (e *engine) last() *conn {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(e.idle)
	if n == 0 {
		return nil
	}
	c := e.idle[n-1]
	e.idle = e.idle[:n-1]
	return c
}

// Update runs f as the one writer.
func (e *engine) Update(ctx context.Context, f func(meta.Tx) error) error {
	var c *conn
	select {
	case <-e.closed:
		return errClosed
	case c = <-e.writer:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { e.writer <- c }()
	if err := e.Damaged(); err != nil {
		return err
	}
	if err := c.plain("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	done := false
	defer func() {
		c.settle()
		if !done { // also when f panics
			_ = c.plain("ROLLBACK") // where it fails, SQLite has rolled back already
		}
	}()
	if err := f(c); err != nil {
		return err
	}
	if err := c.plain("COMMIT"); err != nil {
		return err
	}
	done = true
	return nil
}

// damaged has nothing written any more where err says that the file is damaged: what is
// acknowledged into it may be lost, and each page that is written hides more of what was
// there.
func (e *engine) damaged(err error) {
	if errors.Is(err, meta.ErrCorrupt) {
		err = fmt.Errorf("nothing is written to %s any more: %w", e.path, err)
		e.damage.CompareAndSwap(nil, &err)
	}
}

// Damaged implements [meta.Damageable]. Only a new start ends it.
func (e *engine) Damaged() error {
	if err := e.damage.Load(); err != nil {
		return *err
	}
	return nil
}

// Migrate runs the migrations as SQLite words them, on a connection of its own: what
// runs them knows database/sql only.
func (e *engine) Migrate(ctx context.Context, migrations fs.FS) error {
	pragmas := []string{"busy_timeout(" + busyTimeout + ")", "synchronous(FULL)", "foreign_keys(ON)"}
	source := url.URL{Scheme: "file", Path: e.path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return err
	}
	defer db.Close()
	words := strings.NewReplacer("BYTEA", "BLOB", ` COLLATE "C"`, "", "/*rowless*/", "WITHOUT ROWID")
	p, err := goose.NewProvider(goose.DialectSQLite3, db, meta.Dialect(migrations, words),
		goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate %s: %w", e.path, translate(err))
	}
	return nil
}

// Shares is true: SQLite has one writer.
func (e *engine) Shares() bool { return true }

// Ping reads one row.
func (e *engine) Ping(ctx context.Context) error {
	b := &meta.Batch{}
	b.Query(func(r meta.Rows) error { r.Next(); return r.Err() }, "SELECT 1")
	if err := e.Read(ctx, b); err != nil {
		return fmt.Errorf("%w: %w", meta.ErrUnavailable, err)
	}
	return nil
}

// Close waits for the writer and the readers, then closes the file.
func (e *engine) Close() error {
	close(e.closed)
	var errs []error
	errs = append(errs, (<-e.writer).close())
	for range readers {
		e.reading <- struct{}{}
	}
	for _, c := range e.idle {
		errs = append(errs, c.close())
	}
	return errors.Join(errs...)
}

// claim makes the file with its mode before SQLite would make it with another. A
// file that is there is not opened: closing it would drop the locks that another
// engine of this process holds on it.
func claim(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		var f *os.File
		if f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			return errors.Join(f.Close(), mark(path, true))
		}
		if errors.Is(err, fs.ErrExist) { // another process was faster
			return mark(path, false)
		}
	}
	if err != nil {
		return err
	}
	return mark(path, info.Size() == 0)
}
