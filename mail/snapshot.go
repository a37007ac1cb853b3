package mail

import "iter"

// Snapshot is a mailbox's messages by UID at one moment. It is immutable and
// shared; pointers to its messages stay valid as long as they are held.
type Snapshot struct {
	UIDValidity   uint32
	UIDNext       uint32
	HighestModSeq uint64
	Gone          bool // the mailbox was deleted; the messages are those last known
}

// Len is the number of messages.
func (s *Snapshot) Len() int { return 0 }

// At returns message i, counted from 0: the one with sequence number i+1.
func (s *Snapshot) At(i int) *Message { return nil }

// IndexOf returns the index of the message with that UID, or, when there is
// none, of the first one above it (Len if there is none either).
func (s *Snapshot) IndexOf(uid uint32) (i int, found bool) { return 0, false }

// Range yields the messages from index i up to but not including j.
func (s *Snapshot) Range(i, j int) iter.Seq2[int, *Message] {
	return func(yield func(int, *Message) bool) {}
}

// Keywords returns a message's keywords, sorted, in the spelling stored. The
// message may be of this snapshot or an older one of the same view. The slice
// is shared and must not be modified.
func (s *Snapshot) Keywords(m *Message) []string { return nil }

// AllKeywords lists the keywords in use in the mailbox, sorted. Some may have
// gone out of use.
func (s *Snapshot) AllKeywords() []string { return nil }

// Diff is what happened between two snapshots of a view.
type Diff struct {
	// Vanished are the indexes in the older snapshot of messages that are not
	// in the newer one, ascending.
	Vanished []int
	// Changed are the indexes in the newer snapshot of messages that are in
	// both with another mod-sequence, ascending.
	Changed []int
	// Added is the index in the newer snapshot of the first message above all
	// UIDs the older one knew of; from there on, all are new.
	Added int
}

// Diff tells what newer, a later snapshot of the same view, brings. Parts that
// both share are skipped, so that it costs little after small changes.
func (s *Snapshot) Diff(newer *Snapshot) Diff { return Diff{} }
