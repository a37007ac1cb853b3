package sqlite_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/metatest"
	"fachwerk/internal/store/meta/sqlite"
)

// recorder keeps the statements that an engine is given.
type recorder struct {
	meta.Engine
	mu   sync.Mutex
	seen map[string][]any
}

type recording struct {
	meta.Tx
	r *recorder
}

func (r *recorder) note(b *meta.Batch) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range b.Statements {
		if _, known := r.seen[s.SQL]; !known {
			r.seen[s.SQL] = s.Args
		}
	}
}

func (r *recorder) Read(ctx context.Context, b *meta.Batch) error {
	r.note(b)
	return r.Engine.Read(ctx, b)
}

func (r *recorder) View(ctx context.Context, f func(meta.Tx) error) error {
	return r.Engine.View(ctx, func(tx meta.Tx) error { return f(recording{tx, r}) })
}

func (r *recorder) Update(ctx context.Context, f func(meta.Tx) error) error {
	return r.Engine.Update(ctx, func(tx meta.Tx) error { return f(recording{tx, r}) })
}

func (t recording) Run(ctx context.Context, b *meta.Batch) error {
	t.r.note(b)
	return t.Tx.Run(ctx, b)
}

// TestNamedItemsAreFoundByIndex: no statement of a named resource walks its whole
// collection. SQLite plans without knowing how many rows there are, so a harmless
// looking statement may do that.
func TestNamedItemsAreFoundByIndex(t *testing.T) {
	e, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "meta.db"))
	if err != nil {
		t.Fatal(err)
	}
	r := &recorder{Engine: e, seen: map[string][]any{}}
	metatest.UseResources(t, r)
	plans := 0
	for text, args := range r.seen {
		verb, _, _ := strings.Cut(strings.TrimSpace(text), " ")
		if verb != "SELECT" && verb != "WITH" && verb != "DELETE" && verb != "UPDATE" || strings.Contains(text, "INSERT INTO") {
			continue
		}
		err := e.View(t.Context(), func(tx meta.Tx) error {
			rows, err := tx.Query(t.Context(), "EXPLAIN QUERY PLAN "+text, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var id, parent, unused int64
				var detail string
				if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
					return err
				}
				plans++
				whole := strings.HasSuffix(detail, "(tenant_id=? AND account_id=? AND collection_id=?)") || strings.HasPrefix(detail, "SCAN item")
				few := strings.Contains(detail, "dav_lock") || strings.Contains(detail, " trash ") || strings.Contains(detail, "SEARCH collection") ||
					strings.HasPrefix(detail, "SEARCH c ")
				if whole && !few {
					t.Errorf("%s\nwalks the whole collection: %s", text, detail)
				}
			}
			return rows.Err()
		})
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if plans < 50 {
		t.Errorf("only %d steps of plans were seen", plans)
	}
}
