package queue

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"
)

// TLSMode says how the connection to the smarthost is protected.
type TLSMode int8

const (
	// TLSRequired demands STARTTLS with a certificate that verifies.
	TLSRequired TLSMode = iota
	// TLSImplicit speaks TLS from the first byte (port 465), verified.
	TLSImplicit
	// TLSOpportunistic takes STARTTLS where it is offered, with any
	// certificate. It keeps listeners out, not impostors, so no password is
	// ever sent this way, except to loopback.
	TLSOpportunistic
	// TLSOff speaks in the clear: for a relay on the same host.
	TLSOff
)

// Smarthost is the server that takes all mail for elsewhere.
type Smarthost struct {
	Host string // name or address; the name must stand in its certificate
	Port int    // default 587, with TLSImplicit 465
	TLS  TLSMode
	// TLSConfig carries the roots to trust; nil takes the system's.
	TLSConfig *tls.Config
	// Username, if not empty, signs in with what Password returns, read anew
	// for each connection so that it can be changed without a restart.
	Username string
	Password func() (string, error)
	// Networks, if not empty, are where the host's addresses must lie.
	Networks []netip.Prefix
}

func (s *Smarthost) check() error {
	switch {
	case s == nil:
		return nil
	case s.Host == "":
		return errors.New("queue: the smarthost needs a host")
	case s.Username != "" && s.Password == nil:
		return errors.New("queue: the smarthost needs a password for its user name")
	case s.Username != "" && (s.TLS == TLSOpportunistic || s.TLS == TLSOff) && !isLoopbackHost(s.Host):
		return errors.New("queue: a password goes to the smarthost over verified TLS only; choose required or implicit")
	}
	return nil
}

func isLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func (s *Smarthost) address() string {
	port := s.Port
	if port == 0 {
		port = 587
		if s.TLS == TLSImplicit {
			port = 465
		}
	}
	return net.JoinHostPort(s.Host, strconv.Itoa(port))
}

func (s *Smarthost) tlsConfig() *tls.Config {
	c := &tls.Config{}
	if s.TLSConfig != nil {
		c = s.TLSConfig.Clone()
	}
	if c.ServerName == "" {
		c.ServerName = s.Host
	}
	if c.MinVersion < tls.VersionTLS12 {
		c.MinVersion = tls.VersionTLS12
	}
	if s.TLS == TLSOpportunistic {
		c.InsecureSkipVerify = true // RFC 7435: better than none
	}
	return c
}

// dialer connects to what a name resolves to, if that lies in the networks.
type dialer struct{ networks []netip.Prefix }

const dialTimeout = 30 * time.Second

func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	err = fmt.Errorf("queue: %s has no address", host)
	for _, a := range addrs {
		a = a.Unmap()
		if !d.allowed(a) {
			err = fmt.Errorf("queue: address %s of %s is outside the networks configured", a, host)
			continue
		}
		var conn net.Conn
		if conn, err = (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (d *dialer) allowed(a netip.Addr) bool {
	if a.IsUnspecified() || a.IsMulticast() {
		return false
	}
	if len(d.networks) == 0 {
		return true
	}
	for _, p := range d.networks {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

const (
	// stallTimeout is how long a block of a message may take (RFC 5321 4.5.3.2.5).
	stallTimeout = 3 * time.Minute
	blockSize    = 16 << 10
	// answerTimeout is for the answer to the final dot (RFC 5321 4.5.3.2.6).
	answerTimeout = 10 * time.Minute
)

// boundConn is a connection that ends at a time, whatever deadlines the library
// sets, and before it if a block of what is written is not taken.
type boundConn struct {
	net.Conn
	until time.Time
	stall time.Duration
	write time.Time // the library's deadline; zero: none
}

// Write has each block move the deadline: the library sets none for a message.
func (c *boundConn) Write(p []byte) (written int, err error) {
	for {
		block := p[written:min(len(p), written+blockSize)]
		deadline := c.bound(c.write)
		if stalled := time.Now().Add(c.stall); stalled.Before(deadline) {
			deadline = stalled
		}
		if err := c.Conn.SetWriteDeadline(deadline); err != nil {
			return written, err
		}
		n, err := c.Conn.Write(block)
		if written += n; err != nil || written == len(p) {
			return written, err
		}
	}
}

func (c *boundConn) bound(t time.Time) time.Time {
	if t.IsZero() || t.After(c.until) {
		return c.until
	}
	return t
}

// SetDeadline is net.Conn's, within the bounds, as are the next two.
func (c *boundConn) SetDeadline(t time.Time) error {
	c.write = t
	return c.Conn.SetDeadline(c.bound(t))
}

// SetReadDeadline bounds reading.
func (c *boundConn) SetReadDeadline(t time.Time) error { return c.Conn.SetReadDeadline(c.bound(t)) }

// SetWriteDeadline bounds writing.
func (c *boundConn) SetWriteDeadline(t time.Time) error {
	c.write = t
	return c.Conn.SetWriteDeadline(c.bound(t))
}

// maxAnswers bounds what a peer may say in one session: a reply has no end until
// the peer ends it.
const maxAnswers = 1 << 20

var errTalkative = errors.New("the smarthost does not stop answering")

// greetedConn gives the library a greeting that was read before, and then at
// most maxAnswers bytes.
type greetedConn struct {
	net.Conn
	greeting *strings.Reader
	read     int
}

func (c *greetedConn) Read(p []byte) (int, error) {
	if c.greeting.Len() > 0 {
		return c.greeting.Read(p)
	}
	if c.read > maxAnswers {
		return 0, errTalkative
	}
	n, err := c.Conn.Read(p)
	c.read += n
	return n, err
}

// connect opens a session with the smarthost, TLS and login done.
func (q *Queue) connect(ctx context.Context, until time.Time) (*gosmtp.Client, error) {
	h := q.cfg.Smarthost
	client, err := q.greet(ctx, until, h.TLS != TLSOff)
	var failed *tlsFailure
	if errors.As(err, &failed) && h.TLS == TLSOpportunistic {
		q.log.Warn("TLS with the smarthost failed, going on without", "err", err)
		client, err = q.greet(ctx, until, false)
	}
	if err != nil {
		return nil, err
	}
	if err := q.login(client); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// tlsFailure is a handshake that failed.
type tlsFailure struct{ err error }

func (e *tlsFailure) Error() string { return "TLS: " + e.err.Error() }
func (e *tlsFailure) Unwrap() error { return e.err }

// greet connects and, if asked and offered, puts TLS over the connection. The
// library can start TLS only on a connection that it opens itself, or under the
// name localhost; so greeting, EHLO and STARTTLS are said here.
func (q *Queue) greet(ctx context.Context, until time.Time, withTLS bool) (*gosmtp.Client, error) {
	h := q.cfg.Smarthost
	raw, err := q.cfg.Dial(ctx, "tcp", h.address())
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	conn, err := q.secure(ctx, &boundConn{Conn: raw, until: until, stall: stallTimeout}, withTLS)
	if err != nil {
		stop()
		raw.Close()
		return nil, err
	}
	client := gosmtp.NewClient(&greetedConn{Conn: conn, greeting: strings.NewReader("220 greeted\r\n")})
	client.CommandTimeout = 2 * time.Minute
	client.SubmissionTimeout = answerTimeout
	if err := client.Hello(q.cfg.Hostname); err != nil {
		client.Close()
		return nil, err
	}
	return client, nil
}

// secure reads the greeting and starts TLS.
func (q *Queue) secure(ctx context.Context, conn *boundConn, withTLS bool) (net.Conn, error) {
	h := q.cfg.Smarthost
	if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return nil, err
	}
	var secured net.Conn = conn
	if h.TLS == TLSImplicit {
		c := tls.Client(conn, h.tlsConfig())
		if err := c.HandshakeContext(ctx); err != nil {
			return nil, &tlsFailure{err}
		}
		secured, withTLS = c, false
	}
	buffered := bufio.NewReaderSize(io.LimitReader(secured, 64<<10), 4<<10)
	r := textproto.NewReader(buffered)
	if _, _, err := r.ReadResponse(220); err != nil {
		return nil, err
	}
	if !withTLS {
		return secured, nil
	}
	if _, err := io.WriteString(conn, "EHLO "+q.cfg.Hostname+"\r\n"); err != nil {
		return nil, err
	}
	_, list, err := r.ReadResponse(250)
	if err != nil {
		return nil, err
	}
	if !offers(list, "STARTTLS") {
		if h.TLS == TLSRequired {
			return nil, errors.New("the smarthost offers no STARTTLS, and TLS is required")
		}
		return conn, nil
	}
	if _, err := io.WriteString(conn, "STARTTLS\r\n"); err != nil {
		return nil, err
	}
	if _, _, err := r.ReadResponse(220); err != nil {
		return nil, &tlsFailure{err}
	}
	if buffered.Buffered() > 0 { // it would act as if it had come inside TLS
		return nil, &tlsFailure{errors.New("the smarthost sent text after its answer to STARTTLS")}
	}
	c := tls.Client(conn, h.tlsConfig())
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, &tlsFailure{err}
	}
	return c, nil
}

// offers reports whether an EHLO answer names an extension.
func offers(ehlo, extension string) bool {
	for line := range strings.SplitSeq(ehlo, "\n") {
		word, _, _ := strings.Cut(line, " ")
		if strings.EqualFold(word, extension) {
			return true
		}
	}
	return false
}

// login signs in, with PLAIN or, where only that is offered, LOGIN.
func (q *Queue) login(client *gosmtp.Client) error {
	h := q.cfg.Smarthost
	if h.Username == "" {
		return nil
	}
	password, err := h.Password()
	if err != nil {
		return fmt.Errorf("read the smarthost's password: %w", err)
	}
	mechanism := sasl.NewPlainClient("", h.Username, password)
	if !client.SupportsAuth(sasl.Plain) && client.SupportsAuth(sasl.Login) {
		mechanism = sasl.NewLoginClient(h.Username, password)
	}
	if err := client.Auth(mechanism); err != nil {
		return fmt.Errorf("sign in at the smarthost: %w", err)
	}
	return nil
}
