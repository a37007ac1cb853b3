package importer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"golang.org/x/time/rate"
)

// Security says how the connection to the source is protected.
type Security string

// The ways. Plain is for loopback and tests: it shows the password to the network.
const (
	TLS      Security = "tls"
	StartTLS Security = "starttls"
	Plain    Security = "plain"
)

// Source is the server and account that mail comes from.
type Source struct {
	Address  string // host:port
	Security Security
	TLS      *tls.Config // nil: the system's roots, the host's name
	Username string
	Password string
}

// ErrSource says that the source refused or broke off; what was imported stays.
var ErrSource = errors.New("source server")

// connectTime bounds dialling, greeting and login together.
const connectTime = 30 * time.Second

// connect signs in to the source. limit, if not nil, bounds the bytes read a
// second, over all connections together.
func (s Source) connect(ctx context.Context, limit *rate.Limiter) (*imapclient.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	client, err := s.secure(&limited{Conn: conn, limit: limit})
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("%w: %w", ErrSource, err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := client.Login(s.Username, s.Password).Wait(); err != nil {
		client.Close()
		return nil, fmt.Errorf("%w: signing in as %s: %w", ErrSource, s.Username, err)
	}
	return client, nil
}

func (s Source) secure(conn net.Conn) (*imapclient.Client, error) {
	config := s.tlsConfig()
	switch s.Security {
	case TLS:
		return imapclient.New(tls.Client(conn, config), nil), nil
	case StartTLS:
		return imapclient.NewStartTLS(conn, &imapclient.Options{TLSConfig: config})
	case Plain:
		return imapclient.New(conn, nil), nil
	}
	return nil, fmt.Errorf("unknown security %q; known are tls, starttls, plain", s.Security)
}

func (s Source) tlsConfig() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.TLS != nil {
		config = s.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(s.Address)
	}
	return config
}

// limited is a connection that is read no faster than the limit.
type limited struct {
	net.Conn
	limit *rate.Limiter
}

func (l *limited) Read(p []byte) (int, error) {
	if l.limit != nil && len(p) > l.limit.Burst() {
		p = p[:l.limit.Burst()]
	}
	n, err := l.Conn.Read(p)
	if n > 0 && l.limit != nil {
		l.limit.WaitN(context.Background(), n)
	}
	return n, err
}

// newLimit makes a limiter of bytes a second; nil for none.
func newLimit(bytesPerSecond int64) *rate.Limiter {
	if bytesPerSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(bytesPerSecond), int(max(min(bytesPerSecond, 64<<10), 1<<10)))
}

// has reports whether the server announces a capability.
func has(c *imapclient.Client, capability imap.Cap) bool { return c.Caps().Has(capability) }
