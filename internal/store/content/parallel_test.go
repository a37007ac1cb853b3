package content

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// sealParallel seals in odd pieces and fails the test on any error.
func sealParallel(t *testing.T, a *Account, id ID, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	one, two := md5.New(), sha1.New()
	w := a.SealParallel(id, PurposeContent, &out, one, two)
	for rest := plain; len(rest) > 0; {
		n := min(len(rest), 50_021)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	wantOne, wantTwo := md5.Sum(plain), sha1.Sum(plain)
	if w.Sum() != sha256.Sum256(plain) || !bytes.Equal(one.Sum(nil), wantOne[:]) || !bytes.Equal(two.Sum(nil), wantTwo[:]) {
		t.Errorf("%d bytes: wrong digests", len(plain))
	}
	if w.Size() != int64(len(plain)) || w.SealedSize() != int64(out.Len()) {
		t.Errorf("%d bytes: size %d, sealed %d of %d", len(plain), w.Size(), w.SealedSize(), out.Len())
	}
	return out.Bytes()
}

// What comes by ReadFrom is the same, whatever pieces the reader gives.
func TestReadFrom(t *testing.T) {
	a, id := testAccount(), NewID()
	for _, size := range sizes {
		plain := noise(size)
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(plain), "halves": iotest.HalfReader(bytes.NewReader(plain)),
			"end with data": iotest.DataErrReader(bytes.NewReader(plain)),
		} {
			var out bytes.Buffer
			w := a.SealParallel(id, PurposeContent, &out)
			n, err := w.ReadFrom(r)
			if also := w.Close(); err != nil || also != nil || n != int64(size) || w.Size() != n || w.Sum() != sha256.Sum256(plain) {
				t.Fatalf("%d bytes, %s: %d, %v, %v", size, name, n, err, also)
			}
			if got, err := open(a, id, PurposeContent, Inline(out.Bytes()), 0, -1); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes, %s: %d back, %v", size, name, len(got), err)
			}
		}
	}
	broken := errors.New("broken")
	w := a.SealParallel(id, PurposeContent, io.Discard)
	n, err := w.ReadFrom(io.MultiReader(bytes.NewReader(noise(100_000)), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || n != 100_000 {
		t.Errorf("%d bytes, %v", n, err)
	}
	w.Discard()
	if _, err := w.ReadFrom(bytes.NewReader(nil)); err == nil {
		t.Error("read after Discard")
	}
	w = a.Seal(id, PurposeContent, io.Discard)
	w.size = MaxSize - 5
	if _, err := w.ReadFrom(bytes.NewReader(noise(6))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a byte beyond MaxSize: %v", err)
	}
}

// wantNoMore demands that goroutines end.
func wantNoMore(t *testing.T, before int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before)
}

func TestSealParallel(t *testing.T) {
	before := runtime.NumGoroutine()
	a, id := testAccount(), NewID()
	for _, size := range append(sizes, 50*ChunkSize+1) {
		for name, plain := range map[string][]byte{"text": mailText(size), "noise": noise(size)} {
			got, err := open(a, id, PurposeContent, &counting{sealed: sealParallel(t, a, id, plain)}, 0, -1)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes of %s: %d back, %v", size, name, len(got), err)
			}
		}
	}
	wantNoMore(t, before)
}

// What fails below ends the writing, and no goroutine stays.
func TestSealParallelFails(t *testing.T) {
	before := runtime.NumGoroutine()
	a, broken := testAccount(), errors.New("disk")
	for _, after := range []int{0, 1, 5} {
		writes := 0
		w := a.SealParallel(NewID(), PurposeContent, writerFunc(func(p []byte) (int, error) {
			if writes++; writes > after {
				return 0, broken
			}
			return len(p), nil
		}))
		_, err := w.Write(noise(40 * ChunkSize))
		if also := w.Close(); !errors.Is(also, broken) || err != nil && !errors.Is(err, broken) {
			t.Errorf("failed after %d writes: %v, close: %v", after, err, also)
		}
		if _, err := w.Write([]byte{1}); err == nil {
			t.Error("write after close succeeded")
		}
	}
	// Given up in the middle.
	for _, size := range []int{0, 10, ChunkSize, 3 * ChunkSize, 20 * ChunkSize} {
		w := a.SealParallel(NewID(), PurposeContent, io.Discard)
		w.Write(noise(size))
		w.Discard()
		w.Discard()
		if err := w.Close(); err == nil {
			t.Errorf("what was given up after %d bytes was closed as if it were whole", size)
		}
	}
	wantNoMore(t, before)
}

// Ranges of one content read its table once.
func TestRangesReadTheTableOnce(t *testing.T) {
	a, id, plain := testAccount(), NewID(), noise(100*ChunkSize)
	src := &counting{sealed: seal(t, a, id, PurposeContent, plain)}
	g := a.Ranges(id, PurposeContent, src)
	for i, span := range [][2]int64{{0, 10}, {50*ChunkSize - 5, 10}, {99 * ChunkSize, -1}, {0, -1}, {200 * ChunkSize, 1}} {
		r, err := g.Open(t.Context(), span[0], span[1])
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		r.Close()
		want := plain[min(span[0], int64(len(plain))):]
		if span[1] >= 0 {
			want = want[:min(span[1], int64(len(want)))]
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: %d bytes, %v", span, len(got), err)
		}
		if most := i + 2; src.requests > most {
			t.Errorf("%d requests for %d ranges", src.requests, i+1)
		}
	}
	src.requests = 0
	small := a.Ranges(id, PurposeContent, &counting{sealed: seal(t, a, id, PurposeContent, plain[:100])})
	for range 3 {
		r, err := small.Open(t.Context(), 90, -1)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain[90:100]) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		r.Close()
	}
}

// A range touches the chunks that it lies in and no more.
func TestRangeTouchesItsChunksOnly(t *testing.T) {
	a, id := testAccount(), NewID()
	src := &touched{counting: counting{sealed: seal(t, a, id, PurposeContent, noise(1000*ChunkSize))}}
	g := a.Ranges(id, PurposeContent, src)
	for _, span := range [][2]int64{{500*ChunkSize + 7, 5}, {10 * ChunkSize, 2 * ChunkSize}} {
		src.bytes = 0
		if _, err := g.Open(t.Context(), 0, 0); err != nil { // the table
			t.Fatal(err)
		}
		src.bytes = 0
		r, err := g.Open(t.Context(), span[0], span[1])
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r)
		r.Close()
		if err != nil || n != span[1] || src.bytes > (span[1]/ChunkSize+1)*maxSealed {
			t.Errorf("%v: %d bytes from %d sealed ones, %v", span, n, src.bytes, err)
		}
	}
}

type touched struct {
	counting
	bytes int64
}

func (s *touched) ReadRange(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	s.bytes += length
	return s.counting.ReadRange(ctx, offset, length)
}

// A reader that is closed early, even while the store gives no byte, leaves no
// goroutine, and a break in the middle comes after the bytes before it.
func TestReadingAheadEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	a, id, plain := testAccount(), NewID(), noise(60*ChunkSize)
	sealed := seal(t, a, id, PurposeContent, plain)
	for _, read := range []int64{0, 1, 20 * ChunkSize} {
		r, err := a.Open(t.Context(), id, PurposeContent, &stuck{counting: counting{sealed: sealed}, after: 30 * ChunkSize}, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.CopyN(io.Discard, r, read); n != read {
			t.Errorf("%d of %d bytes, %v", n, read, err)
		}
		r.Close()
		r.Close()
	}
	wantNoMore(t, before)
	broken := errors.New("broken")
	src := &counting{sealed: sealed}
	g := a.Ranges(id, PurposeContent, src)
	if _, err := g.Open(t.Context(), 0, 0); err != nil {
		t.Fatal(err)
	}
	src.fail = broken
	r, err := g.Open(t.Context(), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if !errors.Is(err, broken) || !bytes.HasPrefix(plain, got) || len(got) < 26*ChunkSize {
		t.Errorf("%d bytes before the break, %v", len(got), err)
	}
	r.Close()
	wantNoMore(t, before)
}

// Whichever chunk is damaged, those before it are read whole, and nothing of it.
func TestDamageAhead(t *testing.T) {
	a, id := testAccount(), NewID()
	for name, plain := range map[string][]byte{"noise": noise(20*ChunkSize + 9), "text": mailText(20*ChunkSize + 9)} {
		sealed := seal(t, a, id, PurposeContent, plain)
		r, err := a.Open(t.Context(), id, PurposeContent, &counting{sealed: sealed}, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		starts := r.table.start
		r.Close()
		for chunk := range 21 {
			damaged := bytes.Clone(sealed)
			damaged[starts[chunk]+3] ^= 1
			for _, from := range []int64{0, 100} {
				want := max(int64(chunk)*ChunkSize-from, 0)
				r, err := a.Open(t.Context(), id, PurposeContent, &counting{sealed: damaged}, from, -1)
				if err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				if _, err := r.WriteTo(&out); !errors.Is(err, ErrCorrupt) || int64(out.Len()) != want || !bytes.Equal(out.Bytes(), plain[from:from+want]) {
					t.Errorf("%s, chunk %d, from %d: %d bytes written, want %d, %v", name, chunk, from, out.Len(), want, err)
				}
				r.Close()
			}
		}
	}
}

// stuck is a source whose ranges give no more bytes at a place until ctx ends.
type stuck struct {
	counting
	after int64
}

func (s *stuck) ReadRange(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	r, err := s.counting.ReadRange(ctx, offset, length)
	if offset > 0 {
		return r, err // the table
	}
	return io.NopCloser(io.MultiReader(io.LimitReader(r, s.after), readerFunc(func([]byte) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}))), err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Streams of several writers and readers at once share buffers and nothing else.
func TestParallelStreams(t *testing.T) {
	a := testAccount()
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			id, plain := NewID(), noise(12*ChunkSize+n)
			sealed := sealParallel(t, a, id, plain)
			got, err := open(a, id, PurposeContent, &counting{sealed: sealed}, 5, -1)
			if err != nil || !bytes.Equal(got, plain[5:]) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	all.Wait()
}

// Noise is not handed to the compressor again and again, and text after it is.
func TestPackingIsDecidedBySamples(t *testing.T) {
	var p packing
	tries := func(data []byte, n int) (tried int) {
		for range n {
			if p.worth(data) {
				tried++
				p.learn(!bytes.Equal(data, hard))
			}
		}
		return tried
	}
	if n := tries(hard, 640); n > 12 {
		t.Errorf("640 chunks of noise were tried %d times", n)
	}
	if n := tries(mailText(ChunkSize), 100); n < 100-packPause-1 {
		t.Errorf("100 chunks of text after noise were tried %d times", n)
	}
	repeated := bytes.Repeat(noise(8<<10), 8)
	p.learn(false)
	if n := tries(repeated, 200); n < 200-packAnyway {
		t.Errorf("repeated noise was tried %d times of 200", n)
	}
	base64 := bytes.Repeat([]byte("QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9w"), 1200)
	if uneven(hard) || !uneven(base64) || !uneven(mailText(ChunkSize)) || !uneven(make([]byte, 100)) {
		t.Error("the sample tells text from noise wrongly")
	}
}

var hard = noise(ChunkSize)
