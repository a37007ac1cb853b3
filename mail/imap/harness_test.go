package imap_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/mail/imap"
	"fachwerk/mail/mailtest"
)

// server is an IMAP server over a real store, on loopback.
type server struct {
	*mailtest.House
	auth     *auth.Authenticator
	imap     *imap.Server
	addr     string // plain, with STARTTLS
	addrTLS  string
	clients  *tls.Config
	password map[string]string // by address
	appID    map[string]int64
}

type serverOption func(*imap.Config)

func start(t testing.TB, opts ...serverOption) *server { return startIn(t, mailtest.New(t), opts...) }

func startIn(t testing.TB, house *mailtest.House, opts ...serverOption) *server {
	t.Helper()
	s := &server{House: house, password: map[string]string{}, appID: map[string]int64{}}
	key := make([]byte, 32)
	rand.Read(key)
	var err error
	s.auth, err = auth.New(auth.Config{
		People: s.Store, AppPasswords: s.Store, Changes: s.Store,
		HashKeys: auth.HashKeys{Current: 1, Keys: map[int16][]byte{1: key}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.auth.Close)
	s.addPassword(t, s.Alice)
	s.addPassword(t, s.Bob)
	cert, pool := certificate(t)
	s.clients = &tls.Config{RootCAs: pool, ServerName: "localhost"}
	cfg := imap.Config{
		Mail: s.Mail, Auth: s.auth, AllowPlainOnLoopback: true,
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
	}
	for _, o := range opts {
		o(&cfg)
	}
	s.imap = imap.New(cfg)
	s.addr, s.addrTLS = listen(t, s.imap.Serve), listen(t, s.imap.ServeTLS)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.imap.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	return s
}

func listen(t testing.TB, serve func(net.Listener) error) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go serve(l)
	return l.Addr().String()
}

func (s *server) addPassword(t testing.TB, p *auth.Principal) {
	t.Helper()
	made, secret, err := s.auth.NewAppPasswordByOperator(t.Context(), auth.AccountRef{Tenant: p.Tenant, Account: p.Account},
		"test", auth.MailRead, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	s.password[p.Address], s.appID[p.Address] = secret, made.ID
}

func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// client is a raw scripted session.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	tag  int
}

func (s *server) dial(t testing.TB) *client {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, conn: conn, r: bufio.NewReader(conn)}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

// login connects and logs in as a person.
func (s *server) login(t testing.TB, address string) *client {
	t.Helper()
	c := s.dial(t)
	c.line()
	c.ok("LOGIN " + address + " " + s.password[address])
	return c
}

// alice is login as Alice with INBOX selected.
func (s *server) selectInbox(t testing.TB, address string) *client {
	c := s.login(t, address)
	c.ok("SELECT INBOX")
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// line reads one response with its literals, without the final CRLF.
func (c *client) line() string {
	c.t.Helper()
	s, err := c.tryLine()
	if err != nil {
		c.t.Fatalf("read: %v (after %q)", err, s)
	}
	return s
}

func (c *client) tryLine() (string, error) {
	var out bytes.Buffer
	for {
		part, err := c.r.ReadString('\n')
		out.WriteString(part)
		if err != nil {
			return out.String(), err
		}
		if !strings.HasSuffix(part, "\r\n") {
			return out.String(), fmt.Errorf("a line ends without CR: %q", part)
		}
		trimmed := strings.TrimSuffix(part, "\r\n")
		i := strings.LastIndexByte(trimmed, '{')
		if i < 0 || !strings.HasSuffix(trimmed, "}") {
			return strings.TrimSuffix(out.String(), "\r\n"), nil
		}
		n, err := strconv.Atoi(trimmed[i+1 : len(trimmed)-1])
		if err != nil {
			return strings.TrimSuffix(out.String(), "\r\n"), nil
		}
		if _, err := io.CopyN(&out, c.r, int64(n)); err != nil {
			return out.String(), err
		}
	}
}

// do sends a command and returns the untagged responses and the tagged one without its tag.
func (c *client) do(command string) (untagged []string, tagged string) {
	c.t.Helper()
	c.tag++
	tag := fmt.Sprintf("t%d", c.tag)
	c.send(tag + " " + command + "\r\n")
	return c.until(tag)
}

func (c *client) until(tag string) (untagged []string, tagged string) {
	c.t.Helper()
	for {
		l := c.line()
		if rest, ok := strings.CutPrefix(l, tag+" "); ok {
			return untagged, rest
		}
		untagged = append(untagged, l)
	}
}

// ok is do for commands that must succeed.
func (c *client) ok(command string) []string {
	c.t.Helper()
	untagged, tagged := c.do(command)
	if !strings.HasPrefix(tagged, "OK ") {
		c.t.Fatalf("%s: %s", shorten(command), tagged)
	}
	return untagged
}

// is does a command and compares everything it gives, the tagged response up to its text: "OK", "NO [NOPERM]".
func (c *client) is(command, tagged string, untagged ...string) {
	c.t.Helper()
	got, end := c.do(command)
	if !strings.HasPrefix(end, tagged) {
		c.t.Errorf("%s: %q, want %q", shorten(command), end, tagged)
	}
	if a, b := strings.Join(got, "\n"), strings.Join(untagged, "\n"); a != b {
		c.t.Errorf("%s:\ngot  %s\nwant %s", shorten(command), strings.ReplaceAll(a, "\n", "\n     "), strings.ReplaceAll(b, "\n", "\n     "))
	}
}

func shorten(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// append adds a message with a non-synchronising literal.
func (c *client) append(mailbox, arguments, text string) (tagged string) {
	c.t.Helper()
	c.tag++
	tag := fmt.Sprintf("t%d", c.tag)
	if arguments != "" {
		arguments += " "
	}
	c.send(fmt.Sprintf("%s APPEND %s %s{%d+}\r\n%s\r\n", tag, mailbox, arguments, len(text), text))
	_, tagged = c.until(tag)
	return tagged
}

func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// note is a small message.
func note(subject string) string {
	return crlf("From: Alice Muster <alice@musterstadt.example>\nTo: bob@musterstadt.example\nSubject: " + subject +
		"\nDate: Mon, 2 Nov 2026 10:00:00 +0100\nMessage-ID: <" + strings.ReplaceAll(subject, " ", ".") + "@musterstadt.example>\n\nHello " + subject + ".\n")
}
