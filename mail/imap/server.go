package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"fachwerk/auth"
	"fachwerk/mail"
)

// ErrServerClosed is returned by Serve and ServeTLS after Shutdown.
var ErrServerClosed = errors.New("imap: server closed")

// Config is what a Server stands on.
type Config struct {
	Mail *mail.Service
	Auth *auth.Authenticator
	// TLS is for STARTTLS and ServeTLS; nil offers neither.
	TLS    *tls.Config
	Limits Limits
	// AllowPlainOnLoopback lets clients on this machine log in without TLS.
	AllowPlainOnLoopback bool
	// Version is told in ID; empty tells none.
	Version string
	// Log takes connections, logins and faults, without content or secrets; nil discards.
	Log     *slog.Logger
	Metrics Metrics
}

// Metrics are called as things happen; each may be nil and must not block.
type Metrics struct {
	// Connection is called with 1 and -1.
	Connection func(delta int)
	// Login is called once for each attempt: "ok", "denied", "throttled", "unavailable".
	Login func(outcome string)
	// Command is called after each command with its name in upper case ("OTHER" for unknown ones) and "OK", "NO" or
	// "BAD".
	Command func(name, status string, took time.Duration)
}

// Server serves IMAP.
type Server struct {
	cfg    Config
	limits Limits
	log    *slog.Logger

	mu        sync.Mutex
	closed    bool
	nextID    uint64
	sessions  map[*session]struct{}
	listeners map[net.Listener]struct{}
	byAddress map[netip.Prefix]int
	byAccount map[auth.AccountRef]int
	done      sync.WaitGroup
}

// New makes a Server.
func New(cfg Config) *Server {
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{
		cfg: cfg, limits: cfg.Limits.withDefaults(), log: log,
		sessions:  map[*session]struct{}{},
		listeners: map[net.Listener]struct{}{},
		byAddress: map[netip.Prefix]int{},
		byAccount: map[auth.AccountRef]int{},
	}
}

// Serve accepts connections that begin without TLS, until the listener fails or Shutdown, then ErrServerClosed.
func (srv *Server) Serve(l net.Listener) error { return srv.serve(l, false) }

// ServeTLS accepts connections that begin with TLS (RFC 8314).
func (srv *Server) ServeTLS(l net.Listener) error {
	if srv.cfg.TLS == nil {
		return errors.New("imap: no TLS configuration")
	}
	return srv.serve(l, true)
}

func (srv *Server) serve(l net.Listener, implicitTLS bool) error {
	srv.mu.Lock()
	if srv.closed {
		srv.mu.Unlock()
		return ErrServerClosed
	}
	srv.listeners[l] = struct{}{}
	srv.mu.Unlock()
	defer func() {
		srv.mu.Lock()
		delete(srv.listeners, l)
		srv.mu.Unlock()
		l.Close()
	}()
	for wait := 5 * time.Millisecond; ; {
		conn, err := l.Accept()
		if err != nil {
			srv.mu.Lock()
			closed := srv.closed
			srv.mu.Unlock()
			if closed {
				return ErrServerClosed
			}
			if !temporary(err) {
				return err
			}
			// Out of descriptors, say: wait for some to be freed.
			srv.log.Warn("imap: accept", "err", err)
			time.Sleep(wait)
			wait = min(2*wait, time.Second)
			continue
		}
		wait = 5 * time.Millisecond
		srv.begin(conn, implicitTLS)
	}
}

// temporary tells errors that pass, such as too many open files, from those of a listener that is gone.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

// begin starts a session, unless there are too many.
func (srv *Server) begin(conn net.Conn, implicitTLS bool) {
	addr := addressOf(conn.RemoteAddr())
	network := networkOf(addr)
	srv.mu.Lock()
	refuse := srv.closed || len(srv.sessions) >= srv.limits.Connections ||
		srv.byAddress[network] >= srv.limits.ConnectionsPerAddress
	if refuse {
		srv.mu.Unlock()
		srv.log.Info("imap: connection refused, too many", "remote", addr)
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		if !implicitTLS {
			// Short enough to fit into the socket's buffer, so that it does not block the accepting goroutine.
			_, _ = conn.Write([]byte("* BYE [UNAVAILABLE] Too many connections\r\n"))
		}
		conn.Close()
		return
	}
	srv.nextID++
	s := newSession(srv, conn, srv.nextID, addr, network)
	srv.sessions[s] = struct{}{}
	srv.byAddress[network]++
	srv.done.Add(1)
	srv.mu.Unlock()
	if f := srv.cfg.Metrics.Connection; f != nil {
		f(1)
	}
	go func() {
		defer srv.done.Done()
		defer srv.end(s)
		s.serve(implicitTLS)
	}()
}

func (srv *Server) end(s *session) {
	srv.mu.Lock()
	delete(srv.sessions, s)
	decrement(srv.byAddress, s.network)
	if s.counted {
		decrement(srv.byAccount, auth.AccountRef{Tenant: s.principal.Tenant, Account: s.principal.Account})
	}
	srv.mu.Unlock()
	if f := srv.cfg.Metrics.Connection; f != nil {
		f(-1)
	}
}

func decrement[K comparable](m map[K]int, k K) {
	if m[k]--; m[k] <= 0 {
		delete(m, k)
	}
}

// countAccount notes that a session logged in; false if the person has too many connections already.
func (srv *Server) countAccount(p *auth.Principal) bool {
	ref := auth.AccountRef{Tenant: p.Tenant, Account: p.Account}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.byAccount[ref] >= srv.limits.ConnectionsPerAccount {
		return false
	}
	srv.byAccount[ref]++
	return true
}

// Shutdown stops accepting, tells every client BYE once its command has ended, and waits until all are gone or ctx
// ends; then it closes what is left.
func (srv *Server) Shutdown(ctx context.Context) error {
	srv.mu.Lock()
	srv.closed = true
	for l := range srv.listeners {
		l.Close()
	}
	for s := range srv.sessions {
		s.drain("The server is shutting down")
	}
	srv.mu.Unlock()
	gone := make(chan struct{})
	go func() {
		srv.done.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
	}
	srv.mu.Lock()
	for s := range srv.sessions {
		s.cancel()
		s.raw.Close()
	}
	srv.mu.Unlock()
	<-gone
	return ctx.Err()
}

// addressOf returns the client's address, the zero one if it has none (pipes in tests).
func addressOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// networkOf is what counts as one client: an IPv4 address, or an IPv6 /64.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
