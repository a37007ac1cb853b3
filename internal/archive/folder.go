package archive

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Errors of the folder.
var (
	// ErrFolder says that a folder cannot be the target or the source.
	ErrFolder = errors.New("the folder cannot be used")
	// ErrBusy says that another export works on the folder.
	ErrBusy = errors.New("another export writes to this folder")
	// ErrUnfinished says that an export was begun there and not ended.
	ErrUnfinished = errors.New("the export there is not finished: run it again")
)

// folder is the export's, opened as a root: nothing outside of it is reached, whatever
// lies inside. Files are made with mode 0600, folders with 0700.
type folder struct {
	root *os.Root
	lock *os.File
	can  abilities

	next atomic.Int64
	mu   sync.Mutex
	dirs map[string]bool // known to be there
}

// openTarget opens the folder to write to, made where it is missing. One that holds
// anything but an export is refused.
func openTarget(name string) (_ *folder, err error) {
	if err := os.MkdirAll(name, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	root, err := openRoot(name)
	if err != nil {
		return nil, err
	}
	f := &folder{root: root, dirs: map[string]bool{}}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if err := f.ours(name); err != nil {
		return nil, err
	}
	for _, dir := range []string{stateFolder, stateFolder + "/tmp"} {
		if err := f.makeDir(dir); err != nil {
			return nil, err
		}
	}
	if f.lock, err = root.OpenFile(stateFolder+"/lock", os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	if err := syscall.Flock(int(f.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, ErrBusy
		}
		return nil, fmt.Errorf("%w: lock: %w", ErrFolder, err)
	}
	// What a killed run left half written.
	if err := root.RemoveAll(stateFolder + "/tmp"); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	delete(f.dirs, stateFolder+"/tmp")
	if err := f.makeDir(stateFolder + "/tmp"); err != nil {
		return nil, err
	}
	f.can, err = f.probe()
	return f, err
}

func openRoot(name string) (*os.Root, error) {
	info, err := os.Lstat(filepath.Clean(name))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, fmt.Errorf("%w: it is a symbolic link", ErrFolder)
	case !info.IsDir():
		return nil, fmt.Errorf("%w: it is no folder", ErrFolder)
	}
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFolder, err)
	}
	return root, nil
}

// ours refuses folders with other things in them, and lets nobody else look into an
// empty one.
func (f *folder) ours(name string) error {
	d, err := f.root.Open(".")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFolder, err)
	}
	defer d.Close()
	list, err := d.Readdirnames(1)
	if errors.Is(err, io.EOF) || len(list) == 0 {
		return f.root.Chmod(".", 0o700)
	}
	if f.size(ManifestName) >= 0 {
		return nil
	}
	if info, err := f.root.Lstat(stateFolder); err == nil && info.IsDir() {
		return nil
	}
	return fmt.Errorf("%w: %s is not empty and holds no export", ErrFolder, name)
}

func (f *folder) close() error {
	var err error
	if f.lock != nil {
		err = f.lock.Close()
	}
	return errors.Join(err, f.root.Close())
}

// makeDir makes a folder and those above it.
func (f *folder) makeDir(dir string) error {
	if dir == "." || dir == "" {
		return nil
	}
	f.mu.Lock()
	known := f.dirs[dir]
	f.mu.Unlock()
	if known {
		return nil
	}
	if err := f.makeDir(path.Dir(dir)); err != nil {
		return err
	}
	if err := f.root.Mkdir(dir, 0o700); err != nil {
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		info, err := f.root.Lstat(dir)
		if err != nil {
			return err
		}
		if !info.IsDir() {
			if err := f.root.Remove(dir); err != nil {
				return err
			}
			if err := f.root.Mkdir(dir, 0o700); err != nil {
				return err
			}
		}
	}
	f.mu.Lock()
	f.dirs[dir] = true
	f.mu.Unlock()
	return nil
}

// forget makes the folder look again which folders are there.
func (f *folder) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	clear(f.dirs)
}

// temporary makes a new file that nobody looks for.
func (f *folder) temporary() (string, *os.File, error) {
	name := fmt.Sprintf("%s/tmp/%d", stateFolder, f.next.Add(1))
	w, err := f.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return name, w, err
}

// written is what a write put on the disk.
type written struct {
	size int64
	sum  [sha256.Size]byte
}

// write makes a file whole: fill's bytes, its time, and only then its name. before is
// called right before that; it may be nil.
func (f *folder) write(name string, modified time.Time, before func(written) error, fill func(io.Writer) error) (w written, err error) {
	tmp, file, err := f.temporary()
	if err != nil {
		return w, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreMissing(f.root.Remove(tmp)))
		}
	}()
	h := sha256.New()
	n := &counter{}
	err = fill(io.MultiWriter(file, h, n))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return w, err
	}
	w.size = n.n
	h.Sum(w.sum[:0])
	if !modified.IsZero() {
		if err := f.root.Chtimes(tmp, modified, modified); err != nil {
			return w, err
		}
	}
	if before != nil {
		if err := before(w); err != nil {
			return w, err
		}
	}
	return w, f.rename(tmp, name)
}

// rename gives a file its place; what is there goes, an empty folder too.
func (f *folder) rename(from, to string) error {
	if err := f.makeDir(path.Dir(to)); err != nil {
		return err
	}
	err := f.root.Rename(from, to)
	if err != nil && ignoreMissing(f.root.Remove(to)) == nil {
		f.forget()
		if err = f.makeDir(path.Dir(to)); err == nil {
			err = f.root.Rename(from, to)
		}
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) { c.n += int64(len(p)); return len(p), nil }

// size answers the size of a regular file, -1 where there is none.
func (f *folder) size(name string) int64 {
	info, err := f.root.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	return info.Size()
}

// openFile opens a regular file to read.
func openFile(root *os.Root, name string) (*os.File, error) {
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.Contains(name, `\`) && filepath.Separator == '\\' {
		return nil, fmt.Errorf("%w: %.100q leads elsewhere", ErrManifest, name)
	}
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %.100q is no plain file", ErrFolder, name)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// digest reads a file whole.
func (f *folder) digest(ctx context.Context, name string) (w written, err error) {
	file, err := openFile(f.root, name)
	if err != nil {
		return w, err
	}
	defer file.Close()
	h := sha256.New()
	w.size, err = io.Copy(h, contextReader{ctx, file})
	h.Sum(w.sum[:0])
	return w, err
}

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// probe finds out what the file system does with names, by making some.
func (f *folder) probe() (a abilities, err error) {
	const dir = stateFolder + "/tmp/probe"
	if err := f.makeDir(dir); err != nil {
		return a, err
	}
	defer func() {
		err = errors.Join(err, f.root.RemoveAll(dir))
		f.forget()
	}()
	try := func(name string) bool {
		w, err := f.root.OpenFile(dir+"/"+name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return false
		}
		w.Close()
		d, err := f.root.Open(dir)
		if err != nil {
			return false
		}
		defer d.Close()
		list, err := d.Readdirnames(-1)
		there := false
		for _, n := range list {
			there = there || n == name
		}
		return err == nil && there
	}
	for _, c := range reserved {
		if !try("a" + string(c) + "b") {
			a.refused += string(c)
		}
	}
	a.ends = !try("dot.") || !try("space ")
	a.caseless = !try("probe") || !try("PROBE")
	for a.longest = maxFileName; a.longest > 64 && !try(strings.Repeat("n", a.longest)); a.longest -= 16 {
	}
	return a, nil
}
