package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fachwerk/internal/store/content"
)

// WalkNames follows names from a folder down; it stops where one leads nowhere.
func (s *Store) WalkNames(ctx context.Context, key Key, collection, root int64, names []string) ([]Item, error) {
	list, err := s.at(ctx, key.Tenant).db.WalkNames(ctx, key, collection, root, names)
	return list, outer(err)
}

// Members reads a keyset page of a folder, by name.
func (s *Store) Members(ctx context.Context, key Key, collection, parent int64, after string, limit int) ([]Item, error) {
	list, err := s.at(ctx, key.Tenant).db.Members(ctx, key, collection, parent, after, limit)
	return list, outer(err)
}

// Named reads those of the names in a folder that are there.
func (s *Store) Named(ctx context.Context, key Key, collection, parent int64, names []string) ([]Item, error) {
	list, err := s.at(ctx, key.Tenant).db.Named(ctx, key, collection, parent, names)
	return list, outer(err)
}

// Candidates reads a page of those whose index may lie in the window, by UID.
func (s *Store) Candidates(ctx context.Context, key Key, collection int64, w Window, afterUID int64, limit int) ([]Item, error) {
	list, err := s.at(ctx, key.Tenant).db.Candidates(ctx, key, collection, w, afterUID, limit)
	return list, outer(err)
}

// ByUID finds the named item whose index has that iCalendar or vCard UID.
func (s *Store) ByUID(ctx context.Context, key Key, collection int64, uid string) (Item, error) {
	i, err := s.at(ctx, key.Tenant).db.ByHash(ctx, key, collection, s.uidHash(key, uid))
	return i, outer(err)
}

// DriveChanges reads what happened in a drive since a token, by path.
func (s *Store) DriveChanges(ctx context.Context, key Key, drive int64, since Token, limit int) (DriveChanges, error) {
	c, err := s.at(ctx, key.Tenant).db.DriveChanges(ctx, key, drive, since, limit)
	return c, outer(err)
}

// Contents opens small contents whole and calls f with each that is there, in their
// order. The caller keeps the number so small that they fit into memory; plain is
// valid during the call only.
func (s *Store) Contents(ctx context.Context, key Key, ids []ContentID, f func(i int, plain []byte) error) error {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return err
	}
	at := s.at(ctx, key.Tenant)
	rows, err := at.db.ContentsOf(ctx, key, ids)
	if err != nil {
		return outer(err)
	}
	var buf []byte
	for i, id := range ids {
		row, ok := rows[id]
		if !ok {
			continue
		}
		if row.ObjectKey == "" {
			if buf, err = account.OpenBytes(buf[:0], content.ID(id), content.PurposeContent, row.Inline); err != nil {
				return fmt.Errorf("store: content %x: %w", id[:], err)
			}
		} else if buf, err = s.readObject(ctx, buf[:0], &Body{at: at, account: account, id: content.ID(id),
			purpose: content.PurposeContent, row: row}); err != nil {
			return err
		}
		if err := f(i, buf); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) readObject(ctx context.Context, buf []byte, b *Body) ([]byte, error) {
	r, err := b.Open(ctx, 0, -1)
	if err != nil {
		return buf, err
	}
	size := int(b.Size())
	if cap(buf) < size {
		buf = make([]byte, 0, size)
	}
	buf = buf[:size]
	_, err = io.ReadFull(r, buf)
	return buf, outer(errors.Join(err, r.Close()))
}
