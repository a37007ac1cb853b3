package meta

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// DB is the journal on top of an engine. It is safe for concurrent use.
type DB struct {
	engine     Engine
	log        *slog.Logger
	generation atomic.Int64

	close     func() error // once
	lanes     lanes
	promised  acknowledged
	following following
	epochsMu  sync.Mutex
	epochs    map[int64]int64 // tenant → the epoch this process believes in
}

// Open migrates the engine's schema and compares the storage's identity with the
// one the installation last used: ErrForeignStore says that it is another one,
// and that NewGeneration (command `store new-generation`) must come first.
func Open(ctx context.Context, e Engine, log *slog.Logger) (*DB, error) {
	db, err := open(ctx, e, log)
	if err != nil {
		return nil, err
	}
	if err := db.recognise(ctx); err != nil {
		return nil, err
	}
	db.following.begin()
	return db, nil
}

// Renew opens a store whose identity has changed, or that was restored as a
// whole, and begins a new generation (rule 6).
func Renew(ctx context.Context, e Engine, log *slog.Logger) (*DB, error) {
	db, err := open(ctx, e, log)
	if err != nil {
		return nil, err
	}
	if err := db.NewGeneration(ctx); err != nil {
		return nil, err
	}
	db.following.begin()
	return db, nil
}

func open(ctx context.Context, e Engine, log *slog.Logger) (*DB, error) {
	if err := e.Migrate(ctx, Migrations()); err != nil {
		return nil, err
	}
	db := &DB{engine: e, log: log, epochs: map[int64]int64{}}
	db.lanes.init(db, e.Shares())
	db.close = sync.OnceValue(func() error {
		db.lanes.close()
		return e.Close()
	})
	if err := db.followServer(ctx, e); err != nil {
		return nil, err
	}
	return db, nil
}

// Close lets the groups under way finish and closes the engine. A second Close
// does nothing.
func (db *DB) Close() error {
	return db.close()
}

// Engine is the engine below, for what only it can tell.
func (db *DB) Engine() Engine { return db.engine }

// Ping reports whether the database answers; the error wraps ErrUnavailable.
func (db *DB) Ping(ctx context.Context) error { return db.engine.Ping(ctx) }

// View runs f on one snapshot, read-only. f is run again where its first statement
// met a broken connection.
func (db *DB) View(ctx context.Context, f func(Tx) error) error { return db.engine.View(ctx, f) }

// Read runs the statements of b on one snapshot, in one round trip.
func (db *DB) Read(ctx context.Context, b *Batch) error { return db.engine.Read(ctx, b) }

// Update runs f in a writing transaction of its own, again where it lost against
// another one (ErrConflict), so f must set its results anew each time. It is for
// what no account's journal knows: tenants, sessions, tickets. A lost answer to
// COMMIT is told as ErrOutcomeUnknown: nobody can say here whether f may be
// repeated.
func (db *DB) Update(ctx context.Context, f func(Tx) error) error {
	return retry(ctx, func() error { return db.engine.Update(ctx, f) })
}

// attempts is how often a transaction is run that loses each time; the pauses
// between them add up to about a second.
const attempts = 8

// retry runs f until it does not lose against another transaction.
func retry(ctx context.Context, f func() error) error {
	pause := 5 * time.Millisecond
	for n := 1; ; n++ {
		err := f()
		if !errors.Is(err, ErrConflict) || n == attempts {
			return err
		}
		// Two that lost against each other must not meet again.
		select {
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // no secret
		case <-ctx.Done():
			return ctx.Err()
		}
		pause *= 2
	}
}

// Now is the database's clock in Unix microseconds; expiries are judged by it.
func (db *DB) Now(ctx context.Context) (now int64, err error) {
	b := &Batch{}
	b.Query(one(&now), "SELECT {now}")
	err = db.engine.Read(ctx, b)
	return now, err
}

// SetEpoch tells the epoch that the directory database gives a tenant. Writes to
// accounts that bear another one are refused with ErrMoved.
func (db *DB) SetEpoch(tenant, epoch int64) {
	db.epochsMu.Lock()
	defer db.epochsMu.Unlock()
	db.epochs[tenant] = epoch
}

func (db *DB) forgetEpoch(tenant int64) {
	db.epochsMu.Lock()
	defer db.epochsMu.Unlock()
	delete(db.epochs, tenant)
}

// epoch is what this process believes, learnt from the tenant's row where nobody
// has told it. It is asked for before the account is locked.
func (db *DB) epoch(ctx context.Context, tenant int64) (int64, error) {
	db.epochsMu.Lock()
	e, ok := db.epochs[tenant]
	db.epochsMu.Unlock()
	if ok {
		return e, nil
	}
	b := &Batch{}
	found := false
	b.Query(maybe(&found, &e), "SELECT epoch FROM tenant WHERE tenant_id = $1", tenant)
	if err := db.engine.Read(ctx, b); err != nil {
		return 0, err
	}
	if !found {
		return 0, fmt.Errorf("tenant %d: %w", tenant, ErrNotFound)
	}
	db.SetEpoch(tenant, e)
	return e, nil
}
