package sqlite_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/metatest"
	"fachwerk/internal/store/meta/sqlite"
)

func open(t *testing.T, path string, how func(context.Context, meta.Engine, *slog.Logger) (*meta.DB, error)) error {
	t.Helper()
	e, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	db, err := how(t.Context(), e, slog.New(slog.DiscardHandler))
	if err != nil {
		return errors.Join(err, e.Close())
	}
	return db.Close()
}

// TestRestore: an older copy of the database file in its place is noticed, and so
// is a database without its marker.
func TestRestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	for range 3 {
		if err := open(t, path, meta.Open); err != nil {
			t.Fatal(err)
		}
	}
	older, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := open(t, path, meta.Open); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a refusal changes nothing
		if err := open(t, path, meta.Open); !errors.Is(err, meta.ErrForeignStore) {
			t.Fatal(err)
		}
	}
	if err := open(t, path, meta.Renew); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path, meta.Open); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path + ".identity"); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path, meta.Open); !errors.Is(err, meta.ErrForeignStore) {
		t.Fatal(err)
	}
}

// TestTwoNames: a crash between the marker and the database leaves both names.
func TestTwoNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "meta.db")
	if err := open(t, path, meta.Open); err != nil {
		t.Fatal(err)
	}
	name, err := os.ReadFile(path + ".identity")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".identity", append([]byte("NEWER "), name...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := open(t, path, meta.Open); err != nil {
		t.Fatal(err)
	}
}

// TestModes: nobody else reads the files.
func TestModes(t *testing.T) {
	s := metatest.Open(t, factory{})
	s.Mailbox(t, "INBOX")
	files, err := os.ReadDir(filepath.Dir(s.Place))
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(f.Name(), info.Mode(), err)
		}
	}
}

// TestFull: a full disk is told as such, nothing of the write is there, and the next
// one goes on when there is room.
func TestFull(t *testing.T) {
	s := metatest.Open(t, factory{})
	inbox := s.Mailbox(t, "INBOX")
	limit := func(sql string) {
		t.Helper()
		err := s.Update(t.Context(), func(tx meta.Tx) error {
			r, err := tx.Query(t.Context(), sql)
			if err != nil {
				return err
			}
			defer r.Close()
			r.Next()
			return r.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit("PRAGMA max_page_count = 100")
	var err error
	added := int64(0)
	for err == nil && added < 1000 {
		if _, err = s.Add(t.Context(), s.Key, inbox.ID, []meta.NewItem{metatest.Message(20000)}); err == nil {
			added++
		}
	}
	if !errors.Is(err, meta.ErrFull) {
		t.Fatal(added, err)
	}
	limit("PRAGMA max_page_count = 100000")
	if c, err := s.Collection(t.Context(), s.Key, inbox.ID); err != nil || c.Items != added {
		t.Fatal(c.Items, added, err)
	}
	s.AddN(t, inbox.ID, 10)
	if found, err := s.Verify(t.Context(), s.Key); err != nil || len(found) > 0 {
		t.Fatal(found, err)
	}
}

// TestSettings: durable, with foreign keys, and as WAL.
func TestSettings(t *testing.T) {
	s := metatest.Open(t, factory{})
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "page_size": "4096"} {
		for name, in := range map[string]func(context.Context, func(meta.Tx) error) error{"writer": s.Update, "reader": s.View} {
			err := in(t.Context(), func(tx meta.Tx) error {
				r, err := tx.Query(t.Context(), "PRAGMA "+pragma)
				if err != nil {
					return err
				}
				defer r.Close()
				var got string
				if r.Next() {
					err = r.Scan(&got)
				}
				if got != want {
					t.Errorf("%s of the %s is %q", pragma, name, got)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
