package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"fachwerk/internal/store/blob"
)

// Source gives ranges of one sealed stream. A range may be cut at the stream's
// end; an error other than that end is handed to the reader of the content as it
// is. *blob.Spool is one.
type Source interface {
	// Size is the whole stream's length in sealed bytes.
	Size() int64
	// ReadRange reads length sealed bytes from offset on.
	ReadRange(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// Inline is a Source of sealed bytes in memory, such as a column. They are opened
// where they lie and must not change until the reader is closed.
type Inline []byte

// Size is the number of bytes.
func (b Inline) Size() int64 { return int64(len(b)) }

// ReadRange reads a part of the bytes.
func (b Inline) ReadRange(_ context.Context, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 || offset > int64(len(b)) {
		return nil, blob.ErrRange
	}
	length = min(length, int64(len(b))-offset)
	return io.NopCloser(bytes.NewReader(b[offset : offset+length])), nil
}

// Bytes returns all of them.
func (b Inline) Bytes() ([]byte, bool) { return b, true }

// Object is a Source of an object in a blob store, of size sealed bytes as its
// content row says. A whole content of many chunks takes two requests, one of few
// bytes one; see ObjectWith.
func Object(store blob.Store, key string, size int64) Source {
	return object{store: store, key: key, size: size}
}

type object struct {
	store blob.Store
	key   string
	size  int64
}

func (o object) Size() int64 { return o.size }

func (o object) ReadRange(ctx context.Context, offset, length int64) (io.ReadCloser, error) {
	return o.store.Get(ctx, o.key, offset, length)
}

// inMemory is a Source all of whose bytes may be there already.
type inMemory interface{ Bytes() ([]byte, bool) }

// readRange reads exactly length bytes of src into dst, which has that capacity.
func readRange(ctx context.Context, src Source, dst []byte, offset int64) error {
	r, err := src.ReadRange(ctx, offset, int64(len(dst)))
	if err != nil {
		return fmt.Errorf("content: read sealed bytes: %w", err)
	}
	err = readFull(r, dst)
	return errors.Join(err, r.Close())
}

// readFull fills dst. A source that ends early is ErrCorrupt; one that fails is
// its own error, even where that is io.ErrUnexpectedEOF of a broken connection.
func readFull(r io.Reader, dst []byte) error {
	for n := 0; n < len(dst); {
		m, err := r.Read(dst[n:])
		n += m
		if n == len(dst) {
			return nil
		}
		if err == io.EOF {
			return fmt.Errorf("%w: cut short", ErrCorrupt)
		}
		if err != nil {
			return fmt.Errorf("content: read sealed bytes: %w", err)
		}
	}
	return nil
}
