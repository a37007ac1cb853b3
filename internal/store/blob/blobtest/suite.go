package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"fachwerk/internal/store/blob"
)

var day = time.Date(2026, 11, 22, 23, 59, 0, 0, time.UTC)

// Run demands of the stores that open returns, each empty, what blob.Store says.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	for name, test := range map[string]func(*testing.T, blob.Store){
		"Missing":    testMissing,
		"Sizes":      testSizes,
		"Ranges":     testRanges,
		"Overwrite":  testOverwrite,
		"Delete":     testDelete,
		"List":       testList,
		"Keys":       testKeys,
		"Cancel":     testCancel,
		"WrongSize":  testWrongSize,
		"BrokenBody": testBrokenBody,
		"Concurrent": testConcurrent,
		"Check":      testCheck,
		"Create":     testCreate,
		"GivenUp":    testGivenUp,
		"Coming":     testComing,
		"Gigabyte":   testGigabyte,
		"Endless":    testEndless,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func put(t *testing.T, s blob.Store, key string, body blob.Body) {
	t.Helper()
	if err := s.Put(t.Context(), key, body); err != nil {
		t.Fatalf("put %d bytes: %v", body.Size(), err)
	}
}

func get(t *testing.T, s blob.Store, key string, offset, length int64) []byte {
	t.Helper()
	r, err := s.Get(t.Context(), key, offset, length)
	if err != nil {
		t.Fatalf("get %d from %d: %v", length, offset, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %d from %d: %v", length, offset, err)
	}
	return b
}

// wantNothing demands that no part of an object is visible in any way.
func wantNothing(t *testing.T, s blob.Store, key string) {
	t.Helper()
	if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("stat: %v, want ErrNotFound", err)
	}
	for _, span := range [][2]int64{{0, -1}, {0, 0}, {3, 0}, {3, 5}} {
		r, err := s.Get(t.Context(), key, span[0], span[1])
		if !errors.Is(err, blob.ErrNotFound) {
			t.Errorf("get %d from %d: %v, want ErrNotFound", span[1], span[0], err)
		}
		if err == nil {
			r.Close()
		}
	}
	page, err := s.List(t.Context(), "", "", 0)
	if err != nil {
		t.Errorf("list: %v", err)
	}
	for _, info := range page {
		if info.Key == key {
			t.Errorf("it is listed with %d bytes", info.Size)
		}
	}
}

func testMissing(t *testing.T, s blob.Store) {
	key := blob.NewKey(1, day)
	wantNothing(t, s, key)
	if err := s.Delete(t.Context(), key); err != nil {
		t.Errorf("delete: %v", err)
	}
	put(t, s, blob.NewKey(1, day), blob.Bytes("a neighbour"))
	wantNothing(t, s, key)
}

func testSizes(t *testing.T, s blob.Store) {
	sizes := []int64{0, 1, 64<<10 - 1, 64 << 10, 64<<10 + 1, 5<<20 - 1, 5 << 20, 5<<20 + 1}
	for i, size := range sizes {
		body := Generated{Seed: byte(i), Length: size}
		key := blob.NewKey(int64(i+1), day)
		before := time.Now()
		put(t, s, key, body)
		if got := get(t, s, key, 0, -1); !bytes.Equal(got, body.Bytes()) {
			t.Errorf("%d bytes: %d others came back", size, len(got))
		}
		info, err := s.Stat(t.Context(), key)
		if err != nil || info.Key != key || info.Size != size {
			t.Errorf("%d bytes: stat %+v, %v", size, info, err)
		}
		if info.ModTime.Before(before.Add(-time.Minute)) || info.ModTime.After(time.Now().Add(time.Minute)) {
			t.Errorf("stored at %v, now is %v", info.ModTime, time.Now())
		}
	}
}

func testRanges(t *testing.T, s blob.Store) {
	const size = 200_001
	body := Generated{Seed: 7, Length: size}
	all, key, empty := body.Bytes(), blob.NewKey(1, day), blob.NewKey(1, day)
	put(t, s, key, body)
	put(t, s, empty, blob.Bytes(nil))
	spans := [][2]int64{
		{0, 0}, {0, 1}, {0, 100}, {0, size}, {0, size + 1}, {0, -1}, // beginning
		{100_000, 50}, {100_000, -1}, {65_535, 2}, {1, size - 2}, // middle
		{size - 1, 1}, {size - 1, 2}, {size - 1, -1}, {size - 10, 1 << 40}, // end
		{size, -1}, {size, 1}, {size, 0}, {size + 1, -1}, {size + 1, 5}, {1 << 40, 1}, // beyond
	}
	for i := range int64(20) { // here and there
		spans = append(spans, [2]int64{i * 7919 * 31 % size, i * 104729 * 17 % size})
	}
	for _, span := range spans {
		offset, length := span[0], span[1]
		want := all[min(offset, size):]
		if length >= 0 {
			want = want[:min(length, int64(len(want)))]
		}
		if got := get(t, s, key, offset, length); !bytes.Equal(got, want) {
			t.Errorf("%d from %d: %d bytes, want %d", length, offset, len(got), len(want))
		}
		if got := get(t, s, empty, offset, length); len(got) > 0 {
			t.Errorf("%d from %d of nothing: %d bytes", length, offset, len(got))
		}
	}
	if _, err := s.Get(t.Context(), key, -1, 5); !errors.Is(err, blob.ErrRange) {
		t.Errorf("a negative offset: %v, want ErrRange", err)
	}
}

// A retry whose first answer was lost stores the same bytes again.
func testOverwrite(t *testing.T, s blob.Store) {
	key, body := blob.NewKey(1, day), Generated{Seed: 1, Length: 100_000}
	put(t, s, key, body)
	r, err := s.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	head := make([]byte, 10)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	put(t, s, key, body)
	rest, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(append(head, rest...), body.Bytes()) {
		t.Errorf("a reader that was there before: %d bytes, %v", len(rest), err)
	}
	if got := get(t, s, key, 0, -1); !bytes.Equal(got, body.Bytes()) {
		t.Errorf("stored twice: %d bytes", len(got))
	}
	if page, err := s.List(t.Context(), "", "", 0); err != nil || len(page) != 1 {
		t.Errorf("stored twice and listed %d times, %v", len(page), err)
	}
}

func testDelete(t *testing.T, s blob.Store) {
	key, other := blob.NewKey(1, day), blob.NewKey(1, day)
	put(t, s, key, blob.Bytes("going"))
	put(t, s, other, blob.Bytes("staying"))
	for range 2 {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		wantNothing(t, s, key)
	}
	if got := get(t, s, other, 0, -1); string(got) != "staying" {
		t.Errorf("the neighbour is %q", got)
	}
}

func testList(t *testing.T, s blob.Store) {
	if page, err := s.List(t.Context(), "", "", 0); err != nil || len(page) != 0 {
		t.Fatalf("an empty store lists %d objects, %v", len(page), err)
	}
	var keys []string
	size := make(map[string]int64)
	for tenant := range int64(3) {
		for d := range 3 {
			for n := range 5 {
				key := blob.NewKey(tenant*9+1, day.AddDate(0, 0, -d)) // tenants 1, 10, 19
				put(t, s, key, Generated{Length: int64(n)})
				keys, size[key] = append(keys, key), int64(n)
			}
		}
	}
	slices.Sort(keys)
	for _, prefix := range []string{"", blob.TenantPrefix(1), blob.TenantPrefix(10), blob.DayPrefix(1, day),
		blob.DayPrefix(19, day.AddDate(0, 0, -2)), "1", "1/2026", keys[7], keys[7][:len(keys[7])-3], "7/", "zz"} {
		for _, limit := range []int{1, 4, 15, 1000, 0} {
			var want, got []string
			for _, key := range keys {
				if len(key) >= len(prefix) && key[:len(prefix)] == prefix {
					want = append(want, key)
				}
			}
			after := ""
			for {
				page, err := s.List(t.Context(), prefix, after, limit)
				if err != nil {
					t.Fatalf("list %q after %q: %v", prefix, after, err)
				}
				for _, info := range page {
					got = append(got, info.Key)
					if info.Size != size[info.Key] || info.ModTime.IsZero() {
						t.Errorf("%+v, want size %d", info, size[info.Key])
					}
				}
				if len(page) > blob.PageLimit(limit) {
					t.Fatalf("a page of %d, limit %d", len(page), limit)
				}
				if len(page) < blob.PageLimit(limit) {
					break
				}
				after = page[len(page)-1].Key
			}
			if !slices.Equal(got, want) {
				t.Errorf("prefix %q by %d: %d keys, want %d\n%v\n%v", prefix, limit, len(got), len(want), got, want)
			}
		}
	}
	// After need not exist.
	after := keys[20][:len(keys[20])-1]
	page, err := s.List(t.Context(), "", after, 1)
	if err != nil || len(page) != 1 || page[0].Key != keys[20] {
		t.Errorf("after %q comes %v, %v; want %q", after, page, err, keys[20])
	}
}

func testKeys(t *testing.T, s blob.Store) {
	for _, key := range []string{"", "/", "1", "1/20261122", "1/20261122/", "../../x", "1/20261122/..", "1/2026112/ab",
		"1/20261122/AB", "1/20261122/a/b", "/1/20261122/ab", "1/20261122/a b", "1/20261122/a\x00", "a/20261122/ab", ".tmp/x"} {
		if err := s.Put(t.Context(), key, blob.Bytes("x")); !errors.Is(err, blob.ErrKey) {
			t.Errorf("put %q: %v", key, err)
		}
		if _, err := s.Get(t.Context(), key, 0, -1); !errors.Is(err, blob.ErrKey) {
			t.Errorf("get %q: %v", key, err)
		}
		if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrKey) {
			t.Errorf("stat %q: %v", key, err)
		}
		if err := s.Delete(t.Context(), key); !errors.Is(err, blob.ErrKey) {
			t.Errorf("delete %q: %v", key, err)
		}
	}
}

func testCancel(t *testing.T, s blob.Store) {
	for _, size := range []int64{100_000, 24 << 20} {
		for _, at := range []int64{0, size / 2, size} {
			ctx, cancel := context.WithCancel(t.Context())
			key := blob.NewKey(1, day)
			err := s.Put(ctx, key, cancelling{Generated{Seed: 3, Length: size}, at, cancel})
			cancel()
			if !errors.Is(err, context.Canceled) || errors.Is(err, blob.ErrTemporary) {
				t.Errorf("put of %d bytes cancelled at %d: %v", size, at, err)
			}
			wantNothing(t, s, key)
		}
	}
	key := blob.NewKey(1, day)
	put(t, s, key, Generated{Length: 20 << 20})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Get(ctx, key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cancel()
	if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) || errors.Is(err, blob.ErrTemporary) {
		t.Errorf("read after cancelling: %v", err)
	}
}

func testWrongSize(t *testing.T, s blob.Store) {
	for _, real := range []int{0, 10, 70_000, 20 << 20} {
		given := Generated{Length: int64(real)}.Bytes()
		for _, off := range []int64{-5, -1, 1, 1000} {
			for _, plain := range []bool{false, true} {
				announced := int64(real) + off
				if announced < 0 {
					continue
				}
				key := blob.NewKey(1, day)
				err := s.Put(t.Context(), key, lying{announced, given, plain})
				if !errors.Is(err, blob.ErrSize) {
					t.Errorf("%d bytes announced as %d: %v, want ErrSize", real, announced, err)
				}
				wantNothing(t, s, key)
			}
		}
	}
}

func testBrokenBody(t *testing.T, s blob.Store) {
	for _, size := range []int64{1000, 20 << 20} {
		key := blob.NewKey(1, day)
		if err := s.Put(t.Context(), key, failing{Generated{Length: size}}); !errors.Is(err, errBody) {
			t.Errorf("%d bytes: %v", size, err)
		}
		wantNothing(t, s, key)
	}
}

func testConcurrent(t *testing.T, s blob.Store) {
	const workers, rounds = 8, 6
	failed := make(chan error, workers)
	for w := range workers {
		go func() { failed <- work(t.Context(), s, byte(w), rounds) }()
	}
	for range workers {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	page, err := s.List(t.Context(), "", "", 0)
	if err != nil || len(page) != workers*rounds/2 {
		t.Errorf("%d objects are left, %v", len(page), err)
	}
}

// work stores, reads and deletes every other object, all in one day's folder.
func work(ctx context.Context, s blob.Store, seed byte, rounds int) error {
	for i := range rounds {
		key, body := blob.NewKey(1, day), Generated{Seed: seed, Length: int64(1000 + 90_000*i)}
		if err := s.Put(ctx, key, body); err != nil {
			return err
		}
		r, err := s.Get(ctx, key, 500, -1)
		if err != nil {
			return err
		}
		got, err := io.ReadAll(r)
		r.Close()
		if err != nil || !bytes.Equal(got, body.Bytes()[500:]) {
			return fmt.Errorf("%d bytes of %d, %w", len(got), body.Length-500, err)
		}
		if i%2 == 0 {
			if err := s.Delete(ctx, key); err != nil {
				return err
			}
		}
	}
	return nil
}

func testCheck(t *testing.T, s blob.Store) {
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if page, err := s.List(t.Context(), "", "", 0); err != nil || len(page) > 0 {
		t.Errorf("Check left %d objects, %v", len(page), err)
	}
}

// testGigabyte streams 1 GB, in short mode 100 MB, in and out.
func testGigabyte(t *testing.T, s blob.Store) {
	body := Generated{Seed: 9, Length: 1 << 30}
	if testing.Short() {
		body.Length = 100 << 20
		t.Log("short: 100 MB stand for the gigabyte")
	}
	stop := watchHeap()
	key := blob.NewKey(1, day)
	put(t, s, key, body)
	wantBody(t, s, key, body)
	if grown := stop(); grown > 64<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

// wantBody compares an object with what was put, without keeping either in memory.
func wantBody(t *testing.T, s blob.Store, key string, body Generated) {
	t.Helper()
	want, got := sha256.New(), sha256.New()
	if err := blob.Copy(t.Context(), want, body); err != nil {
		t.Fatal(err)
	}
	r, err := s.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n, err := io.Copy(got, r)
	if err != nil || n != body.Length || !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Errorf("%d of %d bytes came back with digest %x, want %x, %v", n, body.Length, got.Sum(nil), want.Sum(nil), err)
	}
}

// watchHeap samples the heap; the function it returns ends that and gives the
// greatest growth.
func watchHeap() (stop func() int64) {
	heap := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	runtime.GC()
	before := heap()
	done, most := make(chan struct{}), make(chan int64)
	go func() {
		greatest := before
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-tick.C:
				greatest = max(greatest, heap())
			case <-done:
				tick.Stop()
				most <- greatest
				return
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-most - before
	}
}
