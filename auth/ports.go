package auth

import (
	"context"
	"strconv"
	"time"
)

// AccountRef names a person's account.
type AccountRef struct{ Tenant, Account int64 }

// Owner is the owner of tickets that tell of a person: they go with the account.
func (r AccountRef) Owner() string {
	return strconv.FormatInt(r.Tenant, 36) + "-" + strconv.FormatInt(r.Account, 36)
}

// Person is what login needs to know of one.
type Person struct {
	AccountRef
	Address     string
	DisplayName string
	Disabled    bool
}

// People finds persons. Missing ones give ErrNotFound; an unreachable store
// gives an error that wraps ErrUnavailable.
type People interface {
	// PersonByAddress finds the person whose primary address or alias it is
	// (any case, U- or A-labels). Function mailboxes are not persons. With ErrNotFound
	// the Person may name the tenant of the address's domain, with no account, so that
	// what else a login asks is asked at the same place.
	PersonByAddress(ctx context.Context, address string) (Person, error)
	// PersonBySubject finds the person bound to (issuer, sub) in any tenant
	// that the issuer is bound to; ErrSeveral if it is one in each of several.
	PersonBySubject(ctx context.Context, issuer, sub string) (Person, error)
	// PersonIn finds the one bound to (issuer, sub) in this tenant, if the issuer is
	// bound to it.
	PersonIn(ctx context.Context, tenant int64, issuer, sub string) (Person, error)
	PersonByRef(ctx context.Context, ref AccountRef) (Person, error)
	// MayUse reports whether person may sign in naming that address: their
	// own, or an account granted to them.
	MayUse(ctx context.Context, person AccountRef, address string) (bool, error)
}

// Passwords keeps people's own passwords (argon2id, PHC form); only the
// embedded provider asks for them.
type Passwords interface {
	PasswordHash(ctx context.Context, ref AccountRef) (phc string, err error)
	SetPasswordHash(ctx context.Context, ref AccountRef, phc string) error
}

// AppPassword is one as stored.
type AppPassword struct {
	AccountRef
	ID         int64
	Name       string
	Scopes     Scope
	HashKey    int16
	Hash       []byte
	Created    time.Time
	Expires    time.Time // zero: never
	LastUsed   time.Time // zero: never
	LastUsedBy string
}

// AppPasswords keeps them. All times are the database's.
type AppPasswords interface {
	AppPasswords(ctx context.Context, ref AccountRef) ([]AppPassword, error)
	// AddAppPassword gives it an id; ErrTooMany beyond limit.
	AddAppPassword(ctx context.Context, p AppPassword, limit int) (AppPassword, error)
	RevokeAppPassword(ctx context.Context, ref AccountRef, id int64) error
	// TouchAppPassword notes a use; callers coalesce.
	TouchAppPassword(ctx context.Context, ref AccountRef, id int64, by string) error
}

// Session is one of the portal's.
type Session struct {
	AccountRef
	ID                               []byte // SHA-256 of the cookie's value
	Issuer                           string
	Subject                          string
	SID                              string // the provider's session id, "" if it sent none
	UserAgent                        string
	Created, AuthTime, Seen, Expires time.Time
	Secret                           []byte // ID token and the like; the store seals it
}

// Sessions keeps them.
type Sessions interface {
	Session(ctx context.Context, id []byte) (Session, error)
	SessionsOf(ctx context.Context, ref AccountRef) ([]Session, error)
	AddSession(ctx context.Context, s Session) error
	TouchSession(ctx context.Context, ref AccountRef, id []byte) error
	EndSession(ctx context.Context, ref AccountRef, id []byte) error
	// EndSessionsOf ends those of an issuer's subject, or of one sid if not empty.
	EndSessionsOf(ctx context.Context, issuer, sub, sid string) (int, error)
}

// Ticket is a short-lived fact: an authorization request, a code, a token,
// a state, a spent jti. ID must be a hash where the id itself is a secret.
type Ticket struct {
	// Tenant is whose person it tells of: it lies at that tenant's home. 0: nobody's
	// yet, or the installation's, at the directory's site.
	Tenant          int64
	Kind, ID, Owner string
	Value           []byte // the store seals it
	Expires         time.Time
}

// Tickets keeps them, those of each tenant for themselves.
type Tickets interface {
	PutTicket(ctx context.Context, t Ticket) error
	// AddTicket refuses an id that is there already (single use): false.
	AddTicket(ctx context.Context, t Ticket) (bool, error)
	Ticket(ctx context.Context, tenant int64, kind, id string) (Ticket, error)
	// TakeTicket returns and removes it in one step.
	TakeTicket(ctx context.Context, tenant int64, kind, id string) (Ticket, error)
	TicketsOf(ctx context.Context, tenant int64, kind, owner string) ([]Ticket, error)
	DeleteTickets(ctx context.Context, tenant int64, kind, owner string) error
}

// Changes lets open connections learn that a login ended.
type Changes interface {
	// Alive reports whether the person is active and, if appPassword is not
	// 0, whether that app password is there and not expired. One key read.
	Alive(ctx context.Context, ref AccountRef, appPassword int64) (bool, error)
}

// Word is what an issuer said last of the groups that a person is in.
type Word struct {
	Groups []string // in order, each once
	// At is when the token was made by which it was said. Zero: it has said nothing, or
	// not when.
	At time.Time
}

// Groups keeps what issuers say of the groups that persons are in.
type Groups interface {
	// Word gives an issuer's last; the zero Word where it has said nothing.
	Word(ctx context.Context, ref AccountRef, issuer string) (Word, error)
	// ChangeWord puts in its place what next makes of it, in one step, so that of two
	// who speak at the same time the second hears the first. next may be called several
	// times and its error ends it; nothing is written where nothing changes. It gives
	// what is kept.
	ChangeWord(ctx context.Context, ref AccountRef, issuer string, next func(last Word) (Word, error)) (Word, error)
}

// Subjects binds persons to what an issuer calls them.
type Subjects interface {
	// ReplaceSubject makes a person known to an issuer as sub alone: what else it called
	// them is nobody's then, and the sessions that were opened so are over. It fails with
	// ErrTaken if (issuer, sub) is another person of the tenant, and with ErrNotFound if
	// the issuer is not bound to the tenant.
	ReplaceSubject(ctx context.Context, ref AccountRef, issuer, sub string) error
}

// Directory tells which issuers are bound to which tenants.
type Directory interface {
	Bindings(ctx context.Context) (Bindings, error)
}

// Bindings are all of an installation's.
type Bindings struct {
	Issuers []IssuerBinding
	Tenants map[int64]string // names, by id
	Domains map[string]int64 // tenants, by domain in lower-case A-labels
}

// IssuerBinding is an issuer whose tokens and sign-ins open accounts of one tenant.
type IssuerBinding struct {
	// Tenant is whose accounts are opened. 0, in a fixed configuration only: of every
	// tenant in which the store knows the subject.
	Tenant int64
	BearerIssuer
	// Installation says that it is the issuer of the configuration: what is below, and
	// the fields of BearerIssuer, are taken from there.
	Installation bool

	// ClientID and ClientSecret are the portal's at the issuer; no id: no sign-in at
	// the portal, no secret: a public client.
	ClientID, ClientSecret string
	// GroupsClaim names the claim with a person's groups; empty: none is read, and what
	// was said once is over with the next token or sign-in.
	GroupsClaim string
	// GroupsScope is asked for at the sign-in where the issuer tells groups only then. A
	// token without it that names no groups says nothing of them.
	GroupsScope string
	// Groups whose members have roles; empty: nobody. In those of the configuration
	// {tenant} stands for the tenant's name. OperatorGroup counts in the configuration's
	// issuer alone.
	OperatorGroup, AdminGroup, PrivacyGroup string
	// OperatorScope is what an operator's token must be made for, as the issuer names it;
	// empty: anything but services of a person. MailClient is the client id of mail
	// programs, whose tokens are never an operator's. Both count in the configuration's
	// issuer alone.
	OperatorScope, MailClient string
}
