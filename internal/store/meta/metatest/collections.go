package metatest

import (
	"errors"
	"fmt"
	"testing"

	"fachwerk/internal/store/meta"
)

// testCollectionTransfer: a calendar is moved and copied whole, over another one too,
// under the guard and the locks of both.
func testCollectionTransfer(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		s.sound(t)
	}
	color := []meta.Property{{Space: "s", Local: "color", Sealed: []byte("red")}}
	a, err := s.CreateCollection(ctx, s.Key, meta.Calendar, "a", "", meta.CollectionOptions{Properties: color})
	check(err)
	for n := range byte(5) {
		p := Resource(a.ID, 0, fmt.Sprint("event", n))
		p.Index = &meta.IndexRow{Hash: [16]byte{n + 1}, Components: 1, From: 10, To: 20}
		put, err := s.Put(ctx, s.Key, p)
		check(err)
		if n < 3 {
			check(s.SetProperties(ctx, s.Key, a.ID, put.Item.ID, []meta.Property{{Space: "s", Local: "l", Sealed: []byte{n}}}, meta.Guard{}))
		}
	}
	check(s.RemoveResource(ctx, s.Key, meta.Removal{Collection: a.ID, ID: named(t, s, a.ID, "event1").ID}))
	a, err = s.Collection(ctx, s.Key, a.ID)
	check(err)

	// COPY, whole and Depth 0.
	b, err := s.CopyCollection(ctx, s.Key, meta.CollectionTransfer{Collection: a.ID, Kind: meta.Calendar, To: "b"})
	check(err)
	sameItems(t, s, a.ID, b.ID)
	if b.Items != 4 || b.Bytes != a.Bytes || b.PropertyBytes != a.PropertyBytes || b.UIDValidity <= a.UIDValidity {
		t.Errorf("copy: %+v of %+v", b, a)
	}
	if found, err := s.Candidates(ctx, s.Key, b.ID, meta.Window{From: 1, To: 30, Components: 1}, 0, 10); err != nil || len(found) != 4 {
		t.Errorf("found in the copy: %d, %v", len(found), err)
	}
	event := Resource(b.ID, 0, "new") // the counters go on
	event.Index = &meta.IndexRow{Hash: [16]byte{99}, Components: 1, From: 10, To: 20}
	_, err = s.Put(ctx, s.Key, event)
	check(err)
	empty, err := s.CopyCollection(ctx, s.Key, meta.CollectionTransfer{Collection: a.ID, Kind: meta.Calendar, To: "c", Shallow: true})
	check(err)
	if props, err := s.Properties(ctx, s.Key, empty.ID, []int64{0}, 0); err != nil || empty.Items != 0 || len(props[0]) != 1 {
		t.Errorf("copy without members: %+v, %v, %v", empty, props, err)
	}

	// MOVE: the same collection under another name, over another one.
	at := meta.At(a.ModSeq)
	moved, err := s.MoveCollection(ctx, s.Key, meta.CollectionTransfer{Collection: a.ID, Kind: meta.Calendar, To: "c", Over: empty.ID})
	check(err)
	if moved.ID != a.ID || moved.Name != "c" || moved.SelfModSeq <= a.SelfModSeq || moved.ModSeq != a.ModSeq {
		t.Errorf("moved: %+v of %+v", moved, a)
	}
	if changes, err := s.Changes(ctx, s.Key, a.ID, at, 10); err != nil || len(changes.Items)+len(changes.Removed) != 0 {
		t.Errorf("of the members the journal tells %+v, %v", changes, err)
	}
	if _, err := s.CollectionByName(ctx, s.Key, meta.Calendar, "a"); !errors.Is(err, meta.ErrNotFound) {
		t.Errorf("the old name: %v", err)
	}
	changed, left, _, err := s.CollectionChanges(ctx, s.Key, b.SelfModSeq)
	check(err)
	if len(changed) != 1 || changed[0].ID != a.ID || len(left) != 2 || left[0].Name != "a" || left[1].Name != "c" {
		t.Errorf("changes of collections: %+v, %+v", changed, left)
	}

	// What stands against it.
	lock := meta.NewLock{Lock: meta.Lock{Collection: b.ID, Token: "t", Timeout: 1e10, Sealed: []byte("o"), Person: 1}, Name: "event0"}
	_, err = s.TakeLock(ctx, s.Key, lock)
	check(err)
	for what, refused := range map[string]struct {
		t    meta.CollectionTransfer
		want error
	}{
		"a name in use":      {meta.CollectionTransfer{Collection: b.ID, Kind: meta.Calendar, To: "c"}, meta.ErrChanged},
		"a name not in use":  {meta.CollectionTransfer{Collection: b.ID, Kind: meta.Calendar, To: "d", Over: a.ID}, meta.ErrChanged},
		"itself":             {meta.CollectionTransfer{Collection: b.ID, Kind: meta.Calendar, To: "b", Over: b.ID}, meta.ErrLoop},
		"another kind":       {meta.CollectionTransfer{Collection: b.ID, Kind: meta.AddressBook, To: "d"}, meta.ErrParent},
		"nothing":            {meta.CollectionTransfer{Collection: 4242, Kind: meta.Calendar, To: "d"}, meta.ErrNotFound},
		"a lock inside":      {meta.CollectionTransfer{Collection: b.ID, Kind: meta.Calendar, To: "d"}, meta.ErrLocked},
		"a lock at the goal": {meta.CollectionTransfer{Collection: a.ID, Kind: meta.Calendar, To: "b", Over: b.ID}, meta.ErrLocked},
		"what was changed": {meta.CollectionTransfer{Collection: a.ID, Kind: meta.Calendar, To: "d",
			Guard: meta.Guard{Seen: []meta.Seen{{Collection: a.ID, ModSeq: a.SelfModSeq, Below: a.ModSeq}}}}, meta.ErrChanged},
	} {
		if _, err := s.MoveCollection(ctx, s.Key, refused.t); !errors.Is(err, refused.want) {
			t.Errorf("move, %s: %v, want %v", what, err, refused.want)
		}
	}
	g := meta.Guard{Tokens: []string{"t"}, Person: 1}
	_, err = s.MoveCollection(ctx, s.Key, meta.CollectionTransfer{Collection: b.ID, Kind: meta.Calendar, To: "d", Guard: g})
	check(err)
	if held, err := s.Locks(ctx, s.Key, b.ID); err != nil || len(held) != 0 {
		t.Errorf("locks went along: %+v, %v", held, err)
	}
	for more := true; more; {
		more, err = s.RemoveDeleted(ctx, s.Key, 100)
		check(err)
	}
	sameItems(t, s, a.ID, a.ID)
}

// named finds an item in a flat collection.
func named(t *testing.T, s *Store, collection int64, name string) meta.Item {
	t.Helper()
	found, err := s.Named(t.Context(), s.Key, collection, 0, []string{name})
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: %+v, %v", name, found, err)
	}
	return found[0]
}

// sameItems compares two collections by what their items are called and hold.
func sameItems(t *testing.T, s *Store, a, b int64) {
	t.Helper()
	list := func(c int64) (text string) {
		items, err := s.Members(t.Context(), s.Key, c, 0, "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range items {
			props, err := s.Properties(t.Context(), s.Key, c, []int64{i.ID}, 0)
			if err != nil {
				t.Fatal(err)
			}
			text += fmt.Sprintln(i.Name, i.UID, i.Content, i.ObjectID, i.Digest, i.Size, props[i.ID])
		}
		return text
	}
	if x, y := list(a), list(b); x != y || x == "" {
		t.Errorf("items:\n%s\nof the other:\n%s", x, y)
	}
}
