package queue_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"fachwerk/internal/store"
	"fachwerk/internal/store/blob"
	"fachwerk/mail/queue"
	"fachwerk/mail/queue/queuetest"
)

const body = "zweite Zeile\r\n.punkt\r\n"

func header(more string) string {
	return "From: anna@musterstadt.example\r\nTo: x@fern.example\r\nSubject: Antrag\r\nMessage-ID: <1@musterstadt.example>\r\n" + more + "\r\n"
}

// put queues a message from anna.
func put(t *testing.T, h *queuetest.House, m queue.Message, text string) queue.Ref {
	t.Helper()
	m.Tenant = h.Tenant.ID
	b := h.Queue.NewBody(1 << 20)
	defer b.Close()
	head, rest, _ := strings.Cut(text, "\r\n\r\n")
	io.WriteString(b, rest)
	ref, err := h.Queue.Add(t.Context(), m, []byte(head+"\r\n\r\n"), b)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func to(addresses ...string) []queue.Recipient {
	var list []queue.Recipient
	for _, a := range addresses {
		list = append(list, queue.Recipient{ForwardPath: a, Local: strings.HasSuffix(a, "@"+queuetest.Domain)})
	}
	return list
}

func withSmarthost(s *queuetest.Smarthost) func(*queue.Config) {
	return func(c *queue.Config) { c.Smarthost = s.Config() }
}

func wantText(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing in:\n%s", w, text)
		}
	}
}

func TestLocalAndRemoteRecipientsOfOneMessage(t *testing.T) {
	t.Run("SQLite and directory", func(t *testing.T) { localAndRemote(t, queuetest.Open) })
	t.Run("PostgreSQL and S3", func(t *testing.T) { localAndRemote(t, queuetest.OpenOnServers) })
}

func localAndRemote(t *testing.T, open func(testing.TB, func(*queue.Config)) *queuetest.House) {
	s := queuetest.NewSmarthost(t, nil)
	h := open(t, withSmarthost(s))
	anna, bert := h.Person(t, "anna"), h.Person(t, "bert")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to(bert.Address, "x@fern.example", "y@weit.example")}, header("")+body)
	got := h.Inbox(t, bert, 1)[0]
	want := "Return-Path: <anna@musterstadt.example>\r\nDelivered-To: bert@musterstadt.example\r\n" + header("") + body
	if got != want {
		t.Errorf("delivered:\n%q\nwant:\n%q", got, want)
	}
	sent := s.Take(t, 1)[0] // once, with both
	if sent.From != anna.Address || strings.Join(sent.To, " ") != "x@fern.example y@weit.example" || sent.Body != header("")+body {
		t.Errorf("sent: %+v", sent)
	}
	h.Empty(t)
}

func TestGreylistingIsRetried(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	var tries atomic.Int32
	s.OnRcpt = func(string) error {
		if tries.Add(1) <= 3 {
			return queuetest.Refuse(450, [3]int{4, 7, 1}, "greylisted")
		}
		return nil
	}
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	s.Take(t, 1)
	h.Empty(t)
	if n := tries.Load(); n != 4 {
		t.Errorf("%d attempts, want 4", n)
	}
	h.Inbox(t, anna, 0)
}

func TestRefusedRecipientIsReported(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	s.OnRcpt = func(to string) error {
		if strings.HasPrefix(to, "weg@") {
			return queuetest.Refuse(550, [3]int{5, 1, 1}, "no such user")
		}
		return nil
	}
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	m := queue.Message{ReversePath: anna.Address, EnvID: "env+1", Recipients: to("weg@fern.example", "da@fern.example")}
	m.Recipients[0].ORcpt = "rfc822;fr+2Bh@fern.example"
	put(t, h, m, header("")+body)
	dsn := h.Inbox(t, anna, 1)[0]
	wantText(t, dsn, "Return-Path: <>\r\n", "Content-Type: multipart/report; report-type=delivery-status;",
		"Auto-Submitted: auto-replied", "In-Reply-To: <1@musterstadt.example>", "Original-Envelope-Id: env+1",
		"Original-Recipient: rfc822;fr+h@fern.example", "Final-Recipient: rfc822;weg@fern.example\r\nAction: failed\r\nStatus: 5.1.1\r\n",
		"Remote-MTA: dns; 127.0.0.1", "Diagnostic-Code: smtp; 550 5.1.1 no such user", "text/rfc822-headers",
		"Subject: Antrag", "konnte den folgenden", "could not be delivered")
	if strings.Contains(dsn, "zweite Zeile") || strings.Contains(dsn, "Final-Recipient: rfc822;da@") {
		t.Errorf("the report says too much:\n%s", dsn)
	}
	s.Take(t, 1)
	h.Empty(t)
}

func TestReportReturnsTheWholeMessageIfAsked(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	s.OnData = func(r io.Reader) error { io.Copy(io.Discard, r); return queuetest.Refuse(554, [3]int{5, 7, 1}, "spam") }
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, Ret: "FULL", Recipients: to("x@fern.example")}, header("")+body)
	wantText(t, h.Inbox(t, anna, 1)[0], "Content-Type: message/rfc822\r\n", "zweite Zeile\r\n.punkt\r\n", "Status: 5.7.1")
}

func TestNotifyIsHonoured(t *testing.T) {
	s := queuetest.NewSmarthost(t, func(s *gosmtp.Server) { s.EnableDSN = false })
	s.OnRcpt = func(to string) error {
		if strings.HasPrefix(to, "weg@") {
			return queuetest.Refuse(550, [3]int{5, 1, 1}, "no")
		}
		return nil
	}
	h := queuetest.Open(t, withSmarthost(s))
	anna, bert := h.Person(t, "anna"), h.Person(t, "bert")
	m := queue.Message{ReversePath: anna.Address, Recipients: to("weg@fern.example", "da@fern.example", bert.Address)}
	m.Recipients[0].Notify = "NEVER"
	m.Recipients[1].Notify = "SUCCESS"
	m.Recipients[2].Notify = "SUCCESS,FAILURE"
	put(t, h, m, header("")+body)
	all := strings.Join(h.Inbox(t, anna, 2), "")
	wantText(t, all, "Final-Recipient: rfc822;da@fern.example\r\nAction: relayed", "Final-Recipient: rfc822;bert@musterstadt.example\r\nAction: delivered")
	if strings.Contains(all, "weg@") {
		t.Errorf("NOTIFY=NEVER was not honoured:\n%s", all)
	}
	h.Empty(t)
}

func TestPeerWithDSNReportsItself(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	m := queue.Message{ReversePath: anna.Address, EnvID: "e1", Ret: "HDRS", Recipients: to("da@fern.example")}
	m.Recipients[0].Notify, m.Recipients[0].ORcpt = "SUCCESS", "rfc822;alt+2Bx@fern.example"
	put(t, h, m, header("")+body)
	got := s.Take(t, 1)[0]
	if got.Opts.EnvelopeID != "e1" || got.Opts.Return != "HDRS" || len(got.Rcpt[0].Notify) != 1 || got.Rcpt[0].OriginalRecipient != "alt+x@fern.example" {
		t.Errorf("DSN parameters did not go on: %+v", got)
	}
	h.Empty(t)
	h.Inbox(t, anna, 0)
}

func TestNullSenderIsNeverAnswered(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	s.OnRcpt = func(string) error { return queuetest.Refuse(550, [3]int{5, 1, 1}, "no") }
	h := queuetest.Open(t, withSmarthost(s))
	put(t, h, queue.Message{Recipients: to("x@fern.example", "niemand@musterstadt.example")}, header("")+body)
	h.Empty(t)
	if got := s.Received(); len(got) != 0 {
		t.Errorf("sent: %+v", got)
	}
}

func TestUnknownLocalRecipientIsReported(t *testing.T) {
	h := queuetest.Open(t, nil)
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("niemand@musterstadt.example")}, header("")+body)
	wantText(t, h.Inbox(t, anna, 1)[0], "Final-Recipient: rfc822;niemand@musterstadt.example", "Status: 5.1.1")
}

// Without a smarthost mail waits, the sender hears of the delay and, at the end,
// of the failure; nothing is lost.
func TestNoSmarthostDelaysThenExpires(t *testing.T) {
	var offset atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	h := queuetest.Open(t, func(c *queue.Config) { c.Now = now })
	anna := h.Person(t, "anna")
	ref := put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	queuetest.Wait(t, func() bool {
		e, err := h.Queue.Show(t.Context(), ref)
		return err == nil && e.Recipients[0].Attempts > 1 && strings.Contains(e.Recipients[0].LastReply, "No smarthost")
	})
	offset.Store(int64(5 * time.Hour))
	wantText(t, h.Inbox(t, anna, 1)[0], "Action: delayed\r\nStatus: 4.4.4", "Will-Retry-Until: ", "weiter versucht")
	offset.Store(int64(97 * time.Hour))
	wantText(t, h.Inbox(t, anna, 2)[1], "Action: failed\r\nStatus: 5.4.7", "No smarthost is configured")
	h.Empty(t)
}

func TestSmarthostThatComesBack(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	h := queuetest.Open(t, func(c *queue.Config) {
		c.Smarthost = s.Config()
		c.Smarthost.Port = 1 // nobody listens there
	})
	anna := h.Person(t, "anna")
	ref := put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	queuetest.Wait(t, func() bool {
		e, err := h.Queue.Show(t.Context(), ref)
		return err == nil && strings.Contains(e.Recipients[0].LastReply, "4.4.1")
	})
	h.Run(t, withSmarthost(s)) // a restart
	s.Take(t, 1)
	h.Empty(t)
}

func TestConnectionLostInTheMiddleOfData(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	var tries atomic.Int32
	s.OnData = func(r io.Reader) error {
		if tries.Add(1) <= 2 {
			r.Read(make([]byte, 10))
			return queuetest.ErrDrop
		}
		return nil
	}
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+strings.Repeat(body, 10_000))
	s.Take(t, 1)
	h.Empty(t)
	h.Inbox(t, anna, 0)
}

// A peer that gives up between two recipients gets both again, and each is sent
// once.
func TestPeerThatGivesUpBetweenRecipients(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	var tries atomic.Int32
	s.OnRcpt = func(to string) error {
		if strings.HasPrefix(to, "y@") && tries.Add(1) == 1 {
			return queuetest.Refuse(421, [3]int{4, 3, 2}, "shutting down")
		}
		return nil
	}
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example", "y@fern.example", "z@fern.example")}, header("")+body)
	h.Empty(t)
	var got []string
	for _, m := range s.Received() {
		got = append(got, m.To...)
	}
	slices.Sort(got)
	if strings.Join(got, " ") != "x@fern.example y@fern.example z@fern.example" {
		t.Errorf("sent to %v", got)
	}
	h.Inbox(t, anna, 0)
}

// When a report cannot be stored the recipient waits, and the sender hears later.
func TestReportThatCannotBeStoredIsMadeLater(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	var tries atomic.Int32
	s.OnRcpt = func(string) error { tries.Add(1); return queuetest.Refuse(550, [3]int{5, 1, 1}, "no") }
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	// The message fits into the database's row, the report with it does not; a
	// file stands where the blob directory would make the tenant's folder.
	obstacle := filepath.Join(h.Folder, "blobs", strings.TrimSuffix(blob.TenantPrefix(h.Tenant.ID), "/"))
	if err := os.WriteFile(obstacle, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, 64_900)
	rand.Read(noise)
	for i, c := range noise {
		if c == '\r' || c == '\n' {
			noise[i] = 'x'
		}
	}
	ref := put(t, h, queue.Message{ReversePath: anna.Address, Ret: "FULL", EightBit: true, Recipients: to("x@fern.example")},
		header("")+string(noise)+"\r\n")
	queuetest.Wait(t, func() bool { return tries.Load() >= 3 })
	if e, err := h.Queue.Show(t.Context(), ref); err != nil || e.Recipients[0].State != "waiting" {
		t.Fatalf("%+v, %v", e, err)
	}
	if err := errors.Join(os.Remove(obstacle), os.Mkdir(obstacle, 0o700)); err != nil {
		t.Fatal(err)
	}
	wantText(t, h.Inbox(t, anna, 1)[0], "Status: 5.1.1", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit")
	h.Empty(t)
}

// A message that would wait for a slot until its lease ends goes back untried.
func TestWaitingForASlotEndsBeforeTheLease(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	busy := make(chan struct{})
	s.OnData = func(io.Reader) error { <-busy; return queuetest.ErrDrop }
	h := queuetest.Open(t, func(c *queue.Config) {
		c.Smarthost, c.Remote, c.Lease = s.Config(), 1, time.Second
		c.Schedule = []time.Duration{time.Hour}
	})
	defer close(busy)
	anna := h.Person(t, "anna")
	refs := []queue.Ref{
		put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body),
		put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body),
	}
	queuetest.Wait(t, func() bool {
		untried := 0
		for _, ref := range refs {
			e, err := h.Queue.Show(t.Context(), ref)
			if err != nil {
				t.Fatal(err)
			}
			if r := e.Recipients[0]; r.Attempts == 0 && time.Until(r.Due) > 20*time.Second {
				untried++
			}
		}
		return untried == 1
	})
}

// A process that is told to end leaves no lease behind, neither of the message
// under way nor of those that wait for a slot.
func TestStopGivesLeasesBack(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	busy, begun := make(chan struct{}), make(chan struct{}, 10)
	s.OnData = func(io.Reader) error { begun <- struct{}{}; <-busy; return queuetest.ErrDrop }
	h := queuetest.Open(t, func(c *queue.Config) { c.Smarthost, c.Remote, c.Lease = s.Config(), 1, time.Hour })
	anna := h.Person(t, "anna")
	for range 3 {
		put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	}
	<-begun
	h.Stop()
	close(busy)
	s.OnData = nil
	h.Run(t, withSmarthost(s))
	s.Take(t, 3)
	h.Empty(t)
}

// Two processes on one store share the work; nothing is sent twice.
func TestTwoProcessesShareTheQueue(t *testing.T) {
	for name, open := range map[string]func(testing.TB, func(*queue.Config)) *queuetest.House{
		"SQLite and directory": queuetest.Open, "PostgreSQL and S3": queuetest.OpenOnServers,
	} {
		t.Run(name, func(t *testing.T) {
			s := queuetest.NewSmarthost(t, nil)
			h := open(t, withSmarthost(s))
			other, err := queue.New(queue.Config{Store: h.Store, Mail: h.Mail, Hostname: "b.musterstadt.example", Smarthost: s.Config()})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- other.Run(ctx) }()
			anna, bert := h.Person(t, "anna"), h.Person(t, "bert")
			const messages = 60
			for range messages {
				put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to(bert.Address, "x@fern.example")}, header("")+body)
			}
			h.Empty(t)
			h.Inbox(t, bert, messages)
			s.Take(t, messages)
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

// A process that died after a claim leaves a lease; when it has ended the next
// one sends.
func TestLeaseOfADeadProcessPasses(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	h.Stop()
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	claims, err := h.ClaimQueue(t.Context(), 10, 300*time.Millisecond)
	if err != nil || len(claims) != 1 {
		t.Fatalf("%d claims, %v", len(claims), err)
	}
	h.Run(t, withSmarthost(s))
	s.Take(t, 1)
	h.Empty(t)
	// The dead one's late word counts no more.
	if err := h.FinishQueue(t.Context(), claims[0].Message.Ref, claims[0].Token, []store.QueueOutcome{{Recipient: claims[0].Message.Recipients[0]}}, nil); err == nil {
		t.Error("an outcome was noted under a lease that had passed")
	}
}

func TestTLSAndLogin(t *testing.T) {
	cert, roots := queuetest.Certificate(t)
	s := queuetest.NewSmarthost(t, queuetest.WithTLS(cert))
	config := s.Config()
	config.TLS, config.TLSConfig = queue.TLSRequired, &tls.Config{RootCAs: roots}
	config.Username, config.Password = "fachwerk", func() (string, error) { return "geheim", nil }
	h := queuetest.Open(t, func(c *queue.Config) { c.Smarthost = config })
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	s.Take(t, 1)
	if s.Logins() != 1 {
		t.Errorf("%d logins", s.Logins())
	}
}

// Trouble with the smarthost itself is never the message's: it waits.
func TestSmarthostTroubleIsTemporary(t *testing.T) {
	cert, _ := queuetest.Certificate(t)
	password := func() (string, error) { return "falsch", nil }
	for name, c := range map[string]struct {
		config func(*queue.Smarthost)
		tls    bool
		reply  string
	}{
		"certificate not trusted": {func(c *queue.Smarthost) { c.TLS = queue.TLSRequired }, true, "certificate"},
		"no STARTTLS":             {func(c *queue.Smarthost) { c.TLS = queue.TLSRequired }, false, "STARTTLS"},
		"wrong password":          {func(c *queue.Smarthost) { c.Username, c.Password = "fachwerk", password }, false, "454"},
		"outside its networks": {func(c *queue.Smarthost) {
			c.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
		}, false, "outside the networks"},
	} {
		t.Run(name, func(t *testing.T) {
			s := queuetest.NewSmarthost(t, nil)
			if c.tls {
				s = queuetest.NewSmarthost(t, queuetest.WithTLS(cert))
			}
			config := s.Config()
			c.config(config)
			h := queuetest.Open(t, func(q *queue.Config) { q.Smarthost = config })
			anna := h.Person(t, "anna")
			ref := put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
			var e queue.Entry
			queuetest.Wait(t, func() bool {
				e, _ = h.Queue.Show(t.Context(), ref)
				return len(e.Recipients) == 1 && e.Recipients[0].Attempts > 0
			})
			if r := e.Recipients[0]; r.State != "waiting" || name != "wrong password" && !strings.Contains(r.LastReply, c.reply) {
				t.Errorf("%+v", r)
			}
			if len(s.Received()) > 0 {
				t.Error("it was sent all the same")
			}
		})
	}
}

// A peer whose answer has no end costs neither memory nor time.
func TestTalkativeSmarthost(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.WriteString(conn, "220 hier\r\n")
				for line := []byte(strings.Repeat("250-und noch etwas\r\n", 1000)); ; {
					if _, err := conn.Write(line); err != nil {
						return
					}
				}
			}()
		}
	}()
	h := queuetest.Open(t, func(c *queue.Config) {
		c.Smarthost = &queue.Smarthost{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: queue.TLSOff}
	})
	ref := put(t, h, queue.Message{Recipients: to("x@fern.example")}, header("")+body)
	queuetest.Wait(t, func() bool {
		e, _ := h.Queue.Show(t.Context(), ref)
		return len(e.Recipients) == 1 && strings.Contains(e.Recipients[0].LastReply, "does not stop answering")
	})
}

func TestOpportunisticTLSTakesAnyCertificate(t *testing.T) {
	cert, _ := queuetest.Certificate(t)
	s := queuetest.NewSmarthost(t, queuetest.WithTLS(cert))
	config := s.Config()
	config.TLS = queue.TLSOpportunistic
	h := queuetest.Open(t, func(c *queue.Config) { c.Smarthost = config })
	put(t, h, queue.Message{Recipients: to("x@fern.example")}, header("")+body)
	s.Take(t, 1)
}

func TestPasswordNeedsVerifiedTLS(t *testing.T) {
	h := queuetest.Open(t, nil)
	password := func() (string, error) { return "geheim", nil }
	for mode, good := range map[queue.TLSMode]bool{
		queue.TLSOff: false, queue.TLSOpportunistic: false, queue.TLSRequired: true, queue.TLSImplicit: true,
	} {
		_, err := queue.New(queue.Config{Store: h.Store, Mail: h.Mail, Hostname: "a", Smarthost: &queue.Smarthost{
			Host: "relay.fern.example", TLS: mode, Username: "u", Password: password,
		}})
		if (err == nil) != good {
			t.Errorf("TLS mode %d with a password: %v", mode, err)
		}
	}
}

func TestRetryAndDrop(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	h := queuetest.Open(t, func(c *queue.Config) { c.Schedule = []time.Duration{time.Hour} })
	anna := h.Person(t, "anna")
	ref := put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example", "y@fern.example")}, header("")+body)
	queuetest.Wait(t, func() bool {
		e, _ := h.Queue.Show(t.Context(), ref)
		return len(e.Recipients) == 2 && e.Recipients[0].Attempts == 1 && e.Recipients[1].Attempts == 1
	})
	if n, err := h.Queue.Drop(t.Context(), ref, 1); n != 1 || err != nil {
		t.Fatalf("dropped %d, %v", n, err)
	}
	list, err := h.Queue.List(t.Context(), 0, queue.Ref{}, 10)
	if err != nil || len(list) != 1 || list[0].Recipients[1].State != "dropped" || list[0].ReversePath != anna.Address {
		t.Fatalf("%+v, %v", list, err)
	}
	h.Run(t, withSmarthost(s))
	if n, err := h.Queue.Retry(t.Context(), queue.Ref{}); n != 1 || err != nil {
		t.Fatalf("retried %d, %v", n, err)
	}
	if got := s.Take(t, 1)[0].To; len(got) != 1 || got[0] != "x@fern.example" {
		t.Errorf("sent to %v", got)
	}
	h.Empty(t)
	h.Inbox(t, anna, 0)
}

// Over the schedule of a full mailbox the message waits and arrives when there
// is room again.
func TestFullMailboxIsRetried(t *testing.T) {
	h := queuetest.Open(t, nil)
	anna, bert := h.Person(t, "anna"), h.Person(t, "bert")
	if err := h.SetQuota(t.Context(), bert.Key, 10, 0); err != nil {
		t.Fatal(err)
	}
	ref := put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to(bert.Address)}, header("")+body)
	queuetest.Wait(t, func() bool {
		e, _ := h.Queue.Show(t.Context(), ref)
		return len(e.Recipients) == 1 && e.Recipients[0].Attempts > 1
	})
	if err := h.SetQuota(t.Context(), bert.Key, 0, 0); err != nil {
		t.Fatal(err)
	}
	h.Inbox(t, bert, 1)
	h.Empty(t)
}

func TestLoopEndsWithAReport(t *testing.T) {
	h := queuetest.Open(t, nil)
	anna, bert := h.Person(t, "anna"), h.Person(t, "bert")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to(bert.Address)}, "Delivered-To: Bert@musterstadt.example\r\n"+header("")+body)
	wantText(t, h.Inbox(t, anna, 1)[0], "Status: 5.4.6")
	h.Inbox(t, bert, 0)
}

// A fault while the outcome is noted costs time, not the process nor the message.
func TestFaultWhileNotingIsSurvived(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	var once sync.Once
	h := queuetest.Open(t, func(c *queue.Config) {
		withSmarthost(s)(c)
		c.Lease = 500 * time.Millisecond
		c.Metrics.Attempt = func(string, string) { once.Do(func() { panic("a fault") }) }
	})
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	h.Empty(t) // noted when its lease had ended
	s.Take(t, 1)
}

// A message whose bytes were lost is given up in time, and its sender hears of it.
func TestSenderOfALostMessageIsTold(t *testing.T) {
	h := queuetest.Open(t, nil)
	anna, bert := h.Person(t, "anna"), h.Person(t, "bert")
	h.Stop()
	short := func(c *queue.Config) { c.Lifetime = 300 * time.Millisecond }
	h.Run(t, short)
	h.Stop()
	text := make([]byte, 200_000)
	rand.Read(text)
	put(t, h, queue.Message{ReversePath: anna.Address, Ret: "FULL", BinaryMIME: true, Recipients: to(bert.Address)}, header("")+string(text))
	list, err := h.Blobs.List(t.Context(), blob.TenantPrefix(h.Tenant.ID), "", 0)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d objects, %v", len(list), err)
	}
	if err := h.Blobs.Delete(t.Context(), list[0].Key); err != nil {
		t.Fatal(err)
	}
	h.Run(t, short)
	wantText(t, h.Inbox(t, anna, 1)[0], "Final-Recipient: rfc822;"+bert.Address, "Action: failed", "Status: 5.4.7")
	h.Empty(t)
}

// Bare line feeds in a binary message's header do not keep its sender from being told.
func TestSenderOfABinaryMessageIsTold(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	h := queuetest.Open(t, withSmarthost(s))
	put(t, h, queue.Message{ReversePath: "x@fern.example", BinaryMIME: true, Recipients: to("niemand@" + queuetest.Domain)},
		"Subject: a\nX: b\r\n\r\n\x00\n")
	if got := s.Take(t, 1); len(got) != 1 {
		t.Errorf("%d notifications", len(got))
	}
	h.Empty(t)
}

// A claim is renewed as long as its attempt goes on: nobody else sends meanwhile,
// however long the peer takes.
func TestClaimIsRenewedDuringAnAttempt(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	var tries atomic.Int32
	entered, leave := make(chan struct{}), make(chan struct{})
	s.OnData = func(io.Reader) error {
		if tries.Add(1) == 1 {
			close(entered)
			<-leave
		}
		return nil
	}
	const claim = 3 * time.Second
	short := func(c *queue.Config) { c.Smarthost, c.Lease, c.Claim = s.Config(), time.Minute, claim }
	h := queuetest.Open(t, short)
	anna := h.Person(t, "anna")
	other, err := queue.New(queue.Config{Store: h.Store, Mail: h.Mail, Hostname: "b.musterstadt.example", Smarthost: s.Config(), Claim: claim})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- other.Run(ctx) }()
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+body)
	<-entered
	time.Sleep(2*claim + time.Second)
	close(leave)
	s.Take(t, 1)
	h.Empty(t)
	if n := tries.Load(); n != 1 {
		t.Errorf("%d attempts while one went on", n)
	}
	cancel()
	<-done
}
