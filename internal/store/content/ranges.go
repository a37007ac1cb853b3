package content

import (
	"context"
	"fmt"
)

// Ranges opens ranges of one content. What it has read of the content's end, to
// know where its chunks lie, serves all ranges. It is for one goroutine.
type Ranges struct {
	account *Account
	id      ID
	purpose Purpose
	src     Source

	whole  []byte // all sealed bytes, where they are in memory
	header header // with sealer and table known once table.start is set
	sealer sealer
	table  table
}

// Ranges returns the ranges of a content. Nothing is read yet.
func (a *Account) Ranges(id ID, p Purpose, src Source) *Ranges {
	return &Ranges{account: a, id: id, purpose: p, src: src}
}

// Open is Account.Open. Readers that are open at the same time do not disturb each
// other.
func (g *Ranges) Open(ctx context.Context, offset, length int64) (*Reader, error) {
	if offset < 0 {
		return nil, fmt.Errorf("content: offset %d is negative", offset)
	}
	r := &Reader{codec: g.account.codec}
	if err := g.open(ctx, r, offset, length); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (g *Ranges) open(ctx context.Context, r *Reader, offset, length int64) error {
	if g.table.start != nil {
		r.whole, r.header, r.sealer, r.table = g.whole, g.header, g.sealer, g.table
		return r.openRange(ctx, g.src, offset, length)
	}
	if err := g.readWhole(ctx); err != nil {
		return err
	}
	r.whole = g.whole
	if err := r.open(ctx, g.account, g.id, g.purpose, g.src, offset, length); err != nil {
		return err
	}
	g.header, g.sealer, g.table = r.header, r.sealer, r.table
	return nil
}

// readWhole takes the sealed bytes that are in memory, or so few that they are
// read by one request.
func (g *Ranges) readWhole(ctx context.Context) error {
	if g.whole != nil {
		return nil
	}
	if m, ok := g.src.(inMemory); ok {
		g.whole, _ = m.Bytes()
	}
	size := g.src.Size()
	if g.whole != nil || size > wholeSize {
		return nil
	}
	whole := make([]byte, max(size, 0))
	if err := readRange(ctx, g.src, whole, 0); err != nil {
		return err
	}
	g.whole = whole
	return nil
}
