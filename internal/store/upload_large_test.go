package store_test

import (
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
)

// envLarge is how many bytes TestLargeUploadInConstantMemory takes, for a run by hand.
const envLarge = "FACHWERK_TEST_UPLOAD_BYTES"

// generated gives n bytes that do not compress, made as they are read.
func generated(n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{1}), n)
}

// Memory does not grow with the size of a file, in or out.
func TestLargeUploadInConstantMemory(t *testing.T) {
	size := int64(300 << 20)
	if testing.Short() {
		size = 100 << 20
	}
	if by, err := strconv.ParseInt(os.Getenv(envLarge), 10, 64); err == nil {
		size = by
	}
	onBoth(t, func(t *testing.T, p *storetest.Parts) {
		anna := p.Person(t, "anna").Key
		stop := watchMemory(t)
		began := time.Now()
		u, err := p.NewUpload(t.Context(), anna, store.UploadOptions{Size: size})
		must(t, err)
		defer u.Close()
		n, err := io.Copy(u, generated(size))
		must(t, err)
		must(t, u.Finish())
		in := time.Since(began)
		body, err := p.Body(t.Context(), anna, name(t, p, anna, u))
		must(t, err)
		must(t, u.Close())
		began = time.Now()
		r := body.Reader(context.WithoutCancel(t.Context()))
		defer r.Close()
		digest := sha256.New()
		m, err := io.Copy(digest, r)
		must(t, err)
		if n != size || m != size || [sha256.Size]byte(digest.Sum(nil)) != u.SHA256() {
			t.Errorf("%d bytes in, %d out of %d, or another digest", n, m, size)
		}
		t.Logf("%d bytes: in %v, out and hashed %v", size, in.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
		if grown := stop(); grown > 48<<20 {
			t.Errorf("memory grew by %d bytes", grown)
		} else {
			t.Logf("memory grew by %d KiB", grown>>10)
		}
	})
}

// watchMemory samples what the process has from the system; the function that it
// returns ends that and gives the greatest growth.
func watchMemory(t *testing.T) (stop func() int64) {
	t.Helper()
	used := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	runtime.GC()
	before, done, most := used(), make(chan struct{}), make(chan int64)
	go func() {
		greatest := before
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-tick.C:
				greatest = max(greatest, used())
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

// Files in and out of the embedded engines, one after the other.
func BenchmarkUpload(b *testing.B) {
	for _, size := range []int64{4 << 10, 1 << 20, 100 << 20} {
		b.Run(strconv.FormatInt(size, 10), func(b *testing.B) {
			p := storetest.Open(b, storetest.Embedded, nil)
			anna := p.Person(b, "anna").Key
			plain := incompressible(int(min(size, 1<<20)))
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				u, err := p.NewUpload(b.Context(), anna, store.UploadOptions{Size: size})
				must(b, err)
				_, err = io.Copy(u, &repeating{plain: plain, left: size})
				must(b, err)
				must(b, u.Finish())
				must(b, u.Close())
			}
		})
	}
}

func BenchmarkBody(b *testing.B) {
	for _, size := range []int64{4 << 10, 1 << 20, 100 << 20} {
		b.Run(strconv.FormatInt(size, 10), func(b *testing.B) {
			p := storetest.Open(b, storetest.Embedded, nil)
			anna := p.Person(b, "anna").Key
			u, err := p.NewUpload(b.Context(), anna, store.UploadOptions{Size: size})
			must(b, err)
			_, err = io.Copy(u, &repeating{plain: incompressible(int(min(size, 1<<20))), left: size})
			must(b, err)
			must(b, u.Finish())
			body, err := p.Body(b.Context(), anna, name(b, p, anna, u))
			must(b, err)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				r := body.Reader(b.Context())
				n, err := r.WriteTo(nowhere{})
				must(b, err)
				if n != size {
					b.Fatal(n)
				}
				must(b, r.Close())
			}
		})
	}
}

// repeating gives the same bytes again and again.
type repeating struct {
	plain []byte
	at    int
	left  int64
}

func (r *repeating) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), r.left)], r.plain[r.at:])
	r.at, r.left = (r.at+n)%len(r.plain), r.left-int64(n)
	return n, nil
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
