package postgres_test

import (
	"context"
	"path/filepath"
	"testing"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/metatest"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/store/meta/sqlite"
	"fachwerk/internal/testenv/need"
)

type factory struct{}

func (factory) Place(t *testing.T) string { return need.Postgres(t) }

func (factory) Engine(ctx context.Context, place string) (meta.Engine, error) {
	return postgres.Open(ctx, place, postgres.Options{})
}

func TestSuite(t *testing.T) { metatest.Run(t, factory{}) }

type sqliteFactory struct{}

func (sqliteFactory) Place(t *testing.T) string { return filepath.Join(t.TempDir(), "meta.db") }

func (sqliteFactory) Engine(ctx context.Context, place string) (meta.Engine, error) {
	return sqlite.Open(ctx, place)
}

// TestSameAsSQLite runs one random script on both engines.
func TestSameAsSQLite(t *testing.T) { metatest.Same(t, sqliteFactory{}, factory{}) }
