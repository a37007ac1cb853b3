package mail

import (
	"errors"
	"fmt"

	"fachwerk/internal/store"
)

// Errors of this package. Each comes wrapped with what was tried; the cause
// stays in the chain for those who may see it.
var (
	// ErrNotFound: no such mailbox or message (RFC 5530 NONEXISTENT).
	ErrNotFound = errors.New("not found")
	// ErrExists: the mailbox name is in use (RFC 5530 ALREADYEXISTS).
	ErrExists = errors.New("mailbox already exists")
	// ErrName: the name cannot be a mailbox's; the message says why (RFC 5530 CANNOT).
	ErrName = errors.New("not a valid mailbox name")
	// ErrInbox: INBOX can be neither deleted nor made (RFC 9051 6.3.4, 6.3.5; CANNOT).
	ErrInbox = errors.New("INBOX cannot be created or deleted")
	// ErrHasChildren: a mailbox with inferiors is not deleted (RFC 5530 HASCHILDREN).
	ErrHasChildren = errors.New("mailbox has child mailboxes")
	// ErrSpecialUse: the special use is unknown or taken (RFC 6154 USEATTR).
	ErrSpecialUse = errors.New("special use is unknown or belongs to another mailbox")
	// ErrKeyword: not a keyword, or too many of them (RFC 5530 CANNOT).
	ErrKeyword = errors.New("not a valid keyword")
	// ErrDenied: the rights do not cover it (RFC 5530 NOPERM).
	ErrDenied = errors.New("permission denied")
	// ErrQuota: the account's limit would be passed (RFC 9208 OVERQUOTA).
	ErrQuota = errors.New("over quota")
	// ErrTenantQuota is an ErrQuota of the whole tenant: no mailbox need be full.
	ErrTenantQuota = fmt.Errorf("the tenant's storage is used up: %w", ErrQuota)
	// ErrTooLarge: the message is larger than the limit (RFC 7889 TOOBIG).
	ErrTooLarge = errors.New("message is too large")
	// ErrTooMany: more messages, mailboxes or criteria than one command may take (RFC 9738, RFC 5530 LIMIT).
	ErrTooMany = errors.New("too many at once")
	// ErrTemporary: the database, the blob store or the disk cannot serve now;
	// nothing was changed, or in the rarest case, when the answer to a COMMIT was
	// lost, that cannot be told. Try again later.
	ErrTemporary = errors.New("temporarily unavailable")
	// ErrPlacement comes with ErrTemporary where nothing may be written at present
	// because of where it would lie.
	ErrPlacement = store.ErrPlacement
	// ErrNotLocal: the address's domain belongs to no tenant here.
	ErrNotLocal = errors.New("domain is not served here")
	// ErrNoSuchUser: the domain is served here, the address is nobody's.
	ErrNoSuchUser = errors.New("no such user")
	// ErrDisabled: the account takes no mail and lets nobody in.
	ErrDisabled = errors.New("account is disabled")
)

// ErrCorrupt: stored bytes are not what was stored (RFC 5530 CORRUPTION).
var ErrCorrupt = errors.New("stored data is damaged")

// ErrLease: a queue recipient's lease is not the caller's any more; the message
// was not delivered by this call.
var ErrLease = errors.New("the lease has passed to someone else")
