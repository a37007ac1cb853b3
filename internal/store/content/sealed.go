package content

import (
	"context"
	"io"

	"fachwerk/internal/store/blob"
)

// SpoolConfig says where sealed bytes wait until it is known how many they are.
type SpoolConfig struct {
	Folder string // for temporary files, on a disk of the site; "": the system's
	Memory int64  // bytes kept in memory before a file is made; 0: blob.SpoolMemory
}

// Sealed is a Writer whose sealed bytes wait in a blob.Spool. After Close the
// caller takes them inline or puts its Body into a blob store; what was just
// received can also be read again. Discard frees it, in any case, at the end.
type Sealed struct {
	*Writer
	spool *blob.Spool
}

// NewSealed returns a Sealed for the content id.
func (a *Account) NewSealed(id ID, p Purpose, c SpoolConfig) *Sealed {
	spool := blob.NewSpool(c.Folder, c.Memory)
	return &Sealed{Writer: a.Seal(id, p, spool), spool: spool}
}

// ID is the content's.
func (s *Sealed) ID() ID { return s.chunks.id }

// Inline returns the sealed bytes when there are at most limit of them and they
// are in memory. They belong to the Sealed until Discard, which leaves them alone.
func (s *Sealed) Inline(limit int64) ([]byte, bool) {
	if s.spool.Size() > limit {
		return nil, false
	}
	return s.spool.Bytes()
}

// Body is what Store.Put takes: the sealed bytes.
func (s *Sealed) Body() blob.Body { return s.spool }

// Source reads the sealed bytes for Account.Open, until Discard.
func (s *Sealed) Source() Source { return s.spool }

// Open reads the plain bytes again, from the first on.
func (s *Sealed) Open(ctx context.Context) (io.ReadCloser, error) {
	return s.account.Open(ctx, s.chunks.id, s.chunks.purpose, s.spool, 0, -1)
}

// Discard ends the writing if Close has not, and frees memory and file.
func (s *Sealed) Discard() error {
	s.Writer.Discard()
	return s.spool.Close()
}
