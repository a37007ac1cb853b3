package blobtest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
)

// Generated is a blob.Body of Length pseudo-random bytes that depend on Seed
// alone and are never in memory together.
type Generated struct {
	Seed   byte
	Length int64
}

// Size is Length.
func (g Generated) Size() int64 { return g.Length }

// Open generates the bytes from the first on.
func (g Generated) Open() (io.ReadCloser, error) {
	source := rand.NewChaCha8([32]byte{g.Seed})
	return io.NopCloser(io.LimitReader(source, g.Length)), nil
}

// Bytes is all of it.
func (g Generated) Bytes() []byte {
	r, _ := g.Open()
	b, _ := io.ReadAll(r)
	return b
}

// lying is a Body that announces another size than it has.
type lying struct {
	announced int64
	given     []byte
	plain     bool // its reader is not an io.ReaderAt
}

func (l lying) Size() int64 { return l.announced }

func (l lying) Open() (io.ReadCloser, error) {
	if l.plain {
		return io.NopCloser(struct{ io.Reader }{bytes.NewReader(l.given)}), nil
	}
	return readerAt{bytes.NewReader(l.given)}, nil
}

type readerAt struct{ *bytes.Reader }

func (readerAt) Close() error { return nil }

// cancelling is a Body that calls cancel when it has been read up to a place.
type cancelling struct {
	Generated
	at     int64
	cancel func()
}

func (c cancelling) Open() (io.ReadCloser, error) {
	r, _ := c.Generated.Open()
	return io.NopCloser(io.MultiReader(io.LimitReader(r, c.at), doing{c.cancel}, r)), nil
}

// doing is an empty reader that does something when it is reached.
type doing struct{ what func() }

func (d doing) Read([]byte) (int, error) {
	d.what()
	return 0, io.EOF
}

var errBody = errors.New("the body cannot be read")

// failing is a Body that cannot be read to its end.
type failing struct{ Generated }

func (f failing) Open() (io.ReadCloser, error) {
	r, _ := f.Generated.Open()
	return io.NopCloser(io.MultiReader(io.LimitReader(r, f.Length/2), broken{})), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errBody }
