package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"fachwerk/internal/store/meta"
)

// server is who answers on a connection.
type server struct {
	system, database string // identifier of the cluster, number of the database in it
	timeline         int64
	started          int64 // of the postmaster, Unix microseconds
	recovering       bool
}

const startedAt = `CAST(extract(epoch FROM pg_postmaster_start_time()) * 1000000 AS BIGINT)`

// askServer takes the timeline that is written on now: that of the last checkpoint
// stays the one before for minutes after a promotion.
const askServer = `SELECT s.system_identifier::text, d.oid::text, ` + startedAt + `, pg_is_in_recovery(),
	CASE WHEN pg_is_in_recovery() THEN c.timeline_id::bigint
		ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint END
	FROM pg_control_system() s, pg_control_checkpoint() c, pg_database d WHERE d.datname = current_database()`

func (s *server) fields() []any {
	return []any{&s.system, &s.database, &s.started, &s.recovering, &s.timeline}
}

func (s *server) identity() string {
	return s.system + "/" + strconv.FormatInt(s.timeline, 10) + "/" + s.database
}

// errReplaced says that another server answers than the one that is followed, or the
// same one, started anew: nothing is asked there before it was judged.
var errReplaced = fmt.Errorf("%w: another server answers than before", meta.ErrUnavailable)

const (
	lookEvery  = time.Second            // at what the store says of itself, see meta's hearing
	judgeAgain = 300 * time.Millisecond // where the server did not answer
	judgeLater = 10 * time.Second       // where it was refused
)

// watch knows which server is the right one.
type watch struct {
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	judge    meta.Judge // nil: every server is taken
	accepted server
	judging  chan struct{} // closed when it was judged; nil while there is no doubt
	refused  error         // why the engine is closed, where it is
}

func (w *watch) init() {
	w.ctx, w.cancel = context.WithCancel(context.Background())
}

func (w *watch) close() {
	w.mu.Lock()
	w.cancel()
	w.mu.Unlock()
	w.work.Wait()
}

// wait returns when no server waits to be judged, or why none is used.
func (w *watch) wait(ctx context.Context) error {
	w.mu.Lock()
	judging, refused := w.judging, w.refused
	w.mu.Unlock()
	if refused != nil {
		return refused
	}
	if judging == nil {
		return nil
	}
	select {
	case <-judging:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errReplaced, ctx.Err())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.refused
}

// Follow implements meta.Replaceable.
func (e *engine) Follow(ctx context.Context, judge meta.Judge) (identity string, err error) {
	ctx, cancel := e.bounded(ctx)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, e.pool.Config().ConnConfig)
	if err != nil {
		return "", fmt.Errorf("identity of the database: %w", unavailable(ctx, err))
	}
	defer conn.Close(context.WithoutCancel(ctx))
	s, err := whois(ctx, conn)
	if err != nil {
		return "", err
	}
	w := &e.watch
	w.mu.Lock()
	if w.judge == nil && w.ctx.Err() == nil {
		w.work.Go(e.look)
	}
	w.judge, w.accepted, w.refused = judge, s, nil
	w.mu.Unlock()
	e.pool.Reset() // what is connected already is looked at again
	return s.identity(), nil
}

// whois asks who answers. One that only copies another is none to work with.
func whois(ctx context.Context, conn *pgx.Conn) (s server, err error) {
	if err := conn.QueryRow(ctx, askServer).Scan(s.fields()...); err != nil {
		return s, fmt.Errorf("identity of the database: %w", unavailableUnlessAnswered(err))
	}
	if s.recovering {
		return s, fmt.Errorf("%w: a standby answers", meta.ErrUnavailable)
	}
	return s, nil
}

// met is called with every new connection.
func (e *engine) met(ctx context.Context, conn *pgx.Conn) error {
	w := &e.watch
	w.mu.Lock()
	following := w.judge != nil
	w.mu.Unlock()
	if !following {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	s, err := whois(ctx, conn)
	if err != nil {
		return err
	}
	w.mu.Lock()
	right := s == w.accepted
	w.mu.Unlock()
	if right {
		return nil
	}
	e.Doubt()
	return errReplaced
}

// session judges what a pooler's session says of its server.
func (w *watch) session(started int64, oid string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.judge == nil || w.accepted.started == started && w.accepted.database == oid {
		return nil
	}
	return errReplaced
}

// Doubt implements meta.Replaceable.
func (e *engine) Doubt() {
	w := &e.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.judge == nil || w.judging != nil || w.ctx.Err() != nil {
		return
	}
	w.judging = make(chan struct{})
	w.work.Go(e.settle)
}

// settle ends a doubt: it judges who answers until somebody was accepted. Those who
// wait are let go by a refusal, too; it is looked at again from time to time.
func (e *engine) settle() {
	w := &e.watch
	e.pool.Reset()
	for w.ctx.Err() == nil {
		s, err := e.judgeOnce()
		pause := judgeAgain
		w.mu.Lock()
		switch {
		case err == nil:
			w.accepted, w.refused = s, nil
			close(w.judging)
			w.judging = nil
			w.mu.Unlock()
			e.pool.Reset()
			return
		case errors.Is(err, meta.ErrForeignStore):
			pause = judgeLater
			if w.refused == nil {
				close(w.judging)
				w.judging = make(chan struct{}) // nobody waits for it while there is a refusal
			}
			w.refused = fmt.Errorf("%w: %w", meta.ErrUnavailable, err)
		}
		w.mu.Unlock()
		select {
		case <-time.After(pause):
		case <-w.ctx.Done():
		}
	}
}

// judgeOnce asks who answers now and has it judged, on one connection.
func (e *engine) judgeOnce() (s server, err error) {
	w := &e.watch
	ctx, cancel := context.WithTimeout(w.ctx, e.patience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, e.pool.Config().ConnConfig)
	if err != nil {
		return s, unavailable(ctx, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if s, err = whois(ctx, conn); err != nil {
		return s, err
	}
	w.mu.Lock()
	judge := w.judge
	w.mu.Unlock()
	return s, judge(ctx, s.identity(), true, func(ctx context.Context, f func(meta.Tx) error) error {
		t := e.begin(conn, "begin isolation level read committed")
		t.session = func(started int64, oid string) error { // a pooler may have passed it on
			if s.started != started || s.database != oid {
				return errReplaced
			}
			return nil
		}
		_, err := e.transaction(t, f, func(t *tx) error { return t.commit(ctx) })
		return err
	})
}

// look asks from time to time whether the store still is what it was: what others have
// found out of it stands in it.
func (e *engine) look() {
	w := &e.watch
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-w.ctx.Done():
			return
		}
		w.mu.Lock()
		judge, s, busy := w.judge, w.accepted, w.judging != nil
		w.mu.Unlock()
		if busy {
			continue
		}
		if err := judge(w.ctx, s.identity(), false, e.Update); errors.Is(err, meta.ErrForeignStore) || errors.Is(err, errReplaced) {
			e.Doubt()
		}
	}
}
