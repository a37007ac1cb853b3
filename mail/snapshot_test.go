package mail

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"unsafe"

	"fachwerk/internal/store"
)

func TestMessageIsSmallAndHoldsNoPointers(t *testing.T) {
	if got := unsafe.Sizeof(Message{}); got != messageBytes {
		t.Errorf("a message takes %d bytes, messageBytes says %d", got, messageBytes)
	}
	if messageBytes > 56 {
		t.Errorf("a message takes %d bytes in a view, more than 56", messageBytes)
	}
}

// model is a mailbox as a plain map, changed at random like the database does.
type model struct {
	rng     *rand.Rand
	uidnext int64
	modseq  int64
	items   map[int64]store.Item
}

func (m *model) collection() store.Collection {
	return store.Collection{UIDValidity: 7, UIDNext: m.uidnext, ModSeq: m.modseq}
}

// step makes some changes and returns them as the journal tells them.
func (m *model) step() (items []store.Item, removed []store.Tombstone) {
	changed := map[int64]bool{}
	for range m.rng.IntN(4) {
		switch m.rng.IntN(5) {
		case 0, 1: // many arrive
			for range 1 + m.rng.IntN(1+m.rng.IntN(900)) {
				m.modseq++
				m.items[m.uidnext] = store.Item{UID: m.uidnext, ModSeq: m.modseq, Size: m.uidnext * 3, ObjectID: m.uidnext + 1000}
				changed[m.uidnext] = true
				m.uidnext++
			}
		case 2: // flags and keywords
			m.modseq++
			for uid, it := range m.items {
				if m.rng.IntN(20) == 0 {
					it.Flags, it.ModSeq = int64(m.rng.IntN(32)), m.modseq
					it.Keywords = []string{"", "a", "a b", "$Junk"}[m.rng.IntN(4)]
					m.items[uid], changed[uid] = it, true
				}
			}
		default: // some go
			m.modseq++
			part := 1 + m.rng.IntN(40)
			for uid := range m.items {
				if m.rng.IntN(part) == 0 {
					delete(m.items, uid)
					delete(changed, uid)
					removed = append(removed, store.Tombstone{UID: uid, ModSeq: m.modseq})
				}
			}
		}
	}
	for uid := range changed {
		items = append(items, m.items[uid])
	}
	slices.SortFunc(items, func(a, b store.Item) int { return int(a.ModSeq - b.ModSeq) })
	return items, removed
}

func (m *model) check(t *testing.T, s *Snapshot) {
	t.Helper()
	uids := make([]int64, 0, len(m.items))
	for uid := range m.items {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	if s.Len() != len(uids) || s.UIDNext != uint32(m.uidnext) || s.HighestModSeq != uint64(m.modseq) || s.UIDValidity != 7 {
		t.Fatalf("snapshot of %d messages, UIDNEXT %d, HIGHESTMODSEQ %d; want %d, %d, %d",
			s.Len(), s.UIDNext, s.HighestModSeq, len(uids), m.uidnext, m.modseq)
	}
	for i, msg := range s.Range(0, s.Len()) {
		it := m.items[uids[i]]
		if words := fmt.Sprint(s.Keywords(msg)); msg.UID != uint32(it.UID) || msg.Flags != Flags(it.Flags) || msg.ModSeq != uint64(it.ModSeq) ||
			msg.Size != it.Size || msg.ObjectID != it.ObjectID || words != "["+it.Keywords+"]" {
			t.Fatalf("message %d is %+v with %s, want %+v", i, *msg, words, it)
		}
		if s.At(i) != msg {
			t.Fatalf("At(%d) is another message", i)
		}
		if at, found := s.IndexOf(msg.UID); at != i || !found {
			t.Fatalf("IndexOf(%d) = %d, %v, want %d", msg.UID, at, found, i)
		}
	}
	for _, c := range s.chunks {
		if len(c) == 0 || len(c) > chunkSize {
			t.Fatalf("chunk of %d", len(c))
		}
	}
}

// copied is what a snapshot held when it was made.
type copied struct {
	snap     *Snapshot
	messages []Message
}

func copyOf(s *Snapshot) copied {
	c := copied{snap: s}
	for _, m := range s.Range(0, s.Len()) {
		c.messages = append(c.messages, *m)
	}
	return c
}

// TestSnapshotsFollowAModel changes a mailbox at random and checks that every
// snapshot shows it, that earlier snapshots never change, and that Diff leads
// from each to the newest.
func TestSnapshotsFollowAModel(t *testing.T) {
	for seed := range uint64(10) {
		m := &model{rng: rand.New(rand.NewPCG(seed, 1)), uidnext: 1, modseq: 1, items: map[int64]store.Item{}}
		b := newBuilder()
		snap := &Snapshot{sets: b.sets}
		var history []copied
		for range 60 {
			items, removed := m.step()
			snap = b.apply(snap, m.collection(), items, removed)
			m.check(t, snap)
			history = append(history, copyOf(snap))
		}
		for _, old := range history {
			if got := copyOf(old.snap); !slices.Equal(got.messages, old.messages) {
				t.Fatalf("seed %d: a snapshot of %d messages changed after it was made", seed, len(old.messages))
			}
			checkDiff(t, old.snap, snap)
		}
	}
}

// checkDiff applies a diff to the older snapshot's UIDs.
func checkDiff(t *testing.T, old, now *Snapshot) {
	t.Helper()
	d := old.Diff(now)
	vanished := map[int]bool{}
	for _, i := range d.Vanished {
		vanished[i] = true
	}
	var uids []uint32
	modseq := map[uint32]uint64{}
	for i, m := range old.Range(0, old.Len()) {
		if !vanished[i] {
			uids = append(uids, m.UID)
			modseq[m.UID] = m.ModSeq
		}
	}
	if len(uids) != d.Added {
		t.Fatalf("%d messages stay, the first new one is number %d", len(uids), d.Added)
	}
	for _, m := range now.Range(d.Added, now.Len()) {
		uids = append(uids, m.UID)
		modseq[m.UID] = m.ModSeq
	}
	for _, i := range d.Changed {
		modseq[now.At(i).UID] = now.At(i).ModSeq
	}
	for i, m := range now.Range(0, now.Len()) {
		if uids[i] != m.UID || modseq[m.UID] != m.ModSeq {
			t.Fatalf("message %d: diff leads to UID %d, modseq %d; snapshot has %d, %d", i, uids[i], modseq[m.UID], m.UID, m.ModSeq)
		}
	}
	if len(uids) != now.Len() {
		t.Fatalf("diff leads to %d messages, snapshot has %d", len(uids), now.Len())
	}
}

func filled(b *builder, n int) *Snapshot {
	items := make([]store.Item, n)
	for i := range items {
		items[i] = store.Item{UID: int64(i + 1), ModSeq: int64(i + 1)}
	}
	return b.apply(&Snapshot{sets: b.sets}, store.Collection{UIDNext: int64(n + 1), ModSeq: int64(n)}, items, nil)
}

// Scattered expunges leave chunks with little in them; they are joined, so that
// memory follows the number of messages.
func TestExpungesGiveMemoryBack(t *testing.T) {
	b := newBuilder()
	snap := filled(b, 50_000)
	before := snap.bytes()
	rng := rand.New(rand.NewPCG(3, 4))
	uids := rng.Perm(50_000)
	for part := range slices.Chunk(uids[:49_000], 1000) {
		var removed []store.Tombstone
		for _, uid := range part {
			removed = append(removed, store.Tombstone{UID: int64(uid + 1)})
		}
		snap = b.apply(snap, store.Collection{}, nil, removed)
	}
	left := uids[49_000:]
	slices.Sort(left)
	for i, uid := range left {
		if snap.At(i).UID != uint32(uid+1) {
			t.Fatalf("message %d has UID %d, want %d", i, snap.At(i).UID, uid+1)
		}
	}
	if snap.Len() != 1000 || snap.bytes() > before/8 {
		t.Errorf("%d messages of 50,000 take %d bytes of %d", snap.Len(), snap.bytes(), before)
	}
}

// Whatever order a database tells UIDs in, a snapshot is sorted and its chunks
// are bounded.
func TestMergeInsertsAnywhere(t *testing.T) {
	b := newBuilder()
	m := &model{uidnext: 5001, modseq: 1, items: map[int64]store.Item{}}
	snap := &Snapshot{sets: b.sets}
	for _, first := range []int64{1, 2} {
		var items []store.Item
		for uid := first; uid <= 5000; uid += 2 {
			m.items[uid] = store.Item{UID: uid, ModSeq: 1}
			items = append(items, m.items[uid])
		}
		snap = b.apply(snap, m.collection(), items, nil)
		m.check(t, snap)
	}
}

// Keyword sets that went out of use are given up at the next load.
func TestBuilderIsCrowdedByUnusedSets(t *testing.T) {
	b := newBuilder()
	snap := filled(b, 1)
	for n := range 5000 {
		item := store.Item{UID: 1, ModSeq: int64(n), Keywords: fmt.Sprintf("w%d", n)}
		snap = b.apply(snap, store.Collection{}, []store.Item{item}, nil)
	}
	if !b.crowded(snap.Len()) || len(snap.AllKeywords()) != 5000 || snap.Keywords(snap.At(0))[0] != "w4999" {
		t.Errorf("crowded %v, %d keywords", b.crowded(snap.Len()), len(snap.AllKeywords()))
	}
	if fresh := newBuilder(); fresh.crowded(0) {
		t.Error("a new builder is crowded")
	}
}

// A delivery into a large view must not copy it.
func TestDeliveryCopiesLittle(t *testing.T) {
	b := newBuilder()
	base := filled(b, 50_000)
	const runs = 200
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		b.apply(base, store.Collection{UIDNext: 50_002, ModSeq: 50_001}, []store.Item{{UID: 50_001, ModSeq: 50_001}}, nil)
	}
	runtime.ReadMemStats(&after)
	perRun := (after.TotalAlloc - before.TotalAlloc) / runs
	if perRun > 40<<10 {
		t.Errorf("a delivery to a view of 50,000 allocates %d bytes", perRun)
	}
}

func BenchmarkDiffAfterDelivery(b *testing.B) {
	build := newBuilder()
	old := filled(build, 50_000)
	now := build.apply(old, store.Collection{UIDNext: 50_002, ModSeq: 50_001}, []store.Item{{UID: 50_001, ModSeq: 50_001}}, nil)
	for b.Loop() {
		if d := old.Diff(now); d.Added != 50_000 {
			b.Fatal(d)
		}
	}
}
