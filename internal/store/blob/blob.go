package blob

import (
	"context"
	"errors"
	"io"
	"time"
)

var (
	// ErrNotFound says that no object has the key.
	ErrNotFound = errors.New("blob: not found")

	// ErrTemporary says that the operation may succeed later without anyone
	// changing anything: the service is unreachable, slow, overloaded, or a
	// disk is full. Protocols answer it with their temporary failure.
	ErrTemporary = errors.New("blob: temporarily unavailable")

	// ErrStopped says that the store refuses writes since it failed to make
	// something durable. Only an administrator and a new start end that.
	ErrStopped = errors.New("blob: writes stopped after a failed fsync")

	// ErrKey says that a key has not the form that NewKey makes.
	ErrKey = errors.New("blob: malformed key")

	// ErrSize says that a Body gave more or fewer bytes than its Size.
	ErrSize = errors.New("blob: body differs from its size")

	// ErrRange says that an offset is negative.
	ErrRange = errors.New("blob: malformed range")
)

// MaxPage is the most entries that one call of List returns.
const MaxPage = 1000

// Info describes an object.
type Info struct {
	Key     string
	Size    int64     // bytes as stored, which are sealed bytes
	ModTime time.Time // when it was stored, by the store's clock
}

// Store keeps opaque objects under keys made by NewKey, and two more, see MarkKey. Its methods may be
// called concurrently. Errors wrap the sentinels of this package, the context's
// error, or are permanent (wrong credentials, missing bucket, read-only disk).
type Store interface {
	// Put stores body under key. On return the object is durable and visible
	// whole; after an error, cancellation included, no part of it is visible.
	// An answer that is lost may leave the whole object stored: a retry sends
	// the same bytes, and storing the same bytes again is harmless. A body
	// that does not give exactly Size bytes is refused with ErrSize.
	Put(ctx context.Context, key string, body Body) error

	// Create begins an object whose size is not known before its end. ctx holds
	// until Commit. What waits to be sent may lie in temporary files without a
	// name in folder ("": the system's), unless the store keeps it itself.
	Create(ctx context.Context, key, folder string) (Writer, error)

	// Get reads length bytes from offset on, or to the end when length is
	// negative. A range that passes the end is cut there; one that begins at
	// or beyond the end is empty. A negative offset is ErrRange, a missing
	// object ErrNotFound. The reader streams; ctx also ends its reads.
	Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error)

	// Stat describes an object, or fails with ErrNotFound.
	Stat(ctx context.Context, key string) (Info, error)

	// Delete removes an object, with all its versions where the store keeps
	// versions. Deleting a missing object is not an error.
	Delete(ctx context.Context, key string) error

	// List returns the objects whose keys begin with prefix and sort after
	// the key after, in byte order, at most limit of them (and at most
	// MaxPage; 0 means MaxPage). Fewer than asked means that none remain.
	// An object stored or deleted meanwhile may or may not be listed.
	List(ctx context.Context, prefix, after string, limit int) ([]Info, error)

	// Check tells whether the store can be reached now and, as far as that is
	// known without storing anything, be written. It serves readiness probes.
	Check(ctx context.Context) error
}

// Writer takes the bytes of one object as they come, in constant memory. It is for
// one goroutine.
type Writer interface {
	// Write takes more bytes. After an error all further calls fail.
	io.Writer

	// Commit ends the object; on return it is durable and visible whole. Its
	// errors are those of Put. After ErrTemporary it may be called again.
	Commit() error

	// Close gives up what was not committed, and nothing is left of it. It may
	// be called always and more than once.
	Close() error
}

// Body is what Put stores. Open may be called several times, also at the same
// time, and gives the same bytes each time, so that a failed upload can be
// repeated. A reader that is also an io.ReaderAt is read in parts without
// buffering them.
type Body interface {
	Size() int64
	Open() (io.ReadCloser, error)
}

// PageLimit is the number of entries a List with this limit may return.
func PageLimit(limit int) int {
	if limit <= 0 || limit > MaxPage {
		return MaxPage
	}
	return limit
}
