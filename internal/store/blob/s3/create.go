package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/minio/minio-go/v7"

	"fachwerk/internal/store/blob"
)

// draft is an object whose bytes are coming. They wait in spools of a part's size:
// as long as one PUT may suffice all of them, then one that is filled and one that
// is sent.
type draft struct {
	s      *Store
	ctx    context.Context
	cancel context.CancelFunc
	key    string
	folder string

	size    int64
	waiting []*blob.Spool // the last one is being filled
	upload  string        // of a multipart upload, once it has begun
	number  int           // of the last part
	sending chan sentPart // the part that is on its way; nil: none
	parts   []minio.CompletePart
	tried   bool // to complete the upload

	err       error
	committed bool
	closed    bool
}

type sentPart struct {
	part minio.CompletePart
	err  error
}

// Create implements blob.Store. Nothing is sent before there is more than one PUT
// may hold, or Commit.
func (s *Store) Create(ctx context.Context, key, folder string) (blob.Writer, error) {
	if err := blob.CheckKey(key); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	return &draft{s: s, ctx: ctx, cancel: cancel, key: key, folder: folder}, nil
}

// Write implements blob.Writer.
func (d *draft) Write(p []byte) (int, error) {
	if d.err == nil {
		d.err = d.ended()
	}
	written := 0
	for len(p) > 0 && d.err == nil {
		n, err := d.fill(p)
		d.size += int64(n)
		written, p, d.err = written+n, p[n:], err
	}
	return written, d.err
}

func (d *draft) ended() error {
	if d.committed || d.closed {
		return fmt.Errorf("s3: put %s: already ended", d.key)
	}
	return d.s.failed(d.ctx, "put", d.key, d.ctx.Err())
}

// fill puts what there is room for into the part that is being filled.
func (d *draft) fill(p []byte) (int, error) {
	last := len(d.waiting) - 1
	if last < 0 || d.waiting[last].Size() == d.s.config.PartSize {
		if err := d.sendFull(); err != nil {
			return 0, err
		}
		memory := int64(0) // as usual; later ones are surely filled, so they are files from the start
		if d.size > 0 {
			memory = 1
		}
		d.waiting = append(d.waiting, blob.NewSpool(d.folder, memory))
		last = len(d.waiting) - 1
	}
	part := d.waiting[last]
	return part.Write(p[:min(int64(len(p)), d.s.config.PartSize-part.Size())])
}

// sendFull sends the parts that wait, all of which are full, when together they are
// more than one PUT is to hold.
func (d *draft) sendFull() error {
	if d.upload == "" {
		if d.size < d.s.config.Multipart {
			return nil
		}
		if err := d.begin(); err != nil {
			return err
		}
	}
	return d.sendWaiting()
}

func (d *draft) begin() error {
	return d.s.config.Backoff.Do(d.ctx, func() (err error) {
		d.upload, err = d.s.core.NewMultipartUpload(d.ctx, d.s.config.Bucket, d.s.object(d.key),
			minio.PutObjectOptions{ContentType: contentType})
		return d.s.failed(d.ctx, "begin to put", d.key, err)
	})
}

func (d *draft) sendWaiting() error {
	for len(d.waiting) > 0 {
		if err := d.sent(); err != nil {
			return err
		}
		part := d.waiting[0]
		d.waiting = d.waiting[1:]
		d.number++
		number, sending := d.number, make(chan sentPart, 1)
		d.sending = sending
		go func() {
			done, err := d.send(part, number)
			sending <- sentPart{done, err}
		}()
	}
	return nil
}

// send sends a part and frees it.
func (d *draft) send(part *blob.Spool, number int) (minio.CompletePart, error) {
	defer part.Close()
	if number > maxParts {
		return minio.CompletePart{}, fmt.Errorf("s3: put %s: more than %d parts", d.key, maxParts)
	}
	digest := sha256.New()
	if err := blob.Copy(d.ctx, digest, part); err != nil {
		return minio.CompletePart{}, d.s.failed(d.ctx, "put part of", d.key, err)
	}
	data := io.NewSectionReader(part, 0, part.Size())
	return d.s.sendPart(d.ctx, d.key, d.upload, number, data, hex.EncodeToString(digest.Sum(nil)))
}

// sent waits for the part that is on its way.
func (d *draft) sent() error {
	if d.sending == nil {
		return nil
	}
	done := <-d.sending
	d.sending = nil
	d.parts = append(d.parts, done.part)
	return done.err
}

// Commit implements blob.Writer.
func (d *draft) Commit() error {
	if d.err == nil {
		d.err = d.ended()
	}
	if d.err != nil {
		return d.err
	}
	err := d.commit()
	if err == nil {
		d.committed = true
	}
	return err
}

func (d *draft) commit() error {
	if d.size <= d.s.config.Multipart && d.upload == "" {
		return d.s.Put(d.ctx, d.key, joined{d.waiting, d.size})
	}
	if d.upload == "" {
		if err := d.begin(); err != nil {
			return err
		}
	}
	if err := errors.Join(d.sendWaiting(), d.sent()); err != nil {
		d.err = err // a part is lost: the upload cannot be completed any more
		return err
	}
	return d.complete()
}

// complete ends the upload. Where an earlier answer was lost, the upload may be gone
// because it has become the object.
func (d *draft) complete() error {
	_, err := d.s.core.CompleteMultipartUpload(d.ctx, d.s.config.Bucket, d.s.object(d.key), d.upload, d.parts, minio.PutObjectOptions{})
	if err != nil && d.tried && minio.ToErrorResponse(err).Code == minio.NoSuchUpload {
		if info, also := d.s.Stat(d.ctx, d.key); also == nil && info.Size == d.size {
			return nil
		}
	}
	d.tried = true
	return d.s.failed(d.ctx, "complete", d.key, err)
}

// Close implements blob.Writer.
func (d *draft) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	d.cancel()
	if d.sending != nil {
		<-d.sending
	}
	var errs []error
	for _, part := range d.waiting {
		errs = append(errs, part.Close())
	}
	d.waiting = nil
	if d.upload != "" && !d.committed {
		errs = append(errs, d.s.failed(context.WithoutCancel(d.ctx), "put", d.key, d.s.abort(d.ctx, d.key, d.upload)))
	}
	return errors.Join(errs...)
}

// joined is the Body of all that waits in spools.
type joined struct {
	spools []*blob.Spool
	size   int64
}

func (j joined) Size() int64 { return j.size }

func (j joined) Open() (io.ReadCloser, error) {
	readers := make([]io.Reader, len(j.spools))
	for i, spool := range j.spools {
		r, err := spool.Open()
		if err != nil {
			return nil, err
		}
		readers[i] = r // has nothing to close
	}
	return io.NopCloser(io.MultiReader(readers...)), nil
}
