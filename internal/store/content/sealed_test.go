package content

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"runtime"
	"testing"

	"fachwerk/internal/store/blob"
)

func TestSealedInlineOrBody(t *testing.T) {
	a, folder := testAccount(), t.TempDir()
	for _, size := range []int{0, 100, 5000, 3 << 20} {
		plain := noise(size)
		s := a.NewSealed(NewID(), PurposeContent, SpoolConfig{Folder: folder})
		if _, err := io.Copy(s, bytes.NewReader(plain)); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if s.Size() != int64(size) || s.Body().Size() != s.SealedSize() || s.Sum() != sha256.Sum256(plain) {
			t.Errorf("%d bytes: %d plain, %d and %d sealed", size, s.Size(), s.SealedSize(), s.Body().Size())
		}
		inline, ok := s.Inline(4096)
		if want := s.SealedSize() <= 4096; ok != want {
			t.Errorf("%d bytes inline: %v", size, ok)
		}
		if ok {
			if got, err := a.OpenBytes(nil, s.ID(), PurposeContent, inline); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%d bytes inline: %d back, %v", size, len(got), err)
			}
		}
		r, err := s.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes read again: %d, %v", size, len(got), err)
		}
		r.Close()
		first, second := readBody(t, s.Body()), readBody(t, s.Body())
		if !bytes.Equal(first, second) {
			t.Errorf("%d bytes: the body gives other bytes the second time", size)
		}
		if got, err := a.OpenBytes(nil, s.ID(), PurposeContent, first); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes from the body: %d back, %v", size, len(got), err)
		}
		if err := s.Discard(); err != nil {
			t.Error(err)
		}
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("%d spool files are left", len(left))
	}
}

func readBody(t *testing.T, body blob.Body) []byte {
	t.Helper()
	r, err := body.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDiscardWithoutClose(t *testing.T) {
	s := testAccount().NewSealed(NewID(), PurposeSpool, SpoolConfig{Folder: t.TempDir()})
	s.Write(noise(3 << 20))
	if err := s.Discard(); err != nil {
		t.Error(err)
	}
	if _, err := s.Write([]byte{1}); err == nil {
		t.Error("write after Discard succeeded")
	}
}

func TestEphemeral(t *testing.T) {
	k, _ := newKeyDir(t)
	a, b, id := k.Ephemeral(), k.Ephemeral(), NewID()
	sealed := a.SealBytes(nil, id, PurposeSpool, []byte("for now"))
	if got, err := a.OpenBytes(nil, id, PurposeSpool, sealed); err != nil || string(got) != "for now" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := b.OpenBytes(nil, id, PurposeSpool, sealed); !errors.Is(err, ErrCorrupt) {
		t.Errorf("another process: %v", err)
	}
}

// 1 GB goes through sealing, a spool file and opening in little memory.
func TestGigabyteInLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Log("short: 64 MB stand for the gigabyte")
	}
	size := int64(1 << 30)
	if testing.Short() {
		size = 64 << 20
	}
	a := testAccount()
	s := a.NewSealed(NewID(), PurposeContent, SpoolConfig{Folder: t.TempDir()})
	defer s.Discard()
	piece := append(noise(100_000), make([]byte, 50_000)...)
	before := heap()
	var most uint64
	for n := int64(0); n < size; n += int64(len(piece)) {
		if _, err := s.Write(piece[:min(int64(len(piece)), size-n)]); err != nil {
			t.Fatal(err)
		}
		if n%(64<<20) < int64(len(piece)) {
			most = max(most, heap())
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := s.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	digest := sha256.New()
	n, err := io.Copy(digest, r)
	most = max(most, heap())
	if err != nil || n != size || [32]byte(digest.Sum(nil)) != s.Sum() {
		t.Errorf("%d of %d bytes came back, %v", n, size, err)
	}
	if grown := int64(most) - int64(before); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
