package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"fachwerk/internal/app/config"
	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/dir"
	"fachwerk/internal/store/blob/s3"
	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/store/meta/sqlite"
)

// An engine is what the configuration chose, with its name for people.
type engine[T any] struct {
	name string
	use  T
}

// inlineLimit is the size up to which content stays in the database at dsn, unless one
// is configured: larger rows cost SQLite little, and PostgreSQL a second table
// and twice the write-ahead log.
func inlineLimit(c *config.Config, dsn string) int64 {
	if c.Blobs.Inline > 0 {
		return int64(c.Blobs.Inline)
	}
	if config.Local(dsn) {
		return 64 << 10
	}
	return 16 << 10
}

// openMetadata opens the metadata engine, for a new generation where renew is not nil; a
// PostgreSQL is not asked yet.
func openMetadata(ctx context.Context, m config.SiteMetadata, roots *x509.CertPool, renew *Renewal) (engine[meta.Engine], error) {
	if path, ok := strings.CutPrefix(m.DSN, config.SchemeSQLite); ok {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return engine[meta.Engine]{}, fmt.Errorf("metadata.dsn: %w", err)
		}
		var e meta.Engine
		var err error
		if renew != nil {
			e, err = sqlite.OpenRestored(ctx, path, renew.WithLog)
		} else {
			e, err = sqlite.Open(ctx, path)
		}
		if err != nil {
			return engine[meta.Engine]{}, fmt.Errorf("metadata.dsn: %w", err)
		}
		return engine[meta.Engine]{"SQLite", e}, nil
	}
	password, err := m.Password.Read()
	if err != nil {
		return engine[meta.Engine]{}, fmt.Errorf("metadata.password_file: %w", err)
	}
	direct := m.DirectDSN
	if direct != "" {
		direct = config.WithPassword(direct, password)
	}
	e, err := postgres.Open(ctx, config.WithPassword(m.DSN, password), postgres.Options{Direct: direct, Roots: roots})
	if err != nil {
		return engine[meta.Engine]{}, fmt.Errorf("metadata.dsn: %w", err)
	}
	return engine[meta.Engine]{"PostgreSQL", e}, nil
}

// A blobStore can also be closed, as both engines can.
type blobStore interface {
	blob.Store
	Close() error
}

// openBlobs opens the blob store; an S3 service is not asked yet. name is what its clock
// is called, which is compared with this machine's.
func (in *Installation) openBlobs(b config.SiteBlobs, name string) (engine[blobStore], error) {
	if path, ok := strings.CutPrefix(b.URL, config.SchemeDir); ok {
		if err := os.MkdirAll(path, 0o700); err != nil {
			return engine[blobStore]{}, fmt.Errorf("blobs.url: %w", err)
		}
		s, err := dir.Open(path)
		if err != nil {
			return engine[blobStore]{}, fmt.Errorf("blobs.url: %w", err)
		}
		return engine[blobStore]{"directory", s}, nil
	}
	secret, err := b.Secret.Read()
	if err != nil {
		return engine[blobStore]{}, fmt.Errorf("blobs.secret_file: %w", err)
	}
	parsed, err := s3.Parse(config.WithPassword(b.URL, secret))
	if err != nil {
		return engine[blobStore]{}, fmt.Errorf("blobs.url: %w", err)
	}
	parsed.Roots = in.roots
	parsed.Watcher = watchedClock{nil, in.clock, name}
	s, err := s3.Open(parsed)
	if err != nil {
		return engine[blobStore]{}, fmt.Errorf("blobs.url: %w", err)
	}
	return engine[blobStore]{"S3", s}, nil
}
