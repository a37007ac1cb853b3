package mail_test

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fachwerk/mail"
	"fachwerk/mail/mailtest"
)

// spent is the processor time of this process.
func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Sixteen deliver to sixteen people by two replicas over PostgreSQL and S3, while each
// person has INBOX open at the other one.
func BenchmarkDeliverOnServers(b *testing.B) {
	for _, size := range []int{4 << 10, 200 << 10} {
		b.Run(fmt.Sprintf("%d KiB", size>>10), func(b *testing.B) {
			h := mailtest.New(b, mailtest.OnServers())
			replicas := []*mail.Service{h.Mail, h.Replica(b)}
			var people []mail.Recipient
			var views []*mail.View
			for i := range 16 {
				address := fmt.Sprintf("person%d@musterstadt.example", i)
				a := h.Accounts(b, h.Person(b, address, "Person"))[0]
				to, err := h.Mail.Resolve(b.Context(), address)
				if err != nil {
					b.Fatal(err)
				}
				there := replicas[(i+1)%2]
				box, _, err := there.Target(b.Context(), a, mail.Inbox)
				if err != nil {
					b.Fatal(err)
				}
				v, err := there.Open(b.Context(), a, box.ID)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := v.Refresh(b.Context()); err != nil {
					b.Fatal(err)
				}
				b.Cleanup(v.Close)
				b.Cleanup(v.Notify(func() {}))
				people, views = append(people, to), append(views, v)
			}
			text := []byte(mailtest.Message("neu", string(incompressible(size))))
			var n atomic.Int64
			b.SetParallelism(16 / runtime.GOMAXPROCS(0))
			b.ResetTimer()
			before := spent()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					i := int(n.Add(1)) % len(people)
					in := replicas[i%2].NewIncoming()
					if _, err := in.Write(text); err != nil {
						b.Error(err)
					}
					in.Finish()
					if _, err := replicas[i%2].Deliver(b.Context(), people[i], in, []byte("Received: x\r\n"), mail.DeliverOptions{}); err != nil {
						b.Error(err)
					}
					in.Close()
				}
			})
			b.ReportMetric(float64((spent()-before).Microseconds())/float64(b.N), "cpu-µs/message")
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			total := 0
			for _, v := range views { // all of it is there for the sessions at the other replica
				snap, err := v.Refresh(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				total += snap.Len()
			}
			if total < b.N {
				b.Errorf("%d messages of %d are seen", total, b.N)
			}
		})
	}
}

// A client reads the bodies of a mailbox one after another: rows of PostgreSQL, or
// objects of S3.
func BenchmarkContentsOnServers(b *testing.B) {
	for _, size := range []int{4 << 10, 200 << 10} {
		b.Run(fmt.Sprintf("%d KiB", size>>10), func(b *testing.B) {
			const n = 200
			h := mailtest.New(b, mailtest.OnServers())
			text := mailtest.Message("neu", string(incompressible(size)))
			for range n {
				h.Append(b, h.AliceAccess, mail.Inbox, text, 0)
			}
			v := h.Open(b, h.AliceAccess, mail.Inbox)
			b.ResetTimer()
			before := spent()
			for range b.N {
				for _, m := range v.Snapshot().Range(0, n) {
					read(b, v, m)
				}
			}
			b.ReportMetric(float64((spent()-before).Microseconds())/float64(b.N)/n, "cpu-µs/message")
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// incompressible is text of a size that packs badly, in lines.
func incompressible(size int) []byte {
	text := make([]byte, 0, size+80)
	for state := uint64(1); len(text) < size; {
		for range 76 {
			state = state*6364136223846793005 + 1442695040888963407
			text = append(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[state>>58])
		}
		text = append(text, '\r', '\n')
	}
	return text
}
