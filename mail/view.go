package mail

import (
	"context"
	"io"

	"fachwerk/mail/message"
)

// View is an open mailbox as one session sees it. Sessions on one mailbox share
// what it keeps in memory. It is safe for concurrent use.
type View struct{}

// Open opens a mailbox; it loads nothing. ErrNotFound, ErrDenied without RightRead.
func (s *Service) Open(ctx context.Context, a Access, mailbox int64) (*View, error) {
	return nil, ErrTemporary
}

// Close gives the mailbox up. It may be called more than once.
func (v *View) Close() {}

// Access is what the view was opened with.
func (v *View) Access() Access { return Access{} }

// Mailbox is the mailbox's id.
func (v *View) Mailbox() int64 { return 0 }

// Snapshot returns the newest list loaded, nil if none is. It asks nobody.
func (v *View) Snapshot() *Snapshot { return nil }

// Refresh compares with the database and loads what is new, or everything at
// first. A deleted mailbox is no error: Snapshot.Gone tells.
func (v *View) Refresh(ctx context.Context) (*Snapshot, error) { return nil, ErrTemporary }

// Notify calls f whenever a newer snapshot may be had, until stop is called. f
// must not block and may be called from any goroutine.
func (v *View) Notify(f func()) (stop func()) { return func() {} }

// Vanished lists, ascending, the UIDs expunged after a mod-sequence (RFC 7162
// 3.2.6). full is set when history does not reach back that far: the caller
// then has to treat every UID that is not in the snapshot as vanished.
func (v *View) Vanished(ctx context.Context, since uint64) (uids []uint32, full bool, err error) {
	return nil, false, ErrTemporary
}

// Store changes flags; RightWrite. The outcome is decided under the account's
// lock; Refresh then shows it.
func (v *View) Store(ctx context.Context, c FlagChange) (FlagResult, error) {
	return FlagResult{}, ErrTemporary
}

// Expunge removes messages that have \Deleted: all of them with uids nil, else
// those among uids (RFC 9051 6.4.3, 6.4.9). RightWrite.
func (v *View) Expunge(ctx context.Context, uids []uint32) (Expunged, error) {
	return Expunged{}, ErrTemporary
}

// Copy copies messages to a mailbox, of the same or another account, in one
// transaction. RightWrite there. ErrTooMany beyond the store's limit.
func (s *Service) Copy(ctx context.Context, v *View, uids []uint32, to Access, mailbox int64) (CopyUID, error) {
	return CopyUID{}, ErrTemporary
}

// Move moves messages (RFC 6851); RightWrite on both sides. It runs in jobs of
// 1,000: with an error, what the CopyUID names was moved already.
func (s *Service) Move(ctx context.Context, v *View, uids []uint32, to Access, mailbox int64) (CopyUID, error) {
	return CopyUID{}, ErrTemporary
}

// Structure is what was found in a message when it came in, with what FETCH
// answers from it in wire form. Its slices are valid only while the function
// that got it runs.
type Structure struct {
	Envelope      []byte // FETCH ENVELOPE's value (RFC 9051 7.5.2)
	Body          []byte // FETCH BODY's
	BodyStructure []byte // FETCH BODYSTRUCTURE's
	Preview       string // RFC 8970, UTF-8, unquoted; may be empty
	HeaderSize    int64  // bytes of the header, blank line included
	Flags         message.Flags
}

// Message decodes the parts with their byte ranges, for sections.
func (st *Structure) Message() (*message.Message, error) { return nil, ErrTemporary }

// Structures calls f for each of the messages in turn, with its index in msgs.
// What was computed by another version is computed anew. A message that was
// expunged meanwhile is passed over. An error of f ends it and is returned.
func (v *View) Structures(ctx context.Context, msgs []*Message, f func(i int, st *Structure) error) error {
	return ErrTemporary
}

// Body is a message's content.
type Body struct{}

// Size is the number of bytes.
func (b *Body) Size() int64 { return 0 }

// Open reads length bytes from offset on, as stored; a negative length reads to
// the end. The reader must be closed.
func (b *Body) Open(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	return nil, ErrTemporary
}

// Content finds a message's content. ErrNotFound when it was expunged.
func (v *View) Content(ctx context.Context, m *Message) (*Body, error) { return nil, ErrTemporary }

// Search evaluates criteria on a snapshot and returns the indexes of the
// messages that match, ascending. Messages expunged meanwhile do not match on
// what would have to be read.
func (v *View) Search(ctx context.Context, snap *Snapshot, c Criteria) ([]int, error) {
	return nil, ErrTemporary
}
