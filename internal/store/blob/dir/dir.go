package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"sync"
	"sync/atomic"
	"syscall"

	"fachwerk/internal/store/blob"
)

// temporaries holds files that are being written. Keys never begin with a dot.
const temporaries = ".tmp"

// Store is a blob.Store in a directory.
type Store struct {
	root    *os.Root
	sync    func(*os.File) error // fsync, but in tests
	stopped atomic.Pointer[error]

	mu      sync.Mutex
	durable map[string]bool // folders whose entries in their parents are durable
}

var _ blob.Store = (*Store)(nil)

// Open opens the directory at path, makes it when it is missing, and removes
// temporary files that a crash has left.
func Open(path string) (*Store, error) {
	if err := blob.MakeFolder(path); err != nil {
		return nil, fmt.Errorf("blob directory: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("blob directory: %w", err)
	}
	s := &Store{root: root, sync: (*os.File).Sync, durable: make(map[string]bool)}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(fmt.Errorf("blob directory %s: %w", path, err), root.Close())
	}
	return s, nil
}

// Close ends the use of the directory.
func (s *Store) Close() error { return s.root.Close() }

func (s *Store) prepare() error {
	if err := s.makeFolder(temporaries); err != nil {
		return err
	}
	left, err := fs.ReadDir(s.root.FS(), temporaries)
	if err != nil {
		return err
	}
	for _, e := range left {
		if err := s.clean(temporaries + "/" + e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// clean removes a temporary file unless its writer, which may be another process,
// is alive and holds its lock.
func (s *Store) clean(name string) error {
	file, err := s.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone meanwhile
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil // being written
	}
	if err := s.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Put implements blob.Store. A full disk is blob.ErrTemporary, a failed fsync
// blob.ErrStopped, now and at every later Put and Delete.
func (s *Store) Put(ctx context.Context, key string, body blob.Body) error {
	w, err := s.Create(ctx, key, "")
	if err != nil {
		return err
	}
	defer w.Close()
	if err := blob.Copy(ctx, w, body); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return w.Commit()
}

// publish gives a durable temporary file its name. The day's folder is to be made
// durable then.
func (s *Store) publish(temp, key string) error {
	day := path.Dir(key)
	for _, folder := range []string{path.Dir(day), day} {
		if err := s.makeFolder(folder); err != nil {
			return err
		}
	}
	if err := s.writable(); err != nil {
		return err // another Put failed to be durable meanwhile
	}
	return classify(s.root.Rename(temp, key))
}

// makeFolder makes a folder and its entry in its parent durable. A folder that
// is there already may have been made by someone who has not come to that yet,
// so the first use by this process makes it durable in any case.
func (s *Store) makeFolder(folder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.durable[folder] {
		return nil
	}
	if err := s.root.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return classify(err)
	}
	if err := s.syncFolder(path.Dir(folder)); err != nil {
		return err
	}
	if len(s.durable) >= 100_000 { // years of days: begin anew
		clear(s.durable)
	}
	s.durable[folder] = true
	return nil
}

func (s *Store) syncFolder(folder string) error {
	file, err := s.root.Open(folder)
	if err != nil {
		return classify(err)
	}
	return errors.Join(s.fsync(file), classify(file.Close()))
}

// fsync makes a file or folder durable. After its first failure nobody can know
// what is on the disk: writing ends.
func (s *Store) fsync(file *os.File) error {
	if err := s.sync(file); err != nil {
		err = fmt.Errorf("%w: %w", blob.ErrStopped, err)
		s.stopped.CompareAndSwap(nil, &err)
		return err
	}
	return nil
}

func (s *Store) writable() error {
	if err := s.stopped.Load(); err != nil {
		return *err
	}
	return nil
}

// classify tells the errors that pass by themselves from the others.
func classify(err error) error {
	for _, passing := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.ESTALE, syscall.EINTR} {
		if errors.Is(err, passing) {
			return fmt.Errorf("%w: %w", blob.ErrTemporary, err)
		}
	}
	return err
}

// Delete implements blob.Store.
func (s *Store) Delete(_ context.Context, key string) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	err := s.root.Remove(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = s.syncFolder(path.Dir(key))
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", key, classify(err))
	}
	return nil
}

// Check implements blob.Store: the directory is there and may be written.
func (s *Store) Check(context.Context) error {
	if err := s.writable(); err != nil {
		return err
	}
	name := temporaries + "/" + rand.Text()
	file, err := s.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("blob directory: %w", classify(err))
	}
	err = s.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // another process that starts now has cleaned up
	}
	if err := errors.Join(file.Close(), err); err != nil {
		return fmt.Errorf("blob directory: %w", classify(err))
	}
	return nil
}
