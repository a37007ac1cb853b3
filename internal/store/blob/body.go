package blob

import (
	"bytes"
	"context"
	"fmt"
	"io"
)

// Bytes is a Body in memory.
type Bytes []byte

// Size is the number of bytes.
func (b Bytes) Size() int64 { return int64(len(b)) }

// Open reads the bytes. The reader is an io.ReaderAt too.
func (b Bytes) Open() (io.ReadCloser, error) {
	return section{io.NewSectionReader(bytes.NewReader(b), 0, int64(len(b)))}, nil
}

// section is a reader at any offset with nothing to close.
type section struct{ *io.SectionReader }

func (section) Close() error { return nil }

// Copy writes the whole body to w. A body that has not exactly its size is
// ErrSize, of which w may have seen up to one byte more than that.
func Copy(ctx context.Context, w io.Writer, body Body) error {
	r, err := body.Open()
	if err != nil {
		return fmt.Errorf("open the body: %w", err)
	}
	defer r.Close()
	n, err := io.Copy(w, io.LimitReader(UntilDone(ctx, r), body.Size()+1))
	if err != nil {
		return err
	}
	if n < body.Size() {
		return fmt.Errorf("%w: %d bytes announced, %d given", ErrSize, body.Size(), n)
	}
	if n > body.Size() {
		return fmt.Errorf("%w: %d bytes announced, more given", ErrSize, body.Size())
	}
	return nil
}

// UntilDone reads from r until ctx ends, and then fails with its error.
func UntilDone(ctx context.Context, r io.Reader) io.Reader { return untilDone{ctx, r} }

type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u untilDone) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}
