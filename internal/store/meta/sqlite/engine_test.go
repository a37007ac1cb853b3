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

func engine(b *testing.B) meta.Engine {
	e, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "meta.db"))
	if err != nil {
		b.Fatal(err)
	}
	return e
}

func BenchmarkWrites1(b *testing.B)  { metatest.BenchWrites(b, engine(b), 1, 8000) }
func BenchmarkWrites16(b *testing.B) { metatest.BenchWrites(b, engine(b), 16, 8000) }
func BenchmarkFlags(b *testing.B)    { metatest.BenchFlags(b, engine(b)) }
func BenchmarkScan(b *testing.B)     { metatest.BenchScan(b, engine(b)) }
