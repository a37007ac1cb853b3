package blobtest

import (
	"context"
	"io"
	"sync"

	"fachwerk/internal/store/blob"
)

// Op names a method of blob.Store.
type Op string

// The methods that Fault can let fail.
const (
	Put    Op = "put"
	Get    Op = "get"
	Stat   Op = "stat"
	Delete Op = "delete"
	List   Op = "list"
	Check  Op = "check"
)

// Fault is a blob.Store that passes calls to another one and fails as it is told.
// It counts calls. It may be used concurrently.
type Fault struct {
	store blob.Store

	mu     sync.Mutex
	down   error
	next   map[Op][]fault
	breaks []streamBreak
	writes []streamBreak
	calls  map[Op]int
}

type fault struct {
	err  error
	late bool // the call is carried out and its answer lost
}

type streamBreak struct {
	after int64
	err   error
}

// NewFault returns a Fault before store that does not fail yet.
func NewFault(store blob.Store) *Fault {
	return &Fault{store: store, next: make(map[Op][]fault), calls: make(map[Op]int)}
}

// Down lets every call fail with err until Down(nil).
func (f *Fault) Down(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = err
}

// Fail lets the next n calls of op fail with err without doing anything.
func (f *Fault) Fail(op Op, n int, err error) { f.add(op, n, fault{err: err}) }

// LoseAnswer carries out the next n calls of op and then fails with err.
func (f *Fault) LoseAnswer(op Op, n int, err error) { f.add(op, n, fault{err: err, late: true}) }

func (f *Fault) add(op Op, n int, one fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range n {
		f.next[op] = append(f.next[op], one)
	}
}

// BreakStream lets the stream of the next Get break with err after so many bytes.
func (f *Fault) BreakStream(after int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.breaks = append(f.breaks, streamBreak{after, err})
}

// BreakWrite lets the object that is created next fail with err after so many bytes
// of it.
func (f *Fault) BreakWrite(after int64, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes = append(f.writes, streamBreak{after, err})
}

// Calls is how often op was called, failures included.
func (f *Fault) Calls(op Op) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// run carries out one call.
func (f *Fault) run(op Op, call func() error) error {
	f.mu.Lock()
	f.calls[op]++
	down, now := f.down, fault{}
	if queue := f.next[op]; down == nil && len(queue) > 0 {
		now, f.next[op] = queue[0], queue[1:]
	}
	f.mu.Unlock()
	if down != nil {
		return down
	}
	if now.err != nil && !now.late {
		return now.err
	}
	if err := call(); err != nil {
		return err
	}
	return now.err
}

// Put implements blob.Store.
func (f *Fault) Put(ctx context.Context, key string, body blob.Body) error {
	return f.run(Put, func() error { return f.store.Put(ctx, key, body) })
}

// Create implements blob.Store: the end of an object counts and fails as a Put, and
// its bytes fail while all is down.
func (f *Fault) Create(ctx context.Context, key, folder string) (blob.Writer, error) {
	if err := f.isDown(); err != nil {
		return nil, err
	}
	w, err := f.store.Create(ctx, key, folder)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	writer := &faultWriter{Writer: w, f: f}
	if len(f.writes) > 0 {
		writer.end = &f.writes[0]
		f.writes = f.writes[1:]
	}
	return writer, nil
}

func (f *Fault) isDown() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.down
}

type faultWriter struct {
	blob.Writer
	f       *Fault
	end     *streamBreak
	written int64
}

func (w *faultWriter) Write(p []byte) (int, error) {
	if err := w.f.isDown(); err != nil {
		return 0, err
	}
	broken := w.end != nil && w.written+int64(len(p)) > w.end.after
	if broken {
		p = p[:max(w.end.after-w.written, 0)]
	}
	n, err := w.Writer.Write(p)
	w.written += int64(n)
	if broken && err == nil {
		err = w.end.err
	}
	return n, err
}

func (w *faultWriter) Commit() error { return w.f.run(Put, w.Writer.Commit) }

// Get implements blob.Store.
func (f *Fault) Get(ctx context.Context, key string, offset, length int64) (r io.ReadCloser, err error) {
	err = f.run(Get, func() error {
		r, err = f.store.Get(ctx, key, offset, length)
		return err
	})
	if err != nil {
		if r != nil {
			r.Close()
		}
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.breaks) > 0 {
		b := f.breaks[0]
		f.breaks = f.breaks[1:]
		r = &breaking{ReadCloser: r, left: b.after, err: b.err}
	}
	return r, nil
}

// breaking is a stream that ends with an error.
type breaking struct {
	io.ReadCloser
	left int64
	err  error
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.err
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// Stat implements blob.Store.
func (f *Fault) Stat(ctx context.Context, key string) (info blob.Info, err error) {
	err = f.run(Stat, func() error {
		info, err = f.store.Stat(ctx, key)
		return err
	})
	return info, err
}

// Delete implements blob.Store.
func (f *Fault) Delete(ctx context.Context, key string) error {
	return f.run(Delete, func() error { return f.store.Delete(ctx, key) })
}

// List implements blob.Store.
func (f *Fault) List(ctx context.Context, prefix, after string, limit int) (page []blob.Info, err error) {
	err = f.run(List, func() error {
		page, err = f.store.List(ctx, prefix, after, limit)
		return err
	})
	return page, err
}

// Check implements blob.Store.
func (f *Fault) Check(ctx context.Context) error {
	return f.run(Check, func() error { return f.store.Check(ctx) })
}
