package imap

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"fachwerk/auth"
	"fachwerk/mail"
	"fachwerk/mail/imap/wire"
)

// session is one connection. Its fields belong to the goroutine in serve, which holds mu while it runs a command;
// while idling is set, others may lock mu, read them and write.
type session struct {
	srv     *Server
	id      uint64
	log     *slog.Logger
	raw     net.Conn // the TCP connection
	conn    net.Conn // what is read and written: raw, or TLS over it
	tls     bool
	remote  netip.Addr
	network netip.Prefix
	began   time.Time
	ctx     context.Context
	cancel  context.CancelFunc
	ending  atomic.Pointer[string] // why the connection ends, once it has to

	mu     sync.Mutex
	r      *wire.Reader
	w      *wire.Writer
	idling bool
	// busy is set while the middle of a command is awaited, and stall is when its patience ends.
	busy  bool
	stall time.Time

	principal *auth.Principal // nil before login
	counted   bool
	unwatch   func()
	failed    int // logins
	bad       int // commands in a row

	rev2, utf8, condstore, qresync bool

	accounts     []mail.Access
	accountsRead time.Time

	sel       *selected // nil unless a mailbox is selected
	appending bool      // APPEND reads its literals itself

	reading  sync.Mutex // over the next two and the deadline for reading
	midway   bool       // a part of a command was read, the rest is waited for
	draining bool       // the session ends when its command has ended

	saved []uint32 // UIDs of the saved search result (RFC 9051 6.4.4.1), ascending
}

func newSession(srv *Server, conn net.Conn, id uint64, remote netip.Addr, network netip.Prefix) *session {
	s := &session{
		srv: srv, id: id, raw: conn, conn: conn, remote: remote, network: network, began: time.Now(),
		log: srv.log.With("conn", id, "remote", remote.String()),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.r = wire.NewReader(conn)
	s.r.Limits = wire.Limits{Command: srv.limits.PreLoginCommand, NonSync: literalMinus, Drain: 64 << 10}
	s.r.Continue = s.continueLiteral
	s.r.BeforeRead = s.beforeRead
	s.r.Stream = s.streams
	s.r.Extend = s.extend
	s.w = wire.NewWriter(deadlineWriter{s})
	return s
}

// deadlineWriter gives each write the time a slow client may take.
type deadlineWriter struct{ s *session }

func (d deadlineWriter) Write(p []byte) (int, error) {
	wait := d.s.srv.limits.Write
	if d.s.ending.Load() != nil {
		wait = min(wait, 2*time.Second)
	}
	d.s.conn.SetWriteDeadline(time.Now().Add(wait))
	return d.s.conn.Write(p)
}

// errEnding ends the session: [session.ending] says why, or the client knows.
var errEnding = errors.New("connection ends")

// serve runs the connection from its greeting to its end.
func (s *session) serve(implicitTLS bool) {
	s.log.Debug("imap: connected", "tls", implicitTLS)
	defer s.close()
	defer s.survive()
	if implicitTLS && !s.handshake() {
		return
	}
	s.mu.Lock()
	s.w.Line("* OK [CAPABILITY " + s.capabilities() + "] IMAP ready")
	s.mu.Unlock()
	for {
		err := s.step()
		if err == nil {
			continue
		}
		s.mu.Lock()
		if why := s.farewell(err); why != "" {
			s.w.Line("* BYE " + why)
		}
		_ = s.w.Flush()
		s.mu.Unlock()
		s.log.Debug("imap: connection ends", "why", err)
		return
	}
}

// survive keeps a fault in one session from ending the process with all the others.
func (s *session) survive() {
	if fault := recover(); fault != nil {
		s.log.Error("imap: session failed", "fault", fault, "stack", string(debug.Stack()))
		s.cancel()
	}
}

// farewell gives the text of the BYE that an error calls for, empty for none.
func (s *session) farewell(err error) string {
	if why := s.ending.Load(); why != nil {
		return *why
	}
	switch {
	case errors.Is(err, errEnding), errors.Is(err, io.EOF):
		return ""
	case errors.Is(err, os.ErrDeadlineExceeded):
		if s.principal == nil {
			return "Login took too long"
		}
		return "Idle for too long"
	case errors.Is(err, wire.ErrOverflow):
		return "[TOOBIG] The command is too long"
	}
	return ""
}

func (s *session) close() {
	s.mu.Lock()
	s.unselect()
	s.mu.Unlock()
	if s.unwatch != nil {
		s.unwatch()
	}
	s.cancel()
	s.r.Close()
	s.conn.SetWriteDeadline(time.Now().Add(time.Second))
	s.conn.Close()
}

// handshake begins TLS; the bound is that of the time before login.
func (s *session) handshake() bool {
	t := tls.Server(s.raw, s.srv.cfg.TLS)
	ctx, cancel := context.WithDeadline(s.ctx, s.began.Add(s.srv.limits.PreLogin))
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		s.log.Debug("imap: TLS handshake", "err", err)
		return false
	}
	s.conn, s.tls = t, true
	s.r.Reset(t)
	return true
}

// step reads and runs one command.
func (s *session) step() error {
	s.busy = false
	s.reading.Lock()
	s.midway = false
	s.reading.Unlock()
	if s.r.Buffered() == 0 {
		s.r.Idle()
	}
	cmd, lit, streamed, err := s.r.Command()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		return s.readFailed(cmd, err)
	}
	return s.run(cmd, lit, streamed)
}

// readFailed answers a command that was too long; other errors end the session.
func (s *session) readFailed(cmd []byte, err error) error {
	if !errors.Is(err, wire.ErrTooLong) && !errors.Is(err, wire.ErrOverflow) {
		return err
	}
	p := wire.NewParser(cmd)
	tag := p.Tag()
	if p.Err() != nil {
		tag = "*"
	}
	s.w.Line(tag + " BAD [TOOBIG] The command is too long")
	if errors.Is(err, wire.ErrOverflow) {
		return err
	}
	return s.countBad()
}

// countBad ends the session of a client that only talks nonsense.
func (s *session) countBad() error {
	s.bad++
	limit := s.srv.limits.BadCommands
	if s.principal != nil {
		limit *= 5
	}
	if s.bad >= limit {
		s.endWith("Too many bad commands")
		return errEnding
	}
	return nil
}

// beforeRead flushes and sets how long the client may take.
func (s *session) beforeRead() error {
	if !s.idling { // an idling session has flushed, and others may write now
		if err := s.w.Flush(); err != nil {
			return err
		}
	}
	var deadline time.Time
	switch {
	case s.principal == nil:
		deadline = s.began.Add(s.srv.limits.PreLogin)
	case s.busy:
		deadline = time.Now().Add(s.srv.limits.Stall)
		if !s.stall.IsZero() && s.stall.Before(deadline) {
			deadline = s.stall
		}
	default:
		deadline = time.Now().Add(s.srv.limits.Idle)
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	s.midway = s.busy
	s.busy = !s.idling // once a byte of a command came, the rest has to follow
	s.conn.SetReadDeadline(deadline)
	if s.ending.Load() != nil && !(s.draining && s.midway) { // kick may have come before the deadline was set
		return errEnding
	}
	return nil
}

// extend lets the initial response of AUTHENTICATE be as long as tokens are.
func (s *session) extend(cmd []byte) int {
	p := wire.NewParser(cmd)
	p.Tag()
	p.SP()
	if p.Name() == "AUTHENTICATE" && s.principal == nil && s.secret() {
		return maxSASL
	}
	return 0
}

func (s *session) continueLiteral() error {
	if s.idling { // others may be writing, and DONE has no literal
		return wire.ErrTooLong
	}
	s.w.Line("+ Go ahead")
	return s.w.Err()
}

// endWith notes why the session ends; the first reason counts.
func (s *session) endWith(why string) { s.ending.CompareAndSwap(nil, &why) }

// drain ends the session from another goroutine when its command has ended, be it that
// its second half is still to come; a waiting session wakes at once.
func (s *session) drain(why string) {
	s.reading.Lock()
	defer s.reading.Unlock()
	s.draining = true
	s.endWith(why)
	if !s.midway {
		s.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// kick ends the session from another goroutine: a command in progress may still end if hard is not set, a waiting
// session wakes at once, and after three seconds the connection is closed whatever it does.
func (s *session) kick(why string, hard bool) {
	s.endWith(why)
	if hard {
		s.cancel()
	}
	past := time.Unix(1, 0)
	s.raw.SetReadDeadline(past)
	time.AfterFunc(3*time.Second, func() {
		s.cancel()
		s.raw.Close()
	})
}
