package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// ErrCorrupt says that stored bytes are not what was stored.
var ErrCorrupt = content.ErrCorrupt

// Body reads one stored content in plain.
type Body struct {
	at      *site
	account *content.Account
	id      content.ID
	purpose content.Purpose
	row     meta.Content
}

// Body finds a content; its bytes are read by Open.
func (s *Store) Body(ctx context.Context, key Key, id ContentID) (*Body, error) {
	return s.body(ctx, key, id, content.PurposeContent)
}

func (s *Store) body(ctx context.Context, key Key, id ContentID, p content.Purpose) (*Body, error) {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return nil, err
	}
	at := s.at(ctx, key.Tenant)
	row, err := at.db.Content(ctx, key, id)
	if err != nil {
		return nil, outer(err)
	}
	return &Body{at: at, account: account, id: content.ID(id), purpose: p, row: row}, nil
}

// Size is the content's length in bytes.
func (b *Body) Size() int64 { return b.row.Size }

// Open reads length bytes from offset on, or to the end when length is negative;
// a range is cut at the end. No transaction is open while the reader is read.
func (b *Body) Open(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	return b.open(ctx, b.ranges(), offset, length)
}

func (b *Body) ranges() *content.Ranges {
	var src content.Source = content.Inline(b.row.Inline)
	if b.row.ObjectKey != "" {
		src = content.ObjectWith(b.at.blobs, b.row.ObjectKey, b.row.Sealed, b.row.Inline)
	}
	return b.account.Ranges(b.id, b.purpose, src)
}

func (b *Body) open(ctx context.Context, ranges *content.Ranges, offset, length int64) (*content.Reader, error) {
	r, err := ranges.Open(ctx, offset, length)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, fmt.Errorf("%w: object %s is missing", ErrCorrupt, b.row.ObjectKey)
	}
	if err != nil {
		return nil, outer(err)
	}
	return r, nil
}

// Metas opens the item_meta of objects, ascending by object id; objects without
// one are left out. plain is valid during the call of f only.
func (s *Store) Metas(ctx context.Context, key Key, objectIDs []int64, f func(objectID int64, encoder int16, plain []byte, id ContentID) error) error {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return err
	}
	var buf []byte
	err = s.at(ctx, key.Tenant).db.Metas(ctx, key, objectIDs, func(m meta.Meta) error {
		plain, err := account.OpenMeta(buf[:0], m.ObjectID, byte(m.Encoder), m.Sealed)
		if err != nil {
			return fmt.Errorf("store: meta of object %d: %w", m.ObjectID, err)
		}
		buf = plain
		return f(m.ObjectID, m.Encoder, plain, m.Content)
	})
	return outer(err)
}

// PutMeta replaces an object's item_meta after an encoder changed.
func (s *Store) PutMeta(ctx context.Context, key Key, objectID int64, encoder int16, id ContentID, plain []byte) error {
	if err := s.admit(ctx, key.Tenant, location.Metadata); err != nil {
		return outer(err)
	}
	account, err := s.sealer(ctx, key)
	if err != nil {
		return err
	}
	return outer(s.at(ctx, key.Tenant).db.PutMeta(ctx, key, meta.Meta{
		ObjectID: objectID, Encoder: encoder, Content: id,
		Sealed: account.SealMeta(nil, objectID, byte(encoder), plain),
	}))
}
