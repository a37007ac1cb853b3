package need

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestPostgresGivesAnEmptyDatabaseOfItsOwn(t *testing.T) {
	one, two := Postgres(t), Postgres(t)
	if one == two {
		t.Fatalf("two calls gave the same database %s", one)
	}
	ctx := t.Context()
	for _, dsn := range []string{one, two} {
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(ctx, "CREATE TABLE only_here (a INT)"); err != nil {
			t.Errorf("%s: %v", dsn, err)
		}
		conn.Close(context.Background())
	}
}

func TestWithDatabase(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://u:p@h:5/old?sslmode=disable": "postgres://u:p@h:5/new?sslmode=disable",
		"postgresql://h":                         "postgresql://h/new",
		"host=h dbname=old":                      "host=h dbname=old dbname=new",
	} {
		got, err := withDatabase(dsn, "new")
		if err != nil || got != want {
			t.Errorf("withDatabase(%q) = %q, %v, want %q", dsn, got, err, want)
		}
		if c, err := pgx.ParseConfig(got); err != nil || c.Database != "new" {
			t.Errorf("%q names database %q, %v", got, c.Database, err)
		}
	}
}

func TestS3GivesABucketOfItsOwn(t *testing.T) {
	if one, two := S3(t), S3(t); one == two {
		t.Errorf("two calls gave the same bucket %s", one)
	}
}
