package metatest

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/internal/store/meta"
)

// testQuota: adds that run at the same time never pass the quota, and one that
// would does not keep its neighbours from theirs.
func testQuota(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	s.exec(t, "UPDATE account SET quota_bytes = 5000, quota_items = 60 WHERE tenant_id = $1 AND account_id = $2", s.Key.Tenant, s.Key.Account)
	var in, out atomic.Int64
	var writing sync.WaitGroup
	for n := range 16 {
		writing.Go(func() {
			for range 8 {
				size := 100
				if n == 0 {
					size = 10000 // never fits
				}
				_, err := s.Add(ctx, s.Key, inbox.ID, []meta.NewItem{Message(size)})
				switch {
				case err == nil && n > 0:
					in.Add(1)
				case errors.Is(err, meta.ErrQuota):
					out.Add(1)
				default:
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	a, err := s.Account(ctx, s.Key)
	if err != nil || a.UsedBytes != 5000 || in.Load() != 50 || in.Load()+out.Load() != 128 {
		t.Fatal(a.UsedBytes, in.Load(), out.Load(), err)
	}
	s.sound(t)
}

// testNeighbours: a job that fails or panics leaves no trace and does not fail the
// others of its transaction; each has its own modseq.
func testNeighbours(t *testing.T, f Factory) {
	s := Open(t, f)
	ctx := t.Context()
	inbox := s.Mailbox(t, "INBOX")
	refused := errors.New("refused")
	var writing sync.WaitGroup
	var modseqs sync.Map
	for n := range 60 {
		writing.Go(func() {
			var err error
			switch n % 6 {
			case 0:
				err = s.Write(ctx, s.Key, meta.JobFunc(func(*meta.Account, *meta.Batch) error { panic("a job's fault") }))
				if err == nil {
					t.Error("a panic was no error")
				}
			case 1:
				err = s.Write(ctx, s.Key, meta.JobFunc(func(a *meta.Account, b *meta.Batch) error {
					a.NextID += 1000
					b.Exec("DELETE FROM item")
					return refused
				}))
				if !errors.Is(err, refused) {
					t.Error(err)
				}
			case 2:
				err = s.Write(ctx, s.Key, meta.JobFunc(func(a *meta.Account, b *meta.Batch) error {
					b.Exec("INSERT INTO no_such_table VALUES (1)")
					return nil
				}))
				if err == nil {
					t.Error("a wrong statement was no error")
				}
			case 3:
				_, err = s.Add(ctx, s.Key, 999, Messages(1))
				if !errors.Is(err, meta.ErrNotFound) {
					t.Error(err)
				}
			default:
				a, err := s.Add(ctx, s.Key, inbox.ID, Messages(2))
				if err != nil {
					t.Error(err)
				} else if _, twice := modseqs.LoadOrStore(a[0].ModSeq, n); twice {
					t.Error("two jobs with one modseq")
				}
			}
		})
	}
	writing.Wait()
	c, err := s.Collection(ctx, s.Key, inbox.ID)
	if err != nil || c.Items != 40 {
		t.Fatal(c.Items, err)
	}
	s.sound(t)
}

// testRoundTrips: between the lock and COMMIT there are at most two round trips,
// however many jobs share the transaction.
func testRoundTrips(t *testing.T, f Factory) {
	e, err := f.Engine(t.Context(), f.Place(t))
	if err != nil {
		t.Fatal(err)
	}
	counting := &counter{Engine: e}
	s := &Store{DB: openEngine(t, counting)}
	s.Key = s.NewAccount(t, id())
	ctx := t.Context()
	inbox, other := s.Mailbox(t, "INBOX"), s.Mailbox(t, "other")
	drive, err := s.CreateCollection(ctx, s.Key, meta.Drive, "drive", "", meta.CollectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		run  func() error
	}{
		{"Add", func() error { _, err := s.Add(ctx, s.Key, inbox.ID, Messages(300)); return err }},
		{"SetFlags", func() error {
			_, err := s.SetFlags(ctx, s.Key, inbox.ID, meta.FlagChange{UIDs: upTo(300), Flags: 1, UnchangedSince: -1})
			return err
		}},
		{"Copy", func() error { _, err := s.Copy(ctx, s.Key, inbox.ID, other.ID, upTo(300)); return err }},
		{"Move", func() error { _, err := s.Move(ctx, s.Key, inbox.ID, other.ID, upTo(20)); return err }},
		{"Expunge", func() error { _, err := s.Expunge(ctx, s.Key, inbox.ID, upTo(100), false); return err }},
		{"Put", func() error { _, err := s.Put(ctx, s.Key, Resource(drive.ID, 0, "a")); return err }},
		{"MakeFolder", func() error {
			_, err := s.MakeFolder(ctx, s.Key, meta.NewFolder{Collection: drive.ID, Name: "f"})
			return err
		}},
		{"MoveResource", func() error {
			i, err := s.Named(ctx, s.Key, drive.ID, 0, []string{"a", "f"})
			if err != nil || len(i) != 2 {
				return errors.Join(err, errUndo)
			}
			_, err = s.MoveResource(ctx, s.Key, meta.Transfer{Collection: drive.ID, ID: i[0].ID,
				To: meta.Spot{Collection: drive.ID, Parent: i[1].ID, Name: "b"}})
			return err
		}},
	} {
		counting.most.Store(0)
		if err := c.run(); err != nil {
			t.Fatal(c.name, err)
		}
		if n := counting.most.Load(); n == 0 || n > 2 {
			t.Errorf("%s: %d round trips under the lock", c.name, n)
		}
	}
	counting.most.Store(0)
	var writing sync.WaitGroup
	for range 32 {
		writing.Go(func() {
			if _, err := s.Add(ctx, s.Key, inbox.ID, Messages(3)); err != nil {
				t.Error(err)
			}
		})
	}
	writing.Wait()
	if n := counting.most.Load(); n == 0 || n > 2 {
		t.Errorf("many who add: %d round trips under the lock", n)
	}
}

// counter counts what a transaction sends after its first statement.
type counter struct {
	meta.Engine
	most      atomic.Int64
	commits   atomic.Int64
	deadlocks atomic.Int64
}

func (c *counter) Update(ctx context.Context, f func(meta.Tx) error) error {
	counted := &countedTx{}
	err := c.Engine.Update(ctx, func(tx meta.Tx) error {
		*counted = countedTx{Tx: tx}
		return f(counted)
	})
	if n := counted.n - 1; n > c.most.Load() {
		c.most.Store(n)
	}
	if err == nil {
		c.commits.Add(1)
	} else if strings.Contains(err.Error(), "40P01") {
		c.deadlocks.Add(1)
	}
	return err
}

type countedTx struct {
	meta.Tx
	n int64
}

func (c *countedTx) Query(ctx context.Context, sql string, args ...any) (meta.Rows, error) {
	c.n++
	return c.Tx.Query(ctx, sql, args...)
}

func (c *countedTx) Run(ctx context.Context, b *meta.Batch) error {
	c.n++
	return c.Tx.Run(ctx, b)
}

// testGroupCommit: writers that wait share transactions.
func testGroupCommit(t *testing.T, f Factory) {
	e, err := f.Engine(t.Context(), f.Place(t))
	if err != nil {
		t.Fatal(err)
	}
	counting := &counter{Engine: e}
	s := &Store{DB: openEngine(t, counting)}
	s.Key = s.NewAccount(t, id())
	inbox := s.Mailbox(t, "INBOX")
	counting.commits.Store(0)
	var writing sync.WaitGroup
	for range 16 {
		writing.Go(func() {
			for range 10 {
				if _, err := s.Add(t.Context(), s.Key, inbox.ID, Messages(1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writing.Wait()
	if n := counting.commits.Load(); n > 120 {
		t.Errorf("%d commits for 160 writes", n)
	}
	s.sound(t)
}

// testEpoch: a writer who believes in another epoch is refused and writes nothing.
func testEpoch(t *testing.T, f Factory) {
	s := Open(t, f)
	inbox := s.Mailbox(t, "INBOX")
	s.exec(t, "UPDATE account SET epoch = 2 WHERE tenant_id = $1 AND account_id = $2", s.Key.Tenant, s.Key.Account)
	if _, err := s.Add(t.Context(), s.Key, inbox.ID, Messages(1)); !errors.Is(err, meta.ErrMoved) {
		t.Fatal(err)
	}
	s.SetEpoch(s.Key.Tenant, 2)
	s.AddN(t, inbox.ID, 1)
	if err := s.Write(t.Context(), meta.Key{Tenant: s.Key.Tenant, Account: 1}, meta.JobFunc(nil)); !errors.Is(err, meta.ErrNotFound) {
		t.Fatal(err)
	}
}

// testLeaving: a caller whose context ends before the transaction takes its job
// back; after Close nobody writes.
func testLeaving(t *testing.T, f Factory) {
	s := Open(t, f)
	inbox := s.Mailbox(t, "INBOX")
	hold, held := make(chan struct{}), make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		s.Write(t.Context(), s.Key, meta.JobFunc(func(*meta.Account, *meta.Batch) error { close(held); <-hold; return nil }))
	})
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := s.Add(ctx, s.Key, inbox.ID, Messages(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	close(hold)
	writing.Wait()
	s.AddN(t, inbox.ID, 1)
	if c, err := s.Collection(t.Context(), s.Key, inbox.ID); err != nil || c.Items != 1 {
		t.Fatal(c.Items, err)
	}
	s.DB.Close()
	if _, err := s.Add(t.Context(), s.Key, inbox.ID, Messages(1)); err == nil {
		t.Fatal("written after Close")
	}
}

// testAcross: two who move between the same accounts in opposite directions both
// come to an end, and without the database having to break a deadlock.
func testAcross(t *testing.T, f Factory) {
	e, err := f.Engine(t.Context(), f.Place(t))
	if err != nil {
		t.Fatal(err)
	}
	counting := &counter{Engine: e}
	s := &Store{DB: openEngine(t, counting)}
	s.Key = s.NewAccount(t, id())
	ctx := t.Context()
	here := s.Mailbox(t, "INBOX")
	other := &Store{DB: s.DB, Key: s.NewAccount(t, s.Key.Tenant)}
	there := other.Mailbox(t, "INBOX")
	s.AddN(t, here.ID, 30)
	other.AddN(t, there.ID, 30)
	var moving sync.WaitGroup
	for n := range 10 {
		uids := []int64{int64(3*n + 1), int64(3*n + 2), int64(3*n + 3), 5000}
		moving.Go(func() {
			r, err := s.MoveAcross(ctx, s.Key, here.ID, other.Key, there.ID, uids, Messages(4))
			if err != nil || len(r.Source) != 3 || len(r.Dest) != 3 {
				t.Error(r, err)
			}
		})
		moving.Go(func() {
			r, err := s.MoveAcross(ctx, other.Key, there.ID, s.Key, here.ID, uids, Messages(4))
			if err != nil || len(r.Source) != 3 {
				t.Error(r, err)
			}
		})
	}
	moving.Wait()
	if n := counting.deadlocks.Load(); n > 0 {
		t.Errorf("%d deadlocks", n)
	}
	for _, side := range []*Store{s, other} {
		a, err := side.Account(ctx, side.Key)
		if err != nil || a.UsedItems != 30 {
			t.Error(a.UsedItems, err)
		}
		side.sound(t)
	}
}

func (s *Store) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	err := s.Update(t.Context(), func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec(sql, args...)
		return tx.Run(t.Context(), &b)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func upTo(n int64) (uids []int64) {
	for i := range n {
		uids = append(uids, i+1)
	}
	return uids
}

var quiet = slog.New(slog.DiscardHandler)
