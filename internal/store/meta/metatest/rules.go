package metatest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/store/meta"
)

// testSweep: a writer who names an old content while the sweep looks for contents
// that nothing names; whoever comes second is refused or passed over (rule 3).
func testSweep(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	kept, lost := 0, 0
	for range 30 {
		m := Message(50)
		a, err := s.Add(ctx, s.Key, inbox.ID, []meta.NewItem{m})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Expunge(ctx, s.Key, inbox.ID, []int64{a[0].UID}, false); err != nil {
			t.Fatal(err)
		}
		m.Content.Inline = nil // name what is there
		var both sync.WaitGroup
		both.Go(func() {
			if _, err := s.Sweep(ctx, s.Key, -time.Second, time.Hour); err != nil {
				t.Error(err)
			}
		})
		both.Go(func() {
			_, err := s.Add(ctx, s.Key, inbox.ID, []meta.NewItem{m})
			_, gone := s.Content(ctx, s.Key, m.Content.ID)
			switch {
			case err == nil && gone == nil:
				kept++
			case errors.Is(err, meta.ErrReference) && errors.Is(gone, meta.ErrNotFound):
				lost++
			default:
				t.Errorf("add: %v, content: %v", err, gone)
			}
		})
		both.Wait()
	}
	t.Logf("the writer came first %d times, the sweep %d times", kept, lost)
	s.sound(t)
}

// testObjects: the object of a swept content is due after the retention, and one
// that is stored again is not.
func testObjects(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	m := Message(50)
	m.Content.Inline, m.Content.ObjectKey = nil, "t/20261122/abc"
	for _, retention := range []time.Duration{time.Hour, -time.Second} {
		a, err := s.Add(ctx, s.Key, inbox.ID, []meta.NewItem{m})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := s.Sweep(ctx, s.Key, -time.Second, retention); err != nil || n != 0 {
			t.Fatal("swept what is named", n, err)
		}
		if _, err := s.Expunge(ctx, s.Key, inbox.ID, []int64{a[0].UID}, false); err != nil {
			t.Fatal(err)
		}
		if n, err := s.Sweep(ctx, s.Key, time.Hour, retention); err != nil || n != 0 {
			t.Fatal("swept what is young", n, err)
		}
		if n, err := s.Sweep(ctx, s.Key, -time.Second, retention); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		due, err := s.DueObjects(ctx, 10)
		if err != nil || (len(due) == 1) != (retention < 0) {
			t.Fatal(due, err)
		}
	}
	if err := s.ForgetObject(ctx, s.Key.Tenant, m.Content.ObjectKey); err != nil {
		t.Fatal(err)
	}
	if due, err := s.DueObjects(ctx, 10); err != nil || len(due) != 0 {
		t.Fatal(due, err)
	}
}

// testRemoveDeleted: a deleted collection counts no more at once and its rows go in
// steps.
func testRemoveDeleted(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox, old := s.Mailbox(t, "INBOX"), s.Mailbox(t, "old")
	s.AddN(t, inbox.ID, 5)
	s.AddN(t, old.ID, 95)
	if _, err := s.Expunge(ctx, s.Key, old.ID, upTo(10), false); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteCollection(ctx, s.Key, old.ID); err != nil {
		t.Fatal(err)
	}
	if a, err := s.Account(ctx, s.Key); err != nil || a.UsedItems != 5 {
		t.Fatal(a.UsedItems, err)
	}
	steps := 0
	for more := true; more; steps++ {
		var err error
		if more, err = s.RemoveDeleted(ctx, s.Key, 20); err != nil || steps > 20 {
			t.Fatal(steps, err)
		}
	}
	if steps < 4 {
		t.Error("all went in one step")
	}
	if n, err := s.Sweep(ctx, s.Key, -time.Second, 0); err != nil || n != 95 {
		t.Fatal(n, err)
	}
	s.sound(t)
}

// testGeneration: after a restore nothing that clients have seen is handed out
// again, and every client learns that it must look anew (rule 6).
func testGeneration(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	s.AddN(t, inbox.ID, 6)
	if _, err := s.Expunge(ctx, s.Key, inbox.ID, []int64{6}, false); err != nil {
		t.Fatal(err)
	}
	before, err := s.Account(ctx, s.Key)
	if err != nil {
		t.Fatal(err)
	}
	mailbox, err := s.Collection(ctx, s.Key, inbox.ID)
	if err != nil {
		t.Fatal(err)
	}
	generation := s.Generation()
	if err := s.NewGeneration(ctx); err != nil {
		t.Fatal(err)
	}
	s.DB.Close()
	s.DB = OpenAt(t, f, s.Place)
	if s.Generation() <= generation {
		t.Fatal(s.Generation())
	}
	after, err := s.Account(ctx, s.Key)
	if err != nil || after.ModSeq < before.ModSeq+1<<32 || after.NextID < before.NextID+1<<32 {
		t.Fatal(after, err)
	}
	// A client that has seen UID 9 and modseq 90 of the lost time.
	if _, err := s.Changes(ctx, s.Key, inbox.ID, meta.At(mailbox.ModSeq+90), 100); !errors.Is(err, meta.ErrTooOld) {
		t.Fatal(err)
	}
	items, err := s.Items(ctx, s.Key, inbox.ID, 0, 100)
	if err != nil || len(items) != 5 {
		t.Fatal(items, err)
	}
	for _, i := range items {
		if i.ModSeq <= mailbox.ModSeq+90 {
			t.Fatalf("UID %d answers modseq %d", i.UID, i.ModSeq)
		}
	}
	r, err := s.SetFlags(ctx, s.Key, inbox.ID, meta.FlagChange{UIDs: []int64{1}, Flags: meta.FlagSeen, UnchangedSince: mailbox.ModSeq + 90})
	if err != nil || !slices.Equal(r.Modified, []int64{1}) {
		t.Fatal("UNCHANGEDSINCE of another generation", r, err)
	}
	a := s.AddN(t, inbox.ID, 1)
	if a[0].UID < mailbox.UIDNext+1<<20 || a[0].ModSeq <= after.ModSeq {
		t.Fatal(a)
	}
	if c := s.Mailbox(t, "new"); c.UIDValidity < mailbox.UIDValidity+1<<16 {
		t.Fatal(c)
	}
	all := 0
	for since, more := (meta.Token{}), true; more; {
		c, err := s.Changes(ctx, s.Key, inbox.ID, since, 2)
		if err != nil {
			t.Fatal(err)
		}
		all, since, more = all+len(c.Items), c.Next, c.More
	}
	if all != 6 {
		t.Fatal(all)
	}
	s.sound(t)
}

// testGenerations: of two restores one after the other, each from a backup that knows
// nothing of the other, the second gives out nothing that the first did.
func testGenerations(t *testing.T, f Factory) {
	ctx := t.Context()
	type life struct {
		generation, uid, modseq, id int64
	}
	live := func(more int) life {
		s := Open(t, f) // every one is as new: what they have in common is nothing
		inbox := s.Mailbox(t, "INBOX")
		s.AddN(t, inbox.ID, more)
		if err := s.NewGeneration(ctx); err != nil {
			t.Fatal(err)
		}
		a := s.AddN(t, inbox.ID, 1)
		s.sound(t)
		account, err := s.Account(ctx, s.Key)
		if err != nil {
			t.Fatal(err)
		}
		return life{s.Generation(), a[0].UID, a[0].ModSeq, account.NextID}
	}
	first := live(9) // of a backup of Monday
	time.Sleep(1100 * time.Millisecond)
	second := live(2) // of an older one
	if second.generation <= first.generation || second.uid <= first.uid || second.modseq <= first.modseq || second.id <= first.id {
		t.Fatalf("the first restore reached %+v, the second begins at %+v", first, second)
	}
}

// testIdentity: a storage that is not the one last used is refused until a new
// generation.
func testIdentity(t *testing.T, f Factory) {
	s := Open(t, f)
	s.DB.Close()
	open := func(identity string) (*meta.DB, error) {
		e, err := f.Engine(t.Context(), s.Place)
		if err != nil {
			t.Fatal(err)
		}
		db, err := meta.Open(t.Context(), renamed{e, identity}, quiet)
		if err != nil {
			e.Close()
		}
		return db, err
	}
	if _, err := open("another"); !errors.Is(err, meta.ErrForeignStore) {
		t.Fatal(err)
	}
	e, err := f.Engine(t.Context(), s.Place)
	if err != nil {
		t.Fatal(err)
	}
	db, err := meta.Renew(t.Context(), renamed{e, "another"}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	db.Close()
	if db, err = open("another"); err != nil || db.Generation() == 0 {
		t.Fatal(err)
	}
	db.Close()
}

// testSeen: \Seen by person is laid over the item, and the MODSEQ that a person
// sees is the greater one (rule 7).
func testSeen(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	c, err := s.CreateCollection(ctx, s.Key, meta.Mailbox, "INBOX", "", meta.CollectionOptions{SeenByPerson: true})
	if err != nil {
		t.Fatal(err)
	}
	added := s.AddN(t, c.ID, 4)
	since := meta.At(added[0].ModSeq)
	const alice, bob = 11, 12
	set := func(person, uid, flags int64, op meta.FlagOp) meta.FlagResult {
		t.Helper()
		r, err := s.SetFlags(ctx, s.Key, c.ID, meta.FlagChange{UIDs: []int64{uid}, Op: op, Flags: flags, Person: person, UnchangedSince: -1})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	seen := set(alice, 1, meta.FlagSeen, meta.FlagsAdd)
	if len(seen.Changed) != 1 || seen.Changed[0].Flags != meta.FlagSeen || seen.Changed[0].ModSeq != seen.ModSeq {
		t.Fatal(seen)
	}
	flagged := set(bob, 1, meta.FlagFlagged, meta.FlagsAdd)
	set(bob, 2, meta.FlagFlagged|meta.FlagSeen, meta.FlagsReplace)
	view := func(person int64, limit int) map[int64]meta.Item {
		t.Helper()
		items := map[int64]meta.Item{}
		for at, more := since, true; more; {
			ch, err := s.ChangesFor(ctx, s.Key, c.ID, person, at, limit)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range ch.Items {
				items[i.UID] = i
			}
			at, more = ch.Next, ch.More
		}
		return items
	}
	for _, limit := range []int{1, 2, 100} {
		a, b, shared := view(alice, limit), view(bob, limit), view(0, limit)
		if a[1].Flags != meta.FlagSeen|meta.FlagFlagged || a[1].ModSeq != flagged.ModSeq || a[2].Flags != meta.FlagFlagged {
			t.Fatal("alice", limit, a)
		}
		if b[1].Flags != meta.FlagFlagged || b[2].Flags != meta.FlagFlagged|meta.FlagSeen || len(b) != 2 {
			t.Fatal("bob", limit, b)
		}
		if shared[1].Flags != meta.FlagFlagged || shared[2].Flags != meta.FlagFlagged {
			t.Fatal("shared", limit, shared)
		}
	}
	last := set(alice, 1, meta.FlagSeen, meta.FlagsRemove)
	if got := view(alice, 100)[1]; got.ModSeq != last.ModSeq || got.Flags != meta.FlagFlagged {
		t.Fatal(got)
	}
	if got := view(bob, 100)[1]; got.ModSeq != flagged.ModSeq {
		t.Fatal("another's \\Seen changed the MODSEQ", got)
	}
	items, err := s.ItemsFor(ctx, s.Key, c.ID, bob, 0, 10)
	if err != nil || len(items) != 4 || items[1].Flags != meta.FlagFlagged|meta.FlagSeen {
		t.Fatal(items, err)
	}
	if _, err := s.Expunge(ctx, s.Key, c.ID, []int64{1, 2}, false); err != nil {
		t.Fatal(err)
	}
	s.sound(t)
}

// testDrive: renaming a folder writes O(1) rows, and a sync is told the old path as
// gone and all below at the new one (rule 9).
func testDrive(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	d, err := s.CreateCollection(ctx, s.Key, meta.Drive, "files", "", meta.CollectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	folder := func(parent int64, name string) meta.Added {
		t.Helper()
		a, err := s.AddFolder(ctx, s.Key, d.ID, parent, name)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	file := func(parent int64, name string) meta.Added {
		t.Helper()
		m := Message(10)
		m.Parent, m.Name, m.Digest = parent, name, meta.Digest{1}
		a, err := s.Add(ctx, s.Key, d.ID, []meta.NewItem{m})
		if err != nil {
			t.Fatal(err)
		}
		return a[0]
	}
	a := folder(0, "a")
	b := folder(a.ItemID, "b")
	z := folder(0, "z")
	f1, f2 := file(a.ItemID, "1"), file(b.ItemID, "2")
	for n := range 20 {
		file(b.ItemID, fmt.Sprintf("more%02d", n))
	}
	if _, err := s.AddFolder(ctx, s.Key, d.ID, 0, "a"); !errors.Is(err, meta.ErrExists) {
		t.Fatal(err)
	}
	since := file(z.ItemID, "last").ModSeq
	sync := func(at int64) (map[string]bool, []string) {
		t.Helper()
		c, err := s.DriveChanges(ctx, s.Key, d.ID, meta.At(at), 1000)
		if err != nil {
			t.Fatal(err)
		}
		paths := map[string]bool{}
		for _, i := range c.Items {
			paths[i.Path] = true
		}
		return paths, c.Removed
	}
	subtree := func(a meta.Added) int64 {
		t.Helper()
		i, err := s.ItemsByUID(ctx, s.Key, d.ID, []int64{a.UID})
		if err != nil || len(i) != 1 {
			t.Fatal(i, err)
		}
		return i[0].SubtreeModSeq
	}
	own := func(a meta.Added) int64 {
		i, _ := s.ItemsByUID(ctx, s.Key, d.ID, []int64{a.UID})
		return i[0].ModSeq
	}
	moved, err := s.RenameItem(ctx, s.Key, d.ID, b.UID, z.ItemID, "c")
	if err != nil {
		t.Fatal(err)
	}
	if own(f2) != f2.ModSeq || own(a) == moved.ModSeq {
		t.Error("renaming a folder changed rows below or above it")
	}
	if subtree(a) != moved.ModSeq || subtree(z) != moved.ModSeq {
		t.Error("the folders above both places keep their ETags")
	}
	paths, removed := sync(since)
	if len(paths) != 22 || !paths["z/c"] || !paths["z/c/2"] || !slices.Equal(removed, []string{"a/b"}) {
		t.Fatal(paths, removed)
	}
	// The old path is in use again, in part by names of former members.
	b2 := folder(a.ItemID, "b")
	file(b2.ItemID, "more00")
	paths, removed = sync(since)
	if !paths["a/b"] || !paths["a/b/more00"] || !paths["z/c/more00"] || len(removed) != 20 ||
		slices.Contains(removed, "a/b") || slices.Contains(removed, "a/b/more00") || !slices.Contains(removed, "a/b/2") {
		t.Fatal(paths, removed)
	}
	if _, err := s.RenameItem(ctx, s.Key, d.ID, z.UID, b.ItemID, "loop"); !errors.Is(err, meta.ErrLoop) {
		t.Fatal(err)
	}
	if err := s.RemoveItem(ctx, s.Key, d.ID, z.UID); !errors.Is(err, meta.ErrReference) {
		t.Fatal(err)
	}
	if err := s.RemoveItem(ctx, s.Key, d.ID, f1.UID); err != nil {
		t.Fatal(err)
	}
	paths, removed = sync(moved.ModSeq)
	if len(paths) != 2 || !slices.Equal(removed, []string{"a/1"}) {
		t.Fatal(paths, removed)
	}
	// Moved twice, and the folder above renamed as well: the path that the reader
	// knows is gone, the one it is at now is told.
	at := own(b2)
	if _, err := s.RenameItem(ctx, s.Key, d.ID, f2.UID, 0, "2"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RenameItem(ctx, s.Key, d.ID, z.UID, 0, "y"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RenameItem(ctx, s.Key, d.ID, f2.UID, b2.ItemID, "two"); err != nil {
		t.Fatal(err)
	}
	paths, removed = sync(at)
	if !paths["y"] || !paths["y/c/more01"] || !paths["a/b/two"] || paths["y/c/2"] || !slices.Contains(removed, "z") ||
		slices.Contains(removed, "z/c") || slices.Contains(removed, "z/c/2") {
		t.Fatal(paths, removed)
	}
	s.sound(t)
}

// testThreads: the thread comes from the first known hash and stays through COPY and
// MOVE (rule 8).
func testThreads(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox, other := s.Mailbox(t, "INBOX"), s.Mailbox(t, "other")
	put := func(hashes ...int64) meta.Added {
		m := Message(10)
		m.ThreadHashes = hashes
		a, err := s.Add(ctx, s.Key, inbox.ID, []meta.NewItem{m})
		if err != nil {
			t.Fatal(err)
		}
		return a[0]
	}
	first, reply, stranger := put(1), put(2, 1), put(7)
	if late := put(3, 9, 2); first.ThreadID != reply.ThreadID || late.ThreadID != first.ThreadID || stranger.ThreadID == first.ThreadID {
		t.Fatal(first, reply, stranger, late)
	}
	if next := put(9); next.ThreadID != first.ThreadID {
		t.Fatal(next)
	}
	m, err := s.Move(ctx, s.Key, inbox.ID, other.ID, []int64{first.UID})
	if err != nil {
		t.Fatal(err)
	}
	i, err := s.ItemsByUID(ctx, s.Key, other.ID, m.Dest)
	if err != nil || i[0].ThreadID != first.ThreadID || i[0].ObjectID != first.ObjectID || i[0].ID == first.ItemID {
		t.Fatal(i, err)
	}
}

// testTimes: the database's clock, in Unix microseconds, whatever time zones say.
func testTimes(t *testing.T, f Factory) {
	s := Open(t, f)
	t.Setenv("TZ", "Pacific/Kiritimati")
	local := time.Local
	time.Local = time.FixedZone("far", 14*3600)
	defer func() { time.Local = local }()
	now, err := s.Now(t.Context())
	if off := time.Since(time.UnixMicro(now)); err != nil || off < -time.Minute || off > time.Minute {
		t.Fatal(off, err)
	}
	inbox := s.Mailbox(t, "INBOX")
	m := Message(1)
	m.InternalDate = time.Date(1994, 3, 27, 2, 30, 0, 123456000, time.UTC).UnixMicro()
	if _, err := s.Add(t.Context(), s.Key, inbox.ID, []meta.NewItem{m}); err != nil {
		t.Fatal(err)
	}
	db := OpenAt(t, f, s.Place)
	items, err := db.Items(t.Context(), s.Key, inbox.ID, 0, 1)
	if err != nil || items[0].InternalDate != m.InternalDate || time.Since(time.UnixMicro(items[0].SaveDate)).Abs() > time.Minute {
		t.Fatal(items, err)
	}
}
