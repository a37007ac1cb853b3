package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"fachwerk/internal/store/blob"
)

// abortTime bounds the abort of an upload whose own context may have ended.
const abortTime = 30 * time.Second

// Put implements blob.Store. The body is read twice: once for its digest, which
// also finds a body that differs from its size before anything is sent.
func (s *Store) Put(ctx context.Context, key string, body blob.Body) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	var err error
	if body.Size() <= s.config.Multipart {
		err = s.putOnce(ctx, key, body)
	} else {
		err = s.putParts(ctx, key, body)
	}
	return s.failed(ctx, "put", key, err)
}

// putOnce stores the body by one request.
func (s *Store) putOnce(ctx context.Context, key string, body blob.Body) error {
	digest, err := digestOf(ctx, body)
	if err != nil {
		return err
	}
	r, err := body.Open()
	if err != nil {
		return fmt.Errorf("open the body: %w", err)
	}
	defer r.Close()
	// Only Read is shown, so that nothing seeks or closes the body.
	_, err = s.core.PutObject(ctx, s.config.Bucket, s.object(key), io.LimitReader(r, body.Size()), body.Size(),
		"", digest, minio.PutObjectOptions{ContentType: contentType, DisableContentSha256: true})
	return err
}

// contentType is all that the service learns of what sealed bytes are.
const contentType = "application/octet-stream"

// digestOf reads the whole body, which must have exactly its size.
func digestOf(ctx context.Context, body blob.Body) (string, error) {
	digest := sha256.New()
	if err := blob.Copy(ctx, digest, body); err != nil {
		return "", err
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// putParts stores the body by a multipart upload.
func (s *Store) putParts(ctx context.Context, key string, body blob.Body) (err error) {
	r, err := body.Open()
	if err != nil {
		return fmt.Errorf("open the body: %w", err)
	}
	defer r.Close()
	upload, err := s.core.NewMultipartUpload(ctx, s.config.Bucket, s.object(key), minio.PutObjectOptions{ContentType: contentType})
	if err != nil {
		return err
	}
	done, err := s.sendParts(ctx, key, upload, body.Size(), r)
	if err == nil {
		_, err = s.core.CompleteMultipartUpload(ctx, s.config.Bucket, s.object(key), upload, done, minio.PutObjectOptions{})
	}
	if err == nil {
		return nil
	}
	return errors.Join(err, s.abort(ctx, key, upload))
}

// abort gives up a multipart upload, whose own context may have ended. It is tried
// again: a part that is still on its way can make the service stumble over it.
func (s *Store) abort(ctx context.Context, key, upload string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancel()
	return blob.Backoff{}.Do(ctx, func() error {
		err := s.core.AbortMultipartUpload(ctx, s.config.Bucket, s.object(key), upload)
		if err == nil || minio.ToErrorResponse(err).Code == minio.NoSuchUpload {
			return nil
		}
		return s.failed(ctx, "abort", key, err)
	})
}

// sendParts sends the body part by part, each repeated alone where it fails.
func (s *Store) sendParts(ctx context.Context, key, upload string, size int64, r io.Reader) ([]minio.CompletePart, error) {
	length := max(s.config.PartSize, (size+maxParts-1)/maxParts)
	parts := newParts(r, size, length)
	var done []minio.CompletePart
	for number := 1; parts.left > 0; number++ {
		part, digest, err := parts.next(ctx)
		if err != nil {
			return nil, err
		}
		sent, err := s.sendPart(ctx, key, upload, number, part, digest)
		if err != nil {
			return nil, err
		}
		done = append(done, sent)
	}
	return done, parts.atEnd()
}

// sendPart sends one part, repeatedly where it fails.
func (s *Store) sendPart(ctx context.Context, key, upload string, number int, part *io.SectionReader, digest string) (minio.CompletePart, error) {
	var sent minio.ObjectPart
	err := s.config.Backoff.Do(ctx, func() (err error) {
		data := io.NewSectionReader(part, 0, part.Size())
		sent, err = s.core.PutObjectPart(ctx, s.config.Bucket, s.object(key), upload, number, data, part.Size(),
			minio.PutObjectPartOptions{Sha256Hex: digest, DisableContentSha256: true})
		return s.failed(ctx, "put part of", key, err)
	})
	// The ETag is handed back as it came, whatever it means.
	return minio.CompletePart{PartNumber: number, ETag: sent.ETag}, err
}

// parts cuts a body. One that can be read at any place is not buffered; of
// another one part is in memory.
type parts struct {
	r      io.Reader
	at     io.ReaderAt // r, or nil
	size   int64
	length int64
	left   int64
	buf    []byte
}

func newParts(r io.Reader, size, length int64) *parts {
	p := &parts{r: r, size: size, length: length, left: size}
	if at, ok := r.(io.ReaderAt); ok {
		p.at = at
	} else {
		p.buf = make([]byte, length)
	}
	return p
}

// next gives the next part, which can be read repeatedly, and its digest.
func (p *parts) next(ctx context.Context) (*io.SectionReader, string, error) {
	n := min(p.length, p.left)
	start := p.size - p.left
	p.left -= n
	var part *io.SectionReader
	if p.at != nil {
		part = io.NewSectionReader(p.at, start, n)
	} else {
		if _, err := io.ReadFull(blob.UntilDone(ctx, p.r), p.buf[:n]); err != nil {
			return nil, "", p.short(err)
		}
		part = io.NewSectionReader(bytes.NewReader(p.buf[:n]), 0, n)
	}
	digest := sha256.New()
	got, err := io.Copy(digest, blob.UntilDone(ctx, io.NewSectionReader(part, 0, n)))
	if err != nil || got != n {
		return nil, "", p.short(errors.Join(err, io.ErrUnexpectedEOF))
	}
	return part, hex.EncodeToString(digest.Sum(nil)), nil
}

// atEnd fails when the body has more bytes than its size.
func (p *parts) atEnd() error {
	var more [1]byte
	var n int
	if p.at != nil {
		n, _ = p.at.ReadAt(more[:], p.size)
	} else {
		n, _ = io.ReadFull(p.r, more[:])
	}
	if n > 0 {
		return fmt.Errorf("%w: more than the %d bytes announced", blob.ErrSize, p.size)
	}
	return nil
}

func (p *parts) short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: fewer than the %d bytes announced", blob.ErrSize, p.size)
	}
	return fmt.Errorf("read the body: %w", err)
}
