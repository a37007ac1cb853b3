package smtp_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"fachwerk/mail/queue/queuetest"
	"fachwerk/mail/smtp"
)

// server is a running server of one mode over a real house.
type server struct {
	*queuetest.House
	*smtp.Server
	addr  string
	roots *x509.CertPool
	anna  queuetest.Account
	bert  queuetest.Account
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// start opens a house and serves one mode on loopback.
func start(t testing.TB, mode smtp.Mode, change func(*smtp.Config)) *server {
	t.Helper()
	return serve(t, queuetest.Open(t, nil), mode, change)
}

func serve(t testing.TB, h *queuetest.House, mode smtp.Mode, change func(*smtp.Config)) *server {
	t.Helper()
	s := &server{House: h}
	cfg := smtp.Config{
		Mode: mode, Mail: h.Mail, Queue: h.Queue, Auth: h.Auth, Hostname: "mail.musterstadt.example",
		Trusted: loopback, Relays: loopback, PlaintextLoopback: true,
	}
	cfg.TLS, s.roots = queuetest.Certificate(t)
	if change != nil {
		change(&cfg)
	}
	var err error
	if s.Server, err = smtp.New(cfg); err != nil {
		t.Fatal(err)
	}
	s.addr = listen(t, s.Serve)
	t.Cleanup(func() { s.Shutdown(ended()) })
	s.anna, s.bert = h.Person(t, "anna"), h.Person(t, "bert")
	return s
}

// ended is a context that allows no waiting.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func listen(t testing.TB, serve func(net.Listener) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go serve(l)
	return l.Addr().String()
}

// chat is a client that says exactly what it is told to.
type chat struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func (s *server) dial(t testing.TB) *chat {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &chat{t: t, conn: conn, r: bufio.NewReader(conn)}
}

// hello dials and greets.
func (s *server) hello(t testing.TB, verb string) *chat {
	t.Helper()
	c := s.dial(t)
	c.want("220")
	c.do(verb+" client.fern.example", "250")
	return c
}

func (c *chat) send(text string) {
	c.t.Helper()
	c.conn.SetWriteDeadline(time.Now().Add(20 * time.Second))
	if _, err := c.conn.Write([]byte(text)); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// reply reads one reply with all its lines.
func (c *chat) reply() string {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			c.t.Fatalf("after %q: %v", b.String(), err)
		}
		b.WriteString(line)
		if len(line) < 4 || line[3] != '-' {
			return b.String()
		}
	}
}

// want reads a reply that begins so.
func (c *chat) want(prefix string) string {
	c.t.Helper()
	got := c.reply()
	if !strings.HasPrefix(got, prefix) {
		c.t.Fatalf("got %q, want %q", got, prefix)
	}
	return got
}

func (c *chat) do(line, prefix string) string {
	c.t.Helper()
	c.send(line + "\r\n")
	return c.want(prefix)
}

// closed checks that the server has hung up.
func (c *chat) closed() {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	if b, err := c.r.ReadByte(); err == nil {
		c.t.Fatalf("the connection is open, next byte %q", b)
	} else if errors.Is(err, os.ErrDeadlineExceeded) {
		c.t.Fatal("the connection is open")
	}
}

// startTLS upgrades the client's side.
func (c *chat) startTLS(roots *x509.CertPool) {
	c.t.Helper()
	c.do("STARTTLS", "220")
	conn := tls.Client(c.conn, &tls.Config{RootCAs: roots, ServerName: "localhost"})
	if err := conn.Handshake(); err != nil {
		c.t.Fatal(err)
	}
	c.conn, c.r = conn, bufio.NewReader(conn)
}

// deliver sends a message to recipients and returns the replies after the end.
func (c *chat) deliver(data string, rcpts ...string) []string {
	c.t.Helper()
	c.do("MAIL FROM:<x@fern.example>", "250 2.1.0")
	for _, r := range rcpts {
		c.do("RCPT TO:<"+r+">", "250 2.1.5")
	}
	c.do("DATA", "354")
	c.send(data + ".\r\n")
	var replies []string
	for range rcpts {
		replies = append(replies, c.reply())
	}
	return replies
}

const text = "From: x@fern.example\r\nTo: anna@musterstadt.example\r\nSubject: Antrag\r\n\r\nzeile\r\n"

func message(from, more string) string {
	return fmt.Sprintf("From: %s\r\n%s\r\nzeile\r\n", from, more)
}

// afterTrace cuts the trace fields that LMTP delivery puts before a message.
func afterTrace(t testing.TB, stored string) string {
	t.Helper()
	rest := stored
	for _, name := range []string{"Return-Path: ", "Delivered-To: ", "Received: "} {
		if !strings.HasPrefix(rest, name) {
			t.Fatalf("no %s in its place:\n%s", name, stored)
		}
		for {
			end := strings.Index(rest, "\r\n") + 2
			rest = rest[end:]
			if !strings.HasPrefix(rest, "\t") {
				break
			}
		}
	}
	return rest
}
