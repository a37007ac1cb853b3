package postgres_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"fachwerk/internal/store/meta"
	"fachwerk/internal/store/meta/postgres"
	"fachwerk/internal/testenv/need"
)

func facts(t *testing.T, dsn string, o postgres.Options) meta.Facts {
	t.Helper()
	e, err := postgres.Open(t.Context(), dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e.(meta.Witness).Facts(t.Context())
}

func TestFacts(t *testing.T) {
	dsn := need.Postgres(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	f := facts(t, dsn, postgres.Options{Direct: dsn})
	if len(f.Endpoints) != 1 || f.Endpoints[0].Name != u.Hostname() || len(f.Endpoints[0].Addresses) == 0 {
		t.Errorf("endpoints %+v", f.Endpoints)
	}
	var names []string
	for _, c := range f.Connections {
		names = append(names, c.Name)
		if !c.Remote.IsValid() || !c.Reported.IsValid() || c.System == "" || c.System != f.Connections[0].System {
			t.Errorf("%+v", c)
		}
	}
	if strings.Join(names, ", ") != "in use, new, direct" {
		t.Errorf("connections %q", names)
	}
	if !strings.HasPrefix(f.Store, "PostgreSQL ") || "/"+f.Name != u.Path || f.Timeline == "" || f.Recovering || f.Commit != "on" {
		t.Errorf("%+v", f)
	}
	for _, q := range f.Questions {
		if q.Failed != "" || q.Answered == "" {
			t.Errorf("%+v", q)
		}
	}
}

// Through a pooler the server behind it still tells where it is and who it is.
func TestFactsThroughAPooler(t *testing.T) {
	dsn := need.Postgres(t)
	pooled := need.PgBouncer(t, dsn, 2)
	f := facts(t, pooled, postgres.Options{Direct: dsn})
	if len(f.Connections) != 3 {
		t.Fatalf("%+v", f.Questions)
	}
	direct := f.Connections[2]
	for _, c := range f.Connections {
		if c.System == "" || c.System != direct.System || c.Reported != direct.Reported {
			t.Errorf("%+v, direct %+v", c, direct)
		}
	}
	for _, q := range f.Questions {
		if q.Failed != "" {
			t.Errorf("%+v", q)
		}
	}
}

// A user who may not look into pg_stat_replication is told so, not that there are
// no standbys.
func TestFactsOfAUserWithFewRights(t *testing.T) {
	dsn := need.Postgres(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	user := strings.TrimPrefix(u.Path, "/") + "_few"
	if _, err := admin.Exec(t.Context(), "CREATE ROLE "+user+" LOGIN PASSWORD 'few'"); err != nil {
		t.Fatal(err)
	}
	defer admin.Exec(context.Background(), "DROP ROLE "+user)
	u.User = url.UserPassword(user, "few")
	if f := facts(t, u.String(), postgres.Options{}); !f.Hidden || f.Connections[0].System == "" {
		t.Errorf("%+v", f)
	}
	if _, err := admin.Exec(t.Context(), "GRANT pg_read_all_stats TO "+user); err != nil {
		t.Fatal(err)
	}
	if f := facts(t, u.String(), postgres.Options{}); f.Hidden {
		t.Errorf("%+v", f)
	}
}

// A connection of the pool that broke while it was idle does not keep the new one
// from telling.
func TestFactsAfterARestart(t *testing.T) {
	dsn := need.Postgres(t)
	e, err := postgres.Open(t.Context(), dsn, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	if err := e.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	admin, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	_, err = admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()`)
	if err != nil {
		t.Fatal(err)
	}
	f := e.(meta.Witness).Facts(t.Context())
	if f.Name == "" || f.Commit == "" {
		t.Errorf("%+v", f)
	}
	for _, q := range f.Questions {
		if q.Failed != "" && (q.About == meta.AboutStandbys || q.About == meta.AboutSynchronous) {
			t.Errorf("%+v", q)
		}
	}
}

// Without an answer every question has failed, and no password is told.
func TestFactsOfADatabaseThatIsAway(t *testing.T) {
	f := facts(t, "postgres://user:geheim@127.0.0.1:1/none?sslmode=disable", postgres.Options{})
	about := map[string]bool{}
	for _, q := range f.Questions {
		if q.Failed != "" {
			about[q.About] = true
		}
		if strings.Contains(q.Failed+q.Asked+q.Answered, "geheim") {
			t.Errorf("the password is told: %+v", q)
		}
	}
	for _, a := range []string{meta.AboutAddresses, meta.AboutCertificate, meta.AboutSystem, meta.AboutStandbys, meta.AboutSynchronous, meta.AboutArchive} {
		if !about[a] {
			t.Errorf("no failed question about %s", a)
		}
	}
}
