package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"fachwerk/internal/budget"
	"fachwerk/internal/store/content"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// ErrLength says that an upload has not the length it was announced with.
var ErrLength = errors.New("the content does not have the length it was announced with")

// UploadOptions say what is known of content before it comes.
type UploadOptions struct {
	Size     int64 // bytes; -1: not known
	Limit    int64 // bytes; 0: no limit but the quota
	Replaces int64 // bytes of what it takes the place of, which the quota does not count twice
	Person   int64 // account of who sends it, who has no more than a share of what is on its way in
	// Also are digests to compute beside SHA-256. They belong to the upload until
	// Finish or Close has returned.
	Also []hash.Hash
}

// Upload is content on its way in: sealed for its account as it comes, never in
// plain on a disk, invisible until a row names it. It is for one goroutine.
type Upload struct {
	s       *Store
	at      *site
	ctx     context.Context
	key     Key
	o       UploadOptions
	room    int64 // bytes the account has left; -1: no limit, or not asked
	account *content.Account
	id      content.ID
	writer  *content.Writer
	landing *landing
	placed  meta.Content
	err     error

	finished, used, closed bool
}

// NewUpload begins one. ErrQuota where a known size does not fit (of what is small
// enough to go inline only the write says so), ErrTooLarge where it passes the limit.
// ctx holds for the whole upload.
func (s *Store) NewUpload(ctx context.Context, key Key, o UploadOptions) (*Upload, error) {
	if o.Limit > 0 && o.Size > o.Limit {
		return nil, fmt.Errorf("%w: limit %d bytes", ErrTooLarge, o.Limit)
	}
	if more := max(o.Size, 0) - o.Replaces; more > 0 || o.Size < 0 {
		if err := s.admitContent(ctx, key.Tenant, more, 1); err != nil {
			return nil, outer(err)
		}
	} else if err := s.admit(ctx, key.Tenant, location.Content); err != nil {
		return nil, outer(err)
	}
	u := &Upload{s: s, at: s.at(ctx, key.Tenant), ctx: ctx, key: key, o: o, room: -1}
	if err := u.ask(); err != nil {
		return nil, err
	}
	var err error
	if u.account, err = s.sealer(ctx, key); err != nil {
		return nil, err
	}
	u.id = content.NewID()
	u.landing = &landing{s: s, at: u.at, ctx: ctx, tenant: key.Tenant, of: budget.Holder{Tenant: key.Tenant, Account: o.Person}}
	u.writer = u.account.SealParallel(u.id, content.PurposeContent, u.landing, o.Also...)
	return u, nil
}

// ask learns what room the account has. Small content costs nothing before the lock
// decides, so nobody is asked for it.
func (u *Upload) ask() error {
	if u.o.Size >= 0 && u.o.Size <= u.at.inline {
		return nil
	}
	if bytes, ok := u.at.rooms.enough(u.key, u.o.Size); ok && u.o.Size >= 0 {
		if bytes >= 0 {
			u.room = bytes + u.o.Replaces
		}
		return nil
	}
	a, err := u.at.db.Account(u.ctx, u.key)
	if err != nil {
		return outer(err)
	}
	if a.QuotaBytes > 0 {
		u.room = max(a.QuotaBytes-a.UsedBytes, 0) + u.o.Replaces
	}
	return u.fits(u.o.Size)
}

// fits checks a size early; what counts is checked under the account's lock.
func (u *Upload) fits(size int64) error {
	switch {
	case u.o.Limit > 0 && size > u.o.Limit:
		return fmt.Errorf("%w: limit %d bytes", ErrTooLarge, u.o.Limit)
	case u.room >= 0 && size > u.room:
		return fmt.Errorf("upload: %w", ErrQuota)
	case u.o.Size >= 0 && size > u.o.Size:
		return fmt.Errorf("%w: more than %d bytes", ErrLength, u.o.Size)
	}
	return nil
}

// Write takes more bytes. After an error all further calls fail alike.
func (u *Upload) Write(p []byte) (int, error) {
	if err := u.begin(int64(len(p))); err != nil {
		return 0, err
	}
	n, err := u.writer.Write(p)
	u.err = tooLarge(err)
	return n, u.err
}

// ReadFrom takes what r gives up to its end, without copying it once more: io.Copy
// uses it. It ends before the limits are passed by more than one piece.
func (u *Upload) ReadFrom(r io.Reader) (int64, error) {
	if err := u.begin(0); err != nil {
		return 0, err
	}
	n, err := u.writer.ReadFrom(checked{u, r})
	u.err = tooLarge(err)
	return n, u.err
}

// checked ends a reader where an upload may take no more.
type checked struct {
	u *Upload
	r io.Reader
}

func (c checked) Read(p []byte) (int, error) {
	if err := c.u.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	if full := c.u.fits(c.u.Size() + int64(n)); full != nil {
		return 0, full
	}
	return n, err
}

// begin reports why so many bytes more cannot be taken.
func (u *Upload) begin(n int64) error {
	if u.err == nil && (u.finished || u.closed) {
		u.err = errors.New("store: write to an upload that has ended")
	}
	if u.err == nil {
		u.err = u.ctx.Err()
	}
	if u.err == nil {
		u.err = u.fits(u.Size() + n)
	}
	return u.err
}

func tooLarge(err error) error {
	if errors.Is(err, content.ErrTooLarge) {
		return fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	return outer(err)
}

// Finish makes the bytes durable, outside any transaction. It may be called again.
func (u *Upload) Finish() error {
	if u.finished || u.err != nil {
		return u.err
	}
	u.finished = true
	u.err = u.finish()
	return u.err
}

func (u *Upload) finish() error {
	if u.o.Size >= 0 && u.Size() != u.o.Size {
		return fmt.Errorf("%w: %d bytes instead of %d", ErrLength, u.Size(), u.o.Size)
	}
	if err := u.writer.Close(); err != nil {
		return tooLarge(err)
	}
	if err := u.landing.commit(); err != nil {
		return outer(err)
	}
	u.placed = meta.Content{ID: ContentID(u.id), Size: u.Size(), Sealed: u.writer.SealedSize(),
		ObjectKey: u.landing.key, Inline: u.landing.row(u.writer.SealedSize())}
	return nil
}

// Key is the account that the content is sealed for.
func (u *Upload) Key() Key { return u.key }

// Size is the number of bytes written.
func (u *Upload) Size() int64 { return u.writer.Size() }

// SHA256 is the digest of the bytes, after Finish.
func (u *Upload) SHA256() [sha256.Size]byte { return u.writer.Sum() }

// Digest is a keyed hash of the bytes, after Finish: equal content of an account
// has equal ones, and without the account's key nobody learns anything from it.
func (u *Upload) Digest() [16]byte {
	sum := u.writer.Sum()
	return u.account.Tag("content-digest", sum[:])
}

// use hands what Finish placed to write, which names it by a row. Where write
// decides against it, it may be used again; once a row names it, or may name it,
// it stays.
func (u *Upload) use(write func(meta.Content) error) error {
	switch {
	case u.err != nil:
		return u.err
	case !u.finished || u.closed || u.used:
		return errors.New("store: an upload is used once, after Finish and before Close")
	}
	err := write(u.placed)
	// Where it is not known whether the row is there, the object stays: one
	// that no row names is found by the sweep for orphans.
	u.used = err == nil || errors.Is(err, meta.ErrOutcomeUnknown) || errors.Is(err, meta.ErrUnavailable)
	return err
}

// Close frees what was not used. It may be called more than once.
func (u *Upload) Close() error {
	if u.closed {
		return nil
	}
	u.closed = true
	u.writer.Discard()
	return outer(u.landing.close(u.used))
}
