package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fachwerk/internal/store/meta"
)

// now is the time of the call, not of the transaction's beginning.
const now = "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"

// tx is a transaction whose BEGIN travels with its first statement.
type tx struct {
	conn  *pgx.Conn
	begin string // "" once sent
	last  string // sent after a batch's statements, in the same pipeline
	// pooled: BEGIN brings the session's settings along, and session judges which
	// server it came to.
	pooled   bool
	session  func(started int64, oid string) error
	patience time.Duration // for each answer

	answered  bool // the server has answered something
	committed bool // by Last
}

// byIndex lasts until the transaction ends.
const byIndex = `SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
	set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`

// markers are what stands in statements for what engines word differently.
var markers = strings.NewReplacer("{now}", now, "{lock}", "FOR NO KEY UPDATE",
	"{free}", "FOR NO KEY UPDATE SKIP LOCKED", "{by index}", byIndex)

func local(text string) string { return markers.Replace(text) }

// Query runs one statement. The next one must wait until its rows are closed.
func (t *tx) Query(ctx context.Context, text string, args ...any) (meta.Rows, error) {
	if t.begin != "" {
		if err := t.Run(ctx, &meta.Batch{}); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	r, err := t.conn.Query(ctx, local(text), args...)
	if err != nil {
		cancel()
		return nil, t.translate(err)
	}
	return rows{r, t, cancel}, nil
}

// Run sends b as one pipeline.
func (t *tx) Run(ctx context.Context, b *meta.Batch) (err error) {
	pipeline := &pgx.Batch{}
	begin := t.begin
	t.begin = ""
	if begin != "" {
		pipeline.Queue(begin)
		if t.pooled {
			pipeline.Queue(aPooler)
		}
	}
	for i := range b.Statements {
		pipeline.Queue(local(b.Statements[i].SQL), b.Statements[i].Args...)
	}
	if t.last != "" {
		pipeline.Queue(t.last)
	}
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	results := t.conn.SendBatch(ctx, pipeline)
	defer func() {
		if e := results.Close(); e != nil && err == nil {
			err = t.translate(e)
		}
	}()
	if begin != "" {
		if _, err := results.Exec(); err != nil {
			return t.translate(err)
		}
		if t.pooled {
			if err := t.met(results); err != nil {
				return err
			}
		}
		t.answered = true
	}
	for i := range b.Statements {
		if err := t.result(results, &b.Statements[i]); err != nil {
			return err
		}
	}
	return nil
}

// met looks which server the pooler gave the transaction to. Nothing has been done
// there yet.
func (t *tx) met(results pgx.BatchResults) error {
	var started int64
	var oid string
	if err := results.QueryRow().Scan(nil, nil, &started, &oid); err != nil {
		return t.translate(err)
	}
	return t.session(started, oid)
}

func (t *tx) result(results pgx.BatchResults, s *meta.Statement) error {
	if s.Rows == nil {
		tag, err := results.Exec()
		if err != nil {
			return fmt.Errorf("%w in %.60q", t.translate(err), s.SQL)
		}
		t.answered = true
		if s.Affected != nil {
			return s.Affected(tag.RowsAffected())
		}
		return nil
	}
	r, err := results.Query()
	if err != nil {
		return fmt.Errorf("%w in %.60q", t.translate(err), s.SQL)
	}
	defer r.Close()
	t.answered = true
	if err := s.Rows(rows{r, t, nil}); err != nil {
		return err
	}
	r.Close()
	return t.translate(r.Err())
}

// commit is not cancelled by ctx: an answer is waited for that long.
func (t *tx) commit(ctx context.Context) error {
	if t.conn.IsClosed() {
		return fmt.Errorf("%w: the connection broke before COMMIT", meta.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	return t.ended(t.conn.Exec(ctx, "commit"))
}

// ended tells what the answer to COMMIT means.
func (t *tx) ended(tag pgconn.CommandTag, err error) error {
	var answered *pgconn.PgError
	switch {
	case err == nil && tag.String() == "COMMIT":
		return nil
	case err == nil: // an error before had ended the transaction
		return fmt.Errorf("%w: answered %q to COMMIT", meta.ErrConflict, tag)
	case errors.As(err, &answered) && !lost(answered):
		return t.translate(err)
	}
	// Not pgconn.SafeToRetry: it says so too where COMMIT was sent and the
	// connection broke before the answer.
	return fmt.Errorf("%w: %w", meta.ErrOutcomeUnknown, err)
}

// commitLast is told apart from the end of a snapshot by tests that watch the wire.
const commitLast = "commit work"

// Last sends b and COMMIT as one pipeline: where a statement fails, the server passes
// over what follows.
func (t *tx) Last(ctx context.Context, b *meta.Batch) error {
	if t.begin != "" { // what has not begun may be run again where the connection breaks
		if err := t.Run(ctx, b); err != nil {
			return err
		}
		return t.finish(t.commit(ctx))
	}
	if t.conn.IsClosed() {
		return fmt.Errorf("%w: the connection broke before COMMIT", meta.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	pipeline := &pgx.Batch{}
	for i := range b.Statements {
		pipeline.Queue(local(b.Statements[i].SQL), b.Statements[i].Args...)
	}
	pipeline.Queue(commitLast)
	results := t.conn.SendBatch(ctx, pipeline)
	for i := range b.Statements {
		if _, err := results.Exec(); err != nil {
			_ = results.Close()
			return t.unsure(err, fmt.Errorf("%w in %.60q", t.translate(err), b.Statements[i].SQL))
		}
	}
	tag, err := results.Exec()
	if e := results.Close(); err == nil {
		err = e
	}
	return t.finish(t.ended(tag, err))
}

func (t *tx) finish(err error) error {
	t.committed = err == nil
	return err
}

// unsure is err, unless the connection broke so that nobody knows whether the COMMIT
// behind the statement was reached.
func (t *tx) unsure(cause, err error) error {
	var answered *pgconn.PgError
	if errors.As(cause, &answered) && !lost(answered) {
		return err
	}
	return fmt.Errorf("%w: %w", meta.ErrOutcomeUnknown, cause)
}

// lost reports whether the server broke off without telling what became of COMMIT.
func lost(e *pgconn.PgError) bool {
	return strings.HasPrefix(e.Code, "57P") || strings.HasPrefix(e.Code, "08")
}

func (t *tx) rollback() {
	if t.begin != "" || t.conn.IsClosed() || t.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	_, _ = t.conn.Exec(ctx, "rollback") // where it fails, the pool drops the connection
}

type rows struct {
	pgx.Rows
	t      *tx
	cancel context.CancelFunc // nil: another's
}

func (r rows) Close() {
	r.Rows.Close()
	if r.cancel != nil {
		r.cancel()
	}
}

func (r rows) Err() error { return r.t.translate(r.Rows.Err()) }

// translate gives PostgreSQL's codes and broken connections the names of package
// meta.
func (t *tx) translate(err error) error {
	if err == nil {
		return nil
	}
	var answered *pgconn.PgError
	if errors.As(err, &answered) || t.conn.IsClosed() {
		return unavailableUnlessAnswered(err)
	}
	return err
}

func unavailableUnlessAnswered(err error) error {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return fmt.Errorf("%w: %w", meta.ErrUnavailable, err)
	}
	kind := error(nil)
	switch {
	case e.Code == "40001", e.Code == "40P01", e.Code == "55P03": // serialization, deadlock, lock_timeout
		kind = meta.ErrConflict
	case e.Code == "23505":
		kind = meta.ErrExists
	case e.Code == "23503":
		kind = meta.ErrReference
	case e.Code == "53100":
		kind = meta.ErrFull
	case e.Code == "25P03", e.Code == "25006", lost(e), strings.HasPrefix(e.Code, "53"), strings.HasPrefix(e.Code, "58"):
		kind = meta.ErrUnavailable
	default:
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// unavailable is why no connection could be had: the caller's patience, or the
// database.
func unavailable(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return fmt.Errorf("%w: %w", meta.ErrUnavailable, err)
}
