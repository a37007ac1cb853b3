package queuetest

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"fachwerk/mail/queue"
)

// Smarthost is a real SMTP server that keeps what it takes. Its hooks, nil by
// default, refuse: set them before the message comes.
type Smarthost struct {
	Port int
	// OnMail, OnRcpt and OnData answer with an error; an OnData that does not
	// read to the end and returns ErrDrop cuts the connection.
	OnMail func(from string) error
	OnRcpt func(to string) error
	OnData func(r io.Reader) error

	server   *gosmtp.Server
	mu       sync.Mutex
	received []Received
	logins   int
}

// ErrDrop cuts the connection.
var ErrDrop = errors.New("drop the connection")

// Received is a message that a Smarthost took.
type Received struct {
	From string
	Opts gosmtp.MailOptions
	To   []string
	Rcpt []gosmtp.RcptOptions
	Body string
}

// NewSmarthost starts one on loopback; change may alter the server (TLS,
// extensions) before it starts.
func NewSmarthost(t testing.TB, change func(*gosmtp.Server)) *Smarthost {
	t.Helper()
	h := &Smarthost{}
	h.server = gosmtp.NewServer(h)
	h.server.Domain = "smarthost.fern.example"
	h.server.AllowInsecureAuth = true
	h.server.ErrorLog = quiet{}
	h.server.EnableDSN = true
	h.server.EnableSMTPUTF8 = true
	if change != nil {
		change(h.server)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	h.Port = l.Addr().(*net.TCPAddr).Port
	go func() { _ = h.server.Serve(l) }() // until Close
	t.Cleanup(func() { h.server.Close() })
	return h
}

// Config points a queue to the smarthost, in the clear.
func (h *Smarthost) Config() *queue.Smarthost {
	return &queue.Smarthost{Host: "127.0.0.1", Port: h.Port, TLS: queue.TLSOff}
}

// Address is host:port.
func (h *Smarthost) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(h.Port)) }

// Received lists the messages taken.
func (h *Smarthost) Received() []Received {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Received(nil), h.received...)
}

// Logins counts successful logins.
func (h *Smarthost) Logins() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.logins
}

// Take waits for n messages and returns them.
func (h *Smarthost) Take(t testing.TB, n int) []Received {
	t.Helper()
	Wait(t, func() bool { return len(h.Received()) >= n })
	if got := h.Received(); len(got) != n {
		t.Fatalf("the smarthost got %d messages, want %d", len(got), n)
	}
	return h.Received()
}

// NewSession begins a connection.
func (h *Smarthost) NewSession(c *gosmtp.Conn) (gosmtp.Session, error) {
	return &peerSession{host: h, conn: c.Conn()}, nil
}

type peerSession struct {
	host *Smarthost
	conn net.Conn
	now  Received
}

func (s *peerSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *peerSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "fachwerk" || password != "geheim" {
			return errors.New("wrong")
		}
		s.host.mu.Lock()
		defer s.host.mu.Unlock()
		s.host.logins++
		return nil
	}), nil
}

func (s *peerSession) Mail(from string, o *gosmtp.MailOptions) error {
	s.now = Received{From: from, Opts: *o}
	if s.host.OnMail != nil {
		return s.host.OnMail(from)
	}
	return nil
}

func (s *peerSession) Rcpt(to string, o *gosmtp.RcptOptions) error {
	if s.host.OnRcpt != nil {
		if err := s.host.OnRcpt(to); err != nil {
			return err
		}
	}
	s.now.To, s.now.Rcpt = append(s.now.To, to), append(s.now.Rcpt, *o)
	return nil
}

func (s *peerSession) Data(r io.Reader) error {
	if s.host.OnData != nil {
		if err := s.host.OnData(r); err != nil {
			if errors.Is(err, ErrDrop) {
				s.conn.Close()
			}
			return err
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.now.Body = string(b)
	s.host.mu.Lock()
	defer s.host.mu.Unlock()
	s.host.received = append(s.host.received, s.now)
	return nil
}

func (s *peerSession) Reset()        { s.now = Received{} }
func (s *peerSession) Logout() error { return nil }

// quiet drops what the library would write to standard error.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// Refuse is an SMTP error with an enhanced status code.
func Refuse(code int, enhanced [3]int, text string) error {
	return &gosmtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: text}
}

// WithTLS lets a server offer STARTTLS.
func WithTLS(c *tls.Config) func(*gosmtp.Server) { return func(s *gosmtp.Server) { s.TLSConfig = c } }
