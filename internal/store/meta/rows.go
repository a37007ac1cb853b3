package meta

import (
	"cmp"
	"math"
)

// Key names an account. Both ids are random and unique across sites.
type Key struct{ Tenant, Account int64 }

// AccountKind says what an account is for.
type AccountKind int16

const (
	Person AccountKind = iota + 1
	Function
	Team
	Room
	Resource
	QueueAccount // one a tenant, hidden: owns the bodies of outbound mail
)

// AccountState says whether an account may be used.
type AccountState int16

const (
	Active AccountState = iota
	Disabled
	Removing // its rows go in the background
)

// Account is a row of the account table. Sizes are bytes, quota 0 means no limit.
type Account struct {
	Key
	Kind                   AccountKind
	State                  AccountState
	Address                string
	DisplayName            string
	Epoch                  int64
	ModSeq                 int64
	Generation             int64
	NextID                 int64
	LastUIDValidity        int64
	QuotaBytes, QuotaItems int64
	UsedBytes, UsedItems   int64
	Floor                  int64  // collection tombstones at or below are gone
	WrappedKey             []byte // not given to jobs
	CreatedAt              int64  // Unix microseconds, as all times here
	Now                    int64  // the database's clock when the row was read
}

// CollectionKind says what a collection holds.
type CollectionKind int16

const (
	Mailbox CollectionKind = iota + 1
	Calendar
	AddressBook
	Drive
)

// Collection is a mailbox, calendar, address book or drive with its counters.
type Collection struct {
	ID                                 int64
	Kind                               CollectionKind
	Deleted                            bool
	Name                               string
	SpecialUse                         string
	SeenByPerson                       bool
	UIDValidity                        int64
	UIDNext                            int64
	ModSeq                             int64 // max(own, base): what a client sees
	SelfModSeq                         int64
	Floor                              int64
	BaseModSeq                         int64
	Items, Unseen, DeletedItems, Bytes int64
	PropertyBytes                      int64 // what its properties and those of its items cost
	ObjectItems, ObjectBytes           int64 // of Items and Bytes what lies in the blob store
	Folders                            int64 // of Items, those that are folders
	CreatedAt                          int64
}

// System flags of an item, as bits.
const (
	FlagSeen = 1 << iota
	FlagAnswered
	FlagFlagged
	FlagDeleted
	FlagDraft
	FlagFolder // of a drive
)

// ContentID names sealed content: 128 random bits.
type ContentID [16]byte

// Item is a row of the item table.
type Item struct {
	Collection                 int64
	UID                        int64
	ID                         int64
	ObjectID                   int64
	ThreadID                   int64
	ModSeq                     int64 // max(own, the collection's base)
	CreatedModSeq              int64
	Flags                      int64
	Keywords                   string // sorted, one space between
	Size                       int64
	InternalDate               int64
	SaveDate                   int64
	Content                    ContentID // zero for a folder
	Name                       string
	ParentID                   int64
	MovedModSeq, SubtreeModSeq int64
	Digest                     Digest // zero for messages and folders
	Stored                     Stored
}

// Stored says where the content of an item lies.
type Stored int64

const (
	// StoredUnknown is of an item that was not counted by where it lies: the
	// program of before wrote it, or it names a content by its id alone.
	StoredUnknown  Stored = iota - 1
	StoredDatabase        // in the database's row; a folder too, which has no content
	StoredObject          // in the blob store
)

// stored is where an item's content lies.
func (c *Content) stored() Stored {
	switch {
	case c.ObjectKey != "":
		return StoredObject
	case c.Inline != nil:
		return StoredDatabase
	}
	return StoredUnknown
}

// Digest is a keyed hash of the content of a named item.
type Digest [16]byte

// Tombstone tells of an item that is gone.
type Tombstone struct {
	ModSeq, ItemID, UID, CreatedModSeq, ParentID int64
	Name                                         string
}

// Content is where sealed bytes lie: inline or under an object key, then with the end
// of the sealed bytes inline, which tells where in the object what lies.
type Content struct {
	ID        ContentID
	Size      int64 // before sealing
	Sealed    int64
	ObjectKey string // empty when inline
	Inline    []byte
}

// Meta is one sealed row of item_meta.
type Meta struct {
	ObjectID int64
	Encoder  int16
	Content  ContentID
	Sealed   []byte
}

// NewItem is an item to be added. Content is written first by the caller: inline
// bytes travel in Content.Inline, objects are already in the blob store.
type NewItem struct {
	// Content with neither Inline nor ObjectKey names a content that the
	// account has already.
	Content Content
	// SealMeta is called with the object id given under the lock and returns
	// the sealed item_meta; nil writes none. It must be fast and may be
	// called again when the transaction is retried.
	SealMeta func(objectID int64) (encoder int16, sealed []byte)
	// ThreadHashes are keyed hashes of Message-ID, In-Reply-To and
	// References; the first known one gives the thread (rule 8).
	ThreadHashes []int64
	Flags        int64
	Keywords     string
	Size         int64
	InternalDate int64  // 0: now, by the database's clock
	Name         string // named items only
	Digest       Digest // likewise
	Parent       int64  // item id of the folder, in a drive; 0 is its root
	// Also are further statements of the same transaction, run after the
	// inserts: a queue recipient is marked delivered by them. An error of
	// an Affected fails this job and none of its neighbours.
	Also []Statement
}

// Added tells where an item went.
type Added struct {
	Collection, UID, ItemID, ObjectID, ThreadID, ModSeq int64
	UIDValidity                                         int64
	SaveDate                                            int64
}

// FlagOp says how STORE changes flags (RFC 9051 6.4.6).
type FlagOp int8

const (
	FlagsReplace FlagOp = iota
	FlagsAdd
	FlagsRemove
)

// FlagChange is one STORE on up to 1,000 items.
type FlagChange struct {
	UIDs     []int64
	Op       FlagOp
	Flags    int64
	Keywords []string
	// UnchangedSince, if not negative, leaves items with a higher modseq
	// alone (RFC 7162 3.1.3).
	UnchangedSince int64
	// Person whose \Seen is meant where the mailbox keeps it by person.
	Person int64
}

// FlagResult is what STORE did, decided under the lock.
type FlagResult struct {
	ModSeq   int64
	Changed  []Item // after the change; items that already had the flags are in Same
	Same     []Item
	Modified []int64 // UIDs that UNCHANGEDSINCE left alone
	Missing  []int64 // UIDs that are not there (expunged by another session)
}

// Expunged is the result of an expunge or of the source's side of a move.
type Expunged struct {
	ModSeq int64
	UIDs   []int64
}

// CopyResult pairs source and destination UIDs, in order (COPYUID).
type CopyResult struct {
	UIDValidity  int64
	Source, Dest []int64
	ModSeq       int64     // of the destination
	Removed      *Expunged // of a MOVE
}

// Token is a place in the journal of a collection: everything at or before
// (ModSeq, ItemID) is known. The zero token knows nothing.
type Token struct{ ModSeq, ItemID int64 }

// At is the token of a reader who knows every change up to and with modseq.
func At(modseq int64) Token { return Token{ModSeq: modseq, ItemID: math.MaxInt64} }

// Compare orders tokens as the journal does (rule 5).
func (t Token) Compare(u Token) int {
	return cmp.Or(cmp.Compare(t.ModSeq, u.ModSeq), cmp.Compare(t.ItemID, u.ItemID))
}

// Changes is what happened since a token, read in one snapshot.
type Changes struct {
	Collection Collection  // counters, floor and high mark of the same snapshot
	Items      []Item      // added or changed, by (modseq, item id)
	Removed    []Tombstone // items known at the token or not, that are gone now
	Next       Token       // where to go on
	More       bool        // the limit cut the answer
}

// Compare orders accounts as locks are taken.
func (k Key) Compare(l Key) int {
	return cmp.Or(cmp.Compare(k.Account, l.Account), cmp.Compare(k.Tenant, l.Tenant))
}
