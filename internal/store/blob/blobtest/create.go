package blobtest

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"fachwerk/internal/store/blob"
)

// create begins an object whose temporary files lie in folder.
func create(t *testing.T, s blob.Store, key, folder string) blob.Writer {
	t.Helper()
	w, err := s.Create(t.Context(), key, folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// coming writes a body in odd pieces.
func coming(t *testing.T, w blob.Writer, body Generated) {
	t.Helper()
	r, _ := body.Open()
	if _, err := io.CopyBuffer(struct{ io.Writer }{w}, r, make([]byte, 100_003)); err != nil {
		t.Fatalf("write %d bytes: %v", body.Length, err)
	}
}

func wantEmpty(t *testing.T, folder string) {
	t.Helper()
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%d temporary files are left, %v", len(left), err)
	}
}

// Whatever its size, an object is not there before Commit, and whole after it.
func testCreate(t *testing.T, s blob.Store) {
	folder := t.TempDir()
	for i, size := range []int64{0, 1, 100_000, 5 << 20, 5<<20 + 1, 8 << 20, 8<<20 + 1, 9 << 20, 10 << 20, 23 << 20} {
		key, body := blob.NewKey(1, day), Generated{Seed: byte(i), Length: size}
		w := create(t, s, key, folder)
		coming(t, w, body)
		wantNothing(t, s, key)
		if err := w.Commit(); err != nil {
			t.Fatalf("commit %d bytes: %v", size, err)
		}
		wantBody(t, s, key, body)
		if err := w.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if info, err := s.Stat(t.Context(), key); err != nil || info.Size != size {
			t.Errorf("%d bytes: %+v, %v", size, info, err)
		}
		if _, err := w.Write([]byte("x")); err == nil {
			t.Error("a byte after the end was taken")
		}
		if err := w.Commit(); err == nil {
			t.Error("an end after the end was taken")
		}
		wantEmpty(t, folder)
	}
	for _, key := range []string{"", "1/20261122/..", "../x"} {
		if _, err := s.Create(t.Context(), key, folder); !errors.Is(err, blob.ErrKey) {
			t.Errorf("create %q: %v", key, err)
		}
	}
}

// What is closed or cancelled before Commit leaves nothing.
func testGivenUp(t *testing.T, s blob.Store) {
	folder := t.TempDir()
	for _, size := range []int64{0, 1000, 7 << 20, 24 << 20} {
		key, body := blob.NewKey(1, day), Generated{Seed: 4, Length: size}
		w := create(t, s, key, folder)
		coming(t, w, body)
		for range 2 {
			if err := w.Close(); err != nil {
				t.Errorf("close after %d bytes: %v", size, err)
			}
		}
		if err := w.Commit(); err == nil {
			t.Error("committed after Close")
		}
		wantNothing(t, s, key)

		ctx, cancel := context.WithCancel(t.Context())
		key = blob.NewKey(1, day)
		w, err := s.Create(ctx, key, folder)
		if err != nil {
			t.Fatal(err)
		}
		coming(t, w, body)
		cancel()
		_, err = w.Write([]byte("x"))
		for what, err := range map[string]error{"write": err, "commit": w.Commit()} {
			if !errors.Is(err, context.Canceled) || errors.Is(err, blob.ErrTemporary) {
				t.Errorf("%s after cancelling at %d bytes: %v", what, size, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		wantNothing(t, s, key)
		wantEmpty(t, folder)
	}
}

// Several objects come at the same time, slowly, beside each other.
func testComing(t *testing.T, s blob.Store) {
	folder := t.TempDir()
	const count = 4
	bodies, keys, writers, readers := [count]Generated{}, [count]string{}, [count]blob.Writer{}, [count]io.Reader{}
	for i := range count {
		bodies[i] = Generated{Seed: byte(i), Length: 11<<20 + int64(i)}
		keys[i] = blob.NewKey(int64(i), day)
		writers[i] = create(t, s, keys[i], folder)
		readers[i], _ = bodies[i].Open()
	}
	for more := true; more; {
		more = false
		for i := range count {
			n, err := io.CopyN(writers[i], readers[i], 300_000)
			if err != nil && err != io.EOF {
				t.Fatal(err)
			}
			more = more || n > 0
		}
	}
	for i := range count {
		if err := writers[i].Commit(); err != nil {
			t.Fatal(err)
		}
		wantBody(t, s, keys[i], bodies[i])
		writers[i].Close()
	}
	wantEmpty(t, folder)
}

// testEndless is testGigabyte where nobody knows how long it will be.
func testEndless(t *testing.T, s blob.Store) {
	body := Generated{Seed: 9, Length: 1 << 30}
	if testing.Short() {
		body.Length = 100 << 20
		t.Log("short: 100 MB stand for the gigabyte")
	}
	stop, began := watchHeap(), time.Now()
	key := blob.NewKey(1, day)
	w := create(t, s, key, t.TempDir())
	coming(t, w, body)
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes in %v", body.Length, time.Since(began).Round(time.Millisecond))
	wantBody(t, s, key, body)
	if grown := stop(); grown > 64<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}
