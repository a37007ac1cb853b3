package postgres_test

import (
	"context"
	"testing"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/metatest"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/testenv/need"
)

type factory struct{}

func (factory) Place(t *testing.T) string { return need.Postgres(t) }

func (factory) Engine(ctx context.Context, place string) (meta.Engine, error) {
	return postgres.Open(ctx, place, postgres.Options{})
}

func TestSuite(t *testing.T) { metatest.Run(t, factory{}) }
