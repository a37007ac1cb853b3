package mail

import (
	"context"
	"io"
	"time"

	"fachwerk/auth"
	"fachwerk/mail/message"
)

// Incoming is a message on its way in. Write to it in pieces of any size, then
// call Finish; it may then be appended or delivered any number of times, until
// Close. It is not safe for concurrent use until Finish has returned.
type Incoming struct{ size int64 }

// NewIncoming begins a message.
func (s *Service) NewIncoming() *Incoming { return &Incoming{} }

// Write takes the next bytes. ErrTooLarge beyond the limit: what follows may
// be written too and is dropped; the message cannot be stored any more.
// ErrTemporary when there is no room to spool it.
func (in *Incoming) Write(p []byte) (int, error) { in.size += int64(len(p)); return len(p), nil }

// Size is the number of bytes written, those beyond the limit included.
func (in *Incoming) Size() int64 { return in.size }

// Finish ends the message and returns what was found in it. It may be called
// more than once.
func (in *Incoming) Finish() *message.Message { return nil }

// Open reads the message from its start. The reader must be closed.
func (in *Incoming) Open() (io.ReadCloser, error) { return nil, ErrTemporary }

// Header returns the header with the blank line, or its first limit bytes.
func (in *Incoming) Header(limit int) ([]byte, error) { return nil, ErrTemporary }

// Close frees what the message took. It may be called more than once.
func (in *Incoming) Close() error { return nil }

// Append is one message of an APPEND (RFC 9051 6.3.12, RFC 3502).
type Append struct {
	In       *Incoming
	Prefix   []byte // header fields put before the message, each ended by CRLF; nil for none
	Flags    Flags
	Keywords []string
	Date     time.Time // INTERNALDATE; zero: now
}

// Appended tells where a message went.
type Appended struct {
	Mailbox          int64
	UID, UIDValidity uint32
	ModSeq           uint64
	ObjectID         int64
	ThreadID         int64
	Size             int64
}

// Append adds messages to a mailbox in one transaction: all of them or none.
func (s *Service) Append(ctx context.Context, a Access, mailbox int64, messages []Append) ([]Appended, error) {
	return nil, ErrTemporary
}

// Kind says what sort of account a recipient is.
type Kind int8

const (
	KindPerson Kind = iota + 1
	KindFunction
	KindTeam
	KindRoom
	KindResource
)

// Recipient is an account that an address leads to.
type Recipient struct {
	Tenant, Account int64
	Address         string // the account's primary address
	Detail          string // of a sub-address (alice+detail@), as sent; else empty
	Kind            Kind
}

// Resolve finds who gets mail for an address: a primary address, an alias, or
// one of these with "+detail" at the end of its local part, in any case, the
// domain in U- or A-labels. ErrNotLocal, ErrNoSuchUser, ErrTemporary.
func (s *Service) Resolve(ctx context.Context, address string) (Recipient, error) {
	return Recipient{}, ErrTemporary
}

// CheckQuota tells whether a message of size bytes would fit now: advice for an
// early ErrQuota, decided again at delivery.
func (s *Service) CheckQuota(ctx context.Context, to Recipient, size int64) error {
	return ErrTemporary
}

// QueueMark names a recipient of a queued message that a delivery marks as
// delivered in the same transaction, if Token holds its lease.
type QueueMark struct {
	Tenant, Message int64
	Recipient       int
	Token           int64
}

// DeliverOptions are those of one delivery.
type DeliverOptions struct {
	Queue *QueueMark // nil: not from the queue
}

// Deliver stores a message for a recipient: in the mailbox named by the
// address's detail if there is one, else in INBOX. prefix are the trace fields,
// each ended by CRLF. The message is durable when the error is nil.
func (s *Service) Deliver(ctx context.Context, to Recipient, in *Incoming, prefix []byte, o DeliverOptions) (Appended, error) {
	return Appended{}, ErrTemporary
}

// MaySend reports whether a principal may send as an address: one of their own
// addresses and aliases, sub-addresses included, or one of an account granted
// with RightSendAs.
func (s *Service) MaySend(ctx context.Context, p *auth.Principal, address string) (bool, error) {
	return false, ErrTemporary
}
