package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// seenEvery is how often a session's use is written.
const seenEvery = time.Minute

// sessionSecret is what a session keeps sealed.
type sessionSecret struct {
	IDToken string   // the hint by which the provider knows what to end
	Groups  []string // those that give roles, as the ID token has them
}

// RolesFor is how long the roles of a portal session hold after a sign-in: whoever
// loses them at the provider, without a token that says so, has them no longer than
// that. From RolesRenew on the portal has them confirmed.
const (
	RolesFor   = 15 * time.Minute
	RolesRenew = 10 * time.Minute
)

// token makes 256 random bits for a cookie, a state or a nonce.
func token() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails; it ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// digest is under what the store knows a secret.
func digest(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// localPath lets only a path of this origin pass: neither another host
// ("//host", "/\host") nor what could break a header.
func localPath(p string) string {
	u, err := url.Parse(p)
	switch {
	case err != nil, len(p) > 2000, !strings.HasPrefix(p, "/"), u.IsAbs(), u.Host != "":
		return "/"
	case strings.HasPrefix(p, "//"), strings.ContainsAny(p, "\\\r\n\t"), strings.ContainsFunc(p, isControl):
		return "/"
	}
	return p
}

// open makes a session for a person whom the provider has named. It always
// has a new id, so that none can be foisted on a browser beforehand.
func (rp *RelyingParty) open(ctx context.Context, person Person, at IssuerBinding, c *idClaims, idToken, userAgent string) (*Finished, error) {
	groups := rp.groups.note(ctx, person.AccountRef, at, at.groups(c.all), c.IssuedAt.Time)
	secret, err := json.Marshal(sessionSecret{IDToken: idToken, Groups: at.telling(groups)})
	if err != nil {
		return nil, err
	}
	cookie, now := token(), rp.now()
	s := Session{
		AccountRef: person.AccountRef, ID: digest(cookie),
		Issuer: at.URL, Subject: c.Subject, SID: c.SID,
		UserAgent: shorten(userAgent), Created: now, Seen: now, Expires: now.Add(rp.cfg.Absolute), Secret: secret,
	}
	if c.AuthTime != nil {
		s.AuthTime = c.AuthTime.Time
		if s.AuthTime.After(now) { // their clock is a little ahead
			s.AuthTime = now
		}
	}
	if err := rp.cfg.Sessions.AddSession(ctx, s); err != nil {
		return nil, unavailable(err)
	}
	p := principalOf(person, s)
	p.Groups, p.Roles = groups, at.roles(groups)
	return &Finished{Principal: p, Session: s, CookieValue: cookie}, nil
}

// shorten bounds what a browser says of itself.
func shorten(userAgent string) string {
	userAgent = strings.ToValidUTF8(userAgent, "")
	userAgent = strings.Map(func(r rune) rune {
		if isControl(r) {
			return -1
		}
		return r
	}, userAgent)
	for len(userAgent) > 250 {
		_, size := utf8.DecodeLastRuneInString(userAgent)
		userAgent = userAgent[:len(userAgent)-size]
	}
	return userAgent
}

// principalOf has no scopes: a session opens the portal and no service.
func principalOf(person Person, s Session) *Principal {
	return &Principal{
		Tenant: person.Tenant, Account: person.Account,
		Address: person.Address, DisplayName: person.DisplayName,
		Method: BySession, Issuer: s.Issuer, Session: hex.EncodeToString(s.ID), AuthTime: s.AuthTime, Expires: s.Expires,
	}
}

// Lookup finds the session of a cookie; ErrNotFound if it is unknown, has
// ended or the person is disabled.
func (rp *RelyingParty) Lookup(ctx context.Context, cookieValue string) (*Principal, Session, error) {
	s, err := rp.find(ctx, cookieValue)
	if err != nil {
		return nil, Session{}, err
	}
	bound, err := rp.providers.current(ctx)
	if err != nil {
		return nil, Session{}, err
	}
	at, ok := bound.binding(s.Issuer, s.Tenant)
	if !ok { // unbound a moment ago
		return nil, Session{}, ErrNotFound
	}
	person, err := rp.cfg.People.PersonByRef(ctx, s.AccountRef)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, Session{}, ErrNotFound
	case err != nil:
		return nil, Session{}, unavailable(err)
	case person.Disabled:
		return nil, Session{}, ErrNotFound
	}
	if rp.now().Sub(s.Seen) >= seenEvery {
		// A use that cannot be noted bars nobody.
		if err := rp.cfg.Sessions.TouchSession(ctx, s.AccountRef, s.ID); err != nil {
			rp.log.Warn("a session's use was not noted", "err", err)
		}
	}
	p := principalOf(person, s)
	return p, s, rp.addRoles(ctx, p, at, s)
}

// addRoles gives the principal of a session those roles that it had at the sign-in and
// that nothing has taken since: neither time nor a newer word of the issuer.
func (rp *RelyingParty) addRoles(ctx context.Context, p *Principal, at IssuerBinding, s Session) error {
	var secret sessionSecret
	if json.Unmarshal(s.Secret, &secret) != nil || at.roles(secret.Groups) == 0 {
		return nil
	}
	age := rp.now().Sub(s.Created)
	p.Renew = age >= RolesRenew
	if age >= RolesFor {
		return nil
	}
	left, err := rp.groups.left(ctx, p.ref(), s.Issuer, secret.Groups)
	if err != nil {
		return unavailable(err)
	}
	p.Groups, p.Roles = left, at.roles(left)
	return nil
}

// find gives a session that has not ended by itself.
func (rp *RelyingParty) find(ctx context.Context, cookieValue string) (Session, error) {
	if raw, err := base64.RawURLEncoding.DecodeString(cookieValue); err != nil || len(raw) != 32 {
		return Session{}, ErrNotFound
	}
	s, err := rp.cfg.Sessions.Session(ctx, digest(cookieValue))
	if errors.Is(err, ErrNotFound) {
		return Session{}, ErrNotFound
	}
	if err != nil {
		return Session{}, unavailable(err)
	}
	now := rp.now()
	b, err := rp.providers.current(ctx)
	if err != nil {
		return Session{}, err
	}
	if _, bound := b.binding(s.Issuer, s.Tenant); !bound || !now.Before(s.Expires) || now.Sub(s.Seen) >= rp.cfg.Idle {
		if err := rp.cfg.Sessions.EndSession(ctx, s.AccountRef, s.ID); err != nil && !errors.Is(err, ErrNotFound) {
			rp.log.Warn("a session that is over could not be removed", "err", err)
		}
		return Session{}, ErrNotFound
	}
	return s, nil
}

// drop ends the session that a new login replaces.
func (rp *RelyingParty) drop(ctx context.Context, cookieValue string) {
	if s, err := rp.find(ctx, cookieValue); err == nil {
		_ = rp.cfg.Sessions.EndSession(ctx, s.AccountRef, s.ID)
	}
}

// Logout ends the session of a cookie and gives the URL at which the provider
// ends its own (RP-initiated logout), or "" if there is no session, or the
// provider has no such URL or cannot be asked: the portal's session has ended
// all the same.
func (rp *RelyingParty) Logout(ctx context.Context, cookieValue string) (redirectURL string, err error) {
	s, err := rp.find(ctx, cookieValue)
	if errors.Is(err, ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("logout: %w", err)
	}
	if err := rp.cfg.Sessions.EndSession(ctx, s.AccountRef, s.ID); err != nil && !errors.Is(err, ErrNotFound) {
		return "", fmt.Errorf("logout: %w", unavailable(err))
	}
	return rp.providerLogout(ctx, s), nil
}

// providerLogout is the address of the provider's own logout (RP-Initiated
// Logout 1.0, 2), "" if there is none to be had.
func (rp *RelyingParty) providerLogout(ctx context.Context, s Session) string {
	b, err := rp.providers.current(ctx)
	if err != nil {
		return ""
	}
	c := b.clientAt(s.Issuer, s.Tenant)
	if c == nil {
		return ""
	}
	m, err := c.issuer.metadata(ctx)
	if err != nil || m.EndSessionEndpoint == "" {
		return ""
	}
	u, err := url.Parse(m.EndSessionEndpoint)
	if err != nil {
		return ""
	}
	q := u.Query()
	q.Set("client_id", c.binding.ClientID)
	var secret sessionSecret
	if json.Unmarshal(s.Secret, &secret) == nil && secret.IDToken != "" {
		q.Set("id_token_hint", secret.IDToken)
	}
	if rp.cfg.PostLogoutRedirectURI != "" {
		q.Set("post_logout_redirect_uri", rp.cfg.PostLogoutRedirectURI)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
