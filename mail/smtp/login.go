package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"time"

	"fachwerk/auth"
)

// mayLogin tells whether AUTH is possible on this connection: over TLS, or on
// loopback where the configuration allows it.
func (s *session) mayLogin() bool {
	return s.srv.cfg.Mode == Submission &&
		(s.tls != nil || s.srv.cfg.PlaintextLoopback && isLoopback(s.remote))
}

func isLoopback(a netip.Addr) bool { return a.IsLoopback() }

// handleAuth runs a SASL exchange (RFC 4954).
func (s *session) handleAuth(c command) {
	switch {
	case s.srv.cfg.Mode != Submission:
		s.refuse(say(502, "5.5.1", "Command is not implemented"))
		return
	case s.hello == "" || !s.extended, s.principal != nil, s.tx != nil:
		s.refuse(replyBadSequence)
		return
	case !s.mayLogin():
		s.refuse(say(538, "5.7.11", "Encryption is required before login"))
		return
	}
	mechanism, initial, hasInitial := strings.Cut(c.rest, " ")
	exchange, err := s.srv.cfg.Auth.SASL(mechanism, auth.Attempt{
		Scope: auth.MailSend, Remote: s.remote, Protocol: "submission",
	})
	if err != nil {
		s.refuse(say(504, "5.5.4", "Mechanism is not offered"))
		return
	}
	var response []byte
	if hasInitial {
		var ok bool
		if response, ok = decodeResponse(strings.TrimSpace(initial), true); !ok {
			s.refuse(say(501, "5.5.2", "Not base64"))
			return
		}
	}
	s.exchange(exchange, response)
}

// decodeResponse reads base64; as an initial response "=" is an empty one.
func decodeResponse(text string, initial bool) ([]byte, bool) {
	if initial && text == "=" {
		return []byte{}, true
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, false
	}
	if b == nil {
		b = []byte{}
	}
	return b, true
}

// exchange goes to and fro until the login is decided.
func (s *session) exchange(e auth.Exchange, response []byte) {
	ctx, cancel := context.WithTimeout(s.srv.ctx, time.Minute)
	defer cancel()
	for {
		challenge, done, err := e.Next(ctx, response)
		if err != nil {
			s.loginFailed(err)
			return
		}
		if done {
			s.loginDone(e.Principal())
			return
		}
		s.say(say(334, "", base64.StdEncoding.EncodeToString(challenge)))
		line, err := s.wire.readLine(maxAuthLine)
		switch {
		case errors.Is(err, errLineTooLong), errors.Is(err, errLineEnd), errors.Is(err, errLineNUL):
			s.refuse(say(500, "5.5.6", "Response is malformed or too long"))
			return
		case err != nil:
			s.farewell(err)
			return
		case line == "*":
			s.refuse(say(501, "5.7.0", "Login was cancelled"))
			return
		}
		var ok bool
		if response, ok = decodeResponse(line, false); !ok {
			s.refuse(say(501, "5.5.2", "Not base64"))
			return
		}
	}
}

func (s *session) loginDone(p *auth.Principal) {
	s.principal = p
	s.wire.until = time.Time{}
	s.ended, s.stopWatch = s.srv.cfg.Auth.Watch(s.srv.ctx, p)
	s.countLogin("ok")
	s.log.Info("login", "account", p.Account, "method", string(p.Method), "app_password", p.AppPassword)
	s.say(say(235, "2.7.0", "Authenticated"))
}

func (s *session) loginFailed(err error) {
	outcome, r := "denied", say(535, "5.7.8", "User name or password is wrong")
	switch {
	case errors.Is(err, auth.ErrThrottled):
		outcome, r = "throttled", say(454, "4.7.0", "Too many failed attempts, try again later")
	case errors.Is(err, auth.ErrUnavailable):
		outcome, r = "unavailable", say(454, "4.7.0", "Login is temporarily unavailable")
	case errors.Is(err, auth.ErrScope):
		r = say(535, "5.7.8", "This password does not cover sending mail")
	case errors.Is(err, auth.ErrMalformed):
		r = say(501, "5.5.2", "Malformed SASL message")
	}
	s.countLogin(outcome)
	s.log.Info("login failed", "outcome", outcome)
	s.refuse(r)
	if s.logins++; s.logins >= s.srv.limits.FailedLogins && !s.closing {
		s.say(replyTooMany)
		s.closing = true
	}
}

func (s *session) countLogin(outcome string) {
	if s.srv.cfg.Metrics.Logins != nil {
		s.srv.cfg.Metrics.Logins(outcome)
	}
}

// loginEnded tells whether the login was ended meanwhile: the app password was
// revoked, the person disabled, the token ran out.
func (s *session) loginEnded() bool {
	select {
	case <-s.ended: // a nil channel never is
		return true
	default:
		return false
	}
}

func (s *session) forgetLogin() {
	if s.stopWatch != nil {
		s.stopWatch()
	}
}
