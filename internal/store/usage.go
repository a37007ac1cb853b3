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

// Placed counts an account's items and bytes by the store that holds their
// content: the database's rows, or the blob store.
func (s *Store) Placed(ctx context.Context, key Key) (list []Placed, err error) {
	at := s.at(ctx, key.Tenant)
	err = at.view(ctx, func(r meta.Rows) error {
		var kind, object int64
		p := Placed{Store: at.metadataName, Site: at.Site}
		if err := r.Scan(&kind, &object, &p.Items, &p.Bytes); err != nil {
			return err
		}
		if object != 0 {
			p.Store = at.blobsName
		}
		p.Kind = CollectionKind(kind)
		list = append(list, p)
		return nil
	}, `SELECT o.kind, CASE WHEN c.object_key = '' THEN 0 ELSE 1 END AS object, count(*), CAST(sum(i.size) AS BIGINT)
		FROM item i
		JOIN collection o ON o.tenant_id = i.tenant_id AND o.account_id = i.account_id AND o.collection_id = i.collection_id
		JOIN content c ON c.tenant_id = i.tenant_id AND c.account_id = i.account_id AND c.content_id = i.content_id
		WHERE i.tenant_id = $1 AND i.account_id = $2 AND o.state = 0
		GROUP BY o.kind, CASE WHEN c.object_key = '' THEN 0 ELSE 1 END ORDER BY 1, 2`, key.Tenant, key.Account)
	return list, err
}
