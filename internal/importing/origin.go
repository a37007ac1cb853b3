package importing

import (
	"context"
	"encoding/binary"
	"hash"

	"fachwerk/internal/store"
)

// Origins keeps where objects came from; *store.Store does.
type Origins interface {
	SourceID(parts ...string) []byte
	OriginDigest() hash.Hash
	Origins(ctx context.Context, key store.Key, source []byte) ([]store.Origin, error)
	AddOrigin(ctx context.Context, key store.Key, o store.Origin) error
}

// The note of an object is a store.Origin, whose fields were named for messages:
// UID is a hash of the entry's name; UIDValidity counts the changes that came from
// the source, and holds a hash of the entry's version in the bits below. The note
// with the highest count is the one that holds.
const versionBits = 40

// maxCount is how many changes of one object can be told apart.
const maxCount = 1<<(63-versionBits) - 1

// book finds the notes of one collection.
type book struct {
	origins Origins
	key     store.Key
	source  []byte
	latest  map[int64]store.Origin // by UID
}

func openBook(ctx context.Context, o Origins, key store.Key, id []string) (*book, error) {
	b := &book{origins: o, key: key, source: o.SourceID(id...)}
	return b, b.read(ctx)
}

func (b *book) read(ctx context.Context) error {
	list, err := b.origins.Origins(ctx, b.key, b.source)
	if err != nil {
		return err
	}
	b.latest = make(map[int64]store.Origin, len(list))
	for _, o := range list { // ascending by UIDValidity
		b.latest[o.UID] = o
	}
	return nil
}

// number hashes text to a positive number of so many bits.
func (b *book) number(what, text string, bits uint) int64 {
	return int64(binary.BigEndian.Uint64(b.origins.SourceID(what, text)) >> (64 - bits)) //nolint:gosec // at most 63 bits
}

// find answers the note of an entry.
func (b *book) find(e *Entry) (store.Origin, bool) {
	o, ok := b.latest[b.number("entry", e.Name, 63)]
	return o, ok
}

// current reports whether a note is of the entry's version. Without a version nobody
// knows.
func (b *book) current(o store.Origin, e *Entry) bool {
	return e.Version != "" && o.UIDValidity&(1<<versionBits-1) == b.version(e)
}

func (b *book) version(e *Entry) int64 {
	if e.Version == "" {
		return 0
	}
	return b.number("version", e.Version, versionBits)
}

// next makes the note that follows.
func (b *book) next(e *Entry, digest []byte) store.Origin {
	var count int64
	if before, ok := b.find(e); ok {
		count = min(before.UIDValidity>>versionBits+1, maxCount)
	}
	return store.Origin{Source: b.source, UIDValidity: count<<versionBits | b.version(e), UID: b.number("entry", e.Name, 63), Digest: digest}
}

// add notes an entry whose content is here already.
func (b *book) add(ctx context.Context, e *Entry, digest []byte) error {
	o := b.next(e, digest)
	if before, ok := b.find(e); ok {
		o.ObjectID = before.ObjectID
	}
	return b.origins.AddOrigin(ctx, b.key, o)
}
