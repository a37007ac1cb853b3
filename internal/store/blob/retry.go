package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Backoff says how often and how soon a temporary failure is tried again. The
// zero value tries four times within about two seconds.
type Backoff struct {
	Attempts int           // in all; 0: 4
	First    time.Duration // wait before the second attempt; doubles; 0: 100 ms
	Longest  time.Duration // bound of one wait; 0: 2 s
}

// Do calls f until it succeeds, fails otherwise than with ErrTemporary, the
// attempts are used up, or ctx ends. Waits vary by up to half, so that those who
// failed together do not come again together.
func (b Backoff) Do(ctx context.Context, f func() error) error {
	attempts, wait, longest := b.Attempts, b.First, b.Longest
	if attempts <= 0 {
		attempts = 4
	}
	if wait <= 0 {
		wait = 100 * time.Millisecond
	}
	if longest <= 0 {
		longest = 2 * time.Second
	}
	for {
		err := f()
		attempts--
		if err == nil || attempts <= 0 || !errors.Is(err, ErrTemporary) || ctx.Err() != nil {
			return err
		}
		wait = min(wait, longest)
		timer := time.NewTimer(wait/2 + rand.N(wait/2+1)) //nolint:gosec // a wait is no secret
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
		wait *= 2
	}
}

// NewRetry returns a Store that tries again what fails with ErrTemporary. A Get
// whose stream breaks goes on at the byte where it broke, which is safe because
// objects never change.
func NewRetry(store Store, backoff Backoff) Store {
	return retry{store: store, backoff: backoff}
}

type retry struct {
	store   Store
	backoff Backoff
}

func (r retry) Put(ctx context.Context, key string, body Body) error {
	return r.backoff.Do(ctx, func() error { return r.store.Put(ctx, key, body) })
}

// Create repeats the beginning and the end; what happens between is repeated, where
// that is possible, by the store itself.
func (r retry) Create(ctx context.Context, key, folder string) (w Writer, err error) {
	err = r.backoff.Do(ctx, func() error {
		w, err = r.store.Create(ctx, key, folder)
		return err
	})
	if err != nil {
		return nil, err
	}
	return retryWriter{Writer: w, ctx: ctx, retry: r}, nil
}

type retryWriter struct {
	Writer
	ctx   context.Context
	retry retry
}

func (w retryWriter) Commit() error { return w.retry.backoff.Do(w.ctx, w.Writer.Commit) }

func (r retry) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	g := &retryReader{ctx: ctx, retry: r, key: key, offset: offset, length: length}
	if err := g.open(); err != nil {
		return nil, err
	}
	return g, nil
}

func (r retry) Stat(ctx context.Context, key string) (info Info, err error) {
	err = r.backoff.Do(ctx, func() error {
		info, err = r.store.Stat(ctx, key)
		return err
	})
	return info, err
}

func (r retry) Delete(ctx context.Context, key string) error {
	return r.backoff.Do(ctx, func() error { return r.store.Delete(ctx, key) })
}

func (r retry) List(ctx context.Context, prefix, after string, limit int) (page []Info, err error) {
	err = r.backoff.Do(ctx, func() error {
		page, err = r.store.List(ctx, prefix, after, limit)
		return err
	})
	return page, err
}

// Check is not repeated: a probe wants to know how it is now.
func (r retry) Check(ctx context.Context) error { return r.store.Check(ctx) }

// retryReader reads an object and opens it again where a stream breaks.
type retryReader struct {
	ctx    context.Context
	retry  retry
	key    string
	offset int64
	length int64 // still to read; negative: to the end
	r      io.ReadCloser
	broken int // breaks since the last byte
}

func (g *retryReader) open() error {
	return g.retry.backoff.Do(g.ctx, func() (err error) {
		g.r, err = g.retry.store.Get(g.ctx, g.key, g.offset, g.length)
		return err
	})
}

func (g *retryReader) Read(p []byte) (int, error) {
	if g.r == nil {
		return 0, fmt.Errorf("blob: read of %s after it failed", g.key)
	}
	n, err := g.r.Read(p)
	g.offset += int64(n)
	if g.length >= 0 {
		g.length -= int64(n)
	}
	if n > 0 {
		g.broken = 0
	}
	if err == nil || !errors.Is(err, ErrTemporary) || g.ctx.Err() != nil {
		return n, err
	}
	if g.broken++; g.broken > 2 {
		return n, err // the service answers but gives no byte
	}
	g.r.Close()
	g.r = nil
	return n, g.open()
}

func (g *retryReader) Close() error {
	if g.r == nil {
		return nil
	}
	return g.r.Close()
}
