package auth

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// Config is what an Authenticator stands on.
type Config struct {
	People       People
	AppPasswords AppPasswords
	Changes      Changes
	HashKeys     HashKeys

	// Issuers whose access tokens are accepted; none: no bearer tokens.
	Issuers []BearerIssuer
	// HTTP fetches the issuers' discovery documents and keys. Nil takes a
	// client with a timeout of ten seconds.
	HTTP *http.Client

	// Throttle is shared with the embedded provider. Nil makes one with the
	// default limits.
	Throttle *Throttle
	// Notifier hears of new app passwords. Nil: nobody does.
	Notifier Notifier
	// Now is the clock; nil takes time.Now.
	Now func() time.Time
	// Log takes refusals and faults, without secrets. Nil discards.
	Log *slog.Logger
}

// HashKeys are the keys under which app passwords are hashed. A new key is
// added, made Current, and the old one stays until the last password hashed
// under it has gone.
type HashKeys struct {
	Current int16
	Keys    map[int16][]byte // each at least 32 bytes
}

// Notifier tells a person that an app password was made for them.
type Notifier interface {
	AppPasswordMade(ctx context.Context, p Person, made AppPassword) error
}

// Authenticator decides who is asking. It is safe for use by many
// goroutines; Close ends its background work.
type Authenticator struct {
	cfg Config
}

// New checks the configuration and starts the background work.
func New(cfg Config) (*Authenticator, error) {
	return &Authenticator{cfg: cfg}, nil
}

// Close ends the background work; last-used times still waiting are written.
func (a *Authenticator) Close() {}

// Password checks an app password for the service that at names. Errors are
// ErrDenied, ErrThrottled, ErrScope (right password, wrong service) or one
// that wraps ErrUnavailable.
func (a *Authenticator) Password(ctx context.Context, at Attempt, password string) (*Principal, error) {
	return nil, ErrUnavailable
}

// Bearer checks an OAuth access token. at.Username may be empty where the
// protocol names no user (HTTP); otherwise it must name the person or an
// account granted to them. Errors are those of Password.
func (a *Authenticator) Bearer(ctx context.Context, at Attempt, token string) (*Principal, error) {
	return nil, ErrUnavailable
}

// Watch tells when a login has ended: ended is closed within five seconds
// after the app password was revoked or expired, the person was disabled, or
// the token ran out. stop, or the end of ctx, gives the watch up; stop may be
// called more than once and must be called.
func (a *Authenticator) Watch(ctx context.Context, p *Principal) (ended <-chan struct{}, stop func()) {
	return make(chan struct{}), func() {}
}

// Ended is a hint from the same process that a login may have ended: an app
// password was revoked or, with appPassword 0, the person was disabled.
func (a *Authenticator) Ended(ref AccountRef, appPassword int64) {}

// NewAppPassword makes an app password for the person behind by, which must
// be a portal session with a sign-in less than ten minutes old, else
// ErrStale. expires zero: never. secret is shown once and kept nowhere.
// ErrTooMany beyond MaxAppPasswords.
func (a *Authenticator) NewAppPassword(ctx context.Context, by *Principal, name string, scopes Scope, expires time.Time) (made AppPassword, secret string, err error) {
	return AppPassword{}, "", ErrUnavailable
}

// NewAppPasswordByOperator makes one for the command line and the demo.
func (a *Authenticator) NewAppPasswordByOperator(ctx context.Context, ref AccountRef, name string, scopes Scope, expires time.Time) (made AppPassword, secret string, err error) {
	return AppPassword{}, "", ErrUnavailable
}

// RevokeAppPassword ends one and, in this process, at once what it opened.
func (a *Authenticator) RevokeAppPassword(ctx context.Context, ref AccountRef, id int64) error {
	return ErrUnavailable
}

// MaxAppPasswords is how many a person may have at a time.
const MaxAppPasswords = 40

// Exchange is one SASL exchange. The head does base64, line limits and the
// cancel response; Next is called first with the initial response, nil if
// there was none (an empty one is not nil), then with each further one, until
// done or an error. When done is false the challenge, possibly empty, goes to
// the client. Errors are those of Password and ErrMalformed.
type Exchange interface {
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error)
	// Principal is set once Next has returned done without an error.
	Principal() *Principal
}

// Mechanisms lists what SASL offers, strongest first; OAUTHBEARER and XOAUTH2
// only if an issuer is configured.
func (a *Authenticator) Mechanisms() []string { return []string{"PLAIN", "LOGIN"} }

// SASL begins an exchange: "PLAIN", "LOGIN", "XOAUTH2" or "OAUTHBEARER", in
// any case; ErrMechanism for another. Whether the line is secret enough for
// the mechanism is the head's to know.
func (a *Authenticator) SASL(mech string, at Attempt) (Exchange, error) {
	return nil, ErrMechanism
}

// BearerIssuer is an OpenID provider whose access tokens open accounts.
type BearerIssuer struct {
	// URL is the issuer identifier, compared exactly with iss.
	URL string
	// Audience is our resource name, which aud must hold; never a client id.
	Audience string
	// Scopes maps the token's scope values to ours. Nil takes our own names.
	Scopes map[string]Scope
}
