package sqlite

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// The marker file beside the database holds its name, and every opening gives it a
// new one in both places. So a database file that was put in another's place, that
// lies without its marker, or that was restored from an older copy, bears another
// name than its marker. Between the two writes the marker holds both names.

func markerPath(path string) string { return path + ".identity" }

// mark makes the marker if there is none, or if the database is a new file.
func mark(path string, fresh bool) error {
	_, err := os.Stat(markerPath(path))
	if err == nil && !fresh {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return writeMarker(path, rand.Text())
}

// writeMarker replaces the marker so that it is on the disk when it returns.
func writeMarker(path, names string) error {
	temporary := markerPath(path) + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(names + "\n")
	if err := errors.Join(err, f.Sync(), ownedLike(f, path), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, markerPath(path)); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ownedLike gives a file to whom the database belongs: root, who may run a command, must
// not lock the server's own user out.
func ownedLike(f *os.File, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	return f.Chown(int(owner.Uid), int(owner.Gid))
}

// Identity reads the marker: one name or, after a crash, two.
func (e *engine) Identity(context.Context) (string, error) {
	text, err := os.ReadFile(markerPath(e.path))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(text)), nil
}

// Rename gives the database a new name. accept looks at the old ones and writes the
// new one into the database. One process at a time does so.
func (e *engine) Rename(ctx context.Context, accept func(old, name string) error) error {
	lock, err := os.OpenFile(markerPath(e.path)+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // and with it goes the lock
	if err := ownedLike(lock, e.path); err != nil {
		return err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	old, err := e.Identity(ctx)
	if err != nil {
		return err
	}
	name := rand.Text()
	if err := writeMarker(e.path, name+" "+old); err != nil {
		return err
	}
	if err := accept(old, name); err != nil {
		return errors.Join(err, writeMarker(e.path, old))
	}
	return writeMarker(e.path, name)
}
