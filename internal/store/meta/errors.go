package meta

import "errors"

var (
	// ErrNotFound: the row is not there (any more).
	ErrNotFound = errors.New("not found")
	// ErrExists: the name is in use.
	ErrExists = errors.New("already exists")
	// ErrQuota: the account's limit of bytes or items would be passed.
	ErrQuota = errors.New("over quota")
	// ErrMoved: the tenant lives at another site now (its epoch differs).
	ErrMoved = errors.New("tenant has moved to another site")
	// ErrUnavailable: the database does not answer; try again later.
	ErrUnavailable = errors.New("metadata database unavailable")
	// ErrFull: the disk is full; nothing was written.
	ErrFull = errors.New("no space left for metadata")
	// ErrConflict: the transaction lost against another one; it may be run again.
	ErrConflict = errors.New("conflict with a concurrent transaction")
	// ErrOutcomeUnknown: the answer to COMMIT was lost.
	ErrOutcomeUnknown = errors.New("outcome of commit unknown")
	// ErrTooOld: the caller's modseq lies below the history floor.
	ErrTooOld = errors.New("history no longer reaches back that far")
	// ErrTooMany: the request names more items than one transaction takes (RFC 9738).
	ErrTooMany = errors.New("too many items at once")
	// ErrReference: a row names one that is not there, or is still named itself.
	ErrReference = errors.New("reference broken")
	// ErrForeignStore: the storage's identity changed without `store new-generation`.
	ErrForeignStore = errors.New("the metadata database is not the one this installation last used")
	// ErrCorrupt: what the database consists of is damaged. It comes with ErrUnavailable, and
	// nothing is written from then on (see Damageable).
	ErrCorrupt = errors.New("the metadata database's file is damaged")
)

var (
	// ErrChanged: what the writer had seen is otherwise now.
	ErrChanged = errors.New("changed meanwhile")
	// ErrParent: the folder that an item was to come into is not there.
	ErrParent = errors.New("the folder is not there")
	// ErrFolder: a folder has no content.
	ErrFolder = errors.New("a folder has no content")
	// ErrLocked: a lock keeps the writer away; see LockedError.
	ErrLocked = errors.New("locked")
)
