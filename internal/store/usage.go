package store

import (
	"context"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// What a named resource, and a property, takes of the quota besides its content and
// value, bytes.
const (
	ItemCost     = meta.ItemCost
	PropertyCost = meta.PropertyCost
)

// Usage is how much of an account's quota is used; limits of 0 mean none.
type Usage struct {
	Bytes, Items           int64
	QuotaBytes, QuotaItems int64
}

// Usage reads an account's counters.
func (s *Store) Usage(ctx context.Context, key Key) (Usage, error) {
	a, err := s.Account(ctx, key)
	return Usage{a.UsedBytes, a.UsedItems, a.QuotaBytes, a.QuotaItems}, err
}

// Placed tells how much of one kind of data lies in one store.
type Placed struct {
	Kind  CollectionKind // of the collections the items are in
	Store string         // "SQLite", "S3" …
	Site  location.Site
	Items int64
	Bytes int64 // before sealing
}

// Placed tells what an account's collections hold by the store that holds their
// content: the database's rows, or the blob store. It looks at counters alone.
func (s *Store) Placed(ctx context.Context, key Key) (list []Placed, err error) {
	at := s.at(ctx, key.Tenant)
	counts, err := at.countCollections(ctx, key)
	for _, c := range counts {
		list = append(list, Placed{Kind: c.kind, Store: at.nameOf(c.Store), Site: at.Site, Items: c.Items, Bytes: c.Bytes})
	}
	return list, err
}
