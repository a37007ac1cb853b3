package imap

import (
	"encoding/base64"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"fachwerk/auth"
	"fachwerk/mail/imap/wire"

	goimap "github.com/emersion/go-imap/v2"
)

// secret tells whether the line is secret enough for a password or a token.
func (s *session) secret() bool {
	return s.tls || s.srv.cfg.AllowPlainOnLoopback && s.remote.IsLoopback()
}

// capabilities lists exactly what works in the session's present state (RFC 9051 6.1.1, 7.2.2).
func (s *session) capabilities() string {
	var b strings.Builder
	// IMAP4rev1 first: some old clients look no further.
	b.WriteString("IMAP4rev1 IMAP4rev2 SASL-IR ID")
	if s.principal == nil {
		b.WriteString(" LITERAL-") // with LITERAL+ announced after login instead (RFC 7888 5)
		if s.srv.cfg.TLS != nil && !s.tls {
			b.WriteString(" STARTTLS")
		}
		if !s.secret() {
			b.WriteString(" LOGINDISABLED")
			return b.String()
		}
		for _, m := range s.srv.cfg.Auth.Mechanisms() {
			b.WriteString(" AUTH=" + m)
		}
		return b.String()
	}
	b.WriteString(" LITERAL+ ENABLE NAMESPACE UIDPLUS MOVE IDLE UNSELECT CHILDREN SPECIAL-USE CREATE-SPECIAL-USE" +
		" LIST-EXTENDED LIST-STATUS STATUS=SIZE ESEARCH SEARCHRES BINARY MULTIAPPEND UTF8=ACCEPT WITHIN" +
		" QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE OBJECTID SAVEDATE PREVIEW CONDSTORE QRESYNC")
	b.WriteString(" APPENDLIMIT=" + decimal(s.appendLimit()))
	return b.String()
}

// appendLimit is the largest message that APPEND takes (RFC 7889).
func (s *session) appendLimit() int64 {
	if n := s.srv.cfg.Mail.Limits().MaxMessage; n > 0 {
		return n
	}
	return 150 << 20
}

func (s *session) doCapability(c *command) error {
	c.p.End()
	if err := c.p.Err(); err != nil {
		return err
	}
	s.w.Line("* CAPABILITY " + s.capabilities())
	return nil
}

func (s *session) doLogout(c *command) error {
	c.p.End()
	if err := c.p.Err(); err != nil {
		return err
	}
	s.w.Line("* BYE Goodbye")
	s.w.Line(c.tag + " OK LOGOUT completed")
	return errEnding
}

// doID answers ID (RFC 2971). What the client says of itself is not kept.
func (s *session) doID(c *command) error {
	p := c.p
	p.SP()
	if p.Peek() == '(' {
		pair := 0
		p.List(60, func() { // 30 pairs (RFC 2971 3.3)
			if pair%2 == 0 {
				_ = p.String()
			} else {
				p.NString()
			}
			pair++
		})
	} else {
		p.NString()
	}
	p.End()
	if err := p.Err(); err != nil {
		return err
	}
	s.w.Begin()
	s.w.B = append(s.w.B, `* ID ("name" "Fachwerk"`...)
	if v := s.srv.cfg.Version; v != "" {
		s.w.B = append(s.w.B, ` "version" `...)
		s.w.B = wire.AppendString(s.w.B, v, false)
	}
	s.w.B = append(s.w.B, ")\r\n"...)
	return s.w.Commit()
}

func (s *session) doStartTLS(c *command) error {
	c.p.End()
	switch {
	case c.p.Err() != nil:
		return c.p.Err()
	case s.tls:
		return bad("TLS is on already")
	case s.srv.cfg.TLS == nil:
		return bad("TLS is not offered")
	}
	s.w.Line(c.tag + " OK Begin TLS")
	if err := s.w.Flush(); err != nil {
		return err
	}
	// handshake throws away what was read ahead: it came in clear, perhaps from somebody in between
	// (RFC 9051 6.2.1 and 11.1).
	if !s.handshake() {
		return errEnding
	}
	return errAnswered
}

// errAnswered is returned by handlers that sent their tagged response themselves.
var errAnswered = errors.New("answered")

func (s *session) doLogin(c *command) error {
	p := c.p
	p.SP()
	user := p.AString()
	p.SP()
	password := p.AString()
	p.End()
	if err := p.Err(); err != nil {
		return err
	}
	if !s.secret() {
		return no(goimap.ResponseCodePrivacyRequired, "Begin TLS first")
	}
	principal, err := s.srv.cfg.Auth.Password(s.ctx, s.attempt(user), password)
	return s.loggedIn(c, principal, err)
}

func (s *session) attempt(user string) auth.Attempt {
	return auth.Attempt{Username: user, Scope: auth.MailRead, Remote: s.remote, Protocol: "imap"}
}

// doAuthenticate runs a SASL exchange (RFC 9051 6.2.2, with an initial response as RFC 4959 has it).
func (s *session) doAuthenticate(c *command) error {
	p := c.p
	p.SP()
	mech := p.Name()
	var response []byte
	if p.Accept(' ') {
		// "=" is the empty response.
		text := p.Rest()
		if text == "=" {
			text = ""
		}
		var err error
		if response, err = base64.StdEncoding.DecodeString(text); err != nil {
			return bad("The initial response is not base64")
		}
		if response == nil {
			response = []byte{}
		}
	}
	p.End()
	if err := p.Err(); err != nil {
		return err
	}
	if !s.secret() {
		return no(goimap.ResponseCodePrivacyRequired, "Begin TLS first")
	}
	x, err := s.srv.cfg.Auth.SASL(mech, s.attempt(""))
	if errors.Is(err, auth.ErrMechanism) {
		return no(goimap.ResponseCodeCannot, "This mechanism is not offered")
	}
	if err != nil {
		return s.loggedIn(c, nil, err)
	}
	for {
		challenge, done, err := x.Next(s.ctx, response)
		if err != nil || done {
			if err != nil {
				return s.loggedIn(c, nil, err)
			}
			return s.loggedIn(c, x.Principal(), nil)
		}
		if response, err = s.saslLine(challenge); err != nil {
			return err
		}
	}
}

// saslLine sends a challenge and reads the response; "*" cancels.
func (s *session) saslLine(challenge []byte) ([]byte, error) {
	s.w.Line("+ " + base64.StdEncoding.EncodeToString(challenge))
	keep := s.r.Limits
	s.r.Limits.Command = maxSASL
	line, _, _, err := s.r.Rest()
	s.r.Limits = keep
	if errors.Is(err, wire.ErrTooLong) {
		return nil, bad("The response is too long")
	}
	if err != nil {
		return nil, err
	}
	if string(line) == "*" {
		return nil, bad("The exchange was cancelled")
	}
	response := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
	n, err := base64.StdEncoding.Decode(response, line)
	if err != nil {
		return nil, bad("The response is not base64")
	}
	return response[:n], nil
}

// loggedIn ends a login attempt.
func (s *session) loggedIn(c *command, p *auth.Principal, err error) error {
	if err != nil {
		return s.loginFailed(err)
	}
	if !s.srv.countAccount(p) {
		s.loginMetric("limit")
		return no(goimap.ResponseCodeLimit, "Too many connections for this account")
	}
	s.principal, s.counted = p, true
	s.log = s.log.With("account", p.Account)
	s.log.Info("imap: login", "tls", s.tls, "method", string(p.Method))
	s.loginMetric("ok")
	s.r.Limits = wire.Limits{Command: s.srv.limits.Command, NonSync: int64(s.srv.limits.Command), Drain: drainLimit}
	s.watch()
	c.code = "CAPABILITY " + s.capabilities()
	c.text = "Logged in"
	return nil
}

// watch ends the session once its login has.
func (s *session) watch() {
	ended, stop := s.srv.cfg.Auth.Watch(s.ctx, s.principal)
	s.unwatch = stop
	go func() {
		select {
		case <-ended:
			s.log.Info("imap: login ended")
			s.kick("[EXPIRED] Your login has ended", true)
		case <-s.ctx.Done():
		}
	}()
}

func (s *session) loginMetric(outcome string) {
	if f := s.srv.cfg.Metrics.Login; f != nil {
		f(outcome)
	}
}

// loginFailed maps a refused login to its answer; after some, the connection ends.
func (s *session) loginFailed(err error) error {
	s.failed++
	if s.failed >= s.srv.limits.FailedLogins {
		s.endWith("Too many failed logins")
	}
	s.log.Info("imap: login refused", "err", err)
	switch {
	case errors.Is(err, auth.ErrDenied):
		s.loginMetric("denied")
		return no(goimap.ResponseCodeAuthenticationFailed, "User name or password is wrong")
	case errors.Is(err, auth.ErrThrottled):
		s.loginMetric("throttled")
		return no(goimap.ResponseCodeLimit, "Too many failed attempts, try again later")
	case errors.Is(err, auth.ErrScope):
		s.loginMetric("denied")
		return no(goimap.ResponseCodeAuthorizationFailed, "This login does not cover reading mail")
	case errors.Is(err, auth.ErrMalformed):
		s.loginMetric("denied")
		return bad("The response is malformed")
	}
	s.loginMetric("unavailable")
	return no(goimap.ResponseCodeUnavailable, "Login is temporarily unavailable")
}

// doEnable answers ENABLE (RFC 5161).
func (s *session) doEnable(c *command) error {
	p := c.p
	var on []string
	for p.Accept(' ') && p.Err() == nil {
		name := strings.ToUpper(p.Atom())
		switch name {
		case "CONDSTORE":
			s.enableCondstore()
		case "QRESYNC": // implies CONDSTORE (RFC 7162 3.2.3)
			s.enableCondstore()
			s.qresync = true
		case "IMAP4REV2":
			s.rev2, s.utf8 = true, true
			name = "IMAP4rev2"
		case "UTF8=ACCEPT":
			s.utf8 = true
		default:
			continue
		}
		on = append(on, name)
	}
	p.End()
	if err := p.Err(); err != nil {
		return err
	}
	s.w.Line(strings.TrimRight("* ENABLED "+strings.Join(on, " "), " "))
	return nil
}

func isConnError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, syscall.EPIPE)
}
