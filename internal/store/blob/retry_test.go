package blob_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/blobtest"
	"fachwerk/internal/store/blob/dir"
)

var (
	day     = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	errAway = fmt.Errorf("no route: %w", blob.ErrTemporary)
	quick   = blob.Backoff{Attempts: 4, First: time.Microsecond}
)

func faulty(t *testing.T) (*blobtest.Fault, blob.Store) {
	t.Helper()
	s, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	f := blobtest.NewFault(s)
	return f, blob.NewRetry(f, quick)
}

func TestSuiteBehindRetry(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store {
		_, s := faulty(t)
		return s
	})
}

func TestRetryOutlastsShortOutages(t *testing.T) {
	f, s := faulty(t)
	ctx, key := t.Context(), blob.NewKey(1, day)
	for _, op := range []blobtest.Op{blobtest.Put, blobtest.Get, blobtest.Stat, blobtest.List, blobtest.Delete} {
		f.Fail(op, 2, errAway)
		f.LoseAnswer(op, 1, errAway)
	}
	if err := s.Put(ctx, key, blob.Bytes("same bytes")); err != nil {
		t.Error(err)
	}
	r, err := s.Get(ctx, key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || string(b) != "same bytes" {
		t.Errorf("%q, %v", b, err)
	}
	r.Close()
	if _, err := s.Stat(ctx, key); err != nil {
		t.Error(err)
	}
	if page, err := s.List(ctx, "", "", 0); err != nil || len(page) != 1 {
		t.Errorf("%v, %v", page, err)
	}
	if err := s.Delete(ctx, key); err != nil {
		t.Error(err)
	}
	for _, op := range []blobtest.Op{blobtest.Put, blobtest.Get, blobtest.Stat, blobtest.List, blobtest.Delete} {
		if n := f.Calls(op); n != 4 {
			t.Errorf("%s was called %d times, want 4", op, n)
		}
	}
}

func TestRetryIsBounded(t *testing.T) {
	f, s := faulty(t)
	f.Down(errAway)
	if err := s.Put(t.Context(), blob.NewKey(1, day), blob.Bytes("x")); !errors.Is(err, blob.ErrTemporary) {
		t.Errorf("put: %v", err)
	}
	if n := f.Calls(blobtest.Put); n != 4 {
		t.Errorf("%d attempts", n)
	}
	if err := s.Check(t.Context()); !errors.Is(err, blob.ErrTemporary) || f.Calls(blobtest.Check) != 1 {
		t.Errorf("a probe: %v after %d attempts", err, f.Calls(blobtest.Check))
	}
}

func TestRetryLeavesPermanentErrorsAlone(t *testing.T) {
	f, s := faulty(t)
	if _, err := s.Stat(t.Context(), blob.NewKey(1, day)); !errors.Is(err, blob.ErrNotFound) || f.Calls(blobtest.Stat) != 1 {
		t.Errorf("stat: %v after %d attempts", err, f.Calls(blobtest.Stat))
	}
	f.Down(blob.ErrStopped)
	if err := s.Put(t.Context(), blob.NewKey(1, day), blob.Bytes("x")); !errors.Is(err, blob.ErrStopped) || f.Calls(blobtest.Put) != 1 {
		t.Errorf("put: %v after %d attempts", err, f.Calls(blobtest.Put))
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	f, _ := faulty(t)
	s := blob.NewRetry(f, blob.Backoff{Attempts: 100, First: time.Hour, Longest: time.Hour})
	f.Down(errAway)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := s.Delete(ctx, blob.NewKey(1, day)); err == nil || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestBrokenStreamGoesOn(t *testing.T) {
	f, s := faulty(t)
	body, key := blobtest.Generated{Length: 500_000}, blob.NewKey(1, day)
	if err := s.Put(t.Context(), key, body); err != nil {
		t.Fatal(err)
	}
	for _, span := range [][2]int64{{0, -1}, {1000, 300_000}, {0, 500_000}} {
		f.BreakStream(100_000, errAway)
		f.BreakStream(1, errAway)
		f.BreakStream(0, errAway)
		r, err := s.Get(t.Context(), key, span[0], span[1])
		if err != nil {
			t.Fatal(err)
		}
		want := body.Bytes()[span[0]:]
		if span[1] >= 0 {
			want = want[:span[1]]
		}
		got, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d from %d: %d bytes, want %d, %v", span[1], span[0], len(got), len(want), err)
		}
		r.Close()
	}
	for range 20 {
		f.BreakStream(0, errAway)
	}
	r, err := s.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.ReadAll(r); !errors.Is(err, blob.ErrTemporary) {
		t.Errorf("a stream that never gives a byte: %v", err)
	}
}
