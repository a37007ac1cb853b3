package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"fachwerk/internal/store/blob"
)

// sizes are those at which something changes.
var sizes = []int{0, 1, minPacked - 1, minPacked, ChunkSize - 1, ChunkSize, ChunkSize + 1,
	2 * ChunkSize, 3*ChunkSize + 7, 20*ChunkSize - 1}

// counting is a Source that is not in memory and counts its requests.
type counting struct {
	sealed   []byte
	requests int
	fail     error // given in the middle of a range, if set
}

func (c *counting) Size() int64 { return int64(len(c.sealed)) }

func (c *counting) ReadRange(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	c.requests++
	r, err := Inline(c.sealed).ReadRange(ctx, offset, length)
	if err == nil && c.fail != nil {
		r = io.NopCloser(io.MultiReader(io.LimitReader(r, length/2), failing{c.fail}))
	}
	return r, err
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func seal(t testing.TB, a *Account, id ID, p Purpose, plain []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := a.Seal(id, p, &out)
	for rest := plain; len(rest) > 0; { // in odd pieces
		n := min(len(rest), 30011)
		if _, err := w.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if w.Size() != int64(len(plain)) || w.SealedSize() != int64(out.Len()) || w.Sum() != sha256.Sum256(plain) {
		t.Fatalf("the writer says %d plain, %d sealed bytes, digest %x; want %d, %d, %x",
			w.Size(), w.SealedSize(), w.Sum(), len(plain), out.Len(), sha256.Sum256(plain))
	}
	return out.Bytes()
}

func open(a *Account, id ID, p Purpose, src Source, offset, length int64) ([]byte, error) {
	r, err := a.Open(context.Background(), id, p, src, offset, length)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestStreamComesBack(t *testing.T) {
	a, id := testAccount(), NewID()
	for _, size := range sizes {
		for name, plain := range map[string][]byte{"text": mailText(size), "noise": noise(size), "zeros": make([]byte, size)} {
			sealed := seal(t, a, id, PurposeContent, plain)
			for source, src := range map[string]Source{"inline": Inline(sealed), "object": &counting{sealed: sealed}} {
				got, err := open(a, id, PurposeContent, src, 0, -1)
				if err != nil || !bytes.Equal(got, plain) {
					t.Errorf("%d bytes of %s, %s: %d bytes back, %v", size, name, source, len(got), err)
				}
			}
			inMemory := a.SealBytes([]byte("kept"), id, PurposeContent, plain)
			got, err := a.OpenBytes([]byte("kept"), id, PurposeContent, inMemory[4:])
			if err != nil || !bytes.Equal(got, append([]byte("kept"), plain...)) || !bytes.HasPrefix(inMemory, []byte("kept")) {
				t.Errorf("%d bytes of %s in memory: %d bytes back, %v", size, name, len(got), err)
			}
		}
	}
}

func TestSealingHidesAndIsFresh(t *testing.T) {
	a, id, plain := testAccount(), NewID(), mailText(200)
	one, two := a.SealBytes(nil, id, PurposeContent, plain), a.SealBytes(nil, id, PurposeContent, plain)
	if bytes.Contains(one, plain[:16]) {
		t.Error("sealed bytes contain plain ones")
	}
	if bytes.Equal(one[headerSize:], two[headerSize:]) {
		t.Error("sealing twice gave the same bytes: a key was used twice")
	}
}

func TestCompressionHelps(t *testing.T) {
	a, plain := testAccount(), mailText(ChunkSize)
	if sealed := a.SealBytes(nil, NewID(), PurposeContent, plain); len(sealed) > len(plain)/2 {
		t.Errorf("%d bytes of text are %d sealed", len(plain), len(sealed))
	}
	hard := noise(ChunkSize)
	if sealed := a.SealBytes(nil, NewID(), PurposeContent, hard); len(sealed) != len(hard)+headerSize+1+gcmTag {
		t.Errorf("%d bytes of noise are %d sealed", len(hard), len(sealed))
	}
}

// Every range equals the same range of the plain bytes.
func TestRanges(t *testing.T) {
	a, id := testAccount(), NewID()
	random := rand.New(rand.NewPCG(3, 4))
	for _, size := range sizes {
		plain := append(noise(size/2), mailText(size-size/2)...)
		sealed := seal(t, a, id, PurposeContent, plain)
		for range 60 {
			offset := random.Int64N(int64(size) + 3)
			length := random.Int64N(int64(size)+3) - 1
			if random.IntN(3) == 0 { // near a chunk's border
				offset = max(0, offset/ChunkSize*ChunkSize+random.Int64N(3)-1)
			}
			want := plain[min(offset, int64(size)):]
			if length >= 0 {
				want = want[:min(length, int64(len(want)))]
			}
			for name, src := range map[string]Source{"inline": Inline(sealed), "object": &counting{sealed: sealed}} {
				got, err := open(a, id, PurposeContent, src, offset, length)
				if err != nil || !bytes.Equal(got, want) {
					t.Fatalf("%s: %d from %d of %d: %d bytes, %v; want %d", name, length, offset, size, len(got), err, len(want))
				}
			}
		}
	}
	if _, err := open(a, id, PurposeContent, Inline(seal(t, a, id, PurposeContent, nil)), -1, 1); err == nil {
		t.Error("a negative offset was taken")
	}
}

func TestRoundTrips(t *testing.T) {
	a, id := testAccount(), NewID()
	for size, most := range map[int]int{400: 1, ChunkSize: 1, 10 * ChunkSize: 2, 300 * ChunkSize: 2} {
		src := &counting{sealed: seal(t, a, id, PurposeContent, noise(size))}
		if _, err := open(a, id, PurposeContent, src, 0, -1); err != nil || src.requests > most {
			t.Errorf("%d bytes took %d requests, want at most %d; %v", size, src.requests, most, err)
		}
	}
	// A table that compression made longer than guessed takes one more.
	src := &counting{sealed: seal(t, a, id, PurposeContent, make([]byte, 3000*ChunkSize))}
	if got, err := open(a, id, PurposeContent, src, 2999*ChunkSize, 5); err != nil || len(got) != 5 || src.requests > 3 {
		t.Errorf("%d bytes, %d requests, %v", len(got), src.requests, err)
	}
}

func TestWriteToAndReadAgree(t *testing.T) {
	a, id, plain := testAccount(), NewID(), mailText(3*ChunkSize)
	r, err := a.Open(t.Context(), id, PurposeContent, Inline(seal(t, a, id, PurposeContent, plain)), 10, 2*ChunkSize)
	if err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 100)
	io.ReadFull(r, head)
	var rest bytes.Buffer
	n, err := r.WriteTo(&rest)
	if err != nil || n != 2*ChunkSize-100 || !bytes.Equal(append(head, rest.Bytes()...), plain[10:10+2*ChunkSize]) {
		t.Errorf("WriteTo gave %d bytes, %v", n, err)
	}
	if r.Size() != int64(len(plain)) {
		t.Errorf("size %d", r.Size())
	}
	r.Close()
	if _, err := r.Read(head); !errors.Is(err, errClosed) {
		t.Errorf("read after Close: %v", err)
	}
}

// An outage of the store is not a damaged content, and the other way round.
func TestSourceErrorsAreKeptApart(t *testing.T) {
	a, id := testAccount(), NewID()
	for _, size := range []int{10, 10 * ChunkSize} {
		sealed := seal(t, a, id, PurposeContent, noise(size))
		_, err := open(a, id, PurposeContent, &counting{sealed: sealed, fail: blob.ErrTemporary}, 0, -1)
		if !errors.Is(err, blob.ErrTemporary) || errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes, broken connection: %v", size, err)
		}
		wrapped := fmt.Errorf("request: %w", io.EOF)
		r, err := a.Open(t.Context(), id, PurposeContent, &counting{sealed: sealed, fail: wrapped}, 0, -1)
		if err == nil {
			_, err = r.WriteTo(io.Discard)
		}
		if !errors.Is(err, io.EOF) || errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes, broken connection with an EOF inside: %v", size, err)
		}
		_, err = open(a, id, PurposeContent, &counting{sealed: sealed, fail: io.EOF}, 0, -1)
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes, short object: %v", size, err)
		}
	}
}

func TestWriterErrorsStay(t *testing.T) {
	a := testAccount()
	broken := errors.New("disk")
	w := a.Seal(NewID(), PurposeContent, writerFunc(func([]byte) (int, error) { return 0, broken }))
	w.Write(noise(2 * ChunkSize))
	if _, err := w.Write([]byte{1}); !errors.Is(err, broken) {
		t.Errorf("second write: %v", err)
	}
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("close: %v", err)
	}
	if _, err := w.Write([]byte{1}); err == nil {
		t.Error("write after close succeeded")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestTooLarge(t *testing.T) {
	w := testAccount().Seal(NewID(), PurposeContent, io.Discard)
	w.size = MaxSize // as if so much had been written
	if _, err := w.Write([]byte{1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a byte beyond MaxSize: %v", err)
	}
	if err := w.Close(); !errors.Is(err, ErrTooLarge) {
		t.Errorf("close: %v", err)
	}
}
