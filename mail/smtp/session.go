package smtp

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"fachwerk/auth"
	"fachwerk/mail"
)

const (
	maxCommand = 4 << 10
	// maxAuthLine bounds a line before login: an initial response carries a
	// token of up to 64 KiB in base64.
	maxAuthLine = 96 << 10
)

// session is one connection. It belongs to one goroutine.
type session struct {
	srv    *Server
	wire   *wire
	remote netip.Addr
	log    *slog.Logger

	implicitTLS bool
	tls         *tls.ConnectionState

	hello     string // argument of HELO, EHLO or LHLO; empty before it
	extended  bool   // EHLO or LHLO
	principal *auth.Principal
	ended     <-chan struct{} // closed when the login ends
	stopWatch func()

	tx      *transaction
	errors  int
	logins  int // failed ones
	closing bool
}

// transaction is one message on its way, from MAIL on.
type transaction struct {
	id     string
	from   path
	params mailParams
	rcpts  []recipient

	// From the first byte of the message on:
	begun   time.Time
	intake  intake
	chunked bool // by BDAT
	check   lineCheck
	size    int64
	fault   reply // why the message will be refused; code 0: it will not
}

// recipient is a forward-path that was accepted.
type recipient struct {
	path   path
	params rcptParams
	local  bool // to is set; else the domain is elsewhere
	to     mail.Recipient
}

func newSession(s *Server, conn net.Conn, remote netip.Addr, implicitTLS bool) *session {
	return &session{
		srv: s, remote: remote, implicitTLS: implicitTLS,
		wire: newWire(conn, s.limits.IdleTime, s.limits.WriteTime),
		log:  s.log.With("conn", rand.Text()[:10], "remote", remote.String()),
	}
}

// serve runs the connection to its end.
func (s *session) serve() {
	defer s.reset()
	defer s.forgetLogin()
	if s.srv.cfg.Mode == Submission {
		s.wire.until = time.Now().Add(s.srv.limits.LoginTime)
	}
	if s.implicitTLS {
		if err := s.handshake(); err != nil {
			s.log.Info("TLS handshake failed", "err", err)
			return
		}
	}
	kind := "ESMTP"
	if s.srv.cfg.Mode == LMTP {
		kind = "LMTP"
	}
	s.say(say(220, "", s.srv.cfg.Hostname+" "+kind+" Fachwerk"))
	for !s.closing {
		line, err := s.wire.readLine(s.lineLimit())
		switch {
		case err == nil:
			s.handle(parseCommand(line))
		case errors.Is(err, errLineTooLong), errors.Is(err, errLineEnd), errors.Is(err, errLineNUL):
			s.refuse(say(500, "5.5.2", "Syntax error: "+err.Error()))
		default:
			s.farewell(err)
		}
	}
	s.wire.w.Flush()
}

// lineLimit is the longest command line taken now.
func (s *session) lineLimit() int {
	if s.srv.cfg.Mode == Submission && s.principal == nil && s.mayLogin() {
		return maxAuthLine
	}
	return maxCommand
}

// farewell ends a connection on which nothing can be read any more.
func (s *session) farewell(err error) {
	s.closing = true
	switch {
	case errors.Is(err, errStopping):
		s.say(replyShutdown)
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.say(replyTimeout)
	case errors.Is(err, io.ErrNoProgress):
		s.say(replyTooMany)
	case errors.Is(err, io.EOF):
	default:
		s.log.Debug("connection lost", "err", err)
	}
}

// say queues a reply; it is sent before the next wait for the client.
func (s *session) say(r reply) {
	if _, err := s.wire.w.WriteString(r.encode()); err != nil {
		s.closing = true
	}
}

// refuse answers a command with an error and counts it.
func (s *session) refuse(r reply) {
	s.say(r)
	if s.errors++; s.errors >= s.srv.limits.Errors {
		s.say(replyTooMany)
		s.closing = true
	}
}

// handshake puts TLS over the connection.
func (s *session) handshake() error {
	ctx, cancel := context.WithTimeout(s.srv.ctx, 30*time.Second)
	defer cancel()
	conn := s.srv.serverTLS(s.wire.conn)
	if err := s.wire.conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return err
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		if s.srv.cfg.Metrics.Refused != nil {
			s.srv.cfg.Metrics.Refused("tls")
		}
		return err
	}
	state := conn.ConnectionState()
	s.tls = &state
	s.wire.upgrade(conn)
	return nil
}

// handle obeys one command.
func (s *session) handle(c command) {
	switch c.verb {
	case "HELO", "EHLO", "LHLO":
		s.handleHello(c)
	case "STARTTLS":
		s.handleStartTLS(c)
	case "AUTH":
		s.handleAuth(c)
	case "MAIL":
		s.handleMail(c)
	case "RCPT":
		s.handleRcpt(c)
	case "DATA":
		s.handleData(c)
	case "BDAT":
		s.handleBdat(c)
	case "RSET":
		s.reset()
		s.say(replyOK)
	case "NOOP":
		s.say(replyOK)
	case "VRFY": // RFC 5321 3.5.3: no names are given away
		s.say(say(252, "2.5.0", "Cannot verify, but will try to deliver"))
	case "EXPN", "HELP":
		s.refuse(say(502, "5.5.1", "Command is not implemented"))
	case "QUIT":
		s.say(say(221, "2.0.0", "Bye"))
		s.closing = true
	default:
		s.refuse(say(500, "5.5.1", "Command is not recognised"))
	}
}

// handleHello answers HELO, EHLO and LHLO.
func (s *session) handleHello(c command) {
	lmtp := s.srv.cfg.Mode == LMTP
	if (c.verb == "LHLO") != lmtp { // RFC 2033 4.1
		s.refuse(say(500, "5.5.1", "Command is not recognised"))
		return
	}
	name, _, _ := strings.Cut(c.rest, " ")
	if !validHello(name) {
		s.refuse(say(501, "5.5.4", "A host name is needed"))
		return
	}
	s.reset()
	s.hello, s.extended = name, c.verb != "HELO"
	if !s.extended {
		s.say(say(250, "", s.srv.cfg.Hostname))
		return
	}
	s.say(say(250, "", strings.Join(append([]string{s.srv.cfg.Hostname}, s.extensions()...), "\n")))
}

// extensions lists the EHLO keywords in force now.
func (s *session) extensions() []string {
	list := []string{"PIPELINING", "SIZE " + decimal(s.srv.limits.MessageBytes), "8BITMIME", "SMTPUTF8",
		"ENHANCEDSTATUSCODES", "CHUNKING"}
	if s.offersBinary() {
		list = append(list, "BINARYMIME")
	}
	list = append(list, "DSN")
	if s.srv.cfg.TLS != nil && s.tls == nil {
		list = append(list, "STARTTLS")
	}
	if s.mayLogin() && s.principal == nil {
		list = append(list, "AUTH "+strings.Join(s.srv.cfg.Auth.Mechanisms(), " "))
	}
	return list
}

// offersBinary: submitted mail goes on to peers of which few take BINARYMIME,
// so it is offered only where mail is for this house.
func (s *session) offersBinary() bool { return s.srv.cfg.Mode != Submission }

// handleStartTLS answers STARTTLS (RFC 3207).
func (s *session) handleStartTLS(c command) {
	switch {
	case s.srv.cfg.TLS == nil:
		s.refuse(say(502, "5.5.1", "TLS is not offered"))
		return
	case s.tls != nil:
		s.refuse(say(503, "5.5.1", "TLS is in use"))
		return
	case s.principal != nil: // a login in the clear must not become one inside TLS (RFC 3207 4.2)
		s.refuse(replyBadSequence)
		return
	case c.rest != "":
		s.refuse(say(501, "5.5.4", "STARTTLS takes no argument"))
		return
	}
	s.reset()
	s.say(say(220, "2.0.0", "Go ahead"))
	if err := s.wire.w.Flush(); err != nil {
		s.closing = true
		return
	}
	if err := s.handshake(); err != nil {
		s.log.Info("TLS handshake failed", "err", err)
		s.closing = true
		return
	}
	// RFC 3207 4.2: what was known of the client is forgotten.
	s.hello, s.extended = "", false
}

// reset forgets the transaction.
func (s *session) reset() {
	if s.tx != nil && s.tx.intake != nil {
		s.tx.intake.close()
	}
	s.tx = nil
}
