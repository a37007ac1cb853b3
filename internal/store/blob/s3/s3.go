package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"fachwerk/internal/store/blob"
)

// Store is a blob.Store in a bucket. It makes each request once; wrap it with
// blob.NewRetry.
type Store struct {
	config    Config
	core      *minio.Core
	transport *http.Transport
}

var _ blob.Store = (*Store)(nil)

// Open returns the Store that c describes. It does not go to the network; Check
// does.
func Open(c Config) (*Store, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.defaults()
	transport := newTransport(c.Stall, c.Roots)
	var sending http.RoundTripper = transport
	if c.Watcher != nil {
		sending = c.Watcher.Around(transport)
	}
	core, err := minio.NewCore(c.Endpoint, &minio.Options{
		Creds:        credentials.NewStaticV4(c.Access, c.Secret, ""),
		Secure:       c.TLS,
		Transport:    sending,
		Region:       c.Region,
		BucketLookup: minio.BucketLookupPath,
		MaxRetries:   1, // attempts: it does not know our bodies and our patience
	})
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	return &Store{config: c, core: core, transport: transport}, nil
}

// Close closes idle connections.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

func (s *Store) object(key string) string { return s.config.Prefix + key }

// Get implements blob.Store.
func (s *Store) Get(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := blob.CheckKey(key); err != nil {
		return nil, err
	}
	if offset < 0 {
		return nil, fmt.Errorf("s3: get %s: %w: offset %d", key, blob.ErrRange, offset)
	}
	if length == 0 {
		// There is no empty range in HTTP; what is left is whether it exists.
		_, err := s.Stat(ctx, key)
		return http.NoBody, err
	}
	var options minio.GetObjectOptions
	if offset > 0 || length > 0 {
		options.Set("Range", rangeHeader(offset, length))
	}
	body, _, header, err := s.core.GetObject(ctx, s.config.Bucket, s.object(key), options)
	if minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable {
		return http.NoBody, nil // begins at or beyond the end
	}
	if err != nil {
		return nil, s.failed(ctx, "get", key, err)
	}
	if (offset > 0 || length > 0) && header.Get("Content-Range") == "" {
		body.Close()
		return nil, fmt.Errorf("s3: get %s: the service does not answer ranges", key)
	}
	return &reader{ctx: ctx, body: body, store: s, key: key}, nil
}

// rangeHeader is RFC 9110, section 14.1.2.
func rangeHeader(offset, length int64) string {
	r := "bytes=" + strconv.FormatInt(offset, 10) + "-"
	if length > 0 {
		r += strconv.FormatInt(offset+length-1, 10)
	}
	return r
}

// reader names the errors of a stream: a broken connection is temporary.
type reader struct {
	ctx   context.Context
	body  io.ReadCloser
	store *Store
	key   string
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.body.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, r.store.failed(r.ctx, "read", r.key, err)
}

func (r *reader) Close() error { return r.body.Close() }

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, key string) (blob.Info, error) {
	if err := blob.CheckKey(key); err != nil {
		return blob.Info{}, err
	}
	info, err := s.core.StatObject(ctx, s.config.Bucket, s.object(key), minio.StatObjectOptions{})
	if err == nil {
		return blob.Info{Key: key, Size: info.Size, ModTime: info.LastModified}, nil
	}
	err = s.failed(ctx, "stat", key, err)
	if errors.Is(err, blob.ErrNotFound) {
		// An answer to HEAD has no body to say that it is the bucket that is missing.
		if err := s.bucketExists(ctx); err != nil {
			return blob.Info{}, err
		}
	}
	return blob.Info{}, err
}

// List implements blob.Store.
func (s *Store) List(ctx context.Context, prefix, after string, limit int) ([]blob.Info, error) {
	limit = blob.PageLimit(limit)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing's goroutine
	options := minio.ListObjectsOptions{Prefix: s.object(prefix), Recursive: true, MaxKeys: limit}
	if after != "" {
		options.StartAfter = s.object(after)
	}
	var page []blob.Info
	for o := range s.core.Client.ListObjects(ctx, s.config.Bucket, options) {
		if o.Err != nil {
			return nil, s.failed(ctx, "list", prefix, o.Err)
		}
		key := o.Key[min(len(s.config.Prefix), len(o.Key)):]
		if !blob.ValidKey(key) || key <= after {
			continue // not ours
		}
		page = append(page, blob.Info{Key: key, Size: o.Size, ModTime: o.LastModified})
		if len(page) == limit {
			break
		}
	}
	return page, ctx.Err()
}

// Delete implements blob.Store. In a bucket that keeps versions every version
// goes, as erasure demands.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	versioning, err := s.core.GetBucketVersioning(ctx, s.config.Bucket)
	if err != nil && minio.ToErrorResponse(err).Code != minio.NotImplemented {
		return s.failed(ctx, "ask for versions of", key, err)
	}
	if versioning.Status != "" {
		return s.deleteVersions(ctx, key)
	}
	err = s.core.RemoveObject(ctx, s.config.Bucket, s.object(key), minio.RemoveObjectOptions{})
	return ignoreNotFound(s.failed(ctx, "delete", key, err))
}

func (s *Store) deleteVersions(ctx context.Context, key string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	list := minio.ListObjectsOptions{Prefix: s.object(key), Recursive: true, WithVersions: true}
	for o := range s.core.Client.ListObjects(ctx, s.config.Bucket, list) {
		if o.Err != nil {
			return s.failed(ctx, "delete", key, o.Err)
		}
		if o.Key != s.object(key) {
			continue
		}
		err := s.core.RemoveObject(ctx, s.config.Bucket, o.Key, minio.RemoveObjectOptions{VersionID: o.VersionID})
		if err := ignoreNotFound(s.failed(ctx, "delete", key, err)); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func ignoreNotFound(err error) error {
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	return err
}

// Check implements blob.Store: the service answers, takes the credentials and
// has the bucket.
func (s *Store) Check(ctx context.Context) error { return s.bucketExists(ctx) }

func (s *Store) bucketExists(ctx context.Context) error {
	ok, err := s.core.BucketExists(ctx, s.config.Bucket)
	if status := minio.ToErrorResponse(err).StatusCode; err == nil && !ok || status >= 400 && status < 500 {
		// The answer to HEAD has no body that would say why: the bucket, the key or the clock.
		if _, why := s.core.ListObjectsV2(s.config.Bucket, s.config.Prefix, "", "", "", 1); why != nil {
			err = why
		}
	}
	if err != nil {
		return s.failed(ctx, "look at bucket", s.config.Bucket, err)
	}
	if !ok {
		return fmt.Errorf("s3: bucket %s: %w", s.config.Bucket, errNoBucket)
	}
	return nil
}
