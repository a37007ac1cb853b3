package dir

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/blobtest"
	"fachwerk/internal/testenv/need"
)

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestSuite(t *testing.T) {
	blobtest.Run(t, func(t *testing.T) blob.Store { return open(t, filepath.Join(t.TempDir(), "a", "blobs")) })
}

func TestReopenCleansOnlyWhatIsAbandoned(t *testing.T) {
	path := t.TempDir()
	s := open(t, path)
	key, coming := blob.NewKey(1, time.Now()), blob.NewKey(1, time.Now())
	if err := s.Put(t.Context(), key, blob.Bytes("kept")); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(path, temporaries, "LEFT")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := s.Create(t.Context(), coming, "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	again := open(t, path)
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an abandoned file is left: %v", err)
	}
	if _, err := w.Write([]byte("five!")); err != nil {
		t.Error(err)
	}
	if err := w.Commit(); err != nil {
		t.Errorf("what is being written while another process opens the store: %v", err)
	}
	for key, size := range map[string]int64{key: 4, coming: 5} {
		if info, err := again.Stat(t.Context(), key); err != nil || info.Size != size {
			t.Errorf("the object: %+v, %v", info, err)
		}
	}
	if page, err := again.List(t.Context(), "", "", 0); err != nil || len(page) != 2 {
		t.Errorf("%d objects listed, %v", len(page), err)
	}
}

// A folder that cannot be opened for a moment, after the object has its name, does
// not keep the second Commit from making it durable.
func TestCommitGoesOn(t *testing.T) {
	s := open(t, t.TempDir())
	w, err := s.Create(t.Context(), "7/20261122/ab", "")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	d := w.(*draft)
	if err := errors.Join(s.fsync(d.file), s.publish(d.temp, d.key)); err != nil {
		t.Fatal(err)
	}
	d.synced, d.renamed = true, true
	var synced []string
	s.sync = func(f *os.File) error {
		synced = append(synced, filepath.Base(f.Name()))
		return nil
	}
	if err := w.Commit(); err != nil || len(synced) != 1 || synced[0] != "20261122" {
		t.Errorf("made durable %q, %v", synced, err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Stat(t.Context(), d.key); err != nil {
		t.Error(err)
	}
}

func TestModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blobs")
	s := open(t, path)
	if err := s.Put(t.Context(), blob.NewKey(1, time.Now()), blob.Bytes("x")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(path, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFailedPutLeavesNothingBehind(t *testing.T) {
	path := t.TempDir()
	s := open(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, err := range map[string]error{
		"cancelled":   s.Put(ctx, blob.NewKey(1, time.Now()), blob.Bytes("x")),
		"no body":     s.Put(t.Context(), blob.NewKey(1, time.Now()), unreadable{}),
		"folder gone": s.Put(t.Context(), blockedKey(t, path), blob.Bytes("x")),
	} {
		if err == nil {
			t.Errorf("%s: put succeeded", what)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(path, temporaries)); len(left) > 0 {
		t.Errorf("%d temporary files are left", len(left))
	}
}

type unreadable struct{}

func (unreadable) Size() int64                  { return 1 }
func (unreadable) Open() (io.ReadCloser, error) { return nil, errors.New("no bytes") }

// blockedKey is a key whose tenant's folder cannot be made: a file has its name.
func blockedKey(t *testing.T, path string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(path, "77"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return blob.NewKey(77, time.Now())
}

// A link that leads outside is not followed.
func TestStaysInside(t *testing.T) {
	path, outside := t.TempDir(), t.TempDir()
	s := open(t, path)
	if err := os.Symlink(outside, filepath.Join(path, "7")); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(t.Context(), blob.NewKey(7, time.Now()), blob.Bytes("x")); err == nil {
		t.Error("put through a link succeeded")
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("%d files were made outside", len(left))
	}
}

// Every Put makes the file and its folder durable, the first one in a folder
// each new parent too.
func TestWhatIsMadeDurable(t *testing.T) {
	s := open(t, t.TempDir())
	var synced []string
	s.sync = func(f *os.File) error {
		synced = append(synced, filepath.Base(f.Name()))
		return f.Sync()
	}
	key := "7/20261122/ab"
	for i, want := range []int{4, 2} { // file, root, tenant, day; file, day
		synced = nil
		if err := s.Put(t.Context(), key, blob.Bytes("x")); err != nil {
			t.Fatal(err)
		}
		if len(synced) != want || synced[len(synced)-1] != "20261122" {
			t.Errorf("put %d made durable %q, want %d of them, the day's folder last", i, synced, want)
		}
	}
}

// After a failed fsync, of whatever, nothing more is written and it is not tried
// again; reading goes on.
func TestFailedSyncStopsWrites(t *testing.T) {
	for failing := range 4 {
		path := t.TempDir()
		s := open(t, path)
		before := blob.NewKey(9, time.Now())
		if err := s.Put(t.Context(), before, blob.Bytes("before")); err != nil {
			t.Fatal(err)
		}
		var calls atomic.Int64
		s.sync = func(*os.File) error {
			if calls.Add(1) == int64(failing+1) {
				return syscall.EIO
			}
			return nil
		}
		key := blob.NewKey(1, time.Now())
		err := s.Put(t.Context(), key, blob.Bytes("x"))
		if !errors.Is(err, blob.ErrStopped) || !errors.Is(err, syscall.EIO) || errors.Is(err, blob.ErrTemporary) {
			t.Fatalf("fsync %d failed: %v", failing, err)
		}
		if n := calls.Load(); n != int64(failing+1) {
			t.Errorf("fsync %d failed and %d were called", failing, n)
		}
		for what, err := range map[string]error{
			"put":    s.Put(t.Context(), blob.NewKey(1, time.Now()), blob.Bytes("y")),
			"delete": s.Delete(t.Context(), before),
			"check":  s.Check(t.Context()),
		} {
			if !errors.Is(err, blob.ErrStopped) {
				t.Errorf("%s afterwards: %v", what, err)
			}
		}
		if n := calls.Load(); n != int64(failing+1) {
			t.Errorf("fsync was called again")
		}
		if _, err := s.Stat(t.Context(), before); err != nil {
			t.Errorf("reading afterwards: %v", err)
		}
		if failing < 3 { // before the rename
			if _, err := s.Stat(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("what is not durable is visible: %v", err)
			}
		}
		if left, _ := os.ReadDir(filepath.Join(path, temporaries)); len(left) > 0 {
			t.Errorf("%d temporary files are left", len(left))
		}
	}
}

// A disk that is full in the middle of an object is temporary, and the half goes.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		need.Missing(t, "needs /dev/full: "+err.Error())
	}
	path := t.TempDir()
	s := open(t, path)
	w, err := s.Create(t.Context(), blob.NewKey(1, time.Now()), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	d := w.(*draft)
	d.file.Close()
	d.file = full
	_, err = w.Write(make([]byte, 100_000))
	for what, err := range map[string]error{"write": err, "commit": w.Commit()} {
		if !errors.Is(err, blob.ErrTemporary) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := os.ReadDir(filepath.Join(path, temporaries)); len(left) > 0 {
		t.Errorf("%d temporary files are left", len(left))
	}
	if page, err := s.List(t.Context(), "", "", 0); err != nil || len(page) > 0 {
		t.Errorf("%d objects, %v", len(page), err)
	}
}

func TestPassingErrorsAreTemporary(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}
	if !errors.Is(classify(full), blob.ErrTemporary) || !errors.Is(classify(full), syscall.ENOSPC) {
		t.Errorf("a full disk: %v", classify(full))
	}
	if err := classify(fs.ErrPermission); errors.Is(err, blob.ErrTemporary) {
		t.Errorf("no permission: %v", err)
	}
}
