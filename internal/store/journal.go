package store

import (
	"context"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// write admits, runs and announces one change of an account's journal.
func (s *Store) write(ctx context.Context, key Key, f func() error) error {
	if err := s.admit(ctx, key.Tenant, location.Metadata); err != nil {
		return outer(err)
	}
	if at := s.near(key.Tenant); at != nil {
		defer at.rooms.forget(key)
	}
	if err := f(); err != nil {
		return outer(err)
	}
	s.announce(key)
	return nil
}

// ModSeq is the account's highest modseq: one key read.
func (s *Store) ModSeq(ctx context.Context, key Key) (int64, error) {
	m, err := s.at(ctx, key.Tenant).db.AccountModSeqs(ctx, []Key{key})
	if err != nil {
		return 0, outer(err)
	}
	modseq, ok := m[key]
	if !ok {
		return 0, ErrNotFound
	}
	return modseq, nil
}

// Generation is that of the site where a tenant lives of whom something was read; it
// rises with `store new-generation`.
func (s *Store) Generation(tenant int64) int64 {
	if at := s.near(tenant); at != nil {
		return at.db.Generation()
	}
	return 0
}

// Generations are those of all sites, by name.
func (s *Store) Generations() map[string]int64 {
	all := make(map[string]int64, len(s.sites))
	for _, at := range s.sites {
		all[at.Name] = at.db.Generation()
	}
	return all
}

// CreateCollection makes a collection; see meta.DB.
func (s *Store) CreateCollection(ctx context.Context, key Key, kind CollectionKind, name, specialUse string, o CollectionOptions) (c Collection, err error) {
	err = s.write(ctx, key, func() error {
		c, err = s.at(ctx, key.Tenant).db.CreateCollection(ctx, key, kind, name, specialUse, o)
		return err
	})
	return c, err
}

// RenameCollections renames all or none.
func (s *Store) RenameCollections(ctx context.Context, key Key, renames []Rename) error {
	return s.write(ctx, key, func() error { return s.at(ctx, key.Tenant).db.RenameCollections(ctx, key, renames) })
}

// DeleteCollection marks a collection; its rows go in the background.
func (s *Store) DeleteCollection(ctx context.Context, key Key, id int64) error {
	return s.write(ctx, key, func() error { return s.at(ctx, key.Tenant).db.DeleteCollection(ctx, key, id) })
}

// UpdateCollection changes a collection's own properties.
func (s *Store) UpdateCollection(ctx context.Context, key Key, id int64, set CollectionSet) (c Collection, err error) {
	err = s.write(ctx, key, func() error {
		c, err = s.at(ctx, key.Tenant).db.UpdateCollection(ctx, key, id, set)
		return err
	})
	return c, err
}

// Collections lists an account's of one kind, by name.
func (s *Store) Collections(ctx context.Context, key Key, kind CollectionKind) ([]Collection, error) {
	list, err := s.at(ctx, key.Tenant).db.Collections(ctx, key, kind)
	return list, outer(err)
}

// Collection reads one with its counters.
func (s *Store) Collection(ctx context.Context, key Key, id int64) (Collection, error) {
	c, err := s.at(ctx, key.Tenant).db.Collection(ctx, key, id)
	return c, outer(err)
}

// CollectionByName reads one with its counters.
func (s *Store) CollectionByName(ctx context.Context, key Key, kind CollectionKind, name string) (Collection, error) {
	c, err := s.at(ctx, key.Tenant).db.CollectionByName(ctx, key, kind, name)
	return c, outer(err)
}

// AccountWithCollection reads an account and its collection of that name in one round
// trip; ErrNotFound where either is missing.
func (s *Store) AccountWithCollection(ctx context.Context, key Key, kind CollectionKind, name string) (Account, Collection, error) {
	at := s.at(ctx, key.Tenant)
	a, c, err := at.db.AccountWithCollection(ctx, key, kind, name)
	if err == nil {
		at.rooms.remember(a)
	}
	return a, c, outer(err)
}

// CollectionChanges tells which collections changed since a modseq of the account.
func (s *Store) CollectionChanges(ctx context.Context, key Key, since int64) ([]Collection, []CollectionTombstone, int64, error) {
	list, gone, modseq, err := s.at(ctx, key.Tenant).db.CollectionChanges(ctx, key, since)
	return list, gone, modseq, outer(err)
}

// SetFlags is STORE, decided under the account's lock.
func (s *Store) SetFlags(ctx context.Context, key Key, collection int64, c FlagChange) (r FlagResult, err error) {
	err = s.write(ctx, key, func() error {
		r, err = s.at(ctx, key.Tenant).db.SetFlags(ctx, key, collection, c)
		return err
	})
	return r, err
}

// Expunge removes items and leaves tombstones.
func (s *Store) Expunge(ctx context.Context, key Key, collection int64, uids []int64, onlyDeleted bool) (x Expunged, err error) {
	err = s.write(ctx, key, func() error {
		x, err = s.at(ctx, key.Tenant).db.Expunge(ctx, key, collection, uids, onlyDeleted)
		return err
	})
	return x, err
}

// Copy copies items inside an account; their content is shared.
func (s *Store) Copy(ctx context.Context, key Key, src, dst int64, uids []int64) (r CopyResult, err error) {
	if err := s.admitContent(ctx, key.Tenant, 0, int64(len(uids))); err != nil {
		return CopyResult{}, outer(err)
	}
	err = s.write(ctx, key, func() error {
		r, err = s.at(ctx, key.Tenant).db.Copy(ctx, key, src, dst, uids)
		return err
	})
	return r, err
}

// Move moves items inside an account.
func (s *Store) Move(ctx context.Context, key Key, src, dst int64, uids []int64) (r CopyResult, err error) {
	err = s.write(ctx, key, func() error {
		r, err = s.at(ctx, key.Tenant).db.Move(ctx, key, src, dst, uids)
		return err
	})
	return r, err
}

// Items reads a keyset page by UID.
func (s *Store) Items(ctx context.Context, key Key, collection, afterUID int64, limit int) ([]Item, error) {
	list, err := s.at(ctx, key.Tenant).db.Items(ctx, key, collection, afterUID, limit)
	return list, outer(err)
}

// ItemsByUID reads those of the UIDs that are there.
func (s *Store) ItemsByUID(ctx context.Context, key Key, collection int64, uids []int64) ([]Item, error) {
	list, err := s.at(ctx, key.Tenant).db.ItemsByUID(ctx, key, collection, uids)
	return list, outer(err)
}

// Changes reads what happened in a collection since a token, in one snapshot.
func (s *Store) Changes(ctx context.Context, key Key, collection int64, since Token, limit int) (Changes, error) {
	c, err := s.at(ctx, key.Tenant).db.Changes(ctx, key, collection, since, limit)
	return c, outer(err)
}

// At is the token of a reader who knows every change up to and with modseq.
func At(modseq int64) Token { return meta.At(modseq) }

// Subscribe notes or forgets that a person subscribes to a collection's name.
// Names outlive collections (RFC 9051 6.3.7).
func (s *Store) Subscribe(ctx context.Context, key Key, person int64, kind CollectionKind, name string, on bool) error {
	return s.write(ctx, key, func() error {
		return s.at(ctx, key.Tenant).db.Write(ctx, key, meta.JobFunc(func(a *meta.Account, b *meta.Batch) error {
			if on {
				b.Exec(`INSERT INTO subscription (tenant_id, account_id, person_id, kind, name) VALUES ($1, $2, $3, $4, $5)
					ON CONFLICT DO NOTHING`, a.Tenant, a.Key.Account, person, int64(kind), name)
			} else {
				b.Exec(`DELETE FROM subscription WHERE tenant_id = $1 AND account_id = $2 AND person_id = $3 AND kind = $4 AND name = $5`,
					a.Tenant, a.Key.Account, person, int64(kind), name)
			}
			return nil
		}))
	})
}

// Subscriptions lists the names a person subscribes to in an account.
func (s *Store) Subscriptions(ctx context.Context, key Key, person int64, kind CollectionKind) (names []string, err error) {
	err = s.at(ctx, key.Tenant).view(ctx, func(r meta.Rows) error {
		var name string
		err := r.Scan(&name)
		names = append(names, name)
		return err
	}, `SELECT name FROM subscription WHERE tenant_id = $1 AND account_id = $2 AND person_id = $3 AND kind = $4 ORDER BY name`,
		key.Tenant, key.Account, person, int64(kind))
	return names, err
}
