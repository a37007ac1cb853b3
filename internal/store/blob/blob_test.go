package blob_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/blobtest"
)

func TestNewKey(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	at := time.Date(2026, 11, 23, 0, 30, 0, 0, berlin) // still the 22nd in UTC
	one, two := blob.NewKey(1<<62, at), blob.NewKey(1<<62, at)
	if one == two {
		t.Errorf("the same key twice: %s", one)
	}
	if !strings.HasPrefix(one, "4611686018427387904/20261122/") || blob.CheckKey(one) != nil {
		t.Errorf("%s, %v", one, blob.CheckKey(one))
	}
	if !strings.HasPrefix(one, blob.DayPrefix(1<<62, at)) || !strings.HasPrefix(one, blob.TenantPrefix(1<<62)) {
		t.Errorf("%s has not the prefixes %s, %s", one, blob.DayPrefix(1<<62, at), blob.TenantPrefix(1<<62))
	}
}

func FuzzCheckKey(f *testing.F) {
	f.Add("1/20261122/ab")
	f.Add("../x")
	f.Fuzz(func(t *testing.T, key string) {
		if blob.CheckKey(key) != nil {
			return
		}
		if !filepath.IsLocal(key) || filepath.Clean(key) != key || strings.Count(key, "/") != 2 || len(key) > 61 {
			t.Errorf("%q is taken", key)
		}
	})
}

func TestSpool(t *testing.T) {
	for _, size := range []int64{0, 1, 99, 100, 101, 250, 100_000} {
		folder := t.TempDir()
		s := blob.NewSpool(folder, 100)
		body := blobtest.Generated{Length: size}
		all := body.Bytes()
		for rest := all; len(rest) > 0; {
			n, err := s.Write(rest[:min(len(rest), 70)])
			if err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if names, _ := os.ReadDir(folder); len(names) > 0 {
			t.Errorf("%d bytes: the spool has a name on the disk", size)
		}
		inMemory, ok := s.Bytes()
		if ok != (size <= 100) || ok && !bytes.Equal(inMemory, all) {
			t.Errorf("%d bytes: in memory %v", size, ok)
		}
		for range 2 {
			r, err := s.Open()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, all) || s.Size() != size {
				t.Errorf("%d bytes: %d back, size %d, %v", size, len(got), s.Size(), err)
			}
		}
		for _, span := range [][2]int64{{0, -1}, {0, 50}, {size / 2, 30}, {size, 1}, {size + 5, -1}} {
			r, err := s.ReadRange(t.Context(), span[0], span[1])
			if err != nil {
				t.Fatal(err)
			}
			want := all[min(span[0], size):]
			if span[1] >= 0 {
				want = want[:min(span[1], int64(len(want)))]
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d from %d of %d: %d bytes, %v", span[1], span[0], size, len(got), err)
			}
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		}
	}
}

func TestSpoolWithoutFolderIsTemporary(t *testing.T) {
	s := blob.NewSpool(filepath.Join(t.TempDir(), "missing"), 10)
	if _, err := s.Write(make([]byte, 11)); !errors.Is(err, blob.ErrTemporary) {
		t.Errorf("write: %v", err)
	}
}

func TestMakeFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		if err := blob.MakeFolder(path); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
	file := filepath.Join(path, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := blob.MakeFolder(file); err == nil {
		t.Error("a file passes as a folder")
	}
}
