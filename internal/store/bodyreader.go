package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"fachwerk/internal/store/content"
)

// What a reader asks of the blob store at first, when it does not know how much
// will be read, and how much more each time that it goes on: a small range costs
// little, and a long one few requests.
const (
	firstWindow  = 1 << 20
	windowGrowth = 8
)

// BodyReader reads a content from any place on, as net/http's ServeContent wants
// it: an io.ReadSeekCloser and io.WriterTo. It is for one goroutine.
type BodyReader struct {
	ctx    context.Context
	body   *Body
	ranges *content.Ranges

	at     int64
	open   *content.Reader // reads on at the place; nil: not open
	until  int64           // where it ends
	window int64           // how long it was; 0 after a Seek
}

// Reader reads the content from any place on. Nothing is opened before the first
// Read or WriteTo after a Seek; ctx holds for all of them.
func (b *Body) Reader(ctx context.Context) *BodyReader {
	return &BodyReader{ctx: ctx, body: b, ranges: b.ranges()}
}

// Read reads on; io.EOF at or beyond the end.
func (r *BodyReader) Read(p []byte) (int, error) {
	if r.at >= r.body.Size() {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.open != nil && r.at == r.until {
		if err := r.Close(); err != nil {
			return 0, err
		}
	}
	if r.open == nil {
		r.window = max(r.window*windowGrowth, firstWindow)
		if err := r.begin(r.window); err != nil {
			return 0, err
		}
	}
	n, err := r.open.Read(p)
	r.at += int64(n)
	if errors.Is(err, io.EOF) {
		if r.at < r.until {
			return n, io.ErrUnexpectedEOF
		}
		err = nil // of the window; the next call tells whether of the content
	}
	return n, outer(err)
}

// begin opens so many bytes at the place; negative: all.
func (r *BodyReader) begin(length int64) (err error) {
	r.until = r.body.Size()
	if length >= 0 {
		r.until = min(r.until, r.at+length)
	}
	r.open, err = r.body.open(r.ctx, r.ranges, r.at, r.until-r.at)
	return err
}

// WriteTo writes the rest to w, in large pieces.
func (r *BodyReader) WriteTo(w io.Writer) (written int64, err error) {
	for r.at < r.body.Size() {
		if r.open == nil {
			if err := r.begin(-1); err != nil {
				return written, err
			}
		}
		n, err := r.open.WriteTo(w)
		r.at, written = r.at+n, written+n
		if err == nil && r.at < r.until {
			err = io.ErrUnexpectedEOF
		}
		if err := errors.Join(outer(err), r.Close()); err != nil {
			return written, err
		}
	}
	return written, nil
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
	r.at, r.window = offset, 0
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
