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

// againAfter is how long an absent database is left alone.
const againAfter = 5 * time.Second

// OpenLater is Open where the database answers. Where it does not, it returns a DB all
// the same, which answers ErrUnavailable until the database can be reached and is
// opened then: one site that is away keeps no other from being served. Any other error,
// such as wrong credentials, is returned.
func OpenLater(ctx context.Context, e Engine, log *slog.Logger) (*DB, error) {
	db, err := Open(ctx, e, log)
	if !errors.Is(err, ErrUnavailable) {
		return db, err
	}
	g := &gate{Engine: e, log: log, away: err, done: make(chan struct{})}
	db = &DB{engine: g, log: log, epochs: map[int64]int64{}}
	db.lanes.init(db, e.Shares())
	trying, stop := context.WithCancel(context.WithoutCancel(ctx))
	db.close = sync.OnceValue(func() error {
		stop()
		<-g.done
		db.lanes.close()
		return e.Close()
	})
	log.Warn("a database is away; it will be opened when it can be reached", "error", err)
	go g.wait(trying, db)
	return db, nil
}

// gate keeps an engine closed until its database was opened.
type gate struct {
	Engine
	log  *slog.Logger
	away error
	open atomic.Bool
	done chan struct{} // closed when nobody tries any more
}

// wait opens the database as soon as it can be.
func (g *gate) wait(ctx context.Context, db *DB) {
	defer close(g.done)
	for {
		select {
		case <-time.After(againAfter):
		case <-ctx.Done():
			return
		}
		err := g.Migrate(ctx, Migrations())
		if err == nil {
			opened := &DB{engine: g.Engine, log: g.log, epochs: map[int64]int64{}}
			if err = opened.recognise(ctx); err == nil {
				db.generation.Store(opened.Generation())
				g.open.Store(true)
				g.log.Info("the database that was away is open")
				return
			}
		}
		if ctx.Err() == nil && !errors.Is(err, ErrUnavailable) {
			g.log.Error("a database that was away cannot be opened", "error", err)
		}
	}
}

// Unwrap is the engine itself, for what needs no open database.
func (g *gate) Unwrap() Engine { return g.Engine }

func (g *gate) refuse() error {
	if g.open.Load() {
		return nil
	}
	return fmt.Errorf("not open yet: %w", g.away)
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
