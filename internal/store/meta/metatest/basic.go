package metatest

import (
	"errors"
	"slices"
	"testing"

	"fachwerk/internal/store/meta"
)

// tests are the suite.
var tests = []struct {
	name string
	run  func(*testing.T, Factory)
}{
	{"Collections", testCollections},
	{"Items", testItems},
	{"Flags", testFlags},
	{"NothingMissed", testNothingMissed},
	{"Truncation", testTruncation},
	{"AddedAndRemoved", testAddedAndRemoved},
	{"PurgeSnapshot", testPurgeSnapshot},
	{"Floor", testFloor},
	{"Names", testNames},
	{"Quota", testQuota},
	{"Neighbours", testNeighbours},
	{"RoundTrips", testRoundTrips},
	{"GroupCommit", testGroupCommit},
	{"Epoch", testEpoch},
	{"Leaving", testLeaving},
	{"Across", testAcross},
	{"Sweep", testSweep},
	{"Objects", testObjects},
	{"RemoveDeleted", testRemoveDeleted},
	{"Generation", testGeneration},
	{"Generations", testGenerations},
	{"Directory", testDirectory},
	{"Identity", testIdentity},
	{"Seen", testSeen},
	{"Drive", testDrive},
	{"Migration", testMigration},
	{"Resources", testResources},
	{"OneWins", testOneWins},
	{"Stale", testStale},
	{"QuotaCosts", testQuotaCosts},
	{"DriveChangesCost", testDriveChangesCost},
	{"MoveAcross", testMoveAcross},
	{"CrashAcross", testCrashAcross},
	{"CollectionTransfer", testCollectionTransfer},
	{"QuotaMigration", testQuotaMigration},
	{"Threads", testThreads},
	{"Times", testTimes},
	{"Crash", testCrash},
	{"Verify", testVerify},
	{"Places", testPlaces},
	{"Uncounted", testUncounted},
}

// Run runs the suite.
func Run(t *testing.T, f Factory) {
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) { c.run(t, f) })
	}
}

// RunNamed runs those tests of the suite alone.
func RunNamed(t *testing.T, f Factory, names ...string) {
	for _, c := range tests {
		if slices.Contains(names, c.name) {
			t.Run(c.name, func(t *testing.T) { c.run(t, f) })
		}
	}
}

func testCollections(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	if _, err := s.CreateCollection(ctx, s.Key, meta.Mailbox, "INBOX", "", meta.CollectionOptions{}); !errors.Is(err, meta.ErrExists) {
		t.Fatalf("second INBOX: %v", err)
	}
	a, b := s.Mailbox(t, "a"), s.Mailbox(t, "a/b")
	since := b.SelfModSeq
	if !(inbox.UIDValidity < a.UIDValidity && a.UIDValidity < b.UIDValidity) {
		t.Fatal("UIDVALIDITY does not ascend")
	}
	err := s.RenameCollections(ctx, s.Key, []meta.Rename{{ID: a.ID, From: "a", To: "z"}, {ID: b.ID, From: "a/b", To: "z/b"}})
	if err != nil {
		t.Fatal(err)
	}
	changed, left, modseq, err := s.CollectionChanges(ctx, s.Key, since)
	if err != nil || len(changed) != 2 || len(left) != 2 || modseq != since+1 {
		t.Fatal(changed, left, modseq, err)
	}
	if left[0].Name != "a" || left[1].Name != "a/b" || left[0].ModSeq != left[1].ModSeq {
		t.Fatal(left)
	}
	if err := s.DeleteCollection(ctx, s.Key, a.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Collection(ctx, s.Key, a.ID); !errors.Is(err, meta.ErrNotFound) {
		t.Fatal(err)
	}
	again := s.Mailbox(t, "z")
	if again.UIDValidity <= b.UIDValidity || again.ID == a.ID {
		t.Fatal("re-created under the same name with what clients know")
	}
	yes := true
	c, err := s.UpdateCollection(ctx, s.Key, again.ID, meta.CollectionSet{SeenByPerson: &yes})
	if err != nil || !c.SeenByPerson {
		t.Fatal(c, err)
	}
	all, err := s.Collections(ctx, s.Key, meta.Mailbox)
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
	}
	if err != nil || !slices.Equal(names, []string{"INBOX", "z", "z/b"}) {
		t.Fatal(names, err)
	}
}

func testItems(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox, trash := s.Mailbox(t, "INBOX"), s.Mailbox(t, "Trash")
	added := s.AddN(t, inbox.ID, 150)
	if added[0].UID != 1 || added[149].UID != 150 || added[0].ModSeq != added[149].ModSeq {
		t.Fatal(added[0], added[149])
	}
	page, err := s.Items(ctx, s.Key, inbox.ID, 100, 20)
	if err != nil || len(page) != 20 || page[0].UID != 101 {
		t.Fatal(page, err)
	}
	copied, err := s.Copy(ctx, s.Key, inbox.ID, trash.ID, []int64{5, 3, 999, 3})
	if err != nil || !slices.Equal(copied.Source, []int64{3, 5}) || !slices.Equal(copied.Dest, []int64{1, 2}) {
		t.Fatal(copied, err)
	}
	twins, err := s.ItemsByObject(ctx, s.Key, []int64{added[2].ObjectID})
	if err != nil || len(twins) != 2 || twins[0].ThreadID != twins[1].ThreadID || twins[0].ID == twins[1].ID {
		t.Fatal(twins, err)
	}
	moved, err := s.Move(ctx, s.Key, inbox.ID, trash.ID, []int64{1, 2})
	if err != nil || !slices.Equal(moved.Removed.UIDs, []int64{1, 2}) || !slices.Equal(moved.Dest, []int64{3, 4}) {
		t.Fatal(moved, err)
	}
	gone, err := s.Expunge(ctx, s.Key, inbox.ID, []int64{3, 4, 777}, false)
	if err != nil || !slices.Equal(gone.UIDs, []int64{3, 4}) {
		t.Fatal(gone, err)
	}
	c, err := s.Changes(ctx, s.Key, inbox.ID, meta.At(added[0].ModSeq), 100)
	if err != nil || len(c.Items) != 0 || len(c.Removed) != 4 || c.More || c.Collection.Items != 146 {
		t.Fatal(c, err)
	}
	a, err := s.Account(ctx, s.Key)
	if err != nil || a.UsedItems != 150 || a.UsedBytes != 15000 || a.ModSeq != c.Collection.ModSeq {
		t.Fatal(a, err)
	}
	n := 0
	var ids []int64
	for _, a := range added {
		ids = append(ids, a.ObjectID)
	}
	if err := s.Metas(ctx, s.Key, ids, func(m meta.Meta) error { n++; return nil }); err != nil || n != 150 {
		t.Fatal(n, err)
	}
	all, err := s.Contents(ctx, s.Key, meta.ContentID{}, 1000)
	if err != nil || len(all) != 150 {
		t.Fatal(len(all), err)
	}
}

func testFlags(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	s.AddN(t, inbox.ID, 10)
	r, err := s.SetFlags(ctx, s.Key, inbox.ID, meta.FlagChange{UIDs: []int64{1, 2, 3, 44}, Op: meta.FlagsAdd,
		Flags: meta.FlagSeen | meta.FlagDeleted, Keywords: []string{"work", "$Junk"}, UnchangedSince: -1})
	if err != nil || len(r.Changed) != 3 || !slices.Equal(r.Missing, []int64{44}) {
		t.Fatal(r, err)
	}
	if k := r.Changed[0].Keywords; k != "$Junk work" {
		t.Fatal(k)
	}
	before := r.ModSeq
	r, err = s.SetFlags(ctx, s.Key, inbox.ID, meta.FlagChange{UIDs: []int64{1, 2, 4}, Op: meta.FlagsAdd,
		Flags: meta.FlagSeen, UnchangedSince: before})
	if err != nil || len(r.Same) != 2 || len(r.Changed) != 1 || r.ModSeq != before+1 {
		t.Fatal(r, err)
	}
	r, err = s.SetFlags(ctx, s.Key, inbox.ID, meta.FlagChange{UIDs: []int64{4, 5}, Op: meta.FlagsReplace,
		Flags: 0, UnchangedSince: before})
	if err != nil || !slices.Equal(r.Modified, []int64{4}) {
		t.Fatal(r, err)
	}
	c, err := s.Collection(ctx, s.Key, inbox.ID)
	if err != nil || c.Unseen != 6 || c.DeletedItems != 3 {
		t.Fatal(c, err)
	}
	gone, err := s.Expunge(ctx, s.Key, inbox.ID, nil, true)
	if err != nil || len(gone.UIDs) != 3 {
		t.Fatal(gone, err)
	}
}
