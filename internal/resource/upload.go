package resource

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"

	"fachwerk/internal/store"
)

// UploadOptions say what is known of content before it comes.
type UploadOptions struct {
	// Size is that of the content, -1: not known. ErrTooLarge at once above Limit, and
	// ErrQuota where it does not fit; of small content only Put says that.
	Size  int64
	Limit int64 // bytes; 0: no limit but the quota
	// Replaces is how many bytes go when the content is put in place, those of the
	// item that bears the name: they are not counted twice.
	Replaces int64
	// Also are digests to compute beside SHA-256, by name: "SHA1", "MD5". They are
	// the upload's until Finish or Close has returned.
	Also map[string]hash.Hash
}

// Upload is content on its way in: sealed under the account's key as it comes, in
// constant memory, invisible until a Draft with it is put in place. It is written,
// finished, used once; Close frees what was not used and may always be called.
type Upload struct{ up *store.Upload }

// NewUpload begins one. ctx holds for the whole upload.
func (s *Service) NewUpload(ctx context.Context, a Account, o UploadOptions) (*Upload, error) {
	if a.Rights&Write == 0 {
		return nil, ErrDenied
	}
	also := slices.Collect(maps.Values(o.Also))
	up, err := s.o.Store.NewUpload(ctx, a.Key, store.UploadOptions{
		Size: o.Size, Limit: o.Limit, Replaces: o.Replaces, Person: a.Person, Also: also,
	})
	if err != nil {
		return nil, err
	}
	return &Upload{up}, nil
}

// Write takes more bytes; ErrTooLarge, ErrQuota, ErrTemporary.
func (u *Upload) Write(p []byte) (int, error) {
	n, err := u.up.Write(p)
	return n, lengthError(err)
}

// ReadFrom takes what r gives up to its end, faster than many calls of Write;
// io.Copy uses it. Its errors are those of r and of Write.
func (u *Upload) ReadFrom(r io.Reader) (int64, error) {
	n, err := u.up.ReadFrom(r)
	return n, lengthError(err)
}

// Finish makes the bytes durable, outside any transaction. ErrDigest if Size was
// known and is another. It may be called again.
func (u *Upload) Finish() error { return lengthError(u.up.Finish()) }

func lengthError(err error) error {
	if errors.Is(err, store.ErrLength) {
		return fmt.Errorf("%w: %w", ErrDigest, err)
	}
	return err
}

// Size is the number of bytes written.
func (u *Upload) Size() int64 { return u.up.Size() }

// SHA256 is the digest of the content, after Finish.
func (u *Upload) SHA256() [sha256.Size]byte { return u.up.SHA256() }

// Close frees what was not used.
func (u *Upload) Close() error { return u.up.Close() }
