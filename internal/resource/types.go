package resource

import (
	"encoding/xml"
	"time"

	"fachwerk/internal/store"
)

// Kind is what a collection holds.
type Kind = store.CollectionKind

// The kinds that have named resources.
const (
	Calendar    = store.Calendar
	AddressBook = store.AddressBook
	Drive       = store.Drive
)

// Rights say what a person may do in an account; the bits are those of grants.
type Rights uint8

// The rights. Manage is to create and remove collections and to change their
// properties.
const (
	Read Rights = 1 << iota
	Write
	Manage
	SendAs
)

// Account is an account as one person may use it. The zero value opens nothing.
type Account struct {
	Key         store.Key
	Kind        store.AccountKind
	Address     string // primary, lower case
	DisplayName string
	Rights      Rights
	Person      int64  // account id of who asks
	PersonName  string // their address, for lock owners and logs
}

// Own reports whether it is the person's own.
func (a Account) Own() bool { return a.Key.Account == a.Person && a.Person != 0 }

// May reports whether all of r is granted. Every write checks for itself, against
// the grants of now.
func (a Account) May(r Rights) bool { return a.Rights&r == r }

// Collection is a calendar, an address book or a drive as one person may use it.
type Collection struct {
	Account Account
	ID      int64
	Kind    Kind
	Name    string // the segment of its href; not what people call it
	// CTag changes whenever anything in the collection or its own properties do
	// (CalendarServer's getctag; ETag of a drive's root).
	CTag string
	// Token is where a sync would go on that has seen everything (RFC 6578); it
	// is opaque and has no slash, no quote and no space.
	Token        string
	ModSeq       int64
	Items, Bytes int64
	Created      time.Time

	self int64 // modseq of its own row and properties
}

// The parents that are no folder.
const (
	Root      int64 = 0  // of a drive, and of all resources of calendars and address books
	TrashRoot int64 = -1 // what was deleted from a drive lies below it for a time
)

// Item is a resource: an object, a file or a folder.
type Item struct {
	ID       int64 // kept by PUT and rename, new after COPY; RFC 3744 resource-id, oc:fileid
	UID      int64 // ascends with creation in its collection; kept by PUT
	Parent   int64 // ID of the folder; Root, TrashRoot
	Name     string
	Folder   bool
	ETag     string    // strong, without quotes: from content, of a folder from what is below it
	Size     int64     // bytes
	Modified time.Time // a file's own time where the client told one, else of the last PUT
	Created  time.Time
	ModSeq   int64 // moves with content, name and properties; not with what lies below a folder

	content store.ContentID
	object  int64
	below   int64 // of a folder: the highest modseq of what lies in it
}

// Place is where a resource lies or might.
type Place struct {
	Collection Collection
	Parent     int64
	Name       string
}

// Seen is a place and what was there when a write was decided on.
type Seen struct {
	// Collection is its ID; 0 means the one that is written to, and of a COPY or
	// MOVE between two either.
	Collection int64
	Parent     int64
	Name       string
	ID         int64 // 0: nothing was there
	ModSeq     int64 // 0: any state of that resource will do, as for the folders of a path
	// Below, where not 0, says what was below a folder or, with Name "", in the
	// collection; see [Item.Seen] and [Collection.Seen].
	Below int64
}

// Seen is the collection with all that is in it, as its CTag tells it.
func (c Collection) Seen() Seen { return Seen{Collection: c.ID, ModSeq: c.self, Below: c.ModSeq} }

// Seen is the resource as its ETag tells it, a folder with all that is below it.
func (i Item) Seen() Seen {
	return Seen{Parent: i.Parent, Name: i.Name, ID: i.ID, ModSeq: i.ModSeq, Below: i.below}
}

// LockSeen is a lock token that a condition names, and whether it was held.
type LockSeen struct {
	Collection int64
	Token      string
	Held       bool
}

// Guard is under what a write was decided.
type Guard struct {
	// Seen is compared under the account's lock: ErrChanged. The folders of a
	// path belong to it, so that nothing is written below a folder that was
	// moved meanwhile.
	Seen []Seen
	// Locks are compared likewise.
	Locks []LockSeen
	// Tokens are the lock tokens that the request submitted. A token counts for
	// the person who took the lock out only (RFC 4918 6.4).
	Tokens []string
}

// Draft is new content that waits to be put in place.
type Draft struct {
	Upload   *Upload
	Modified time.Time // zero: now, by the database's clock
	// Facts are sealed and kept with the content, in the form Encoder: the
	// digests of a file, the searchable text of a card. Nil for none.
	Facts   []byte
	Encoder int16
	// Index is how a calendar object or a card is found; nil for files.
	Index *Index
	// Origin marks what an import brought; nil for others.
	Origin *store.Origin
}

// Index is how a calendar object resource or a card is found without opening it.
type Index struct {
	// UID is the iCalendar or vCard UID, at most one resource a collection:
	// *UIDError says which other one has it. It is kept as a keyed hash.
	UID string
	// Components are bits, as the domain defines them.
	Components int64
	// From and To bound every instance, Unix microseconds, UTC; floating times
	// widened by a day. To is math.MaxInt64 where there is no end.
	From, To int64
	// Same refuses, by *UIDError with the name itself, what would give a resource that is
	// there another UID.
	Same bool
}

// UIDError says that another resource of the collection has the UID (RFC 4791
// 5.3.2.1 no-uid-conflict); Name is its name.
type UIDError = store.UIDError

// Put is what came of a PUT.
type Put struct {
	Item    Item
	Created bool
}

// Property is a dead property, or a live one that the core keeps here. Value is the
// whole element as it is to be sent: namespaces declared on it.
type Property struct {
	Name  xml.Name
	Value []byte
}

// PropertyChange sets a property or, with Value nil, removes it.
type PropertyChange = Property

// Lock is a write lock (RFC 4918 section 6).
type Lock struct {
	Token    string // "urn:uuid:…"
	Item     int64  // 0: the collection itself, that is a drive's root or a whole calendar
	Infinite bool   // Depth: infinity
	Shared   bool
	Person   int64         // account id of who took it out
	Owner    []byte        // the owner element as the client sent it, "" for none
	Timeout  time.Duration // as granted
	Expires  time.Time
	// Path are the names from the collection down to the locked resource, for
	// lockroot; set on reading.
	Path []string
}

// LockedError says which lock keeps a write away (RFC 4918 lock-token-submitted,
// no-conflicting-lock). It wraps ErrLocked.
type LockedError struct{ Lock Lock }

func (e *LockedError) Error() string { return "locked" }

// Unwrap makes it ErrLocked.
func (e *LockedError) Unwrap() error { return ErrLocked }

// Change is one resource in an answer to a sync.
type Change struct {
	Path    string // names joined by slashes; one name outside drives
	Removed bool
	Item    Item // of what is there
}

// Changes is one page of what happened since a token, removed ones first.
type Changes struct {
	List  []Change
	Token string // to go on from
	More  bool   // the page was cut: RFC 6578 section 3.6
}

// Window asks for the resources that may have an instance in a time range. It finds
// too many rather than too few: the domain looks closer.
type Window struct {
	Components int64 // any of these bits; 0: any
	From, To   int64 // Unix microseconds; From 0 and To 0: no bound
}

// Trashed is a resource in the trash, directly below TrashRoot.
type Trashed struct {
	Item    Item
	Deleted time.Time
	Expires time.Time
	Path    []string // where it lay, from the root of the drive down
}
