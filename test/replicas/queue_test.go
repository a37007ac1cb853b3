package replicas

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/jackc/pgx/v5"

	"fachwerk/test/system/harness"
)

// A smarthost takes mail, or keeps the client waiting.
type smarthost struct {
	address string
	mu      sync.Mutex
	hold    chan struct{} // the end of DATA waits for it; nil: not
	began   chan string   // subjects whose DATA has come
	taken   []string      // subjects acknowledged
}

func newSmarthost(t *testing.T) *smarthost {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	h := &smarthost{address: l.Addr().String(), began: make(chan string, 100)}
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &relaying{h}, nil }))
	s.Domain = "smarthost.example"
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close() })
	return h
}

type relaying struct{ h *smarthost }

func (r *relaying) Mail(string, *smtp.MailOptions) error { return nil }
func (r *relaying) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (r *relaying) Reset()                               {}
func (r *relaying) Logout() error                        { return nil }

func (r *relaying) Data(body io.Reader) error {
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(text), "Subject: ")
	subject, _, _ := strings.Cut(rest, "\r\n")
	r.h.mu.Lock()
	hold := r.h.hold
	r.h.mu.Unlock()
	r.h.began <- subject
	if hold != nil {
		<-hold
		return errors.New("too late")
	}
	r.h.mu.Lock()
	defer r.h.mu.Unlock()
	r.h.taken = append(r.h.taken, subject)
	return nil
}

func (h *smarthost) got() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.taken...)
}

// What one replica has enqueued the other sends at once, and each message is sent
// once, whoever works. A replica that is killed while it sends keeps its lease, and
// when that has ended the other one takes the message over.
func TestQueue(t *testing.T) {
	host := newSmarthost(t)
	h := start(t, pooler, options{env: []string{
		"FACHWERK_SMTP_SMARTHOST_ADDRESS=" + host.address, "FACHWERK_SMTP_SMARTHOST_TLS=none", "FACHWERK_QUEUE_FIRST_RETRY=1s",
	}})
	a, b := h.both()
	const each = 20
	for n := range each {
		for _, r := range h.replicas {
			submit(t, r, r.Anna(), "Rundschreiben "+r.name+string(rune('A'+n)))
		}
	}
	harness.Eventually(t, patience, "all are sent", func() bool { return len(host.got()) >= 2*each })
	seen := map[string]int{}
	for _, s := range host.got() {
		seen[s]++
	}
	for s, n := range seen {
		if n != 1 {
			t.Errorf("%q was sent %d times", s, n)
		}
	}

	b.stop(t)
	host.mu.Lock()
	host.hold = make(chan struct{})
	hold := host.hold
	host.mu.Unlock()
	drain(host.began)
	submit(t, a, a.Anna(), "Bescheid")
	select {
	case <-host.began:
	case <-time.After(patience):
		t.Fatal("nothing is sent")
	}
	a.kill(t)
	host.mu.Lock()
	host.hold = nil
	host.mu.Unlock()
	close(hold)
	b.run(t)
	// The lease of the dead one stands: nobody may send as long as it might be alive.
	select {
	case s := <-host.began:
		t.Errorf("%q is sent a second time under the lease of another", s)
	case <-time.After(2 * time.Second):
	}
	later(t, h.dsn)
	harness.Eventually(t, 2*patience, "the message is taken over", func() bool {
		for _, s := range host.got() {
			if s == "Bescheid" {
				return true
			}
		}
		return false
	})
	harness.Eventually(t, patience, "the queue is empty", func() bool {
		return strings.Count(h.demo.Command(t, "queue", "list"), "@") == 0
	})
	h.demo.Check(t)
}

func drain(c chan string) {
	for {
		select {
		case <-c:
		default:
			return
		}
	}
}

// later lets the time of leases pass.
func later(t *testing.T, dsn string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, dsn)
	must(t, err)
	defer c.Close(ctx)
	tag, err := c.Exec(ctx, "UPDATE queue_recipient SET lease_until = 1 WHERE lease_until > 0")
	must(t, err)
	if tag.RowsAffected() != 1 {
		t.Errorf("%d leases, want 1", tag.RowsAffected())
	}
	// The replica would look again within half a minute; a hint spares the wait.
	_, err = c.Exec(ctx, "SELECT pg_notify('fachwerk', 'test q')")
	must(t, err)
}

// submit sends a message to somebody elsewhere.
func submit(t *testing.T, r *replica, who harness.Account, subject string) {
	t.Helper()
	c, err := smtp.DialTLS(r.Submissions, r.TLS(t))
	must(t, err)
	defer c.Close()
	must(t, c.Auth(sasl.NewPlainClient("", who.Address, who.AppPassword)))
	text := strings.Replace(string(harness.Message(subject, 500)), "grete@elsewhere.example", who.Address, 1)
	must(t, c.SendMail(who.Address, []string{"kundin@elsewhere.example"}, strings.NewReader(text)))
	must(t, c.Quit())
}
