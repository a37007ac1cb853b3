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
	"time"

	"fachwerk/internal/store/blob"
)

// temporaries holds files that are being written. Keys never begin with a dot.
const temporaries = ".tmp"

// abandoned is how long nothing may have been written to a temporary file before
// Open takes it for one that a crash left. Another process, such as a command
// beside the server, may be writing younger ones.
const abandoned = time.Hour

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
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < abandoned {
			continue // gone meanwhile, or being written
		}
		err = s.root.Remove(temporaries + "/" + e.Name())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// Put implements blob.Store. A full disk is blob.ErrTemporary, a failed fsync
// blob.ErrStopped, now and at every later Put and Delete.
func (s *Store) Put(ctx context.Context, key string, body blob.Body) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	if err := s.put(ctx, key, body); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

func (s *Store) put(ctx context.Context, key string, body blob.Body) error {
	temp := temporaries + "/" + rand.Text()
	file, err := s.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return classify(err)
	}
	err = classify(blob.Copy(ctx, file, body))
	if err == nil {
		err = s.fsync(file)
	}
	err = errors.Join(err, classify(file.Close()))
	if err == nil {
		err = ctx.Err() // the last moment at which nothing is visible
	}
	if err == nil {
		err = s.publish(temp, key)
	}
	if err != nil {
		// What cannot be removed now is removed at a later start.
		_ = s.root.Remove(temp)
	}
	return err
}

// publish gives a durable temporary file its name and makes that durable.
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
	if err := s.root.Rename(temp, key); err != nil {
		return classify(err)
	}
	return s.syncFolder(day)
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
	if err := errors.Join(file.Close(), s.root.Remove(name)); err != nil {
		return fmt.Errorf("blob directory: %w", classify(err))
	}
	return nil
}
