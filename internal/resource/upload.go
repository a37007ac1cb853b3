package resource

import (
	"context"
	"crypto/sha256"
	"hash"
)

// UploadOptions say what is known of content before it comes.
type UploadOptions struct {
	Size  int64 // -1: not known. ErrQuota at once where it does not fit, ErrTooLarge above Limit
	Limit int64 // bytes; 0: no limit but the quota
	// Also are digests to compute beside SHA-256, by name: "SHA1", "MD5".
	Also map[string]hash.Hash
}

// Upload is content on its way in: sealed under the account's key as it comes, in
// constant memory, invisible until a Draft with it is put in place. It is written,
// finished, used once; Close frees what was not used and may always be called.
type Upload struct{}

// NewUpload begins one.
func (s *Service) NewUpload(ctx context.Context, a Account, o UploadOptions) (*Upload, error) {
	panic("unwritten")
}

// Write takes more bytes; ErrTooLarge, ErrQuota, ErrTemporary.
func (u *Upload) Write(p []byte) (int, error) { panic("unwritten") }

// Finish makes the bytes durable, outside any transaction. ErrDigest if Size was
// known and is another.
func (u *Upload) Finish() error { panic("unwritten") }

// Size is the number of bytes written.
func (u *Upload) Size() int64 { panic("unwritten") }

// SHA256 is the digest of the content, after Finish.
func (u *Upload) SHA256() [sha256.Size]byte { panic("unwritten") }

// Close frees what was not used.
func (u *Upload) Close() error { panic("unwritten") }
