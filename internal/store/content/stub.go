package content

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"

	"fachwerk/internal/store/blob"
)

var errStub = errors.New("content: being written")

// KeyDir is the key directory.
type KeyDir struct{}

// OpenKeyDir opens the key directory at path; with create it makes a missing one.
func OpenKeyDir(path string, create bool) (*KeyDir, error) { return nil, errStub }

// Derive returns 32 secret bytes for another use of the operator's key.
func (k *KeyDir) Derive(purpose string) []byte { return nil }

// CreateTenantKey makes the tenant's key; it fails when there is one.
func (k *KeyDir) CreateTenantKey(tenant int64) error { return errStub }

// HasTenantKey tells whether the tenant's key is there and opens.
func (k *KeyDir) CheckTenantKey(tenant int64) error { return errStub }

// DestroyTenantKey destroys the tenant's key; a missing one is not an error.
func (k *KeyDir) DestroyTenantKey(tenant int64) error { return errStub }

// NewAccountKey makes an account key and returns it wrapped by the tenant's.
func (k *KeyDir) NewAccountKey(tenant, account int64) ([]byte, error) { return nil, errStub }

// OpenAccount unwraps an account key.
func (k *KeyDir) OpenAccount(tenant, account int64, wrapped []byte) (*Account, error) {
	return nil, errStub
}

// SealSmall seals a short secret under the operator's key.
func (k *KeyDir) SealSmall(purpose string, aad, plain []byte) []byte { return nil }

// OpenSmall opens what SealSmall sealed.
func (k *KeyDir) OpenSmall(purpose string, aad, sealed []byte) ([]byte, error) { return nil, errStub }

// SealTenantSmall seals a short secret under a tenant's key.
func (k *KeyDir) SealTenantSmall(tenant int64, purpose string, aad, plain []byte) ([]byte, error) {
	return nil, errStub
}

// OpenTenantSmall opens what SealTenantSmall sealed.
func (k *KeyDir) OpenTenantSmall(tenant int64, purpose string, aad, sealed []byte) ([]byte, error) {
	return nil, errStub
}

// Account seals and opens what belongs to one account. Safe for concurrent use.
type Account struct{}

// SealMeta appends the sealed form of a metadata record to dst.
func (a *Account) SealMeta(dst []byte, objectID int64, version byte, plain []byte) []byte { return nil }

// OpenMeta appends the plain form to dst.
func (a *Account) OpenMeta(dst []byte, objectID int64, version byte, sealed []byte) ([]byte, error) {
	return nil, errStub
}

// SealSmall seals a short secret of a column.
func (a *Account) SealSmall(purpose string, aad, plain []byte) []byte { return nil }

// OpenSmall opens what SealSmall sealed.
func (a *Account) OpenSmall(purpose string, aad, sealed []byte) ([]byte, error) { return nil, errStub }

// SealBytes appends the sealed stream form of plain to dst.
func (a *Account) SealBytes(dst []byte, id ID, p Purpose, plain []byte) []byte { return nil }

// OpenBytes appends the plain bytes of a whole sealed stream to dst.
func (a *Account) OpenBytes(dst []byte, id ID, p Purpose, sealed []byte) ([]byte, error) {
	return nil, errStub
}

// Seal returns a Writer that seals what is written to it into w.
func (a *Account) Seal(id ID, p Purpose, w io.Writer) *Writer { return nil }

// Writer seals a stream. Close ends it and does not close the writer below.
type Writer struct{}

func (w *Writer) Write(p []byte) (int, error)  { return 0, errStub }
func (w *Writer) Close() error                 { return errStub }
func (w *Writer) Size() int64                  { return 0 }
func (w *Writer) SealedSize() int64            { return 0 }
func (w *Writer) Sum() (sum [sha256.Size]byte) { return }

// SpoolConfig says where sealed bytes wait until it is known how many they are.
type SpoolConfig struct {
	Folder string // for temporary files, on the site's own disk
	Memory int64  // bytes kept in memory before a file is made; 0: blob.SpoolMemory
}

// NewSealed returns a writer that seals into a spool.
func (a *Account) NewSealed(id ID, p Purpose, c SpoolConfig) *Sealed { return nil }

// Sealed is a Writer over a blob.Spool. After Close it is a blob.Body and a Source;
// Discard frees it, always, at the end.
type Sealed struct{ Writer }

func (s *Sealed) ID() ID                            { return ID{} }
func (s *Sealed) Inline(limit int64) ([]byte, bool) { return nil, false }
func (s *Sealed) Body() blob.Body                   { return nil }
func (s *Sealed) Source() Source                    { return nil }
func (s *Sealed) Discard() error                    { return nil }

// Source reads ranges of sealed bytes.
type Source interface {
	Size() int64
	ReadRange(ctx context.Context, offset, length int64) (io.ReadCloser, error)
}

// Inline is a Source of bytes in memory, such as a column.
func Inline(sealed []byte) Source { return nil }

// Object is a Source of an object in a blob store; size is its sealed size.
func Object(store blob.Store, key string, size int64) Source { return nil }

// Open reads length plain bytes from offset on; length<0: to the end.
func (a *Account) Open(ctx context.Context, id ID, p Purpose, src Source, offset, length int64) (*Reader, error) {
	return nil, errStub
}

// Reader gives plain bytes.
type Reader struct{}

func (r *Reader) Read(p []byte) (int, error) { return 0, errStub }
func (r *Reader) Close() error               { return nil }

// Size is the whole content's size in plain bytes.
func (r *Reader) Size() int64 { return 0 }
