package metatest

import (
	"errors"
	"testing"

	"fachwerk/internal/store/meta"
)

// testDirectory: changes of what no account's journal knows are counted, and a database
// that has fewer of them than were acknowledged is not written on.
func testDirectory(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	change := func(outcome error) error {
		return s.UpdateDirectory(ctx, func(tx meta.Tx, raise func(*meta.Batch)) error {
			var b meta.Batch
			b.Exec("UPDATE tenant SET people = people + 1 WHERE tenant_id = $1", s.Key.Tenant)
			raise(&b)
			return errors.Join(tx.Run(ctx, &b), outcome)
		})
	}
	counted := func() {
		t.Helper()
		before, err := s.Directory(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := change(nil); err != nil {
			t.Fatal(err)
		}
		if err := change(errUndo); !errors.Is(err, errUndo) {
			t.Fatal(err)
		}
		if after, err := s.Directory(ctx); err != nil || after != before+1 {
			t.Fatalf("%d changes after %d, %v", after, before, err)
		}
	}
	counted()
	if err := s.UpdateDirectory(ctx, func(meta.Tx, func(*meta.Batch)) error { return nil }); err != nil {
		t.Fatal(err)
	}
	counted()

	known, err := s.Directory(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.NewGeneration(ctx); err != nil {
		t.Fatal(err)
	}
	if now, err := s.Directory(ctx); err != nil || now < known+1<<32 {
		t.Fatalf("%d changes after %d in a new generation, %v", now, known, err)
	}
	counted()

	err = s.Update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec("UPDATE installation SET directory = directory - 1")
		return tx.Run(ctx, &b)
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, meta.ErrForeignStore) || !errors.Is(err, meta.ErrUnavailable) {
			t.Errorf("%s in a database that has lost a change: %v", what, err)
		}
	}
	refused("a change", change(nil))
	_, err = s.Directory(ctx)
	refused("a look", err)
}
