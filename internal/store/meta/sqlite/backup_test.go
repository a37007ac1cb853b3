package sqlite_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/metatest"
	"fachwerk/internal/store/meta/sqlite"
)

// backedUp is a database in use with 30 messages, a backup of it, and 100 messages more.
func backedUp(t *testing.T) (s *metatest.Store, backup string) {
	t.Helper()
	s = metatest.Open(t, factory{})
	inbox := s.Mailbox(t, "INBOX")
	s.AddN(t, inbox.ID, 30)
	backup = filepath.Join(t.TempDir(), "backup.db")
	if err := sqlite.Backup(t.Context(), s.Place, backup); err != nil {
		t.Fatal(err)
	}
	s.AddN(t, inbox.ID, 100)
	return s, backup
}

// crashed copies what files a database has, as a process that is killed leaves them.
func crashed(t *testing.T, place string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "meta.db")
	for _, suffix := range []string{"", "-wal", "-shm", ".identity"} {
		put(t, place+suffix, path+suffix)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		t.Fatal("no log is left", err)
	}
	return path
}

func put(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func removeLog(t *testing.T, path string) {
	t.Helper()
	for _, suffix := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
}

func files(t *testing.T, path string) map[string]string {
	t.Helper()
	found := map[string]string{}
	list, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[f.Name()] = string(text)
	}
	return found
}

// refusedAs checks an error's words, and that nothing was changed.
func refusedAs(t *testing.T, path, words string, how func() error) {
	t.Helper()
	before := files(t, path)
	err := how()
	if err == nil || !strings.Contains(err.Error(), words) {
		t.Fatal(err)
	}
	after := files(t, path)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s was changed", name)
		}
	}
}

func plain(t *testing.T, path string) func() error {
	return func() error {
		_, err := sqlite.Open(t.Context(), path)
		if !errors.Is(err, meta.ErrForeignStore) {
			t.Error(err)
		}
		return err
	}
}

func restored(t *testing.T, path string, withLog bool) func() error {
	return func() error {
		e, err := sqlite.OpenRestored(t.Context(), path, withLog)
		if err == nil {
			err = e.Close()
		}
		return err
	}
}

// renew begins a new generation, as `store new-generation` does, and opens the database
// as a server does.
func renew(t *testing.T, path string, withLog bool) *meta.DB {
	t.Helper()
	e, err := sqlite.OpenRestored(t.Context(), path, withLog)
	if err != nil {
		t.Fatal(err)
	}
	db, err := meta.Renew(t.Context(), e, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if e, err = sqlite.Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if db, err = meta.Open(t.Context(), e, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func items(t *testing.T, db *meta.DB) (n int64) {
	t.Helper()
	err := db.View(t.Context(), func(tx meta.Tx) error {
		r, err := tx.Query(t.Context(), "SELECT count(*) FROM item")
		if err != nil {
			return err
		}
		defer r.Close()
		r.Next()
		return r.Scan(&n)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestBackupPutBack: what was restored from a backup is known as such, whether the
// identity beside it fits or not, and is never mixed with another database's log.
func TestBackupPutBack(t *testing.T) {
	s, backup := backedUp(t)
	path := crashed(t, s.Place)
	put(t, backup, path)
	refusedAs(t, path, "remove "+path+"-wal and "+path+"-shm", plain(t, path))
	for _, withLog := range []bool{false, true} { // it is not the backup's in any case
		refusedAs(t, path, "remove "+path+"-wal and "+path+"-shm", restored(t, path, withLog))
	}
	removeLog(t, path)
	refusedAs(t, path, "store new-generation", plain(t, path))
	if n := items(t, renew(t, path, false)); n != 30 {
		t.Error(n, "messages of the 30 in the backup")
	}
}

// TestBackupInterrupted: a new generation that did not come to its end leaves a database
// that is refused.
func TestBackupInterrupted(t *testing.T) {
	s, backup := backedUp(t)
	path := crashed(t, s.Place)
	removeLog(t, path)
	put(t, backup, path)
	if err := restored(t, path, false)(); err != nil { // the mark is off
		t.Fatal(err)
	}
	if err := open(t, path, meta.Open); !errors.Is(err, meta.ErrForeignStore) {
		t.Fatal("it is opened without a new generation", err)
	}
	if n := items(t, renew(t, path, false)); n != 30 {
		t.Error(n)
	}
}

// TestOtherLog: a copy without a mark is not mixed with a log unless somebody says that it
// is its own; then nothing of the log is lost.
func TestOtherLog(t *testing.T) {
	s, _ := backedUp(t)
	path := crashed(t, s.Place)
	refusedAs(t, path, "--with-log", restored(t, path, false))
	if n := items(t, renew(t, path, true)); n != 130 {
		t.Error(n)
	}
}

// TestMalformed: what is damaged begins no new generation.
func TestMalformed(t *testing.T) {
	s, backup := backedUp(t)
	path := crashed(t, s.Place)
	removeLog(t, path)
	text, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	for at := 4096 * 3; at < len(text); at += 4096 {
		copy(text[at:], "nothing that SQLite wrote")
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, path, "not changed", func() error {
		err := restored(t, path, false)()
		if !errors.Is(err, meta.ErrCorrupt) {
			t.Error(err)
		}
		return err
	})
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 2000)), 0o600); err != nil {
		t.Fatal(err)
	}
	refusedAs(t, path, "not changed", restored(t, path, false))
}

// TestBackupRefused: a backup replaces no file, is of a database, and leaves nothing
// behind that is not whole.
func TestBackupRefused(t *testing.T) {
	s, backup := backedUp(t)
	refusedAs(t, backup, "there already", func() error { return sqlite.Backup(t.Context(), s.Place, backup) })
	refusedAs(t, backup, "is a backup", func() error { return sqlite.Backup(t.Context(), backup, backup+"2") })
	if err := sqlite.Backup(t.Context(), s.Place+"none", backup+"2"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sqlite.Backup(ctx, s.Place, backup+"2"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	found := files(t, backup)
	if len(found) != 1 {
		t.Error(found)
	}
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
}

// TestDamagedWhileOpen: nothing is written to a file that was found to be damaged, and
// everybody who asks is told why.
func TestDamagedWhileOpen(t *testing.T) {
	_, path := backedUp(t) // a whole file without a log
	if err := restored(t, path, false)(); err != nil {
		t.Fatal(err)
	}
	e, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var page int64
	read := func(sql string, place ...any) error {
		b := &meta.Batch{}
		b.Query(func(r meta.Rows) error {
			for r.Next() {
				if err := r.Scan(place...); err != nil {
					return err
				}
			}
			return r.Err()
		}, sql)
		return e.Read(t.Context(), b)
	}
	if err := errors.Join(read("SELECT rootpage FROM sqlite_schema WHERE name = 'account'", &page), e.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("nothing that SQLite wrote"), (page-1)*4096); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if e, err = sqlite.Open(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if err := e.(meta.Damageable).Damaged(); err != nil {
		t.Fatal(err)
	}
	var modseq int64
	if err := read("SELECT modseq FROM account", &modseq); !errors.Is(err, meta.ErrCorrupt) {
		t.Fatal(err)
	}
	err = e.Update(t.Context(), func(meta.Tx) error { return nil })
	if !errors.Is(err, meta.ErrCorrupt) || !errors.Is(err, meta.ErrUnavailable) || !strings.Contains(err.Error(), "nothing is written") {
		t.Error("written to a damaged file:", err)
	}
	if err := e.(meta.Damageable).Damaged(); !errors.Is(err, meta.ErrCorrupt) {
		t.Error(err)
	}
}
