package mail_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/internal/store"
	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

// session follows a view as an IMAP session does: by diffs.
type session struct {
	v    *mail.View
	snap *mail.Snapshot
	uids []uint32
}

func (s *session) step(t *testing.T) {
	now, err := s.v.Refresh(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	if s.snap != nil {
		d := s.snap.Diff(now)
		kept := s.uids[:0:0]
		gone := d.Vanished
		for i, uid := range s.uids {
			if len(gone) > 0 && gone[0] == i {
				gone = gone[1:]
				continue
			}
			kept = append(kept, uid)
		}
		for _, m := range now.Range(d.Added, now.Len()) {
			kept = append(kept, m.UID)
		}
		s.uids = kept
	} else {
		for _, m := range now.Range(0, now.Len()) {
			s.uids = append(s.uids, m.UID)
		}
	}
	s.snap = now
	for i, m := range now.Range(0, now.Len()) {
		if i >= len(s.uids) || s.uids[i] != m.UID {
			t.Errorf("session counts otherwise than the snapshot at %d", i)
			return
		}
	}
}

// TestConcurrentSessions lets deliverers, flaggers and expungers work on one
// mailbox while sessions follow it, and compares the last snapshot with the
// database row by row.
func TestConcurrentSessions(t *testing.T) { concurrentSessions(t, mailtest.New(t)) }

func TestConcurrentSessionsOnServers(t *testing.T) {
	concurrentSessions(t, mailtest.New(t, mailtest.OnServers()))
}

func concurrentSessions(t *testing.T, h *mailtest.House) {
	h.Fill(t, h.AliceAccess, "INBOX", 700)
	box := mailboxID(t, h, h.AliceAccess, "INBOX")
	to, err := h.Mail.Resolve(t.Context(), mailtest.AliceAddress)
	if err != nil {
		t.Fatal(err)
	}
	in := h.Incoming(t, mailtest.Message("Bote", "klingelt"))
	var writers, readers sync.WaitGroup
	var stop atomic.Bool
	for n := range 3 {
		writers.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 9))
			v, err := h.Mail.Open(t.Context(), h.AliceAccess, box)
			if err != nil {
				t.Error(err)
				return
			}
			defer v.Close()
			for range 40 {
				snap, err := v.Refresh(t.Context())
				if err == nil {
					err = change(t, h, v, snap, to, in, rng)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 4 {
		readers.Go(func() {
			v, err := h.Mail.Open(t.Context(), h.AliceAccess, box)
			if err != nil {
				t.Error(err)
				return
			}
			defer v.Close()
			s := session{v: v}
			for !stop.Load() && !t.Failed() {
				s.step(t)
			}
			s.step(t)
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
	compareWithRows(t, h, h.Open(t, h.AliceAccess, "INBOX"))
}

func change(t *testing.T, h *mailtest.House, v *mail.View, snap *mail.Snapshot, to mail.Recipient, in *mail.Incoming, rng *rand.Rand) error {
	var some []uint32
	for range 1 + rng.IntN(5) {
		if snap.Len() > 0 {
			some = append(some, snap.At(rng.IntN(snap.Len())).UID)
		}
	}
	var err error
	switch rng.IntN(4) {
	case 0:
		_, err = h.Mail.Deliver(t.Context(), to, in, []byte("Received: x\r\n"), mail.DeliverOptions{})
	case 1:
		_, err = v.Store(t.Context(), mail.FlagChange{UIDs: some, Op: mail.AddFlags, Flags: mail.FlagDeleted})
	case 2:
		word := fmt.Sprintf("wort%d", rng.IntN(9))
		_, err = v.Store(t.Context(), mail.FlagChange{UIDs: some, Op: mail.AddFlags, Flags: mail.FlagSeen, Keywords: []string{word}})
	default:
		_, err = v.Expunge(t.Context(), nil)
	}
	return err
}

// compareWithRows holds a fresh snapshot against the rows.
func compareWithRows(t *testing.T, h *mailtest.House, v *mail.View) {
	t.Helper()
	snap := h.Refresh(t, v)
	a := v.Access()
	key := store.Key{Tenant: a.Tenant, Account: a.Account}
	items, err := h.Store.Items(t.Context(), key, v.Mailbox(), 0, 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	if snap.Len() != len(items) {
		t.Fatalf("snapshot has %d messages, the database %d", snap.Len(), len(items))
	}
	for i, it := range items {
		m := snap.At(i)
		words := ""
		for k, w := range snap.Keywords(m) {
			if k > 0 {
				words += " "
			}
			words += w
		}
		if int64(m.UID) != it.UID || int64(m.Flags) != it.Flags || int64(m.ModSeq) != it.ModSeq || words != it.Keywords ||
			m.Size != it.Size || m.InternalDate != it.InternalDate || m.SaveDate != it.SaveDate || m.ObjectID != it.ObjectID || m.ThreadID != it.ThreadID {
			t.Errorf("message %d: snapshot %+v (%s), row %+v", i, *m, words, it)
		}
	}
	c, err := h.Store.Collection(t.Context(), key, v.Mailbox())
	if err != nil || snap.HighestModSeq != uint64(c.ModSeq) || snap.UIDNext != uint32(c.UIDNext) || snap.UIDValidity != uint32(c.UIDValidity) {
		t.Errorf("snapshot %d %d %d, row %+v, %v", snap.HighestModSeq, snap.UIDNext, snap.UIDValidity, c, err)
	}
}

func TestRefreshWithoutChangesKeepsTheSnapshot(t *testing.T) {
	h := mailtest.New(t)
	v := h.Open(t, h.AliceAccess, "INBOX")
	first := v.Snapshot()
	h.Append(t, h.AliceAccess, "Sent", mailtest.Message("woanders", "x"), 0)
	if h.Refresh(t, v) != first {
		t.Error("a change of another mailbox made a new snapshot")
	}
	w := h.Open(t, h.AliceAccess, "INBOX")
	if w.Snapshot() != first {
		t.Error("two sessions do not share their snapshot")
	}
}

func TestStore(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	h.Fill(t, h.AliceAccess, "INBOX", 2200)
	v := h.Open(t, h.AliceAccess, "INBOX")
	uids := func(first, last uint32) (list []uint32) {
		for uid := first; uid <= last; uid++ {
			list = append(list, uid)
		}
		return list
	}
	since := v.Snapshot().HighestModSeq
	r, err := v.Store(ctx, mail.FlagChange{UIDs: uids(1, 2300), Op: mail.AddFlags, Flags: mail.FlagSeen, Keywords: []string{"$forwarded", "Amt"}})
	if err != nil || len(r.Missing) != 100 || r.Missing[0] != 2201 || len(r.Modified) != 0 {
		t.Fatalf("store: %d missing, %d modified, %v", len(r.Missing), len(r.Modified), err)
	}
	snap := h.Refresh(t, v)
	if got := snap.AllKeywords(); !slices.Equal(got, []string{"$Forwarded", "Amt"}) {
		t.Errorf("keywords %v", got)
	}
	// Another spelling is the same keyword, to add as to remove.
	if r, err = v.Store(ctx, mail.FlagChange{UIDs: []uint32{5}, Op: mail.AddFlags, Keywords: []string{"AMT"}}); err != nil || r.ModSeq != 0 {
		t.Errorf("adding another spelling: %+v, %v", r, err)
	}
	if _, err = v.Store(ctx, mail.FlagChange{UIDs: []uint32{5}, Op: mail.RemoveFlags, Keywords: []string{"aMT", "$FORWARDED"}}); err != nil {
		t.Fatal(err)
	}
	snap = h.Refresh(t, v)
	if words := snap.Keywords(snap.At(4)); len(words) != 0 {
		t.Errorf("message 5 still has %v", words)
	}
	// UNCHANGEDSINCE is decided by the database, though this view is older.
	r, err = v.Store(ctx, mail.FlagChange{UIDs: []uint32{5, 6}, Op: mail.ReplaceFlags, Flags: mail.FlagDraft, UnchangedSince: &since})
	if err != nil || !slices.Equal(r.Modified, []uint32{5, 6}) || r.ModSeq != 0 {
		t.Errorf("unchangedsince: %+v, %v", r, err)
	}
	for _, word := range []string{"", "a b", "(x", "ä", "\\Seen"} {
		if _, err := v.Store(ctx, mail.FlagChange{UIDs: []uint32{1}, Op: mail.AddFlags, Keywords: []string{word}}); !errors.Is(err, mail.ErrKeyword) {
			t.Errorf("keyword %q: %v", word, err)
		}
	}
	compareWithRows(t, h, v)
}

func TestExpungeCopyMove(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	h.Fill(t, h.AliceAccess, "INBOX", 30)
	v := h.Open(t, h.AliceAccess, "INBOX")
	if _, err := v.Store(ctx, mail.FlagChange{UIDs: []uint32{2, 3, 4}, Op: mail.AddFlags, Flags: mail.FlagDeleted}); err != nil {
		t.Fatal(err)
	}
	if x, err := v.Expunge(ctx, []uint32{3, 9}); err != nil || !slices.Equal(x.UIDs, []uint32{3}) {
		t.Errorf("uid expunge: %+v, %v", x, err)
	}
	if x, err := v.Expunge(ctx, []uint32{}); err != nil || len(x.UIDs) != 0 {
		t.Errorf("expunge of nothing: %+v, %v", x, err)
	}
	if x, err := v.Expunge(ctx, nil); err != nil || !slices.Equal(x.UIDs, []uint32{2, 4}) {
		t.Errorf("expunge: %+v, %v", x, err)
	}
	snap := h.Refresh(t, v)
	archive := mailboxID(t, h, h.AliceAccess, "Archive")
	c, err := h.Mail.Copy(ctx, v, []uint32{5, 3, 7}, h.AliceAccess, archive)
	if err != nil || !slices.Equal(c.Source, []uint32{5, 7}) || !slices.Equal(c.Dest, []uint32{1, 2}) {
		t.Fatalf("copy: %+v, %v", c, err)
	}
	w := h.Open(t, h.AliceAccess, "Archive")
	i, _ := snap.IndexOf(5)
	old, copied := snap.At(i), w.Snapshot().At(0)
	if copied.EmailID() != old.EmailID() || copied.Thread() != old.Thread() || copied.InternalDate != old.InternalDate || c.UIDValidity != w.Snapshot().UIDValidity {
		t.Errorf("copy %+v of %+v", copied, old)
	}
	m, err := h.Mail.Move(ctx, v, []uint32{8, 9}, h.AliceAccess, archive)
	if err != nil || !slices.Equal(m.Source, []uint32{8, 9}) || !slices.Equal(m.Dest, []uint32{3, 4}) {
		t.Fatalf("move: %+v, %v", m, err)
	}
	if h.Refresh(t, v).Len() != 25 || h.Refresh(t, w).Len() != 4 {
		t.Errorf("after the move: %d and %d messages", v.Snapshot().Len(), w.Snapshot().Len())
	}
	if c, err := h.Mail.Copy(ctx, v, nil, h.AliceAccess, archive); err != nil || len(c.Source) != 0 {
		t.Errorf("copy of nothing: %+v, %v", c, err)
	}
	if c, err := h.Mail.Copy(ctx, v, []uint32{2, 3}, h.AliceAccess, archive); err != nil || len(c.Source) != 0 {
		t.Errorf("copy of what is gone: %+v, %v", c, err)
	}
	if _, err := h.Mail.Copy(ctx, v, []uint32{10}, h.AliceAccess, 999_999); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("copy to nowhere: %v", err)
	}
	compareWithRows(t, h, v)
	compareWithRows(t, h, w)
}

func TestMoveBetweenAccounts(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	h.Append(t, h.DeskAccess, "INBOX", mailtest.Message("Antrag", "Hund"), mail.FlagFlagged, "Amt")
	h.Append(t, h.DeskAccess, "INBOX", mailtest.Message("Antrag 2", "Katze"), 0)
	desk := h.Open(t, h.DeskAccess, "INBOX")
	bobs := h.Open(t, h.BobAccess, "INBOX")
	c, err := h.Mail.Move(ctx, desk, []uint32{1}, h.BobAccess, bobs.Mailbox())
	if err != nil || !slices.Equal(c.Dest, []uint32{1}) {
		t.Fatalf("move: %+v, %v", c, err)
	}
	if _, err = h.Mail.Copy(ctx, desk, []uint32{2}, h.BobAccess, bobs.Mailbox()); err != nil {
		t.Fatal(err)
	}
	left, snap := h.Refresh(t, desk), h.Refresh(t, bobs)
	if c, err := h.Mail.Copy(ctx, desk, []uint32{1}, h.BobAccess, bobs.Mailbox()); err != nil || len(c.Source) != 0 {
		t.Errorf("copy of what is gone: %+v, %v", c, err)
	}
	if c, err := h.Mail.Move(ctx, desk, []uint32{1}, h.BobAccess, bobs.Mailbox()); err != nil || len(c.Source) != 0 {
		t.Errorf("move of what is gone: %+v, %v", c, err)
	}
	if left.Len() != 1 || snap.Len() != 2 || snap.At(0).Flags != mail.FlagFlagged || !slices.Equal(snap.Keywords(snap.At(0)), []string{"Amt"}) {
		t.Errorf("left %d, arrived %d, first %+v", left.Len(), snap.Len(), snap.At(0))
	}
	if got := read(t, bobs, snap.At(0)); got != mailtest.Message("Antrag", "Hund") {
		t.Errorf("moved content is %q", got)
	}
	structures(t, bobs, snap)
}

func TestVanishedAndGone(t *testing.T) {
	h, ctx := mailtest.New(t), t.Context()
	h.Fill(t, h.AliceAccess, "INBOX", 10)
	then, err := h.Mail.Mailbox(ctx, h.AliceAccess, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.Mail.Open(ctx, h.AliceAccess, then.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	h.Fill(t, h.AliceAccess, "INBOX", 3)
	w := h.Open(t, h.AliceAccess, "INBOX")
	if _, err := w.Store(ctx, mail.FlagChange{UIDs: []uint32{3, 10, 11}, Op: mail.AddFlags, Flags: mail.FlagDeleted}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Expunge(ctx, nil); err != nil {
		t.Fatal(err)
	}
	uids, full, err := v.Vanished(ctx, then.HighestModSeq)
	if err != nil || full || !slices.Equal(uids, []uint32{3, 10}) {
		t.Errorf("vanished %v, %v, %v; 11 came later", uids, full, err)
	}
	if uids, _, _ := v.Vanished(ctx, h.Refresh(t, w).HighestModSeq); len(uids) != 0 {
		t.Errorf("vanished since now: %v", uids)
	}
	if _, full, err := v.Vanished(ctx, 0); err != nil || !full {
		t.Errorf("vanished since ever: %v, %v", full, err)
	}
	compareWithRows(t, h, v)
	if err := h.Store.DeleteCollection(ctx, store.Key{Tenant: h.Tenant.ID, Account: h.Alice.Account}, then.ID); err != nil {
		t.Fatal(err)
	}
	if snap := h.Refresh(t, v); !snap.Gone || snap.Len() != 10 {
		t.Errorf("deleted mailbox: %v with %d messages", snap.Gone, snap.Len())
	}
	if _, err := h.Mail.Open(ctx, h.AliceAccess, then.ID); !errors.Is(err, mail.ErrNotFound) {
		t.Errorf("open a deleted mailbox: %v", err)
	}
}

func TestNotify(t *testing.T) {
	h := mailtest.New(t)
	v := h.Open(t, h.AliceAccess, "INBOX")
	rang := make(chan struct{}, 1)
	stop := v.Notify(func() {
		select {
		case rang <- struct{}{}:
		default:
		}
	})
	h.Deliver(t, mailtest.AliceAddress, mailtest.Message("neu", "x"))
	select {
	case <-rang:
	case <-time.After(time.Minute):
		t.Fatal("nobody told of a delivery")
	}
	for deadline := time.Now().Add(time.Minute); v.Snapshot().Len() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("told, but there is no newer snapshot")
		}
	}
	stop()
	select {
	case <-rang:
	default:
	}
	h.Deliver(t, mailtest.AliceAddress, mailtest.Message("neu", "x"))
	select {
	case <-rang:
		t.Error("told after stop")
	case <-time.After(100 * time.Millisecond):
	}
}

// Who looks at a shared mailbox hears of a right that went, though nothing changed
// there, and may not look any more.
func TestNotifyOfRights(t *testing.T) {
	h := mailtest.New(t)
	ctx := t.Context()
	bob := store.Key{Tenant: h.Bob.Tenant, Account: h.Bob.Account}
	const issuer, group = "https://login.example", "Bau"
	for _, err := range []error{
		h.Store.BindIssuer(ctx, store.Issuer{Tenant: h.Bob.Tenant, URL: issuer}), h.Store.SetGroups(ctx, bob, issuer, []string{group}),
		h.Store.RemoveGrant(ctx, h.Desk.Key, bob), h.Store.AddGroupGrant(ctx, h.Desk.Key, group, store.RightRead),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	list, err := h.Mail.Accounts(ctx, h.Bob)
	if err != nil || len(list) != 2 || list[1].Rights != mail.RightRead {
		t.Fatalf("bob may open %+v, %v", list, err)
	}
	v := h.Open(t, list[1], "INBOX")
	ended := make(chan struct{}, 1)
	defer v.Notify(func() {
		go func() {
			if _, err := v.Refresh(ctx); errors.Is(err, mail.ErrDenied) {
				select {
				case ended <- struct{}{}:
				default:
				}
			}
		}()
	})()
	if _, err := v.Refresh(ctx); err != nil { // and his rights are remembered
		t.Fatal(err)
	}
	if err := h.Store.SetGroups(ctx, bob, issuer, nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("bob is not told that he left the group")
	}
}

// An APPEND on one replica is seen on another at once when it asks, though no
// hint passes between them, and by polling when it does not ask.
func TestAnotherReplicaSeesAChange(t *testing.T) {
	h := mailtest.New(t, mailtest.WithPoll(20*time.Millisecond))
	other := h.Replica(t)
	box := mailboxID(t, h, h.AliceAccess, "INBOX")
	w, err := other.Open(t.Context(), h.AliceAccess, box)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	h.Refresh(t, w)
	for n := 1; n <= 20; n++ {
		h.Append(t, h.AliceAccess, "INBOX", mailtest.Message("s", "t"), 0)
		if got := h.Refresh(t, w).Len(); got != n {
			t.Fatalf("the other replica sees %d messages of %d", got, n)
		}
	}
	rang := make(chan struct{}, 1)
	defer w.Notify(func() {
		select {
		case rang <- struct{}{}:
		default:
		}
	})()
	h.Append(t, h.AliceAccess, "INBOX", mailtest.Message("s", "t"), 0)
	for deadline := time.After(time.Minute); w.Snapshot().Len() != 21; {
		select {
		case <-rang:
		case <-deadline:
			t.Fatal("polling told nobody")
		}
	}
}

// Idle views are kept up to a size, and one that comes back is brought up to date.
func TestViewsAreEvicted(t *testing.T) {
	h := mailtest.New(t, mailtest.WithMail(mail.Options{ViewBytes: 1}))
	h.Fill(t, h.AliceAccess, "INBOX", 3)
	box := mailboxID(t, h, h.AliceAccess, "INBOX")
	open := func() *mail.View {
		v, err := h.Mail.Open(t.Context(), h.AliceAccess, box)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	v := open()
	h.Refresh(t, v)
	v.Close()
	v.Close()
	if v = open(); v.Snapshot() != nil {
		t.Error("kept beyond the limit")
	}
	v.Close()

	h = mailtest.New(t)
	h.Fill(t, h.AliceAccess, "INBOX", 3)
	box = mailboxID(t, h, h.AliceAccess, "INBOX")
	v = open()
	h.Refresh(t, v)
	v.Close()
	h.Fill(t, h.AliceAccess, "INBOX", 2)
	v = open()
	defer v.Close()
	if v.Snapshot() == nil || v.Snapshot().Len() != 3 {
		t.Error("not kept")
	}
	if h.Refresh(t, v).Len() != 5 {
		t.Errorf("came back with %d messages", v.Snapshot().Len())
	}
}
