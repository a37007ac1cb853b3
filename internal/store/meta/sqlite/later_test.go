package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/internal/store/meta"
)

// An absentee is an engine whose database is away until it comes.
type absentee struct {
	meta.Engine
	there atomic.Bool
	cause error
}

func (a *absentee) Migrate(ctx context.Context, m fs.FS) error {
	if !a.there.Load() {
		return a.cause
	}
	return a.Engine.Migrate(ctx, m)
}

// A database that is away when a server starts is opened when it comes; one that
// refuses for another reason is not waited for.
func TestOpenLater(t *testing.T) {
	e, err := Open(t.Context(), filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	a := &absentee{Engine: e, cause: errors.New("wrong password")}
	log := slog.New(slog.DiscardHandler)
	if _, err := meta.OpenLater(t.Context(), a, log); !errors.Is(err, a.cause) {
		t.Fatalf("a refusal is waited for: %v", err)
	}
	a.cause = errors.Join(meta.ErrUnavailable, errors.New("no route to host"))
	db, err := meta.OpenLater(t.Context(), a, log)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Now(t.Context()); !errors.Is(err, meta.ErrUnavailable) {
		t.Errorf("an absent database answers: %v", err)
	}
	if err := db.Ping(t.Context()); !errors.Is(err, meta.ErrUnavailable) {
		t.Errorf("an absent database is there: %v", err)
	}
	a.there.Store(true)
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if _, err = db.Now(t.Context()); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("it is there and not opened: %v", err)
		}
	}
}

// One that never comes keeps nobody from stopping.
func TestOpenLaterCloses(t *testing.T) {
	e, err := Open(t.Context(), filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := meta.OpenLater(t.Context(), &absentee{Engine: e, cause: meta.ErrUnavailable}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
