package app

import (
	"context"

	"fachwerk/internal/store/meta"
)

// A Trace hears what an installation does, for tests that count the work behind an
// answer. Its functions are called from many goroutines; nil ones are not called.
type Trace struct {
	// Statement is called with each text that is sent to a site's database.
	Statement func(site, sql string)
	// Hash is called for each hash of a secret that somebody sent.
	Hash func()
}

type traceKey struct{}

// WithTrace makes installations that are opened with the context tell t.
func WithTrace(ctx context.Context, t *Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

func traceOf(ctx context.Context) *Trace {
	t, _ := ctx.Value(traceKey{}).(*Trace)
	if t == nil {
		t = &Trace{}
	}
	return t
}

// engine is e, traced if anybody listens.
func (t *Trace) engine(site string, e meta.Engine) meta.Engine {
	if t.Statement == nil {
		return e
	}
	return tracedEngine{e, func(sql string) { t.Statement(site, sql) }}
}

// tracedEngine tells of each statement before it is run.
type tracedEngine struct {
	meta.Engine
	tell func(sql string)
}

// Unwrap is the engine that is traced.
func (e tracedEngine) Unwrap() meta.Engine { return e.Engine }

func (e tracedEngine) View(ctx context.Context, f func(meta.Tx) error) error {
	return e.Engine.View(ctx, func(tx meta.Tx) error { return f(tracedTx{tx, e.tell}) })
}

func (e tracedEngine) Read(ctx context.Context, b *meta.Batch) error {
	tellAll(e.tell, b)
	return e.Engine.Read(ctx, b)
}

func (e tracedEngine) Update(ctx context.Context, f func(meta.Tx) error) error {
	return e.Engine.Update(ctx, func(tx meta.Tx) error {
		if c, ok := tx.(meta.Closing); ok {
			return f(closingTx{tracedTx{tx, e.tell}, c})
		}
		return f(tracedTx{tx, e.tell})
	})
}

type tracedTx struct {
	meta.Tx
	tell func(sql string)
}

func (x tracedTx) Query(ctx context.Context, sql string, args ...any) (meta.Rows, error) {
	x.tell(sql)
	return x.Tx.Query(ctx, sql, args...)
}

func (x tracedTx) Run(ctx context.Context, b *meta.Batch) error {
	tellAll(x.tell, b)
	return x.Tx.Run(ctx, b)
}

// closingTx goes on being Closing.
type closingTx struct {
	tracedTx
	closing meta.Closing
}

// Last implements meta.Closing.
func (x closingTx) Last(ctx context.Context, b *meta.Batch) error {
	tellAll(x.tell, b)
	return x.closing.Last(ctx, b)
}

func tellAll(tell func(sql string), b *meta.Batch) {
	for _, s := range b.Statements {
		tell(s.SQL)
	}
}
