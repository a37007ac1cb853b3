package placement

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	_ "modernc.org/sqlite"

	"fachwerk/internal/app"
	"fachwerk/internal/testenv/need"
	"fachwerk/internal/testenv/parts"
)

// patience is far above what anything here takes.
const patience = 2 * time.Minute

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The two tenants: ours may not be written for, theirs may all the time. Secret stands
// in what is written, and belongs into no log.
const (
	ourTown, ourDomain     = "Musterstadt", "musterstadt.example"
	theirTown, theirDomain = "Nachbarstadt", "nachbarstadt.example"

	anna   = "anna@" + ourDomain
	jan    = "jan@" + ourDomain
	office = "amt@" + ourDomain
	beate  = "beate@" + theirDomain
	far    = "fern@elsewhere.example"
	secret = "Verschlusssache"
	word   = "ein langes Kennwort"
	group  = "Amtsgruppe"
)

// A house is a server in this process with two sites; our tenant lives at the second,
// the first has the directory.
type house struct {
	dir    string
	listen map[string]string
	where  app.Where
	sites  []place
	sink   *sink
	log    strings.Builder
	logMu  sync.Mutex
	app    map[string]string // app passwords, by address
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
	h := &house{dir: t.TempDir(), listen: map[string]string{}, app: map[string]string{}, sink: newSink(t)}
	h.where = app.Where{Config: filepath.Join(h.dir, app.ConfigName)}
	must(t, os.WriteFile(h.where.Config, []byte(h.configuration(t, k)), 0o600))
	h.fill(t)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, h.where, nil, h) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if t.Failed() {
			said := h.said(0)
			t.Logf("the server said:\n%s", said[max(0, len(said)-16<<10):])
		}
	})
	until(t, "the server is ready", func() bool {
		select {
		case err := <-done:
			done <- err
			t.Fatalf("the server ended at once: %v", err)
		default:
		}
		res, err := http.Get("http://" + h.listen["ops"] + "/ready")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
	return h
}

// until waits for what must come.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// Write takes the server's log.
func (h *house) Write(p []byte) (int, error) {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	return h.log.Write(p)
}

func (h *house) said(from int) string {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	return h.log.String()[from:]
}

func (h *house) configuration(t *testing.T, k kind) string {
	t.Helper()
	var c strings.Builder
	c.WriteString("listen:\n")
	for _, key := range []string{"imap", "lmtp", "smtp", "submission", "http", "portal", "issuer", "ops"} {
		host := map[string]string{"issuer": "127.0.0.2", "http": "127.0.0.3"}[key]
		if host == "" {
			host = "127.0.0.1"
		}
		l, err := net.Listen("tcp", host+":0")
		must(t, err)
		h.listen[key] = l.Addr().String()
		must(t, l.Close())
		fmt.Fprintf(&c, "  %s: %s\n", key, h.listen[key])
	}
	shown := parts.NewCertificate(t, "127.0.0.1")
	must(t, os.WriteFile(filepath.Join(h.dir, "cert.pem"), shown.Cert, 0o600))
	must(t, os.WriteFile(filepath.Join(h.dir, "key.pem"), shown.Key, 0o600))
	fmt.Fprintf(&c, `  imaps: ""
  submissions: ""
tls: {cert: cert.pem, key: key.pem, web: false, plain_login: loopback}
public: {name: localhost, portal: "http://%s", http: "http://%s"}
oidc: {embedded: true, issuer: "http://%s", admin_group: "chiefs of {tenant}"}
keys: {dir: keys}
spool: {dir: spool}
smtp: {relays: [127.0.0.0/8], smarthost: {address: "%s", tls: none}}
lmtp: {trusted: [127.0.0.0/8]}
queue: {first_retry: 1s, max_retry: 1s}
limits: {connections_per_address: 1000, connections_per_person: 1000, messages_per_minute: 0}
log: {level: info, format: text}
directory: site0
sites:
`, h.listen["portal"], h.listen["http"], h.listen["issuer"], h.sink.address())
	for i := range 2 {
		p, metadata, objects := h.engines(t, k, i)
		if k.mismatch && i == 1 {
			metadata = strings.Replace(metadata, "{", `{system_identifier: "1", `, 1)
		}
		h.sites = append(h.sites, p)
		fmt.Fprintf(&c, "- {name: site%d, operator: Stadtwerke, country: DE, place: Musterstadt, networks: [127.0.0.0/8], durability: local, metadata: %s, blobs: %s}\n", i, metadata, objects)
	}
	return c.String()
}

// engines are those of a site, and how the configuration names them.
func (h *house) engines(t *testing.T, k kind, i int) (p place, metadata, objects string) {
	t.Helper()
	if !k.services {
		file := filepath.Join(h.dir, fmt.Sprintf("site%d.db", i))
		p = place{driver: "sqlite", dsn: "file:" + file + "?_pragma=busy_timeout(20000)", folder: filepath.Join(h.dir, fmt.Sprintf("blobs%d", i))}
		return p, fmt.Sprintf("{dsn: 'sqlite:site%d.db'}", i), fmt.Sprintf("{url: 'dir:blobs%d'}", i)
	}
	dsn, bucket := need.Postgres(t), need.S3(t)
	u, err := url.Parse(bucket)
	must(t, err)
	key, _ := u.User.Password()
	client, err := minio.New(u.Host, &minio.Options{Creds: credentials.NewStaticV4(u.User.Username(), key, ""),
		Secure: u.Query().Get("tls") != "off", Region: u.Query().Get("region")})
	must(t, err)
	p = place{driver: "pgx", dsn: dsn, s3: client, bucket: strings.Trim(u.Path, "/")}
	return p, h.apart(t, fmt.Sprint("database", i), "dsn", "password_file", dsn), h.apart(t, fmt.Sprint("bucket", i), "url", "secret_file", bucket)
}

// apart puts the password of an address into a file, as the configuration wants it.
func (h *house) apart(t *testing.T, name, key, fileKey, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	password, has := "", false
	if u.User != nil {
		password, has = u.User.Password()
	}
	if !has {
		return fmt.Sprintf("{%s: '%s'}", key, address)
	}
	file := filepath.Join(h.dir, name+".secret")
	must(t, os.WriteFile(file, []byte(password), 0o600))
	u.User = url.User(u.User.Username())
	return fmt.Sprintf("{%s: '%s', %s: '%s'}", key, u, fileKey, file)
}

func (h *house) fill(t *testing.T) {
	t.Helper()
	h.with(t, func(ctx context.Context, in *app.Installation) {
		for _, one := range [][3]string{{ourTown, ourDomain, "site1"}, {theirTown, theirDomain, "site0"}} {
			_, err := in.CreateTenant(ctx, app.NewTenant{Name: one[0], Domain: one[1], Site: one[2]})
			must(t, err)
		}
		for _, a := range [][2]string{{anna, "person"}, {jan, "person"}, {office, "function"}, {beate, "person"}} {
			_, err := in.AddAccount(ctx, app.NewAccount{Address: a[0], Kind: a[1], Name: "Musterperson"})
			must(t, err)
			if a[1] != "person" {
				continue
			}
			p, err := in.AddAppPassword(ctx, a[0], "Test", "", 0)
			must(t, err)
			h.app[a[0]] = p.Secret
			must(t, in.SetPassword(ctx, a[0], word))
		}
		must(t, in.AddGrant(ctx, office, anna, "read,write,manage,send-as"))
		must(t, in.ChangeLoginGroups(ctx, anna, []string{"chiefs of " + ourTown}, nil))
	})
}

// with opens the installation beside the server, as the command line does.
func (h *house) with(t *testing.T, do func(ctx context.Context, in *app.Installation)) {
	t.Helper()
	in, err := app.Open(t.Context(), h.where, slog.New(slog.NewTextHandler(io.Discard, nil)))
	must(t, err)
	defer func() { must(t, in.Close()) }()
	do(t.Context(), in)
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
	for _, p := range h.sites {
		p.db(t, func(db *sql.DB) {
			for _, sql := range []string{`UPDATE tenant SET policy = '` + policy + `' WHERE name = '` + ourTown + `'`, `UPDATE installation SET directory = directory + 1`} {
				_, err := db.ExecContext(t.Context(), sql)
				must(t, err)
			}
		})
	}
	until(t, "the server has heard of the policy", func() bool {
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
	for i, p := range h.sites {
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
	for _, file := range filesBelow(t, filepath.Join(h.dir, "spool")) {
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
