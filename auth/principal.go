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

// Roles are what somebody may do beside using their own account and those granted to
// them. They come from groups of the provider that is configured for them and from
// nowhere else.
type Roles uint8

// The roles, one bit each.
const (
	// Operator manages the whole installation; by groups of the installation's issuer.
	Operator Roles = 1 << iota
	// TenantAdmin manages the people, shared accounts, grants and quotas of the
	// principal's own tenant; by groups of an issuer bound to it.
	TenantAdmin
	// Privacy reads where the data of the principal's own tenant lies; likewise.
	Privacy
)

// Principal is a person who has signed in, and what that login allows. One with the
// role Operator that [Authenticator.Operator] gives may have no account: Account 0.
type Principal struct {
	Tenant, Account int64
	Address         string // the person's primary address
	DisplayName     string
	Scopes          Scope
	Method          Method
	Issuer          string    // with ByBearer and BySession: whose word it is
	AppPassword     int64     // id, with ByAppPassword
	Session         string    // portal session or token id, with BySession and ByBearer
	AuthTime        time.Time // when the person last typed a password at the provider
	Expires         time.Time // zero: does not expire by itself

	// Groups and Roles are what the provider says of the person, by this token or at
	// the sign-in of this session. An app password has none: its owner's groups count
	// for grants all the same, by the store.
	Groups []string
	Roles  Roles
	// Renew says that the roles of a portal session are to be confirmed by another
	// sign-in, for which the provider as a rule asks no password: they end [RolesFor]
	// after the last one.
	Renew bool
}

// Has reports whether all of those roles are the principal's.
func (p *Principal) Has(r Roles) bool { return p != nil && p.Roles&r == r }

func (p *Principal) ref() AccountRef { return AccountRef{p.Tenant, p.Account} }

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
	ErrHeld        = errors.New("nothing may be written now where the person's data lies")
	ErrTooMany     = errors.New("the limit is reached")
	ErrStale       = errors.New("a fresh sign-in is needed")
	// Those of the portal's login.
	ErrState          = errors.New("this login was not begun here or has taken too long")
	ErrUnknownSubject = errors.New("the provider's account belongs to no person here")
	ErrRefused        = errors.New("the provider refused the login")

	// ErrSeveral: a subject without a tenant named is several people's.
	ErrSeveral = errors.New("the subject is a person in several tenants")
	// ErrTaken: what an invitation would bind belongs to another person.
	ErrTaken = errors.New("the provider's account belongs to another person here")

	ErrMechanism = errors.New("this SASL mechanism is not offered")
	ErrMalformed = errors.New("the SASL message is malformed")
)
