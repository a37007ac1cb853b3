package storetest

import (
	"context"
	"strings"
	"sync"

	"fachwerk/internal/store/meta"
)

// Counted is an engine that notes the statements of writing transactions.
type Counted struct {
	meta.Engine

	mu    sync.Mutex
	texts []string
}

// Unwrap is the engine that is counted.
func (c *Counted) Unwrap() meta.Engine { return c.Engine }

// Take answers the statements since the last Take that contain a text.
func (c *Counted) Take(containing string) (texts []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, text := range c.texts {
		if strings.Contains(text, containing) {
			texts = append(texts, text)
		}
	}
	c.texts = nil
	return texts
}

func (c *Counted) note(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.texts = append(c.texts, text)
}

// Update notes what f runs.
func (c *Counted) Update(ctx context.Context, f func(meta.Tx) error) error {
	return c.Engine.Update(ctx, func(tx meta.Tx) error { return f(countedTx{tx, c}) })
}

type countedTx struct {
	meta.Tx
	c *Counted
}

func (x countedTx) Query(ctx context.Context, sql string, args ...any) (meta.Rows, error) {
	x.c.note(sql)
	return x.Tx.Query(ctx, sql, args...)
}

func (x countedTx) Run(ctx context.Context, b *meta.Batch) error {
	for _, s := range b.Statements {
		x.c.note(s.SQL)
	}
	return x.Tx.Run(ctx, b)
}
