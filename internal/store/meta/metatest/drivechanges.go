package metatest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"fachwerk/internal/store/meta"
)

// counting is an engine that counts the rows which are read in views.
type counting struct {
	meta.Engine
	rows atomic.Int64
}

func (c *counting) View(ctx context.Context, f func(meta.Tx) error) error {
	return c.Engine.View(ctx, func(tx meta.Tx) error { return f(&countingTx{tx, c}) })
}

type countingTx struct {
	meta.Tx
	c *counting
}

func (t *countingTx) Run(ctx context.Context, b *meta.Batch) error {
	counted := meta.Batch{Statements: slices.Clone(b.Statements)}
	for n := range counted.Statements {
		if read := counted.Statements[n].Rows; read != nil {
			counted.Statements[n].Rows = func(r meta.Rows) error { return read(&countingRows{r, t.c}) }
		}
	}
	return t.Tx.Run(ctx, &counted)
}

type countingRows struct {
	meta.Rows
	c *counting
}

func (r *countingRows) Next() bool {
	more := r.Rows.Next()
	if more {
		r.c.rows.Add(1)
	}
	return more
}

// testDriveChangesCost: a sync of a few changes reads a few rows, however many folders
// the drive has.
func testDriveChangesCost(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	drive, err := s.CreateCollection(ctx, s.Key, meta.Drive, "drive", "", meta.CollectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	folder := func(parent int64, name string) meta.Item {
		i, err := s.MakeFolder(ctx, s.Key, meta.NewFolder{Collection: drive.ID, Parent: parent, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	move := func(i meta.Item, parent int64, name string) {
		t.Helper()
		_, err := s.MoveResource(ctx, s.Key, meta.Transfer{Collection: drive.ID, ID: i.ID, To: meta.Spot{Collection: drive.ID, Parent: parent, Name: name}})
		if err != nil {
			t.Fatal(err)
		}
	}
	a := folder(0, "a")
	b := folder(a.ID, "b")
	c := folder(b.ID, "c")
	const others = 300
	for n := range others {
		folder(a.ID, fmt.Sprint("other", n))
	}
	if _, err := s.Put(ctx, s.Key, Resource(drive.ID, c.ID, "file")); err != nil {
		t.Fatal(err)
	}
	counted := &counting{Engine: s.Engine()}
	db, err := meta.Open(ctx, counted, quiet)
	if err != nil {
		t.Fatal(err)
	}
	changes := func(since meta.Token, most int64) meta.DriveChanges {
		t.Helper()
		counted.rows.Store(0)
		d, err := db.DriveChanges(ctx, s.Key, drive.ID, since, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if n := counted.rows.Load(); n > most {
			t.Errorf("%d rows were read for %d changes", n, len(d.Items)+len(d.Removed))
		}
		return d
	}
	at := meta.At(changes(meta.Token{}, 4*others).Collection.ModSeq)
	if d := changes(at, 10); len(d.Items)+len(d.Removed) != 0 {
		t.Errorf("nothing happened: %+v", d)
	}
	if _, err := s.Put(ctx, s.Key, Resource(drive.ID, c.ID, "file")); err != nil {
		t.Fatal(err)
	}
	if d := changes(at, 20); len(d.Items) != 1 || d.Items[0].Path != "a/b/c/file" || len(d.Removed) != 0 {
		t.Errorf("one file: %+v", d)
	}
	// A folder moves, another takes its place, and so on: what was where is found out.
	move(c, 0, "c2")
	move(b, c.ID, "b2")
	again := folder(a.ID, "b")
	folder(again.ID, "c")
	move(a, b.ID, "a2")
	d := changes(at, 5*others)
	if !slices.Equal(d.Removed, []string{"a"}) || len(d.Items) != others+6 {
		t.Errorf("%d told, removed: %v", len(d.Items), d.Removed)
	}
	folder(0, "a")
	if d := changes(at, 8*others); slices.Contains(d.Removed, "a") || !slices.Contains(d.Removed, "a/b") || len(d.Removed) != others+1 {
		t.Errorf("with the old path in use again %d are removed: %.100v", len(d.Removed), d.Removed)
	}
	if err := s.RemoveResource(ctx, s.Key, meta.Removal{Collection: drive.ID, ID: again.ID}); err != nil {
		t.Fatal(err)
	}
	now, err := s.Collection(ctx, s.Key, drive.ID)
	if err != nil {
		t.Fatal(err)
	}
	if d := changes(meta.At(now.ModSeq-1), 30); !slices.Equal(d.Removed, []string{"c2/b2/a2/b"}) {
		t.Errorf("removed: %v", d.Removed)
	}
}
