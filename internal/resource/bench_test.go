package resource_test

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"fachwerk/internal/resource"
	"fachwerk/internal/resource/resourcetest"
	"fachwerk/internal/store/storetest"
)

// benchPut has writers put one file of 4 KB after another into one folder.
func benchPut(b *testing.B, engines storetest.Engines, writers int) {
	e := resourcetest.Open(b, engines)
	_, anna := e.Person(b, "anna")
	c := e.Collection(b, anna, resource.Drive, "drive")
	folder := e.Folder(b, c, resource.Root, "f")
	body := bytes.Repeat([]byte("0123456789abcdef"), 256)
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				u, err := e.NewUpload(b.Context(), anna, resource.UploadOptions{Size: int64(len(body))})
				if err == nil {
					_, err = u.Write(body)
				}
				if err == nil {
					err = u.Finish()
				}
				name := fmt.Sprint("file", n)
				seen := resource.Guard{Seen: []resource.Seen{{Name: "f", ID: folder.ID}, {Parent: folder.ID, Name: name}}}
				if err == nil {
					_, err = e.Put(b.Context(), at(c, folder.ID, name), resource.Draft{Upload: u, Facts: []byte("facts"), Encoder: 1}, seen)
				}
				if err != nil {
					b.Error(err)
					return
				}
				_ = u.Close()
			}
		})
	}
	writing.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
}

func BenchmarkPut1(b *testing.B)        { benchPut(b, storetest.Embedded, 1) }
func BenchmarkPut16(b *testing.B)       { benchPut(b, storetest.Embedded, 16) }
func BenchmarkPut16Remote(b *testing.B) { benchPut(b, storetest.Remote, 16) }

// BenchmarkMembers reads 10,000 members in pages of 500.
func BenchmarkMembers(b *testing.B) {
	e, c := calendarOf(b, 10_000)
	b.ResetTimer()
	for range b.N {
		after, total := "", 0
		for {
			page, err := e.Members(b.Context(), c, resource.Root, after, 500)
			if err != nil {
				b.Fatal(err)
			}
			if total += len(page); len(page) < 500 {
				break
			}
			after = page[499].Name
		}
		if total != 10_000 {
			b.Fatal(total)
		}
	}
}

// BenchmarkMultiget reads 1,000 of 10,000 objects by name with their bodies.
func BenchmarkMultiget(b *testing.B) {
	e, c := calendarOf(b, 10_000)
	var names []string
	for n := range 1000 {
		names = append(names, fmt.Sprintf("%05d.ics", n*10))
	}
	b.ResetTimer()
	for range b.N {
		items, err := e.Named(b.Context(), c, resource.Root, names)
		total := 0
		if err == nil {
			err = e.Bodies(b.Context(), c, items, func(int, []byte) error { total++; return nil })
		}
		if err != nil || total != 1000 {
			b.Fatal(total, err)
		}
	}
}

// BenchmarkCandidates finds a month's 300 among 10,000 objects.
func BenchmarkCandidates(b *testing.B) {
	e, c := calendarOf(b, 10_000)
	b.ResetTimer()
	for range b.N {
		found, err := e.Candidates(b.Context(), c, resource.Window{Components: 1, From: 5000_00, To: 5300_00}, 0, 1000)
		if err != nil || len(found) < 300 || len(found) > 302 {
			b.Fatal(len(found), err)
		}
	}
}

func calendarOf(b *testing.B, n int) (*resourcetest.Env, resource.Collection) {
	b.Helper()
	e := resourcetest.Open(b, storetest.Embedded)
	_, anna := e.Person(b, "anna")
	c := e.Collection(b, anna, resource.Calendar, "c")
	body := bytes.Repeat([]byte("SUMMARY:x\r\n"), 60)
	var next atomic.Int64
	var writing sync.WaitGroup
	for range 32 {
		writing.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				u, err := e.NewUpload(b.Context(), anna, resource.UploadOptions{Size: -1})
				if err == nil {
					_, err = u.Write(body)
				}
				if err == nil {
					err = u.Finish()
				}
				d := resource.Draft{Upload: u, Index: &resource.Index{UID: fmt.Sprint("u", i), Components: 1, From: i * 100, To: i*100 + 50}}
				if err == nil {
					_, err = e.Put(b.Context(), at(c, resource.Root, fmt.Sprintf("%05d.ics", i)), d, resource.Guard{})
				}
				if err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	writing.Wait()
	return e, c
}
