package store

import (
	"context"
	"fmt"

	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
)

// Property is a property of a named item or a collection. A nil Value removes it.
type Property struct {
	Space, Local string
	Value        []byte
}

// sealProperties seals values for the account they are of. A value is bound to its
// name, not to its item, so that copies need no keys.
func sealProperties(account *content.Account, list []Property) []meta.Property {
	sealed := make([]meta.Property, len(list))
	for i, p := range list {
		sealed[i] = meta.Property{Space: p.Space, Local: p.Local}
		if p.Value != nil {
			sealed[i].Sealed = account.SealSmall("property", propertyPlace(p.Space, p.Local), p.Value)
		}
	}
	return sealed
}

func propertyPlace(space, local string) []byte { return []byte(space + "\x00" + local) }

// Properties answers the properties of a collection (key 0) and of items, by item id.
func (s *Store) Properties(ctx context.Context, key Key, collection int64, items []int64) (map[int64][]Property, error) {
	return s.PropertiesUpTo(ctx, key, collection, items, 0)
}

// PropertiesUpTo is Properties, or ErrTooMany where they take more than so many bytes.
func (s *Store) PropertiesUpTo(ctx context.Context, key Key, collection int64, items []int64, most int64) (map[int64][]Property, error) {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return nil, err
	}
	rows, err := s.at(ctx, key.Tenant).db.Properties(ctx, key, collection, items, most)
	if err != nil {
		return nil, outer(err)
	}
	found := make(map[int64][]Property, len(rows))
	for id, list := range rows {
		for _, p := range list {
			value, err := account.OpenSmall("property", propertyPlace(p.Space, p.Local), p.Sealed)
			if err != nil {
				return nil, fmt.Errorf("store: property of item %d: %w", id, err)
			}
			found[id] = append(found[id], Property{p.Space, p.Local, value})
		}
	}
	return found, nil
}

// SetProperties changes properties of an item, or with item 0 of the collection.
func (s *Store) SetProperties(ctx context.Context, key Key, collection, item int64, changes []Property, g Guard) error {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return err
	}
	return s.write(ctx, key, func() error {
		return s.at(ctx, key.Tenant).db.SetProperties(ctx, key, collection, item, sealProperties(account, changes), g)
	})
}

// CreateCollectionWith makes a collection that has properties from the beginning.
func (s *Store) CreateCollectionWith(ctx context.Context, key Key, kind CollectionKind, name string, list []Property) (Collection, error) {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return Collection{}, err
	}
	return s.CreateCollection(ctx, key, kind, name, "", CollectionOptions{Properties: sealProperties(account, list)})
}

// RemoveCollection is DeleteCollection under a guard.
func (s *Store) RemoveCollection(ctx context.Context, key Key, id int64, g Guard) error {
	return s.write(ctx, key, func() error { return s.at(ctx, key.Tenant).db.RemoveCollection(ctx, key, id, &g) })
}
