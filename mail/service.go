package mail

import (
	"context"
	"log/slog"
	"time"

	"fachwerk/auth"
)

// Limits bound what one client may do. Zero fields take the defaults.
type Limits struct {
	MaxMessage   int64 // bytes of a message, trace header excluded; default 150 MiB, at most 2 GiB
	MaxMailboxes int   // of one account; default 10,000
}

// Options are what a Service is made of.
type Options struct {
	Limits Limits
	// ViewBytes is how much memory views that nobody has open may keep;
	// default 256 MiB.
	ViewBytes int64
	// Log gets faults that no caller sees; nil discards them.
	Log *slog.Logger
	// Clock is for tests; nil means time.Now.
	Clock func() time.Time
}

// Service is mail in terms of the store. It is safe for concurrent use.
type Service struct{ o Options }

// New makes a Service. Close it before the store.
func New(o Options) *Service { return &Service{o: o} }

// Close ends the views' own work. Open views must not be used any more.
func (s *Service) Close() error { return nil }

// Limits are those in force.
func (s *Service) Limits() Limits { return s.o.Limits }

// Accounts lists what a principal may open: the own account first, then those
// granted with at least RightRead, by address.
func (s *Service) Accounts(ctx context.Context, p *auth.Principal) ([]Access, error) {
	return nil, ErrTemporary
}

// Mailboxes lists an account's mailboxes, INBOX first, then by name. At first
// use INBOX is made together with Sent, Drafts, Trash, Junk and Archive.
func (s *Service) Mailboxes(ctx context.Context, a Access) ([]Mailbox, error) {
	return nil, ErrTemporary
}

// Mailbox finds one by name, INBOX in any case.
func (s *Service) Mailbox(ctx context.Context, a Access, name string) (Mailbox, error) {
	return Mailbox{}, ErrTemporary
}

// Status reads a mailbox's counters anew.
func (s *Service) Status(ctx context.Context, a Access, mailbox int64) (Mailbox, error) {
	return Mailbox{}, ErrTemporary
}

// Subscriptions lists the names a person subscribed to in an account, sorted;
// names of mailboxes that are gone stay (RFC 9051 6.3.7).
func (s *Service) Subscriptions(ctx context.Context, a Access) ([]string, error) {
	return nil, ErrTemporary
}

// Subscribe adds or removes a subscription of the person. Adding asks for a
// mailbox of that name; removing does not.
func (s *Service) Subscribe(ctx context.Context, a Access, name string, on bool) error {
	return ErrTemporary
}

// Create makes a mailbox and the levels above it (RFC 9051 6.3.4). specialUse
// may be empty.
func (s *Service) Create(ctx context.Context, a Access, name, specialUse string) (Mailbox, error) {
	return Mailbox{}, ErrTemporary
}

// Rename renames a mailbox with its inferiors; of INBOX it moves the messages
// into a new mailbox (RFC 9051 6.3.6).
func (s *Service) Rename(ctx context.Context, a Access, from, to string) error { return ErrTemporary }

// Delete removes a mailbox. One with inferiors is refused with ErrHasChildren
// (RFC 9051 6.3.5 lets a server choose), INBOX with ErrInbox.
func (s *Service) Delete(ctx context.Context, a Access, name string) error { return ErrTemporary }

// Quota reads what the account uses.
func (s *Service) Quota(ctx context.Context, a Access) (Quota, error) { return Quota{}, ErrTemporary }
