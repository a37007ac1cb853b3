package content

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// mailText is n bytes of what mail looks like: words, so it compresses.
func mailText(n int) []byte {
	words := strings.Fields("Sehr geehrte Damen und Herren wir bitten um Mitteilung des Aktenzeichens " +
		"in der Angelegenheit Bauantrag vom heutigen Tage mit freundlichen Gruessen Stadtverwaltung Musterstadt " +
		"Received: from by with ESMTPS id for Subject: Content-Type: text/plain; charset=utf-8")
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < n {
		b.WriteString(words[random.IntN(len(words))])
		fmt.Fprintf(&b, " %x", random.IntN(1<<random.IntN(16)))
	}
	return []byte(b.String()[:n])
}

// noise is n bytes that do not compress.
func noise(n int) []byte {
	var seed [32]byte
	seed[0] = byte(n)
	b := make([]byte, n)
	rand.NewChaCha8(seed).Read(b)
	return b
}

func testAccount() *Account {
	return newAccount(newCodec(), 11, 22, make([]byte, keySize))
}

func BenchmarkBytes(b *testing.B) {
	a, id := testAccount(), NewID()
	for _, kind := range []struct {
		name string
		make func(int) []byte
	}{{"text", mailText}, {"noise", noise}} {
		for _, size := range []int{400, 4 << 10, 16 << 10, 64 << 10, 1 << 20} {
			plain := kind.make(size)
			sealed := a.SealBytes(nil, id, PurposeContent, plain)
			b.Run(fmt.Sprintf("seal/%s/%d", kind.name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				dst := make([]byte, 0, size+8192)
				for b.Loop() {
					a.SealBytes(dst, id, PurposeContent, plain)
				}
				b.ReportMetric(float64(len(sealed)), "sealedB")
			})
			b.Run(fmt.Sprintf("open/%s/%d", kind.name, size), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				dst := make([]byte, 0, size)
				for b.Loop() {
					if _, err := a.OpenBytes(dst, id, PurposeContent, sealed); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkStream(b *testing.B) {
	a, id := testAccount(), NewID()
	for _, size := range []int{4 << 10, 1 << 20} {
		plain := mailText(size)
		b.Run(fmt.Sprintf("seal/%d", size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				w := a.Seal(id, PurposeContent, io.Discard)
				w.Write(plain)
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMeta(b *testing.B) {
	a, plain := testAccount(), mailText(900)
	sealed := a.SealMeta(nil, 5, 1, plain)
	dst := make([]byte, 0, 2048)
	b.Run("seal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			a.SealMeta(dst, 5, 1, plain)
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := a.OpenMeta(dst, 5, 1, sealed); err != nil {
				b.Fatal(err)
			}
		}
	})
	// What compressing records would add to opening them, and what it would save.
	packed := a.codec.enc.EncodeAll(plain, nil)
	b.Run("unpack", func(b *testing.B) {
		space := make([]byte, 0, 2048)
		for b.Loop() {
			if _, err := a.codec.dec.DecodeAll(packed, space); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(len(packed)), "packedB")
	})
}

func BenchmarkDerive(b *testing.B) {
	key, salt := make([]byte, 32), make([]byte, 16)
	for b.Loop() {
		derive(key, salt, "fachwerk/1 stream.12345678901234567")
	}
}

func BenchmarkOpenAccount(b *testing.B) {
	k, err := OpenKeyDir(b.TempDir(), true)
	if err != nil {
		b.Fatal(err)
	}
	defer k.Close()
	if err := k.CreateTenantKey(5); err != nil {
		b.Fatal(err)
	}
	wrapped, err := k.NewAccountKey(5, 6)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := k.OpenAccount(5, 6, wrapped); err != nil {
			b.Fatal(err)
		}
	}
}

// Files: a stream in and out, as the server does it.
func BenchmarkFile(b *testing.B) {
	a, id := testAccount(), NewID()
	const size = 32 << 20
	for _, kind := range []struct {
		name  string
		plain []byte
	}{{"noise", noise(size)}, {"text", mailText(size)}} {
		var sealed []byte
		for name, seal := range map[string]func(w io.Writer) *Writer{
			"seal":         func(w io.Writer) *Writer { return a.Seal(id, PurposeContent, w) },
			"sealParallel": func(w io.Writer) *Writer { return a.SealParallel(id, PurposeContent, w) },
		} {
			b.Run(name+"/"+kind.name, func(b *testing.B) {
				b.SetBytes(size)
				b.ReportAllocs()
				out := appender{make([]byte, 0, size+size/8)}
				for b.Loop() {
					out.b = out.b[:0]
					w := seal(&out)
					for at := 0; at < size; at += 32 << 10 {
						w.Write(kind.plain[at:][:32<<10])
					}
					if err := w.Close(); err != nil {
						b.Fatal(err)
					}
				}
				sealed = out.b
			})
		}
		for name, src := range map[string]Source{"open": Inline(sealed), "openAhead": &counting{sealed: sealed}} {
			b.Run(name+"/"+kind.name, func(b *testing.B) {
				b.SetBytes(size)
				b.ReportAllocs()
				space := make([]byte, ChunkSize)
				for b.Loop() {
					r, err := a.Open(b.Context(), id, PurposeContent, src, 0, -1)
					if err != nil {
						b.Fatal(err)
					}
					n, err := r.WriteTo(writerFunc(func(p []byte) (int, error) { return copy(space, p), nil }))
					if err != nil || n != size {
						b.Fatal(n, err)
					}
					r.Close()
				}
			})
		}
	}
}
