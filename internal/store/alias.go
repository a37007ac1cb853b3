package store

import "fachwerk/internal/store/meta"

// The journal's types, so that packages above need this package only. They are
// documented in package meta.
type (
	Key                 = meta.Key
	Account             = meta.Account
	AccountKind         = meta.AccountKind
	AccountState        = meta.AccountState
	Collection          = meta.Collection
	CollectionKind      = meta.CollectionKind
	CollectionTombstone = meta.CollectionTombstone
	Item                = meta.Item
	Tombstone           = meta.Tombstone
	ContentID           = meta.ContentID
	Added               = meta.Added
	FlagOp              = meta.FlagOp
	FlagChange          = meta.FlagChange
	FlagResult          = meta.FlagResult
	Expunged            = meta.Expunged
	CopyResult          = meta.CopyResult
	Token               = meta.Token
	Changes             = meta.Changes
	Rename              = meta.Rename
	CollectionSet       = meta.CollectionSet
	CollectionOptions   = meta.CollectionOptions
)

// Kinds of accounts, states and collections, flags and flag operations.
const (
	Person       = meta.Person
	Function     = meta.Function
	Team         = meta.Team
	Room         = meta.Room
	Resource     = meta.Resource
	QueueAccount = meta.QueueAccount

	Active   = meta.Active
	Disabled = meta.Disabled
	Removing = meta.Removing

	Mailbox     = meta.Mailbox
	Calendar    = meta.Calendar
	AddressBook = meta.AddressBook
	Drive       = meta.Drive

	MaxProperties    = meta.MaxProperties
	MaxPropertyBytes = meta.MaxPropertyBytes

	FlagSeen     = meta.FlagSeen
	FlagAnswered = meta.FlagAnswered
	FlagFlagged  = meta.FlagFlagged
	FlagDeleted  = meta.FlagDeleted
	FlagDraft    = meta.FlagDraft

	FlagsReplace = meta.FlagsReplace
	FlagsAdd     = meta.FlagsAdd
	FlagsRemove  = meta.FlagsRemove
)

// Errors of the journal.
var (
	ErrNotFound    = meta.ErrNotFound
	ErrExists      = meta.ErrExists
	ErrQuota       = meta.ErrQuota
	ErrMoved       = meta.ErrMoved
	ErrUnavailable = meta.ErrUnavailable
	ErrFull        = meta.ErrFull
	ErrTooOld      = meta.ErrTooOld
	ErrTooMany     = meta.ErrTooMany
)
