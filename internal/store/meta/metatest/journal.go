package metatest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/store/meta"
)

// testNothingMissed: a reader that polls with its last token while eight writers
// write learns of every change (rule 5, and the lock that is the order).
func testNothingMissed(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	const writers, each = 8, 40
	var mu sync.Mutex
	added := map[int64]bool{}
	flagged := map[int64]int64{}
	gone := map[int64]bool{}
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for range each {
				a, err := s.Add(ctx, s.Key, inbox.ID, Messages(1))
				if err != nil {
					t.Error(err)
					return
				}
				uid := a[0].UID
				r, err := s.SetFlags(ctx, s.Key, inbox.ID, meta.FlagChange{UIDs: []int64{uid}, Op: meta.FlagsAdd,
					Flags: meta.FlagFlagged, UnchangedSince: -1})
				if err != nil || len(r.Changed) != 1 {
					t.Error(r, err)
					return
				}
				mu.Lock()
				added[uid], flagged[uid] = true, r.ModSeq
				mu.Unlock()
				if uid%3 == 0 {
					if _, err := s.Expunge(ctx, s.Key, inbox.ID, []int64{uid}, false); err != nil {
						t.Error(err)
					}
					mu.Lock()
					gone[uid] = true
					mu.Unlock()
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writing.Wait(); close(done) }()
	known := map[int64]int64{}
	removed := map[int64]bool{}
	since := meta.At(inbox.ModSeq)
	for last := false; ; {
		c, err := s.Changes(ctx, s.Key, inbox.ID, since, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range c.Items {
			known[i.UID] = i.ModSeq
		}
		for _, r := range c.Removed {
			removed[r.UID] = true
		}
		since = c.Next
		if last && !c.More {
			break
		}
		select {
		case <-done:
			last = true
		default:
		}
	}
	for uid := range added {
		if gone[uid] != removed[uid] {
			t.Errorf("UID %d: gone %v, told %v", uid, gone[uid], removed[uid])
		}
		if !gone[uid] && known[uid] != flagged[uid] {
			t.Errorf("UID %d: flagged at %d, told %d", uid, flagged[uid], known[uid])
		}
	}
	s.sound(t)
}

// testTruncation: an answer may end inside one modseq, and the next goes on there.
func testTruncation(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	s.AddN(t, inbox.ID, 10)
	s.AddN(t, inbox.ID, 10)
	if _, err := s.Expunge(ctx, s.Key, inbox.ID, []int64{1, 2, 3, 11, 12, 13}, false); err != nil {
		t.Fatal(err)
	}
	for _, start := range []meta.Token{{}, meta.At(inbox.ModSeq)} {
		var items, removed []int64
		inside := false
		for since := start; ; {
			c, err := s.Changes(ctx, s.Key, inbox.ID, since, 3)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Items)+len(c.Removed) > 3 {
				t.Fatal("more than asked for")
			}
			for _, i := range c.Items {
				items = append(items, i.UID)
			}
			for _, r := range c.Removed {
				removed = append(removed, r.UID)
			}
			since = c.Next
			if !c.More {
				break
			}
			inside = inside || since.ItemID != meta.At(0).ItemID
		}
		if !inside || len(items) != 14 || len(slices.Compact(items)) != 14 {
			t.Fatal(inside, items)
		}
		if start != (meta.Token{}) && len(removed) != 6 {
			t.Fatal(removed)
		}
	}
}

// testAddedAndRemoved: what came and went since a token is told as removed
// (RFC 6578 3.5.2).
func testAddedAndRemoved(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	a := s.AddN(t, inbox.ID, 1)
	if _, err := s.Expunge(ctx, s.Key, inbox.ID, []int64{a[0].UID}, false); err != nil {
		t.Fatal(err)
	}
	c, err := s.Changes(ctx, s.Key, inbox.ID, meta.At(inbox.ModSeq), 100)
	if err != nil || len(c.Items) != 0 || len(c.Removed) != 1 || c.Removed[0].CreatedModSeq <= inbox.ModSeq {
		t.Fatal(c, err)
	}
}

// testPurgeSnapshot: floor, high mark, items and tombstones come from one snapshot,
// so that a purge in between is either not seen or refuses the token.
func testPurgeSnapshot(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	for round := range 25 {
		added := s.AddN(t, inbox.ID, 40)
		since := meta.At(added[0].ModSeq)
		var uids []int64
		for _, a := range added {
			uids = append(uids, a.UID)
		}
		if _, err := s.Expunge(ctx, s.Key, inbox.ID, uids, false); err != nil {
			t.Fatal(err)
		}
		var purging sync.WaitGroup
		purging.Go(func() {
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			if _, err := s.Purge(ctx, s.Key, -time.Second); err != nil {
				t.Error(err)
			}
		})
		for tooOld := false; !tooOld; {
			c, err := s.Changes(ctx, s.Key, inbox.ID, since, 1000)
			if tooOld = errors.Is(err, meta.ErrTooOld); tooOld {
				break
			}
			if err != nil || len(c.Removed) != 40 {
				t.Fatalf("round %d: %d of 40 tombstones and no refusal: %v", round, len(c.Removed), err)
			}
			// A token in the middle of a modseq reads in two steps.
			c, err = s.Changes(ctx, s.Key, inbox.ID, meta.Token{ModSeq: since.ModSeq, ItemID: 1}, 1000)
			if err == nil && len(c.Removed) != 40 {
				t.Fatalf("round %d: %d of 40 tombstones and no refusal", round, len(c.Removed))
			}
		}
		purging.Wait()
	}
	s.sound(t)
}

// testFloor: a token at the floor is served, one below it refused; a first listing
// in pages is not refused though its items lie below the floor.
func testFloor(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	for range 4 {
		s.AddN(t, inbox.ID, 5)
	}
	e, err := s.Expunge(ctx, s.Key, inbox.ID, []int64{2, 7}, false)
	if err != nil {
		t.Fatal(err)
	}
	s.AddN(t, inbox.ID, 5)
	if n, err := s.Purge(ctx, s.Key, time.Hour); err != nil || n != 0 {
		t.Fatal("purged what is young", n, err)
	}
	if n, err := s.Purge(ctx, s.Key, -time.Second); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	if _, err := s.Changes(ctx, s.Key, inbox.ID, meta.At(e.ModSeq-1), 10); !errors.Is(err, meta.ErrTooOld) {
		t.Fatal(err)
	}
	if c, err := s.Changes(ctx, s.Key, inbox.ID, meta.At(e.ModSeq), 10); err != nil || len(c.Items) != 5 {
		t.Fatal(c, err)
	}
	var uids []int64
	for since, more := (meta.Token{}), true; more; {
		c, err := s.Changes(ctx, s.Key, inbox.ID, since, 4)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range c.Items {
			uids = append(uids, i.UID)
		}
		if since.ModSeq == 0 { // changes in the middle of a listing are told in it
			if _, err := s.Expunge(ctx, s.Key, inbox.ID, []int64{20}, false); err != nil {
				t.Fatal(err)
			}
		}
		since, more = c.Next, c.More
	}
	if len(uids) != 22 || len(slices.Compact(slices.Sorted(slices.Values(uids)))) != 22 {
		t.Fatal(uids)
	}
	s.sound(t)
}

// testNames: byte order, and no folding of case, umlauts or Unicode forms.
func testNames(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	names := []string{"B", "a", "b", "A", "zebra", "Zebra", "\u00e4rger", "a\u0308rger", "\u00c4rger", "ss", "\u00df", "a/b", "a-b", "a b"}
	for _, n := range names {
		s.Mailbox(t, n)
	}
	all, err := s.Collections(ctx, s.Key, meta.Mailbox)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range all {
		got = append(got, c.Name)
		found, err := s.CollectionByName(ctx, s.Key, meta.Mailbox, c.Name)
		if err != nil || found.ID != c.ID {
			t.Fatal(c.Name, found, err)
		}
	}
	slices.Sort(names)
	if !slices.Equal(got, names) {
		t.Fatalf("order %q", got)
	}
}

// sound fails the test where Verify finds anything.
func (s *Store) sound(t *testing.T) {
	t.Helper()
	found, err := s.Verify(t.Context(), s.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Errorf("%s: collection %d: want %d, got %d", f.What, f.Collection, f.Want, f.Got)
	}
}
