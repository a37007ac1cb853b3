package sqlite

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The marker file beside the database holds its name: a database file that was
// put in another's place, or lies without its marker, is noticed by it.

func markerPath(path string) string { return path + ".identity" }

// mark makes the marker if there is none.
func mark(path string, fresh bool) error {
	_, err := os.Stat(markerPath(path))
	if err == nil && !fresh {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var name [16]byte
	if _, err := rand.Read(name[:]); err != nil {
		return err
	}
	return writeMarker(path, hex.EncodeToString(name[:]))
}

// writeMarker replaces the marker so that it is on the disk when it returns.
func writeMarker(path, name string) error {
	temporary := markerPath(path) + ".new"
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(name + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
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

// Identity reads the marker.
func (e *engine) Identity(context.Context) (string, error) {
	text, err := os.ReadFile(markerPath(e.path))
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(text)), nil
}
