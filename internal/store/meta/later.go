package meta

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// againAfter is how long an absent database is left alone.
	againAfter = 5 * time.Second
	// mendedAfter is how long one is left alone that answers, but not as it should:
	// somebody has to do something about that.
	mendedAfter = 10 * time.Second
)

// OpenLater is Open where that succeeds. Where it does not, whether the database is away
// or refuses or is another one, it returns a DB all the same, which answers
// ErrUnavailable with the cause until the database can be opened: the fault of one site
// keeps no other from being served. admit judges an opened database before anything is
// read from it or written to it; its error is such a fault too. It may be nil.
func OpenLater(ctx context.Context, e Engine, log *slog.Logger, admit func(context.Context, *DB) error) *DB {
	if admit == nil {
		admit = func(context.Context, *DB) error { return nil }
	}
	g := &gate{Engine: e, log: log, admit: admit, done: make(chan struct{})}
	db := &DB{engine: g, log: log, epochs: map[int64]int64{}}
	db.lanes.init(db, e.Shares())
	trying, stop := context.WithCancel(context.WithoutCancel(ctx))
	db.close = sync.OnceValue(func() error {
		stop()
		<-g.done
		db.lanes.close()
		return e.Close()
	})
	if err := g.try(ctx, db); err != nil {
		log.Warn("a database cannot be opened; it is tried again until it can", "error", err)
		go g.wait(trying, db, err)
	} else {
		close(g.done)
	}
	return db
}

// gate keeps an engine closed until its database was opened.
type gate struct {
	Engine
	log   *slog.Logger
	admit func(context.Context, *DB) error
	away  atomic.Pointer[error] // why it is closed
	open  atomic.Bool
	done  chan struct{} // closed when nobody tries any more
}

// try opens the database, or says why it cannot be.
func (g *gate) try(ctx context.Context, db *DB) error {
	err := g.Migrate(ctx, Migrations())
	opened := &DB{engine: g.Engine, log: g.log, epochs: map[int64]int64{}}
	if err == nil {
		err = db.followServer(ctx, g.Engine)
	}
	if err == nil {
		err = opened.recognise(ctx)
	}
	if err == nil {
		err = g.admit(ctx, opened)
	}
	if err != nil {
		g.away.Store(&err)
		return err
	}
	db.generation.Store(opened.Generation())
	db.following.begin()
	g.open.Store(true)
	return nil
}

// wait opens the database as soon as it can be. err is why it could not be before; what
// changes of that is told once.
func (g *gate) wait(ctx context.Context, db *DB, err error) {
	defer close(g.done)
	for {
		pause := againAfter
		if !errors.Is(err, ErrUnavailable) {
			pause = mendedAfter
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return
		}
		before := err
		switch err = g.try(ctx, db); {
		case err == nil:
			g.log.Info("the database that could not be opened is open")
			return
		case ctx.Err() == nil && !errors.Is(err, ErrUnavailable) && err.Error() != before.Error():
			g.log.Error("a database cannot be opened", "error", err)
		}
	}
}

// Unwrap is the engine itself, for what needs no open database.
func (g *gate) Unwrap() Engine { return g.Engine }

func (g *gate) refuse() error {
	if g.open.Load() {
		return nil
	}
	away := *g.away.Load()
	if errors.Is(away, ErrUnavailable) {
		return fmt.Errorf("not open yet: %w", away)
	}
	return fmt.Errorf("%w: not open yet: %w", ErrUnavailable, away)
}

// View implements Engine.
func (g *gate) View(ctx context.Context, f func(Tx) error) error {
	if err := g.refuse(); err != nil {
		return err
	}
	return g.Engine.View(ctx, f)
}

// Read implements Engine.
func (g *gate) Read(ctx context.Context, b *Batch) error {
	if err := g.refuse(); err != nil {
		return err
	}
	return g.Engine.Read(ctx, b)
}

// Update implements Engine.
func (g *gate) Update(ctx context.Context, f func(Tx) error) error {
	if err := g.refuse(); err != nil {
		return err
	}
	return g.Engine.Update(ctx, f)
}

// Ping implements Engine.
func (g *gate) Ping(ctx context.Context) error {
	if err := g.refuse(); err != nil {
		return err
	}
	return g.Engine.Ping(ctx)
}
