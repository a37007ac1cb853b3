package metatest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/store/meta"
)

// UseResources uses whatever package meta does with named resources once, on a fresh
// engine, and closes it when the test ends.
func UseResources(t *testing.T, e meta.Engine) {
	t.Helper()
	s := &Store{DB: openEngine(t, e)}
	s.Key = s.NewAccount(t, id())
	useResources(t, s)
}

// Resource is new content for a place.
func Resource(collection, parent int64, name string) meta.PutResource {
	return meta.PutResource{Collection: collection, Parent: parent, Name: name, Content: NewContent(10), Digest: meta.Digest{1},
		SealMeta: func(int64) (int16, []byte) { return 1, []byte("facts") }}
}

func plainPath(path []string) []byte { return fmt.Append(nil, path) }

func useResources(t *testing.T, s *Store) (drive, calendar meta.Collection) {
	t.Helper()
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	create := func(kind meta.CollectionKind, name string) meta.Collection {
		c, err := s.CreateCollection(ctx, s.Key, kind, name, "",
			meta.CollectionOptions{Properties: []meta.Property{{Space: "s", Local: "l", Sealed: []byte("x")}}})
		check(err)
		return c
	}
	drive, calendar = create(meta.Drive, "drive"), create(meta.Calendar, "c")
	other := create(meta.Calendar, "d")
	folder, err := s.MakeFolder(ctx, s.Key, meta.NewFolder{Collection: drive.ID, Name: "f"})
	check(err)
	sub, err := s.MakeFolder(ctx, s.Key, meta.NewFolder{Collection: drive.ID, Parent: folder.ID, Name: "sub"})
	check(err)
	p := Resource(drive.ID, sub.ID, "1")
	p.Guard = meta.Guard{Seen: []meta.Seen{{Name: "f", ID: folder.ID}, {Parent: folder.ID, Name: "sub", ID: sub.ID}, {Parent: sub.ID, Name: "1"}}}
	put, err := s.Put(ctx, s.Key, p)
	check(err)
	at := meta.At(put.Item.ModSeq)
	locked, err := s.TakeLock(ctx, s.Key, meta.NewLock{Lock: meta.Lock{Collection: drive.ID, Token: "t", Timeout: 1e9, Sealed: []byte("o"), Person: 1},
		Parent: sub.ID, Name: "1"})
	check(err)
	_, err = s.RefreshLock(ctx, s.Key, drive.ID, locked.Lock.Token, 1, 2e9)
	check(err)
	_, err = s.Locks(ctx, s.Key, drive.ID)
	check(err)
	g := meta.Guard{Tokens: []string{"t"}, Person: 1}
	check(s.SetProperties(ctx, s.Key, drive.ID, put.Item.ID, []meta.Property{{Space: "s", Local: "l", Sealed: []byte("x")}}, g))
	check(s.SetProperties(ctx, s.Key, drive.ID, 0, []meta.Property{{Space: "s", Local: "l"}}, g))
	_, err = s.Properties(ctx, s.Key, drive.ID, []int64{0, put.Item.ID}, 0)
	check(err)
	check(s.ReleaseLock(ctx, s.Key, drive.ID, "t", 1))
	to := func(parent int64, name string) meta.Spot {
		return meta.Spot{Collection: drive.ID, Parent: parent, Name: name}
	}
	_, err = s.CopyResource(ctx, s.Key, meta.Transfer{Collection: drive.ID, ID: put.Item.ID, To: to(0, "2"), SealPath: plainPath})
	check(err)
	_, err = s.MoveResource(ctx, s.Key, meta.Transfer{Collection: drive.ID, ID: put.Item.ID, To: to(0, "2"), Overwrite: true, SealPath: plainPath})
	check(err)
	again, err := s.Put(ctx, s.Key, Resource(drive.ID, 0, "2"))
	check(err)
	if again.Created || again.Item.ID != put.Item.ID || again.Item.ObjectID == put.Item.ObjectID {
		t.Errorf("put again: %+v", again)
	}
	_, err = s.Touch(ctx, s.Key, drive.ID, again.Item.ID, 5, meta.Guard{})
	check(err)
	_, err = s.ItemByID(ctx, s.Key, drive.ID, again.Item.ID)
	check(err)
	top, err := s.Stage(ctx, s.Key, meta.NewFolder{Collection: drive.ID, Name: "staged"})
	check(err)
	_, err = s.CopyMembers(ctx, s.Key, drive.ID, drive.ID, []meta.Member{{UID: again.Item.UID, ID: again.Item.ID, Parent: top.ID}})
	check(err)
	_, err = s.MoveResource(ctx, s.Key, meta.Transfer{Collection: drive.ID, ID: top.ID, To: to(0, "whole"), Staged: true})
	check(err)
	check(s.RemoveResource(ctx, s.Key, meta.Removal{Collection: drive.ID, ID: again.Item.ID, SealPath: plainPath}))
	trash, err := s.Trash(ctx, s.Key, drive.ID)
	check(err)
	if len(trash) != 2 {
		t.Errorf("trash: %+v", trash)
	}
	_, err = s.OldTrash(ctx, 0, 10)
	check(err)
	check(s.RemoveResource(ctx, s.Key, meta.Removal{Collection: drive.ID, ID: top.ID}))
	_, err = s.Reapable(ctx, s.Key)
	check(err)
	for more := true; more; {
		more, err = s.Reap(ctx, s.Key, drive.ID, 100)
		check(err)
	}
	_, err = s.DriveChanges(ctx, s.Key, drive.ID, at, 100)
	check(err)
	_, err = s.MoveResource(ctx, s.Key, meta.Transfer{Collection: drive.ID, ID: sub.ID, To: to(0, "moved")})
	check(err)
	d, err := s.DriveChanges(ctx, s.Key, drive.ID, at, 100)
	check(err)
	if !slices.Equal(d.Removed, []string{"2", "f/sub", "whole"}) {
		t.Errorf("removed: %v", d.Removed)
	}
	_, err = s.WalkNames(ctx, s.Key, drive.ID, 0, []string{"moved", "x"})
	check(err)
	_, err = s.Members(ctx, s.Key, drive.ID, 0, "a", 10)
	check(err)
	_, err = s.Named(ctx, s.Key, drive.ID, 0, []string{"f", "x", "moved"})
	check(err)
	event := Resource(calendar.ID, 0, "e")
	event.Index = &meta.IndexRow{Hash: [16]byte{1}, Components: 1, From: 10, To: 20}
	e1, err := s.Put(ctx, s.Key, event)
	check(err)
	_, err = s.MoveResource(ctx, s.Key, meta.Transfer{Collection: calendar.ID, ID: e1.Item.ID, To: meta.Spot{Collection: other.ID, Name: "e"}})
	check(err)
	_, err = s.ByHash(ctx, s.Key, other.ID, [16]byte{1})
	check(err)
	for _, v := range []meta.Window{{From: 1, To: 30, Components: 1}, {Components: 1}} {
		found, err := s.Candidates(ctx, s.Key, other.ID, v, 0, 10)
		check(err)
		if len(found) != 1 {
			t.Errorf("%+v finds %v", v, found)
		}
	}
	return drive, calendar
}

// testResources: the operations of named resources leave sound accounts, and
// engines that differ from what Verify expects are told.
func testResources(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	drive, calendar := useResources(t, s)
	s.sound(t)
	folder, err := s.MakeFolder(ctx, s.Key, meta.NewFolder{Collection: drive.ID, Name: "faults",
		Properties: []meta.Property{{Space: "s", Local: "l", Sealed: []byte("x")}}})
	if err != nil {
		t.Fatal(err)
	}
	file, err := s.Put(ctx, s.Key, Resource(drive.ID, folder.ID, "file"))
	if err != nil {
		t.Fatal(err)
	}
	event := Resource(calendar.ID, 0, "e")
	event.Index = &meta.IndexRow{Hash: [16]byte{2}, Components: 1, From: 10, To: 20}
	if _, err := s.Put(ctx, s.Key, event); err != nil {
		t.Fatal(err)
	}
	if _, err := s.TakeLock(ctx, s.Key, meta.NewLock{Lock: meta.Lock{Collection: drive.ID, Token: "t", Timeout: 1e10, Sealed: []byte("o")},
		Parent: folder.ID, Name: "file"}); err != nil {
		t.Fatal(err)
	}
	s.sound(t)
	for _, fault := range []string{
		"UPDATE item SET digest = NULL WHERE name = 'file'",
		"UPDATE item SET subtree_modseq = 1 WHERE name = 'faults'",
		"UPDATE dav_lock SET item_id = 4242",
		"UPDATE property SET item_id = item_id + 100000 WHERE item_id <> 0",
		"UPDATE property SET local = 'longer'",
		"DELETE FROM property WHERE item_id <> 0",
		"DELETE FROM trash",
		"UPDATE trash SET item_id = item_id + 100000",
		"UPDATE item SET parent_id = -1 WHERE name = 'file'",
		"UPDATE item SET name = '' WHERE name = 'e'",
	} {
		if len(s.faulty(t, fault)) == 0 {
			t.Errorf("%s: nothing found", fault)
		}
	}
	// What was taken out survives opening the store anew.
	s.DB.Close()
	s.DB = OpenAt(t, f, s.Place)
	held, err := s.Locks(ctx, s.Key, drive.ID)
	if err != nil || len(held) != 1 || held[0].Item != file.Item.ID || !slices.Equal(held[0].Path, []string{"faults", "file"}) {
		t.Errorf("locks after opening anew: %+v, %v", held, err)
	}
	var locked *meta.LockedError
	if _, err := s.Put(ctx, s.Key, Resource(drive.ID, folder.ID, "file")); !errors.As(err, &locked) {
		t.Errorf("put on what is locked: %v", err)
	}
	if err := s.DeleteCollection(ctx, s.Key, drive.ID); err != nil {
		t.Fatal(err)
	}
	for more := true; more; {
		if more, err = s.RemoveDeleted(ctx, s.Key, 2); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"property", "dav_lock", "trash", "item"} {
		var n int64
		var b meta.Batch
		b.Query(func(r meta.Rows) error { r.Next(); return r.Scan(&n) },
			"SELECT count(*) FROM "+table+" WHERE collection_id = $1", drive.ID)
		if err := s.Read(ctx, &b); err != nil || n != 0 {
			t.Errorf("%d rows of %s stayed, %v", n, table, err)
		}
	}
	s.sound(t)
}

// faulty answers what Verify finds after a statement that is then undone.
func (s *Store) faulty(t *testing.T, fault string) (found []meta.Finding) {
	t.Helper()
	undo := s.Update(t.Context(), func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec(fault)
		err := tx.Run(t.Context(), &b)
		if err == nil {
			found, err = meta.VerifyIn(t.Context(), tx, s.Key)
		}
		if err != nil {
			t.Errorf("%s: %v", fault, err)
		}
		return errUndo
	})
	if undo == nil {
		t.Fatal("the fault stayed")
	}
	return found
}

// testOneWins: of many who have seen one state, one writes; many who share a
// transaction each find what the one before has left.
func testOneWins(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	drive, err := s.CreateCollection(ctx, s.Key, meta.Drive, "drive", "", meta.CollectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var seen meta.Seen
	for round := range 30 {
		seen.Name = "a"
		var mu sync.Mutex
		var won []meta.Put
		var writing sync.WaitGroup
		for range 16 {
			writing.Go(func() {
				p := Resource(drive.ID, 0, "a")
				p.Guard.Seen = []meta.Seen{seen}
				put, err := s.Put(ctx, s.Key, p)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, put)
				} else if !errors.Is(err, meta.ErrChanged) {
					t.Error(err)
				}
			})
		}
		writing.Wait()
		if len(won) != 1 || won[0].Created != (round%3 == 0) {
			t.Fatalf("round %d: %+v won", round, won)
		}
		seen.ID, seen.ModSeq = won[0].Item.ID, won[0].Item.ModSeq
		if round%3 == 2 {
			r := meta.Removal{Collection: drive.ID, ID: seen.ID, Guard: meta.Guard{Seen: []meta.Seen{seen}}}
			if err := s.RemoveResource(ctx, s.Key, r); err != nil {
				t.Fatal(err)
			}
			seen = meta.Seen{}
		}
	}
	// In one transaction: put, remove and put again, in any mixture.
	var writing sync.WaitGroup
	for n := range 16 {
		writing.Go(func() {
			name := fmt.Sprint("n", n%3)
			for range 20 {
				put, err := s.Put(ctx, s.Key, Resource(drive.ID, 0, name))
				if err != nil {
					t.Error(err)
					return
				}
				r := meta.Removal{Collection: drive.ID, ID: put.Item.ID}
				if n%2 == 0 {
					r.SealPath = plainPath
				}
				if err := s.RemoveResource(ctx, s.Key, r); err != nil && !errors.Is(err, meta.ErrNotFound) && !errors.Is(err, meta.ErrParent) {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	s.sound(t)
}

// testStale: a tree that never became whole goes, one that may still become so stays.
func testStale(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	drive, err := s.CreateCollection(ctx, s.Key, meta.Drive, "drive", "", meta.CollectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"old", "new"} {
		top, err := s.Stage(ctx, s.Key, meta.NewFolder{Collection: drive.ID, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		p := Resource(drive.ID, top.ID, "file")
		p.Staged = true
		if _, err := s.Put(ctx, s.Key, p); err != nil {
			t.Fatal(err)
		}
	}
	err = s.Update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec("UPDATE item SET save_date = save_date - $1 WHERE name = 'old'", (25 * time.Hour).Microseconds())
		return tx.Run(ctx, &b)
	})
	if err != nil {
		t.Fatal(err)
	}
	if drives, err := s.Reapable(ctx, s.Key); err != nil || !slices.Equal(drives, []int64{drive.ID}) {
		t.Fatalf("reapable: %v, %v", drives, err)
	}
	for more := true; more; {
		if more, err = s.Reap(ctx, s.Key, drive.ID, 10); err != nil {
			t.Fatal(err)
		}
	}
	if c, err := s.Collection(ctx, s.Key, drive.ID); err != nil || c.Items != 2 {
		t.Errorf("%d items are left, want 2, %v", c.Items, err)
	}
	if drives, err := s.Reapable(ctx, s.Key); err != nil || len(drives) != 0 {
		t.Errorf("reapable: %v, %v", drives, err)
	}
	if c, err := s.DriveChanges(ctx, s.Key, drive.ID, meta.Token{}, 100); err != nil || len(c.Items) != 0 {
		t.Errorf("a reader sees %v, %v", c.Items, err)
	}
	s.sound(t)
}

// putUntilKilled is what a child that is killed does to a drive: files, trees, moves.
func putUntilKilled(ctx context.Context, s *Store, drive int64, worker int, acknowledge func(string)) error {
	stop := time.Now().Add(20 * time.Second)
	for n := 0; time.Now().Before(stop); n++ {
		name := fmt.Sprintf("w%d.%d.%x", worker, n, NewContent(4).Inline)
		folder, err := s.MakeFolder(ctx, s.Key, meta.NewFolder{Collection: drive, Name: name})
		if err != nil {
			return err
		}
		acknowledge(name)
		put, err := s.Put(ctx, s.Key, Resource(drive, folder.ID, "file"))
		if err != nil {
			return err
		}
		acknowledge(name + "/file")
		to := meta.Spot{Collection: drive, Parent: folder.ID, Name: "copy"}
		if _, err := s.CopyResource(ctx, s.Key, meta.Transfer{Collection: drive, ID: put.Item.ID, To: to}); err != nil {
			return err
		}
		acknowledge(name + "/copy")
		doomed, err := s.MakeFolder(ctx, s.Key, meta.NewFolder{Collection: drive, Name: name + ".gone"})
		if err != nil {
			return err
		}
		if _, err := s.Put(ctx, s.Key, Resource(drive, doomed.ID, "file")); err != nil {
			return err
		}
		if err := s.RemoveResource(ctx, s.Key, meta.Removal{Collection: drive, ID: doomed.ID}); err != nil {
			return err
		}
		if _, err := s.Reap(ctx, s.Key, drive, 1); err != nil {
			return err
		}
	}
	return nil
}
