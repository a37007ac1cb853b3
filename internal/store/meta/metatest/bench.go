package metatest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/internal/store/meta"
)

// BenchWrites has writers add one message of size bytes after another to one
// account until b.N are in, and reports writes a second.
func BenchWrites(b *testing.B, e meta.Engine, writers, size int) {
	s, inbox := openBench(b, e)
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for left.Add(-1) >= 0 {
				if _, err := s.Add(b.Context(), s.Key, inbox, []meta.NewItem{Message(size)}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writing.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

// BenchFlags has one client set and take a flag of 100 messages at a time.
func BenchFlags(b *testing.B, e meta.Engine) {
	s, inbox := openBench(b, e)
	fill(b, s, inbox, 10000)
	b.ResetTimer()
	for n := range b.N {
		first := int64(n*100%10000) + 1
		c := meta.FlagChange{Op: meta.FlagOp(1 + n/100%2), Flags: meta.FlagSeen, UnchangedSince: -1}
		for uid := first; uid < first+100; uid++ {
			c.UIDs = append(c.UIDs, uid)
		}
		if _, err := s.SetFlags(b.Context(), s.Key, inbox, c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "flags/s")
}

// BenchScan reads 50,000 items in pages of 5,000, then 10,000 rows of item_meta.
func BenchScan(b *testing.B, e meta.Engine) {
	s, inbox := openBench(b, e)
	objects := fill(b, s, inbox, 50000)
	var items, metas time.Duration
	b.ResetTimer()
	for range b.N {
		begun := time.Now()
		total := 0
		for after, more := int64(0), true; more; {
			page, err := s.Items(b.Context(), s.Key, inbox, after, 5000)
			if err != nil {
				b.Fatal(err)
			}
			total += len(page)
			if more = len(page) == 5000; more {
				after = page[len(page)-1].UID
			}
		}
		items += time.Since(begun)
		begun = time.Now()
		n := 0
		err := s.Metas(b.Context(), s.Key, objects[:10000], func(meta.Meta) error { n++; return nil })
		metas += time.Since(begun)
		if err != nil || n != 10000 || total != 50000 {
			b.Fatal(n, total, err)
		}
	}
	b.ReportMetric(items.Seconds()*1000/float64(b.N), "ms/50k-items")
	b.ReportMetric(metas.Seconds()*1000/float64(b.N), "ms/10k-metas")
}

func openBench(b *testing.B, e meta.Engine) (*Store, int64) {
	b.Helper()
	db, err := meta.Open(b.Context(), e, quiet)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	s := &Store{DB: db}
	s.Key = s.NewAccount(b, id())
	c, err := s.CreateCollection(b.Context(), s.Key, meta.Mailbox, "INBOX", "", meta.CollectionOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return s, c.ID
}

// fill adds n messages whose item_meta is as large as an envelope and a structure.
func fill(b *testing.B, s *Store, inbox int64, n int) (objects []int64) {
	b.Helper()
	sealed := make([]byte, 900)
	for range n / 1000 {
		items := make([]meta.NewItem, 1000)
		for i := range items {
			items[i] = Message(10)
			items[i].SealMeta = func(int64) (int16, []byte) { return 1, sealed }
		}
		added, err := s.Add(context.Background(), s.Key, inbox, items)
		if err != nil {
			b.Fatal(err)
		}
		for _, a := range added {
			objects = append(objects, a.ObjectID)
		}
	}
	return objects
}
