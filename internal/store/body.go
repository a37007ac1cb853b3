package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
)

// ErrCorrupt says that stored bytes are not what was stored.
var ErrCorrupt = content.ErrCorrupt

// Body reads one stored content in plain.
type Body struct {
	s       *Store
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
	row, err := s.db.Content(ctx, key, id)
	if err != nil {
		return nil, outer(err)
	}
	return &Body{s: s, account: account, id: content.ID(id), purpose: p, row: row}, nil
}

// Size is the content's length in bytes.
func (b *Body) Size() int64 { return b.row.Size }

// Open reads length bytes from offset on, or to the end when length is negative;
// a range is cut at the end. No transaction is open while the reader is read.
func (b *Body) Open(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	var src content.Source = content.Inline(b.row.Inline)
	if b.row.ObjectKey != "" {
		src = content.Object(b.s.blobs, b.row.ObjectKey, b.row.Sealed)
	}
	r, err := b.account.Open(ctx, b.id, b.purpose, src, offset, length)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, fmt.Errorf("%w: object %s is missing", ErrCorrupt, b.row.ObjectKey)
	}
	if err != nil {
		return nil, outer(err)
	}
	return r, nil
}

// Reader reads the content from any place on, for net/http's ServeContent and its
// like. Nothing is opened before the first Read or WriteTo after a Seek; ctx holds
// for all of them.
func (b *Body) Reader(ctx context.Context) *BodyReader { return &BodyReader{ctx: ctx, body: b} }

// BodyReader is an io.ReadSeekCloser and io.WriterTo. It is for one goroutine.
type BodyReader struct {
	ctx  context.Context
	body *Body
	at   int64
	open io.ReadCloser // reads on at the place at; nil: not open
}

// Read reads on; io.EOF at or beyond the end.
func (r *BodyReader) Read(p []byte) (int, error) {
	if err := r.begin(); err != nil {
		return 0, err
	}
	n, err := r.open.Read(p)
	r.at += int64(n)
	return n, endOr(err)
}

// WriteTo writes the rest to w, in large pieces.
func (r *BodyReader) WriteTo(w io.Writer) (int64, error) {
	if err := r.begin(); err != nil {
		if err == io.EOF {
			err = nil
		}
		return 0, err
	}
	n, err := io.Copy(w, r.open)
	r.at += n
	return n, outer(err)
}

// begin opens the content at the place.
func (r *BodyReader) begin() (err error) {
	if r.open == nil && r.at >= r.body.Size() {
		return io.EOF
	}
	if r.open == nil {
		r.open, err = r.body.Open(r.ctx, r.at, -1)
	}
	return err
}

func endOr(err error) error {
	if err == io.EOF {
		return err
	}
	return outer(err)
}

// Seek sets the place for the next Read. It may lie beyond the end.
func (r *BodyReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.body.Size()
	default:
		return 0, fmt.Errorf("store: seek: whence %d", whence)
	}
	if offset < 0 {
		return 0, errors.New("store: seek before the beginning")
	}
	if offset == r.at {
		return offset, nil
	}
	r.at = offset
	return offset, r.Close()
}

// Close frees what is open; a later Read opens anew.
func (r *BodyReader) Close() error {
	if r.open == nil {
		return nil
	}
	open := r.open
	r.open = nil
	return open.Close()
}

// Metas opens the item_meta of objects, ascending by object id; objects without
// one are left out. plain is valid during the call of f only.
func (s *Store) Metas(ctx context.Context, key Key, objectIDs []int64, f func(objectID int64, encoder int16, plain []byte, id ContentID) error) error {
	account, err := s.sealer(ctx, key)
	if err != nil {
		return err
	}
	var buf []byte
	err = s.db.Metas(ctx, key, objectIDs, func(m meta.Meta) error {
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
	account, err := s.sealer(ctx, key)
	if err != nil {
		return err
	}
	return outer(s.db.PutMeta(ctx, key, meta.Meta{
		ObjectID: objectID, Encoder: encoder, Content: id,
		Sealed: account.SealMeta(nil, objectID, byte(encoder), plain),
	}))
}
