package postgres_test

import (
	"testing"
	"time"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/metatest"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/testenv/need"
)

// distant is an engine with half a millisecond of round trip to its database.
func distant(b *testing.B) meta.Engine {
	_, dsn := startProxy(b, need.Postgres(b), 250*time.Microsecond)
	return engine(b, dsn)
}

func engine(b *testing.B, dsn string) meta.Engine {
	e, err := postgres.Open(b.Context(), dsn, postgres.Options{})
	if err != nil {
		b.Fatal(err)
	}
	return e
}

// BenchmarkWrites16Distant is the bar of `make bench-store`: 500 writes a second on
// one account.
func BenchmarkWrites16Distant(b *testing.B) { metatest.BenchWrites(b, distant(b), 16, 8000) }
func BenchmarkWrites1Distant(b *testing.B)  { metatest.BenchWrites(b, distant(b), 1, 8000) }
func BenchmarkWrites16(b *testing.B)        { metatest.BenchWrites(b, engine(b, need.Postgres(b)), 16, 8000) }
func BenchmarkFlags(b *testing.B)           { metatest.BenchFlags(b, engine(b, need.Postgres(b))) }
func BenchmarkScan(b *testing.B)            { metatest.BenchScan(b, engine(b, need.Postgres(b))) }
