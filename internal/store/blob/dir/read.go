package dir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"fachwerk/internal/store/blob"
)

// Get implements blob.Store.
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := blob.CheckKey(key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("get %s: %w: offset %d", key, blob.ErrRange, offset)
	}
	file, err := s.root.Open(key)
	if err != nil {
		return nil, missing("get", key, err)
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(fmt.Errorf("get %s: %w", key, err), file.Close())
	}
	var r io.Reader = file
	if length >= 0 {
		r = io.LimitReader(file, length)
	}
	return fileReader{blob.UntilDone(ctx, r), file}, nil
}

type fileReader struct {
	io.Reader
	file *os.File
}

func (f fileReader) Close() error { return f.file.Close() }

// Stat implements blob.Store.
func (s *Store) Stat(_ context.Context, key string) (blob.Info, error) {
	if err := blob.CheckKey(key); err != nil {
		return blob.Info{}, err
	}
	info, err := s.root.Stat(key)
	if err != nil {
		return blob.Info{}, missing("stat", key, err)
	}
	return blob.Info{Key: key, Size: info.Size(), ModTime: info.ModTime()}, nil
}

func missing(operation, key string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %s: %w", operation, key, blob.ErrNotFound)
	}
	return fmt.Errorf("%s %s: %w", operation, key, classify(err))
}

// List implements blob.Store. Keys sort as their paths do, so the folders are
// walked in the order of names.
func (s *Store) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	l := lister{ctx: ctx, files: s.root.FS(), prefix: prefix, after: after, limit: blob.PageLimit(limit)}
	if err := l.folder(""); err != nil && !errors.Is(err, errPageFull) {
		return nil, fmt.Errorf("list %q: %w", prefix, classify(err))
	}
	return l.page, nil
}

var errPageFull = errors.New("page full")

type lister struct {
	ctx           context.Context
	files         fs.FS
	prefix, after string
	limit         int
	page          []blob.Info
}

// folder lists what is below the folder whose path, "" or ending in a slash, is at.
func (l *lister) folder(at string) error {
	if err := l.ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(l.files, path.Clean(at))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries { // sorted by name
		if err := l.entry(at, e); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) entry(at string, e fs.DirEntry) error {
	key := at + e.Name()
	if e.IsDir() {
		key += "/"
		// Worth entering when keys below can have the prefix and follow after.
		leads := strings.HasPrefix(key, l.prefix) || strings.HasPrefix(l.prefix, key)
		if !leads || key <= l.after && !strings.HasPrefix(l.after, key) || e.Name() == temporaries {
			return nil
		}
		return l.folder(key)
	}
	if !strings.HasPrefix(key, l.prefix) || key <= l.after || !blob.ValidKey(key) {
		return nil
	}
	info, err := e.Info()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil { // else it was deleted meanwhile
		l.page = append(l.page, blob.Info{Key: key, Size: info.Size(), ModTime: info.ModTime()})
	}
	if len(l.page) == l.limit {
		return errPageFull
	}
	return nil
}
