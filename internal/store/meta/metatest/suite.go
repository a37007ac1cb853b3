package metatest

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"testing"

	"fachwerk/internal/store/meta"
)

// Factory makes stores for tests. Each Open of the same place opens the same rows.
type Factory interface {
	// Place makes an empty place for a store, gone when the test ends.
	Place(t *testing.T) string
	// Engine opens the engine at a place.
	Engine(ctx context.Context, place string) (meta.Engine, error)
}

// Store is an open store with one account.
type Store struct {
	*meta.DB
	Place string
	Key   meta.Key
}

// Open opens a new store with one tenant and one account.
func Open(t *testing.T, f Factory) *Store {
	t.Helper()
	s := &Store{Place: f.Place(t)}
	s.DB = OpenAt(t, f, s.Place)
	s.Key = s.NewAccount(t, id())
	return s
}

// OpenAt opens the store that lies at a place.
func OpenAt(t *testing.T, f Factory, place string) *meta.DB {
	t.Helper()
	e, err := f.Engine(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	return openEngine(t, e)
}

func openEngine(t *testing.T, e meta.Engine) *meta.DB {
	t.Helper()
	db, err := meta.Open(t.Context(), e, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// NewAccount makes an account, and its tenant where there is none.
func (s *Store) NewAccount(t testing.TB, tenant int64) meta.Key {
	t.Helper()
	key := meta.Key{Tenant: tenant, Account: id()}
	err := s.Update(t.Context(), func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec("INSERT INTO tenant (tenant_id, name, home_site, created_at) VALUES ($1, $2, 'here', {now}) ON CONFLICT DO NOTHING",
			tenant, "tenant"+rand.Text())
		b.Exec(`INSERT INTO account (tenant_id, account_id, kind, address, epoch, generation, wrapped_key, created_at)
			VALUES ($1, $2, 1, $3, 1, (SELECT generation FROM installation), $4, {now})`,
			key.Tenant, key.Account, rand.Text()+"@musterstadt.example", []byte{1})
		return tx.Run(t.Context(), &b)
	})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Mailbox makes a mailbox.
func (s *Store) Mailbox(t *testing.T, name string) meta.Collection {
	t.Helper()
	c, err := s.CreateCollection(t.Context(), s.Key, meta.Mailbox, name, "", meta.CollectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Add puts n messages of 100 bytes into a collection and answers their places.
func (s *Store) AddN(t *testing.T, collection int64, n int) []meta.Added {
	t.Helper()
	added, err := s.Add(t.Context(), s.Key, collection, Messages(n))
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// Messages makes n new messages of 100 bytes.
func Messages(n int) []meta.NewItem {
	items := make([]meta.NewItem, n)
	for i := range items {
		items[i] = Message(100)
	}
	return items
}

// Message makes a new message with inline content.
func Message(size int) meta.NewItem {
	return meta.NewItem{Content: NewContent(size), Size: int64(size),
		SealMeta: func(object int64) (int16, []byte) { return 1, binary.BigEndian.AppendUint64(nil, uint64(object)) }}
}

// NewContent makes inline content.
func NewContent(size int) meta.Content {
	c := meta.Content{Size: int64(size), Sealed: int64(size), Inline: make([]byte, size)}
	rand.Read(c.ID[:])
	rand.Read(c.Inline)
	return c
}

func id() int64 {
	var b [8]byte
	rand.Read(b[:])
	return int64(binary.BigEndian.Uint64(b[:]) >> 1)
}

// errUndo ends a transaction that is not to be kept.
var errUndo = errors.New("undo")

// renamed is an engine whose storage seems to be another one.
type renamed struct {
	meta.Engine
	identity string
}

func (r renamed) Identity(context.Context) (string, error) { return r.identity, nil }
