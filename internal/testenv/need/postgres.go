package need

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres creates an empty database on the server that FACHWERK_TEST_POSTGRES
// names and returns its DSN. The database is dropped when the test ends,
// whoever is still connected to it.
func Postgres(t testing.TB) (dsn string) {
	t.Helper()
	server := os.Getenv(EnvPostgres)
	if server == "" {
		Missing(t, "needs a PostgreSQL: set "+EnvPostgres+" to the DSN of a server where databases may be created")
	}
	name := "fachwerk_test_" + strings.ToLower(rand.Text())
	dsn, err := withDatabase(server, name)
	if err != nil {
		t.Fatalf("%s: %v", EnvPostgres, err)
	}
	// The C collation orders by bytes, as the product demands of its database.
	execute(t, server, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'")
	t.Cleanup(func() { execute(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	return dsn
}

// statementTimeout is far above what CREATE and DROP DATABASE take. The latter waits for a
// checkpoint of the whole server, which many tests write to at once.
const statementTimeout = 5 * time.Minute

// execute runs one statement on a connection of its own.
func execute(t testing.TB, dsn, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatalf("connect to the server of %s: %v", EnvPostgres, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// withDatabase replaces the database in a DSN in URL or in keyword form.
func withDatabase(dsn, name string) (string, error) {
	if _, err := pgx.ParseConfig(dsn); err != nil {
		return "", err
	}
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " dbname=" + name, nil // the last one counts
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", fmt.Errorf("read the DSN: %w", err)
	}
	u.Path = "/" + name
	return u.String(), nil
}
