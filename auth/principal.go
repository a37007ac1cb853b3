package auth

import (
	"errors"
	"net/netip"
	"time"
)

// Scope says what a login may be used for. Reading mail and sending mail are
// apart, so that a scanner that sends needs no right to read.
type Scope uint8

// The services, one bit each.
const (
	MailRead  Scope = 1 << iota // IMAP; name "mail.read"
	MailSend                    // submission; name "mail.send"
	Calendars                   // CalDAV; name "calendar"
	Contacts                    // CardDAV; name "contacts"
	Files                       // WebDAV; name "files"
)

// Method says how a principal proved who it is.
type Method string

// The methods.
const (
	ByAppPassword Method = "app-password"
	ByBearer      Method = "bearer"
	BySession     Method = "session"
	ByPassword    Method = "password" // the embedded provider's own login page only
)

// Principal is a person who has signed in, and what that login allows.
type Principal struct {
	Tenant, Account int64
	Address         string // the person's primary address
	DisplayName     string
	Scopes          Scope
	Method          Method
	AppPassword     int64     // id, with ByAppPassword
	Session         string    // portal session or token id, with BySession and ByBearer
	AuthTime        time.Time // when the person last typed a password at the provider
	Expires         time.Time // zero: does not expire by itself
}

// Allows reports whether the login covers all of s.
func (p *Principal) Allows(s Scope) bool { return p.Scopes&s == s }

// Attempt is one try to sign in.
type Attempt struct {
	Username string     // an address of the person, as sent
	Scope    Scope      // what the head is about to do
	Remote   netip.Addr // of the client
	Protocol string     // "imap", "submission", "dav"
}

// Errors of a login. Their texts are the same for unknown names and wrong
// passwords, and so is the time taken.
var (
	ErrDenied      = errors.New("user name or password is wrong")
	ErrThrottled   = errors.New("too many failed attempts, try again later")
	ErrScope       = errors.New("this login does not cover the service")
	ErrUnavailable = errors.New("login is temporarily unavailable")
	ErrNotFound    = errors.New("not found")
	ErrTooMany     = errors.New("the limit is reached")
	ErrStale       = errors.New("a fresh sign-in is needed")
	// Those of the portal's login.
	ErrState          = errors.New("this login was not begun here or has taken too long")
	ErrUnknownSubject = errors.New("the provider's account belongs to no person here")
	ErrRefused        = errors.New("the provider refused the login")

	ErrMechanism = errors.New("this SASL mechanism is not offered")
	ErrMalformed = errors.New("the SASL message is malformed")
)
