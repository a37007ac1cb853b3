package sqlite_test

import (
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/sqlite"
)

func TestFacts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "metadata.db")
	e, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	f := e.(meta.Witness).Facts(t.Context())
	if f.Path != path || !strings.HasPrefix(f.Store, "SQLite 3.") || len(f.Endpoints)+len(f.Connections)+len(f.Streams) > 0 {
		t.Errorf("%+v", f)
	}
}
