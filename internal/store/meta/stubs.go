package meta

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

var errUnfinished = errors.New("meta: comes with the next commit")

// DB is the journal on top of an engine.
type DB struct{}

func Open(ctx context.Context, e Engine, log *slog.Logger) (*DB, error) { return nil, errUnfinished }

// Close waits for running groups and closes the engine.
func (db *DB) Close() error { return errUnfinished }

func (db *DB) Engine() Engine                                        { return nil }
func (db *DB) Ping(ctx context.Context) error                        { return errUnfinished }
func (db *DB) View(ctx context.Context, f func(Tx) error) error      { return errUnfinished }
func (db *DB) Update(ctx context.Context, f func(Tx) error) error    { return errUnfinished }
func (db *DB) Read(ctx context.Context, b *Batch) error              { return errUnfinished }
func (db *DB) Write(ctx context.Context, key Key, jobs ...Job) error { return errUnfinished }
func (db *DB) Generation() int64                                     { return 0 }
func (db *DB) NewGeneration(ctx context.Context) error               { return errUnfinished }
func (db *DB) Now(ctx context.Context) (int64, error)                { return 0, errUnfinished }
func (db *DB) SetEpoch(tenant, epoch int64)                          {}

// Job is one writer's work under the account's lock. It is called again when
// the transaction is retried, so it must set its results anew each time.
type Job interface {
	// Read queues what the decision needs; it may queue nothing. A job that
	// queues reads has its transaction for itself.
	Read(a *Account, b *Batch) error
	// Write decides and queues what is to be written. It may change a's
	// counters (NextID, Used*, LastUIDValidity); a.ModSeq is the job's own.
	// An error leaves no trace and does not touch the job's neighbours.
	Write(a *Account, b *Batch) error
}

// JobFunc is a job that needs no reads.
type JobFunc func(a *Account, b *Batch) error

func (f JobFunc) Read(*Account, *Batch) error      { return nil }
func (f JobFunc) Write(a *Account, b *Batch) error { return f(a, b) }

func (db *DB) Purge(ctx context.Context, key Key, keep time.Duration) (removed int, err error) {
	return 0, errUnfinished
}
func (db *DB) Sweep(ctx context.Context, key Key, olderThan, retention time.Duration) (removed int, err error) {
	return 0, errUnfinished
}
func (db *DB) RemoveDeleted(ctx context.Context, key Key, limit int) (more bool, err error) {
	return false, errUnfinished
}

// DueObject is an object of the blob store whose time has come.
type DueObject struct {
	Tenant    int64
	ObjectKey string
	DueAt     int64
}

func (db *DB) DueObjects(ctx context.Context, limit int) ([]DueObject, error) {
	return nil, errUnfinished
}
func (db *DB) ForgetObject(ctx context.Context, tenant int64, objectKey string) error {
	return errUnfinished
}

// Finding is something that Verify found wrong.
type Finding struct {
	Key        Key
	Collection int64
	What       string
	Want, Got  int64
}

func (db *DB) Verify(ctx context.Context, key Key) ([]Finding, error) { return nil, errUnfinished }
func (db *DB) Account(ctx context.Context, key Key) (Account, error)  { return Account{}, errUnfinished }
func (db *DB) AccountModSeqs(ctx context.Context, keys []Key) (map[Key]int64, error) {
	return nil, errUnfinished
}

// CollectionOptions are what a new collection may be told besides its name.
type CollectionOptions struct {
	Subscribed   bool
	SeenByPerson bool
}

func (db *DB) CreateCollection(ctx context.Context, key Key, kind CollectionKind, name, specialUse string, o CollectionOptions) (Collection, error) {
	return Collection{}, errUnfinished
}

// Rename gives a collection another name. From must be its name still.
type Rename struct {
	ID       int64
	From, To string
}

func (db *DB) RenameCollections(ctx context.Context, key Key, renames []Rename) error {
	return errUnfinished
}
func (db *DB) DeleteCollection(ctx context.Context, key Key, id int64) error { return errUnfinished }

// CollectionSet is what UpdateCollection changes; nil leaves a field alone.
type CollectionSet struct {
	Subscribed   *bool
	SpecialUse   *string
	SeenByPerson *bool
}

func (db *DB) UpdateCollection(ctx context.Context, key Key, id int64, set CollectionSet) (Collection, error) {
	return Collection{}, errUnfinished
}
func (db *DB) Collections(ctx context.Context, key Key, kind CollectionKind) ([]Collection, error) {
	return nil, errUnfinished
}
func (db *DB) Collection(ctx context.Context, key Key, id int64) (Collection, error) {
	return Collection{}, errUnfinished
}
func (db *DB) CollectionByName(ctx context.Context, key Key, kind CollectionKind, name string) (Collection, error) {
	return Collection{}, errUnfinished
}

// CollectionTombstone tells of a collection that was renamed or deleted.
type CollectionTombstone struct {
	ModSeq, Collection int64
	Kind               CollectionKind
	Name               string
}

func (db *DB) CollectionChanges(ctx context.Context, key Key, since int64) ([]Collection, []CollectionTombstone, int64, error) {
	return nil, nil, 0, errUnfinished
}

func (db *DB) Add(ctx context.Context, key Key, collection int64, items []NewItem) ([]Added, error) {
	return nil, errUnfinished
}
func (db *DB) SetFlags(ctx context.Context, key Key, collection int64, c FlagChange) (FlagResult, error) {
	return FlagResult{}, errUnfinished
}
func (db *DB) Expunge(ctx context.Context, key Key, collection int64, uids []int64, onlyDeleted bool) (Expunged, error) {
	return Expunged{}, errUnfinished
}
func (db *DB) Copy(ctx context.Context, key Key, src, dst int64, uids []int64) (CopyResult, error) {
	return CopyResult{}, errUnfinished
}
func (db *DB) Move(ctx context.Context, key Key, src, dst int64, uids []int64) (CopyResult, error) {
	return CopyResult{}, errUnfinished
}
func (db *DB) MoveAcross(ctx context.Context, from Key, src int64, to Key, dst int64, uids []int64, items []NewItem) (CopyResult, error) {
	return CopyResult{}, errUnfinished
}
func (db *DB) Items(ctx context.Context, key Key, collection, afterUID int64, limit int) ([]Item, error) {
	return nil, errUnfinished
}
func (db *DB) ItemsByUID(ctx context.Context, key Key, collection int64, uids []int64) ([]Item, error) {
	return nil, errUnfinished
}
func (db *DB) ItemsByObject(ctx context.Context, key Key, objectIDs []int64) ([]Item, error) {
	return nil, errUnfinished
}
func (db *DB) Changes(ctx context.Context, key Key, collection int64, since Token, limit int) (Changes, error) {
	return Changes{}, errUnfinished
}

// At is the token of a reader who knows every change up to and with modseq.
func At(modseq int64) Token { return Token{ModSeq: modseq, ItemID: 1<<63 - 1} }

func (db *DB) Metas(ctx context.Context, key Key, objectIDs []int64, f func(Meta) error) error {
	return errUnfinished
}
func (db *DB) PutMeta(ctx context.Context, key Key, m Meta) error { return errUnfinished }
func (db *DB) Content(ctx context.Context, key Key, id ContentID) (Content, error) {
	return Content{}, errUnfinished
}
func (db *DB) ContentsOf(ctx context.Context, key Key, ids []ContentID) (map[ContentID]Content, error) {
	return nil, errUnfinished
}
func (db *DB) Contents(ctx context.Context, key Key, after ContentID, limit int) ([]Content, error) {
	return nil, errUnfinished
}
