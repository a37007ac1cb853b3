package imap_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/mail"
	"fachwerk/mail/imap"
	"fachwerk/mail/mailtest"
)

// fill puts n small messages into Alice's INBOX.
func fill(b testing.TB, s *server, n int) {
	b.Helper()
	mb, err := s.Mail.Mailbox(b.Context(), s.AliceAccess, "INBOX")
	if err != nil {
		b.Fatal(err)
	}
	in := s.Incoming(b, note("fill"))
	for n > 0 {
		batch := make([]mail.Append, min(n, 1000))
		for i := range batch {
			batch[i] = mail.Append{In: in, Flags: mail.FlagSeen}
		}
		if _, err := s.Mail.Append(b.Context(), s.AliceAccess, mb.ID, batch); err != nil {
			b.Fatal(err)
		}
		n -= len(batch)
	}
}

// raw sends a command and reads until its tagged response, without looking at what comes.
func raw(b testing.TB, conn net.Conn, r *bufio.Reader, command string) {
	if _, err := io.WriteString(conn, "x "+command+"\r\n"); err != nil {
		b.Fatal(err)
	}
	for {
		line, err := r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			b.Fatal(err)
		}
		if bytes.HasPrefix(line, []byte("x ")) {
			if !bytes.HasPrefix(line, []byte("x OK")) {
				b.Fatalf("%s: %s", command, line)
			}
			return
		}
	}
}

func benchFetch(b *testing.B, n int, command string) {
	s := start(b)
	fill(b, s, n)
	c := s.selectInbox(b, alice)
	raw(b, c.conn, c.r, command)
	r := bufio.NewReaderSize(c.conn, 256<<10)
	b.ResetTimer()
	b.ReportAllocs()
	for range b.N {
		raw(b, c.conn, r, command)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/message")
}

func BenchmarkFetchFlags(b *testing.B) { benchFetch(b, 50_000, "FETCH 1:* (UID FLAGS)") }

func BenchmarkFetchEnvelope(b *testing.B) {
	benchFetch(b, 10_000, "FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE)")
}

func BenchmarkFetchBody(b *testing.B) { benchFetch(b, 2_000, "FETCH 1:* (UID BODY.PEEK[])") }

// far is a blob store that takes its time to answer.
type far struct{ blob.Store }

func (f far) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	time.Sleep(3 * time.Millisecond)
	return f.Store.Get(ctx, key, offset, length)
}

// BenchmarkFetchBodyFar has content in a store three milliseconds away; reading ahead is for its sake.
func BenchmarkFetchBodyFar(b *testing.B) {
	const n = 100
	s := startIn(b, mailtest.New(b, mailtest.WithBlobs(1, func(s blob.Store) blob.Store { return far{s} })))
	fill(b, s, n)
	c := s.selectInbox(b, alice)
	b.ResetTimer()
	for range b.N {
		raw(b, c.conn, c.r, "FETCH 1:* (UID BODY.PEEK[])")
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/message")
}

// BenchmarkSelect has the view in memory: the usual case of a client that comes back.
func BenchmarkSelect(b *testing.B) {
	s := start(b)
	fill(b, s, 50_000)
	c := s.selectInbox(b, alice)
	raw(b, c.conn, c.r, "FETCH 1 FLAGS")
	b.ResetTimer()
	for range b.N {
		raw(b, c.conn, c.r, "SELECT INBOX")
	}
}

func BenchmarkLogin(b *testing.B) {
	s := start(b)
	for range b.N {
		c := s.login(b, alice)
		raw(b, c.conn, c.r, "LOGOUT")
		c.conn.Close()
	}
}

// BenchmarkIdleMemory counts what a connection costs that has logged in, selected INBOX and waits or idles. With TLS
// the client's side, in the same process, is counted too: the server's is about half.
func BenchmarkIdleMemory(b *testing.B) {
	for _, how := range []struct {
		name      string
		idle, tls bool
	}{{"waiting", false, false}, {"idling", true, false}, {"idling,TLS,both-ends", true, true}} {
		b.Run(how.name, func(b *testing.B) {
			const n = 500
			s := start(b, func(c *imap.Config) { c.Limits.ConnectionsPerAccount = 2 * n; c.Limits.ConnectionsPerAddress = 2 * n })
			fill(b, s, 10)
			conns := make([]net.Conn, n)
			measure := func() uint64 {
				runtime.GC()
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return m.HeapAlloc + m.StackInuse
			}
			warm := s.selectInbox(b, alice)
			warm.ok("NOOP")
			for range b.N {
				before := measure()
				var buf [4096]byte
				for i := range conns {
					var conn net.Conn
					var err error
					if how.tls {
						conn, err = tls.Dial("tcp", s.addrTLS, s.clients)
					} else {
						conn, err = net.Dial("tcp", s.addr)
					}
					if err != nil {
						b.Fatal(err)
					}
					conns[i] = conn
					conn.Read(buf[:])
					for _, cmd := range []string{"LOGIN " + alice + " " + s.password[alice], "SELECT INBOX"} {
						io.WriteString(conn, "x "+cmd+"\r\n")
						for got := ""; !bytes.Contains([]byte(got), []byte("x OK")); {
							k, err := conn.Read(buf[:])
							if err != nil {
								b.Fatal(err)
							}
							got += string(buf[:k])
						}
					}
					if how.idle {
						io.WriteString(conn, "x IDLE\r\n")
						conn.Read(buf[:])
					}
				}
				after := measure()
				b.ReportMetric(float64(after-before)/n/1024, "KiB/connection")
				for _, conn := range conns {
					conn.Close()
				}
			}
		})
	}
}
