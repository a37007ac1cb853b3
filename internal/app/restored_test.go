package app

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/store/meta"
)

// An older copy of the database that was put back is noticed, although it is a
// database of this very installation: clients have seen numbers that it does not know.
func TestAnOlderDatabaseIsNoticed(t *testing.T) {
	dir := t.TempDir()
	_, stop := startForTest(t, dir)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	open := func() error {
		in, err := Open(t.Context(), Where{Data: dir}, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return in.Close()
	}
	path := filepath.Join(dir, "metadata.db")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // each time it bears a new name
		if err := open(); err != nil {
			t.Fatal(err)
		}
	}
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(); !errors.Is(err, meta.ErrForeignStore) || !strings.Contains(err.Error(), "store new-generation") {
		t.Fatalf("an older database is opened: %v", err)
	}
	in, err := Renew(t.Context(), Where{Data: dir}, Renewal{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	if err := open(); err != nil {
		t.Errorf("after a new generation: %v", err)
	}
}
