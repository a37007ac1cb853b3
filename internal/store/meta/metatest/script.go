package metatest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/store/meta"
)

// Same runs one random script of operations on stores of several engines and fails
// where their answers, rows or journals differ. The seed is printed; METATEST_SEED
// repeats one.
func Same(t *testing.T, factories ...Factory) {
	seed := uint64(time.Now().UnixNano())
	if fixed := os.Getenv("METATEST_SEED"); fixed != "" {
		var err error
		if seed, err = strconv.ParseUint(fixed, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("METATEST_SEED=%d", seed)
	var scripts []*script
	for _, f := range factories {
		scripts = append(scripts, newScript(t, f, seed))
	}
	for step := range 400 {
		want := scripts[0].step(t.Context())
		for n, s := range scripts[1:] {
			if got := s.step(t.Context()); got != want {
				t.Fatalf("step %d, engine %d:\n%s\nengine 0:\n%s", step, n+1, got, want)
			}
		}
	}
	want := scripts[0].dump(t)
	for n, s := range scripts {
		if got := s.dump(t); got != want {
			t.Fatalf("the rows differ on engine %d:\n%s\nengine 0:\n%s", n, got, want)
		}
		s.sound(t)
	}
}

// script is one store and the choices that are made for it; with the same seed and
// the same answers they are the same.
type script struct {
	*Store
	random    *rand.Rand
	mailboxes []int64
	drive     int64
	folders   []meta.Added
}

func newScript(t *testing.T, f Factory, seed uint64) *script {
	s := &script{Store: Open(t, f), random: rand.New(rand.NewPCG(seed, 1))}
	for _, name := range []string{"INBOX", "a", "b"} {
		s.mailboxes = append(s.mailboxes, s.Mailbox(t, name).ID)
	}
	d, err := s.CreateCollection(t.Context(), s.Key, meta.Drive, "files", "", meta.CollectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.drive, s.folders = d.ID, []meta.Added{{}}
	s.exec(t, "UPDATE account SET quota_items = 150 WHERE tenant_id = $1 AND account_id = $2", s.Key.Tenant, s.Key.Account)
	return s
}

func (s *script) mailbox() int64 { return s.mailboxes[s.random.IntN(len(s.mailboxes))] }

func (s *script) uids() []int64 {
	uids := make([]int64, 1+s.random.IntN(12))
	for i := range uids {
		uids[i] = 1 + s.random.Int64N(80)
	}
	return uids
}

func (s *script) word() string {
	return []string{"work", "Work", "$Junk", "\u00e4", "z"}[s.random.IntN(5)]
}

// step runs one operation and answers what came of it, without times.
func (s *script) step(ctx context.Context) string {
	switch s.random.IntN(12) {
	case 0, 1, 2:
		items := make([]meta.NewItem, 1+s.random.IntN(6))
		for i := range items {
			items[i] = Message(1 + s.random.IntN(300))
			if s.random.IntN(4) == 0 {
				items[i] = large(1 + s.random.IntN(300))
			}
			items[i].Flags = s.random.Int64N(32)
			items[i].Keywords = s.word()
			items[i].ThreadHashes = []int64{s.random.Int64N(20), s.random.Int64N(20)}
			items[i].InternalDate = 1
		}
		a, err := s.Add(ctx, s.Key, s.mailbox(), items)
		for i := range a {
			a[i].UIDValidity, a[i].SaveDate = 0, 0
		}
		return told("add", a, err)
	case 3, 4:
		c := meta.FlagChange{UIDs: s.uids(), Op: meta.FlagOp(s.random.IntN(3)), Flags: s.random.Int64N(32),
			Keywords: []string{s.word(), s.word()}, UnchangedSince: -1, Person: s.random.Int64N(3)}
		if s.random.IntN(3) == 0 {
			c.UnchangedSince = s.random.Int64N(200)
		}
		r, err := s.SetFlags(ctx, s.Key, s.mailbox(), c)
		return told("flags", plain(r.Changed), plain(r.Same), r.Modified, r.Missing, r.ModSeq, err)
	case 5:
		e, err := s.Expunge(ctx, s.Key, s.mailbox(), s.uids(), s.random.IntN(2) == 0)
		return told("expunge", e, err)
	case 6:
		r, err := s.Copy(ctx, s.Key, s.mailbox(), s.mailbox(), s.uids())
		return told("copy", r.Source, r.Dest, r.ModSeq, err)
	case 7:
		r, err := s.Move(ctx, s.Key, s.mailbox(), s.mailbox(), s.uids())
		return told("move", r.Source, r.Dest, r.ModSeq, err)
	case 8:
		on := s.random.IntN(2) == 0
		c, err := s.UpdateCollection(ctx, s.Key, s.mailbox(), meta.CollectionSet{SeenByPerson: &on})
		return told("update", c.SelfModSeq, err)
	case 9:
		id, name := s.mailbox(), "m"+strconv.Itoa(s.random.IntN(5))
		c, err := s.Collection(ctx, s.Key, id)
		if err == nil {
			err = s.RenameCollections(ctx, s.Key, []meta.Rename{{ID: id, From: c.Name, To: name}})
		}
		return told("rename", name, err)
	case 10:
		return s.stepDrive(ctx)
	default:
		c, err := s.ChangesFor(ctx, s.Key, s.mailbox(), s.random.Int64N(3), meta.Token{ModSeq: s.random.Int64N(100),
			ItemID: s.random.Int64N(100)}, 1+s.random.IntN(30))
		return told("changes", plain(c.Items), c.Removed, c.Next, c.More, err)
	}
}

func (s *script) stepDrive(ctx context.Context) string {
	parent := s.folders[s.random.IntN(len(s.folders))]
	name := strconv.Itoa(s.random.IntN(9))
	switch s.random.IntN(3) {
	case 0:
		a, err := s.AddFolder(ctx, s.Key, s.drive, parent.ItemID, name)
		if err == nil {
			s.folders = append(s.folders, a)
		}
		return told("folder", a.UID, a.ItemID, a.ModSeq, err)
	case 1:
		i, err := s.RenameItem(ctx, s.Key, s.drive, s.folders[s.random.IntN(len(s.folders))].UID, parent.ItemID, name)
		return told("rename item", plain([]meta.Item{i}), err)
	default:
		c, err := s.DriveChanges(ctx, s.Key, s.drive, meta.At(s.random.Int64N(200)), 1000)
		var paths []string
		for _, i := range c.Items {
			paths = append(paths, i.Path)
		}
		return told("drive", paths, c.Removed, c.Next, err)
	}
}

// dump is every row of the journal, without times and contents.
func (s *script) dump(t *testing.T) string {
	var b strings.Builder
	for _, c := range append(s.mailboxes, s.drive) {
		items, err := s.Items(t.Context(), s.Key, c, 0, 10000)
		fmt.Fprintln(&b, c, plain(items), err)
		changes, err := s.Changes(t.Context(), s.Key, c, meta.At(1), 10000)
		changes.Collection.UIDValidity, changes.Collection.CreatedAt = 0, 0
		fmt.Fprintln(&b, changes.Collection, changes.Removed, changes.Next, err)
	}
	a, err := s.Account(t.Context(), s.Key)
	fmt.Fprintln(&b, a.ModSeq, a.NextID, a.UsedBytes, a.UsedItems, err)
	return b.String()
}

// plain is items without what differs from store to store.
func plain(items []meta.Item) []meta.Item {
	for n := range items {
		i := &items[n]
		i.SaveDate, i.Content = 0, meta.ContentID{}
		if i.InternalDate != 1 {
			i.InternalDate = 0
		}
	}
	return items
}

// told is an answer as text; of an error only its kind.
func told(what string, answer ...any) string {
	if err, failed := answer[len(answer)-1].(error); failed {
		for _, kind := range []error{meta.ErrNotFound, meta.ErrExists, meta.ErrQuota, meta.ErrTooOld, meta.ErrLoop} {
			if errors.Is(err, kind) {
				return what + ": " + kind.Error()
			}
		}
	}
	return what + ": " + fmt.Sprint(answer...)
}
