package sqlite_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/sqlite"
	"fachwerk/internal/testenv/need"
)

// Root, who runs a command, leaves every file to whom the database belongs.
func TestRootLocksNobodyOut(t *testing.T) {
	if os.Geteuid() != 0 {
		need.NotRun(t, "only root can be in the way")
	}
	const nobody = 65534
	path := filepath.Join(t.TempDir(), "metadata.db")
	open := func() {
		t.Helper()
		e, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		db, err := meta.Open(t.Context(), e, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	open()
	files := func() []string {
		list, err := filepath.Glob(path + "*")
		if err != nil || len(list) < 2 {
			t.Fatal(list, err)
		}
		return list
	}
	for _, f := range files() {
		if err := os.Chown(f, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	open()
	for _, f := range files() {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != nobody || owner.Gid != nobody {
			t.Errorf("%s belongs to %d:%d", filepath.Base(f), owner.Uid, owner.Gid)
		}
	}
}
