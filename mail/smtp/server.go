package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"
)

// ErrServerClosed is what Serve returns after Shutdown.
var ErrServerClosed = errors.New("smtp: server closed")

// Server serves one mode on any number of listeners.
type Server struct {
	cfg    Config
	limits Limits
	log    *slog.Logger
	now    func() time.Time

	rates   rates
	buffers sync.Pool // *[]byte, for copying messages

	// ctx is that of all storing; it ends when Shutdown gives up waiting.
	ctx    context.Context
	cancel context.CancelFunc

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]struct{}
	sessions  map[*session]struct{}
	perIP     map[netip.Addr]int
	serving   sync.WaitGroup
}

const copyBuffer = 32 << 10

// New checks the configuration and makes a server.
func New(cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, limits: cfg.Limits.withDefaults(cfg.Mail, cfg.Mode), log: cfg.Log, now: cfg.Now,
		listeners: make(map[net.Listener]struct{}),
		sessions:  make(map[*session]struct{}),
		perIP:     make(map[netip.Addr]int),
	}
	s.buffers.New = func() any { b := make([]byte, copyBuffer); return &b }
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.log = s.log.With("protocol", cfg.Mode.String())
	if s.now == nil {
		s.now = time.Now
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

// Serve accepts connections until Shutdown, then returns ErrServerClosed. The
// listener is closed.
func (s *Server) Serve(l net.Listener) error { return s.serve(l, false) }

// ServeTLS is Serve with TLS from the first byte (RFC 8314).
func (s *Server) ServeTLS(l net.Listener) error {
	if s.cfg.TLS == nil {
		l.Close()
		return errors.New("smtp: TLS is not configured")
	}
	return s.serve(l, true)
}

func (s *Server) serve(l net.Listener, implicitTLS bool) error {
	defer l.Close()
	if !s.addListener(l) {
		return ErrServerClosed
	}
	defer s.removeListener(l)
	for {
		conn, err := l.Accept()
		if err != nil {
			if s.isClosed() {
				return ErrServerClosed
			}
			if errors.Is(err, net.ErrClosed) {
				return err
			}
			// Out of descriptors, or a connection that was reset before it was
			// taken: the listener goes on.
			s.log.Warn("accept failed", "err", err)
			time.Sleep(50 * time.Millisecond)
			continue
		}
		s.accept(conn, implicitTLS)
	}
}

func (s *Server) addListener(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) removeListener(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// accept begins a session, or turns the connection away with a reply.
func (s *Server) accept(conn net.Conn, implicitTLS bool) {
	remote := remoteAddr(conn)
	if refusal, reason := s.admit(remote); reason != "" {
		if s.cfg.Metrics.Refused != nil {
			s.cfg.Metrics.Refused(reason)
		}
		s.log.Info("connection refused", "remote", remote, "reason", reason)
		if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err == nil && !implicitTLS {
			// A new socket's buffer takes this without waiting; if not, so be it.
			_, _ = conn.Write([]byte(refusal.encode()))
		}
		conn.Close()
		return
	}
	sess := newSession(s, conn, remote, implicitTLS)
	if !s.begin(sess) {
		conn.Close()
		return
	}
	go func() {
		defer s.end(sess)
		defer func() { // one connection must never end the process
			if r := recover(); r != nil {
				sess.log.Error("session panicked", "panic", r, "stack", string(debug.Stack()))
			}
		}()
		sess.serve()
	}()
}

// admit says whether a client may connect, else why not.
func (s *Server) admit(remote netip.Addr) (refusal reply, reason string) {
	switch s.cfg.Mode {
	case LMTP:
		if !within(s.cfg.Trusted, remote) {
			return say(554, "5.7.1", "This network may not deliver here"), "network"
		}
	case Relay:
		if !within(s.cfg.Relays, remote) {
			return say(554, "5.7.1", "This network may not deliver here"), "network"
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sessions) >= s.limits.Connections ||
		s.cfg.Mode == Submission && s.perIP[remote] >= s.limits.ConnectionsPerIP {
		return say(421, "4.7.0", "Too many connections, try again later"), "limit"
	}
	return reply{}, ""
}

func (s *Server) begin(sess *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.sessions[sess] = struct{}{}
	s.perIP[sess.remote]++
	s.serving.Add(1)
	if s.cfg.Metrics.Connections != nil {
		s.cfg.Metrics.Connections(1)
	}
	return true
}

func (s *Server) end(sess *session) {
	sess.wire.close()
	s.mu.Lock()
	delete(s.sessions, sess)
	if s.perIP[sess.remote]--; s.perIP[sess.remote] <= 0 {
		delete(s.perIP, sess.remote)
	}
	s.mu.Unlock()
	if s.cfg.Metrics.Connections != nil {
		s.cfg.Metrics.Connections(-1)
	}
	s.serving.Done()
}

// Shutdown stops accepting, tells waiting clients to go (421), and lets those
// in the middle of a message finish until ctx ends; then they are cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	for l := range s.listeners {
		l.Close()
	}
	for sess := range s.sessions {
		sess.wire.stop()
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.serving.Wait()
		close(done)
	}()
	defer s.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	s.mu.Lock()
	for sess := range s.sessions {
		sess.wire.close()
	}
	s.mu.Unlock()
	<-done
	return ctx.Err()
}

func remoteAddr(conn net.Conn) netip.Addr {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

func within(networks []netip.Prefix, a netip.Addr) bool {
	for _, p := range networks {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// serverTLS makes the server side of a TLS connection.
func (s *Server) serverTLS(conn net.Conn) *tls.Conn { return tls.Server(conn, s.cfg.TLS) }
