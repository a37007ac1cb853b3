package app

import (
	"context"
	"errors"
	"io"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
)

// observedEngine times transactions.
type observedEngine struct {
	meta.Engine
	m *metrics
}

// Unwrap is the engine that is timed.
func (e observedEngine) Unwrap() meta.Engine { return e.Engine }

func (e observedEngine) View(ctx context.Context, f func(meta.Tx) error) error {
	began := time.Now()
	err := e.Engine.View(ctx, f)
	e.note("view", began, err)
	return err
}

func (e observedEngine) Read(ctx context.Context, b *meta.Batch) error {
	began := time.Now()
	err := e.Engine.Read(ctx, b)
	e.note("read", began, err)
	return err
}

func (e observedEngine) Update(ctx context.Context, f func(meta.Tx) error) error {
	began := time.Now()
	err := e.Engine.Update(ctx, f)
	e.note("update", began, err)
	return err
}

// note counts as errors what the database did, not what was asked of it.
func (e observedEngine) note(operation string, began time.Time, err error) {
	e.m.database.WithLabelValues(operation).Observe(time.Since(began).Seconds())
	for _, fault := range []error{meta.ErrUnavailable, meta.ErrFull, meta.ErrConflict, meta.ErrOutcomeUnknown} {
		if errors.Is(err, fault) {
			e.m.dbErrors.WithLabelValues(operation).Inc()
			return
		}
	}
}

// observedBlobs times blob operations.
type observedBlobs struct {
	blob.Store
	m *metrics
}

func (s observedBlobs) Put(ctx context.Context, key string, body blob.Body) error {
	began := time.Now()
	err := s.Store.Put(ctx, key, body)
	s.note("put", began, err)
	return err
}

func (s observedBlobs) Create(ctx context.Context, key, folder string) (blob.Writer, error) {
	w, err := s.Store.Create(ctx, key, folder)
	if err != nil {
		s.note("create", time.Now(), err)
		return nil, err
	}
	return observedWriter{w, s}, nil
}

// observedWriter times what makes an object durable; before it, the client is waited for.
type observedWriter struct {
	blob.Writer
	s observedBlobs
}

func (w observedWriter) Commit() error {
	began := time.Now()
	err := w.Writer.Commit()
	w.s.note("commit", began, err)
	return err
}

func (s observedBlobs) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	began := time.Now()
	r, err := s.Store.Get(ctx, key, offset, length)
	s.note("get", began, err)
	return r, err
}

func (s observedBlobs) Delete(ctx context.Context, key string) error {
	began := time.Now()
	err := s.Store.Delete(ctx, key)
	s.note("delete", began, err)
	return err
}

func (s observedBlobs) note(operation string, began time.Time, err error) {
	s.m.blobs.WithLabelValues(operation).Observe(time.Since(began).Seconds())
	if err != nil && !errors.Is(err, context.Canceled) {
		s.m.blobErrors.WithLabelValues(operation).Inc()
	}
}
