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

// A database that is away, refuses or is another one when a server starts is opened
// when it can be, and until then says why not, as something temporary.
func TestOpenLater(t *testing.T) {
	e, err := Open(t.Context(), filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	a := &absentee{Engine: e, cause: errors.New("wrong password")}
	log := slog.New(slog.DiscardHandler)
	refused := meta.OpenLater(t.Context(), a, log, nil)
	if _, err := refused.Now(t.Context()); !errors.Is(err, a.cause) || !errors.Is(err, meta.ErrUnavailable) {
		t.Fatalf("a database that refuses says %v", err)
	}
	again, err := Open(t.Context(), filepath.Join(t.TempDir(), "m.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := refused.Close(); err != nil { // and its engine
		t.Fatal(err)
	}
	a = &absentee{Engine: again}
	a.cause = errors.Join(meta.ErrUnavailable, errors.New("no route to host"))
	var judged, admitted atomic.Bool
	errOther := errors.New("another database")
	db := meta.OpenLater(t.Context(), a, log, func(context.Context, *meta.DB) error {
		judged.Store(true)
		if !admitted.Load() {
			return errOther
		}
		return nil
	})
	defer db.Close()
	if _, err := db.Now(t.Context()); !errors.Is(err, meta.ErrUnavailable) {
		t.Errorf("an absent database answers: %v", err)
	}
	if err := db.Ping(t.Context()); !errors.Is(err, meta.ErrUnavailable) {
		t.Errorf("an absent database is there: %v", err)
	}
	a.there.Store(true)
	for end := time.Now().Add(2 * time.Minute); !judged.Load(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody judged the database")
		}
	}
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, err := db.Now(t.Context())
		if errors.Is(err, errOther) && errors.Is(err, meta.ErrUnavailable) {
			break
		}
		if err == nil || time.Now().After(end) {
			t.Fatalf("a database that was not admitted answers: %v", err)
		}
	}
	admitted.Store(true)
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
	db := meta.OpenLater(t.Context(), &absentee{Engine: e, cause: meta.ErrUnavailable}, slog.New(slog.DiscardHandler), nil)
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}
