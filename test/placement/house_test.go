package placement

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	_ "modernc.org/sqlite"

	"fachwerk/internal/testenv/towns"
)

const patience = towns.Patience

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The two tenants: ours may not be written for, theirs may all the time. Secret stands
// in what is written, and belongs into no log.
const (
	ourTown, ourDomain     = towns.OurTown, towns.OurDomain
	theirTown, theirDomain = towns.TheirTown, towns.TheirDomain

	anna   = towns.Anna
	jan    = towns.Jan
	office = towns.Office
	beate  = towns.Beate
	far    = "fern@elsewhere.example"
	secret = "Verschlusssache"
	group  = "Amtsgruppe"
)

// A house is a server in this process with two sites; our tenant lives at the second,
// the first has the directory.
type house struct {
	*towns.House
	places []place
	sink   *sink
}

// place is a site's engines, for looking at them from outside.
type place struct {
	driver, dsn string
	folder      string        // of objects
	s3          *minio.Client // or the bucket
	bucket      string
}

// An engine pair, and how writing comes to be refused.
type kind struct {
	name     string
	services bool // PostgreSQL and S3, not SQLite and a folder
	mismatch bool // the second site's database is not the declared one
}

var kinds = []kind{
	{"SQLite and a folder, elsewhere", false, false},
	{"PostgreSQL and S3, elsewhere", true, false},
	{"PostgreSQL and S3, not as declared", true, true},
}

func start(t *testing.T, k kind) *house {
	t.Helper()
	h := &house{sink: newSink(t)}
	h.House = towns.Build(t, towns.Options{
		Sites: 2, Services: k.services, Ours: 1, Theirs: 0, TheirName: "Musterperson",
		SMTP:  fmt.Sprintf(`smarthost: {address: "%s", tls: none}`, h.sink.address()),
		Lines: []string{"queue: {first_retry: 1s, max_retry: 1s}"},
		Metadata: func(site int) string {
			if k.mismatch && site == 1 {
				return `system_identifier: "1"`
			}
			return ""
		},
	})
	for _, s := range h.Sites {
		h.places = append(h.places, placeOf(t, s))
	}
	h.Serve(t, nil)
	return h
}

func placeOf(t *testing.T, s towns.Site) place {
	t.Helper()
	if s.Postgres == "" {
		return place{driver: "sqlite", dsn: "file:" + s.SQLite + "?_pragma=busy_timeout(20000)", folder: s.Folder}
	}
	u, err := url.Parse(s.Bucket)
	must(t, err)
	key, _ := u.User.Password()
	client, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(u.User.Username(), key, ""),
		Secure: u.Query().Get("tls") != "off", Region: u.Query().Get("region")})
	must(t, err)
	return place{driver: "pgx", dsn: s.Postgres, s3: client, bucket: strings.Trim(u.Path, "/")}
}

// forbid has our tenant be refused, or allows it again, and waits until the server
// knows. What no front door would set, for nothing could be written then, is put into
// the databases: a site that was taken out of a policy, with data still there.
func (h *house) forbid(t *testing.T, k kind, yes bool) {
	t.Helper()
	policy := `{}`
	switch {
	case yes && k.mismatch:
		policy = `{"refuse_on_mismatch":true}`
	case yes:
		policy = `{"sites":["site0"]}`
	}
	for _, p := range h.places {
		p.db(t, func(db *sql.DB) {
			for _, sql := range []string{`UPDATE tenant SET policy = '` + policy + `' WHERE name = '` + ourTown + `'`, `UPDATE installation SET directory = directory + 1`} {
				_, err := db.ExecContext(t.Context(), sql)
				must(t, err)
			}
		})
	}
	towns.Until(t, "the server has heard of the policy", func() bool {
		got := h.imapAs(t, anna, "SELECT INBOX", `STORE 1 +FLAGS.SILENT (\Seen)`) // it is seen already
		return strings.Contains(got, "a NO [UNAVAILABLE]") == yes
	})
}

func (p place) db(t *testing.T, do func(db *sql.DB)) {
	t.Helper()
	db, err := sql.Open(p.driver, p.dsn)
	must(t, err)
	defer db.Close()
	do(db)
}

// What the server writes for itself meanwhile: failed and begun sign-ins, what was
// seen of sites, counts. None of it is a tenant's data.
var ownTables = map[string]bool{
	"ticket": true, "throttle": true, "throttle_known": true, "location_site": true, "location_history": true, "installation": true,
}

// state is all that lies anywhere: a line for each row of a table, object and file.
func (h *house) state(t *testing.T) map[string]int {
	t.Helper()
	found := map[string]int{}
	for i, p := range h.places {
		p.db(t, func(db *sql.DB) {
			list := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`
			if p.s3 != nil {
				list = `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()`
			}
			tables := rowsOf(t, db, list)
			if len(tables) < 20 {
				t.Fatalf("site %d has only the tables %v", i, tables)
			}
			for _, table := range tables {
				table = strings.Trim(table, "|")
				if ownTables[table] {
					continue
				}
				columns := "*"
				if table == "tenant" { // its sums follow in the background
					columns = "tenant_id, name, home_site, epoch, state, settings, policy, quota_bytes, quota_items, quota_accounts"
				}
				for _, row := range rowsOf(t, db, "SELECT "+columns+" FROM "+table) {
					found[fmt.Sprintf("site%d: row of %s: %s", i, table, row)]++
				}
			}
		})
		for _, object := range p.objects(t) {
			found[fmt.Sprintf("site%d: object %s", i, object)]++
		}
	}
	for _, file := range filesBelow(t, filepath.Join(h.Dir, "spool")) {
		found["spool: "+file]++
	}
	return found
}

// rowsOf writes rows down, long values as their digest.
func rowsOf(t *testing.T, db *sql.DB, query string) (list []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	must(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	must(t, err)
	for rows.Next() {
		values, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			to[i] = &values[i]
		}
		must(t, rows.Scan(to...))
		var b strings.Builder
		for _, v := range values {
			s := fmt.Sprint(v)
			if raw, ok := v.([]byte); ok {
				s = fmt.Sprintf("%x", raw)
			}
			if len(s) > 40 {
				s = fmt.Sprintf("#%x", sha256.Sum256([]byte(s)))[:12]
			}
			b.WriteString("|" + s)
		}
		list = append(list, b.String())
	}
	must(t, rows.Err())
	return list
}

// objects lists what the site's object store has, parts of unfinished ones included.
func (p place) objects(t *testing.T) (list []string) {
	t.Helper()
	if p.s3 == nil {
		return filesBelow(t, p.folder)
	}
	for o := range p.s3.ListObjects(t.Context(), p.bucket, minio.ListObjectsOptions{Recursive: true}) {
		must(t, o.Err)
		list = append(list, o.Key)
	}
	for u := range p.s3.ListIncompleteUploads(t.Context(), p.bucket, "", true) {
		must(t, u.Err)
		list = append(list, "begun "+u.Key)
	}
	return list
}

func filesBelow(t *testing.T, folder string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			list = append(list, path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return list
}

// changes tells what is there more and less than before.
func changes(before, after map[string]int) (list []string) {
	for what, n := range after {
		if n > before[what] {
			list = append(list, "+ "+what)
		}
	}
	for what, n := range before {
		if n > after[what] {
			list = append(list, "- "+what)
		}
	}
	slices.Sort(list)
	return list
}
