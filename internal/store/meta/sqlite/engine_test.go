package sqlite_test

import (
	"context"
	"path/filepath"
	"testing"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/metatest"
	"fachwerk/internal/store/meta/sqlite"
)

type factory struct{}

func (factory) Place(t *testing.T) string { return filepath.Join(t.TempDir(), "meta.db") }

func (factory) Engine(ctx context.Context, place string) (meta.Engine, error) {
	return sqlite.Open(ctx, place)
}

func TestSuite(t *testing.T) { metatest.Run(t, factory{}) }
