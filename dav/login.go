package dav

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"fachwerk/auth"
)

// maxCredentials bounds the Authorization header, bytes: long JWTs pass.
const maxCredentials = 64 << 10

// authenticate finds out who is asking, by an app password (RFC 7617) or an access token
// (RFC 6750). Cookies are not looked at.
func (s *Server) authenticate(ctx context.Context, r *Request) error {
	p, err := s.login(ctx, r)
	s.countLogin(err)
	switch {
	case err == nil:
	case errors.Is(err, auth.ErrDenied):
		return s.challenge("User name or app password is wrong.")
	case errors.Is(err, auth.ErrThrottled):
		return later(http.StatusTooManyRequests, 60, "Too many failed attempts to sign in. Try again later.")
	case errors.Is(err, auth.ErrUnavailable):
		return later(http.StatusServiceUnavailable, 10, "Signing in is temporarily not possible.")
	default:
		return err
	}
	var any auth.Scope
	for _, m := range s.order {
		any |= m.Scope
	}
	if p.Scopes&any == 0 {
		return refused(http.StatusForbidden, "This app password is not for calendars, contacts or files. Make one in the portal that is.")
	}
	r.Principal = p
	return nil
}

func (s *Server) login(ctx context.Context, r *Request) (*auth.Principal, error) {
	credentials := r.Header.Values("Authorization")
	if len(credentials) == 0 {
		return nil, s.challenge("Sign in with your address and an app password.")
	}
	if len(credentials) > 1 || len(credentials[0]) > maxCredentials {
		return nil, refused(http.StatusBadRequest, "The Authorization header cannot be read.")
	}
	scheme, value, _ := strings.Cut(credentials[0], " ")
	value = strings.TrimSpace(value)
	// The scope is judged below, by mount: one login may ask for several.
	at := auth.Attempt{Remote: s.c.Remote(r.http), Protocol: "dav"}
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return s.c.Auth.Bearer(ctx, at, value)
	case strings.EqualFold(scheme, "Basic"):
		plain, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return nil, refused(http.StatusBadRequest, "The Authorization header cannot be read.")
		}
		username, password, ok := strings.Cut(string(plain), ":")
		if !ok {
			return nil, refused(http.StatusBadRequest, "The Authorization header cannot be read.")
		}
		at.Username = username
		return s.c.Auth.Password(ctx, at, password)
	}
	return nil, s.challenge("This way of signing in is not offered.")
}

func (s *Server) countLogin(err error) {
	if s.c.Metrics.Login == nil {
		return
	}
	switch {
	case err == nil:
		s.c.Metrics.Login("ok")
	case errors.Is(err, auth.ErrDenied):
		s.c.Metrics.Login("denied")
	case errors.Is(err, auth.ErrThrottled):
		s.c.Metrics.Login("throttled")
	case errors.Is(err, auth.ErrScope):
		s.c.Metrics.Login("scope")
	case errors.Is(err, auth.ErrUnavailable):
		s.c.Metrics.Login("unavailable")
	}
}

// challenge asks for a login.
func (s *Server) challenge(text string) error {
	realm := strconv.Quote(s.c.Realm)
	return &Precondition{Status: http.StatusUnauthorized, Text: text, Header: http.Header{
		"Www-Authenticate": {"Basic realm=" + realm + `, charset="UTF-8"`, "Bearer realm=" + realm},
	}}
}

// checkScope refuses what the login is not for, with the privilege as element so that
// programs see it is a matter of rights.
func (r *Request) checkScope(m *mount) error {
	if r.Principal.Allows(m.Scope) {
		return nil
	}
	if r.s.c.Metrics.Login != nil {
		r.s.c.Metrics.Login("scope")
	}
	return Refusal(http.StatusForbidden, D("need-privileges"),
		"This app password does not cover %s. Make one in the portal that does.", m.Segment)
}
