package mail

// Flags are a message's system flags, as a set of bits.
type Flags uint8

const (
	FlagSeen Flags = 1 << iota
	FlagAnswered
	FlagFlagged
	FlagDeleted
	FlagDraft

	allFlags = FlagSeen | FlagAnswered | FlagFlagged | FlagDeleted | FlagDraft
)

// Has reports whether all of f are set.
func (s Flags) Has(f Flags) bool { return s&f == f }

// Message is one message of a snapshot: what a mailbox view keeps of it in
// memory. It holds no pointers, so that large views cost the garbage collector
// nothing. It is never modified: a changed message is a new Message.
type Message struct {
	ModSeq       uint64
	Size         int64 // bytes as stored, trace header included
	InternalDate int64 // Unix microseconds
	SaveDate     int64 // Unix microseconds (RFC 8514)
	ObjectID     int64 // see EmailID
	ThreadID     int64
	UID          uint32
	Flags        Flags
	keywords     [3]uint8 // index of the snapshot's keyword sets; see Snapshot.Keywords
}

// EmailID is the identifier of the message's content (RFC 8474): COPY and MOVE keep it.
func (m *Message) EmailID() string { return ObjectIDString('M', m.ObjectID) }

// Thread is the THREADID (RFC 8474).
func (m *Message) Thread() string { return ObjectIDString('T', m.ThreadID) }

// FlagOp says how STORE changes flags (RFC 9051 6.4.6).
type FlagOp int8

const (
	ReplaceFlags FlagOp = iota
	AddFlags
	RemoveFlags
)

// FlagChange is one STORE.
type FlagChange struct {
	UIDs     []uint32
	Op       FlagOp
	Flags    Flags
	Keywords []string // compared without regard to case
	// UnchangedSince, if set, leaves messages with a higher mod-sequence alone
	// (RFC 7162 3.1.3).
	UnchangedSince *uint64
}

// FlagResult is what STORE did; the view shows it after a Refresh.
type FlagResult struct {
	ModSeq   uint64   // of the change, 0 if nothing changed
	Modified []uint32 // left alone by UnchangedSince, ascending (RFC 7162 MODIFIED)
	Missing  []uint32 // not there any more, ascending (RFC 9051 EXPUNGEISSUED)
}

// CopyUID pairs UIDs for COPYUID (RFC 9051 7.1), Source[i] became Dest[i].
// Messages that were gone are left out of both.
type CopyUID struct {
	UIDValidity  uint32
	Source, Dest []uint32
}

// Expunged is what an expunge removed.
type Expunged struct {
	ModSeq uint64   // 0 if nothing was removed
	UIDs   []uint32 // ascending
}
