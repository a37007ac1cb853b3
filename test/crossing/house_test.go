package crossing

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

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

// A house is a server in this process with two tenants: ours, whose people ask, and
// theirs.
type house struct {
	listen map[string]string // by listener
	where  app.Where
	work   work
	log    strings.Builder
	logMu  sync.Mutex
	app    map[string]string // app passwords, by address
	asked  int               // pairs that were the same
}

// The two tenants. Secret stands in everything that theirs has.
const (
	ourTown, ourDomain     = "Musterstadt", "musterstadt.example"
	theirTown, theirDomain = "Nachbarstadt", "nachbarstadt.example"

	anna    = "anna@" + ourDomain // asks, and manages her tenant
	jan     = "jan@" + ourDomain  // her colleague
	office  = "amt@" + ourDomain  // a function mailbox that she may use
	beate   = "beate@" + theirDomain
	ben     = "paul@" + theirDomain // disabled
	bureau  = "buero@" + theirDomain
	team    = "gruppe@" + theirDomain
	room    = "saal@" + theirDomain
	alias   = "leitung@" + theirDomain
	secret  = "Verschlusssache"
	webWord = "ein langes Kennwort"
)

// An engine pair, and how many sites have one.
type kind struct {
	name     string
	sites    int
	services bool // PostgreSQL and S3, not SQLite and a folder
}

var kinds = []kind{
	{"SQLite and a folder, one site", 1, false}, {"SQLite and a folder, two sites", 2, false},
	{"PostgreSQL and S3, one site", 1, true}, {"PostgreSQL and S3, two sites", 2, true},
}

func start(t *testing.T, k kind) *house {
	t.Helper()
	h := &house{listen: map[string]string{}, app: map[string]string{}}
	dir := t.TempDir()
	h.where = app.Where{Config: filepath.Join(dir, app.ConfigName)}
	must(t, os.WriteFile(h.where.Config, []byte(h.configuration(t, dir, k)), 0o600))
	h.fill(t, k)
	ctx, stop := context.WithCancel(app.WithTrace(context.WithoutCancel(t.Context()), &app.Trace{Statement: h.work.statement, Hash: h.work.hash}))
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, h.where, nil, h) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if t.Failed() {
			t.Logf("the server said:\n%s", h.said())
		}
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get("http://" + h.listen["ops"] + "/ready")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return h
			}
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("the server ended at once: %v", err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatal("the server is not ready")
		}
	}
}

// Write takes the server's log.
func (h *house) Write(p []byte) (int, error) {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	return h.log.Write(p)
}

func (h *house) said() string {
	s := h.saidAll()
	return s[max(0, len(s)-8<<10):]
}

func (h *house) saidAll() string {
	h.logMu.Lock()
	defer h.logMu.Unlock()
	return h.log.String()
}

func (h *house) configuration(t *testing.T, dir string, k kind) string {
	t.Helper()
	var c strings.Builder
	c.WriteString("listen:\n")
	for _, key := range []string{"imap", "lmtp", "smtp", "submission", "http", "portal", "issuer", "ops", "admin"} {
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
	must(t, os.WriteFile(filepath.Join(dir, "cert.pem"), shown.Cert, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "key.pem"), shown.Key, 0o600))
	fmt.Fprintf(&c, `  imaps: ""
  submissions: ""
tls: {cert: cert.pem, key: key.pem, web: false, plain_login: loopback}
public: {name: localhost, portal: "http://%s", http: "http://%s"}
oidc: {embedded: true, issuer: "http://%s", operator_group: operators, admin_group: "chiefs of {tenant}", privacy_group: "privacy of {tenant}", internal_networks: [127.0.0.0/8]}
keys: {dir: keys}
spool: {dir: spool}
smtp: {relays: [127.0.0.0/8]}
lmtp: {trusted: [127.0.0.0/8]}
limits: {connections_per_address: 1000, connections_per_person: 1000, messages_per_minute: 0}
log: {level: info, format: text}
directory: site0
sites:
`, h.listen["portal"], h.listen["http"], h.listen["issuer"])
	for i := range k.sites {
		metadata, objects := fmt.Sprintf("{dsn: 'sqlite:site%d.db'}", i), fmt.Sprintf("{url: 'dir:blobs%d'}", i)
		if k.services {
			metadata = apart(t, dir, fmt.Sprint("database", i), "dsn", "password_file", need.Postgres(t))
			objects = apart(t, dir, fmt.Sprint("bucket", i), "url", "secret_file", h.work.watched(t, fmt.Sprint("site", i), need.S3(t)))
		}
		fmt.Fprintf(&c, "- {name: site%d, operator: Stadtwerke, country: DE, place: Musterstadt, networks: [127.0.0.0/8], durability: local, metadata: %s, blobs: %s}\n", i, metadata, objects)
	}
	return c.String()
}

func (h *house) fill(t *testing.T, k kind) {
	t.Helper()
	h.with(t, func(ctx context.Context, in *app.Installation) {
		for i, one := range []struct{ name, domain string }{{ourTown, ourDomain}, {theirTown, theirDomain}} {
			_, err := in.CreateTenant(ctx, app.NewTenant{Name: one.name, Domain: one.domain, Site: fmt.Sprint("site", i%k.sites)})
			must(t, err)
		}
		for _, a := range [][2]string{
			{anna, "person"}, {jan, "person"}, {office, "function"},
			{beate, "person"}, {ben, "person"}, {bureau, "function"}, {team, "team"}, {room, "room"},
		} {
			name := "Musterperson"
			if strings.HasSuffix(a[0], theirDomain) {
				name = secret
			}
			_, err := in.AddAccount(ctx, app.NewAccount{Address: a[0], Kind: a[1], Name: name})
			must(t, err)
			if a[1] != "person" {
				continue
			}
			p, err := in.AddAppPassword(ctx, a[0], "Test", "", 0)
			must(t, err)
			h.app[a[0]] = p.Secret
			for n := 0; a[0] == beate && n < 30; n++ { // ids that nobody of ours has
				_, err := in.AddAppPassword(ctx, a[0], "Noch eins", "", 0)
				must(t, err)
			}
		}
		for door := range doorCount {
			for i, address := range visitors(door) {
				_, err := in.AddAccount(ctx, app.NewAccount{Address: address, Kind: []string{"person", "person", "function"}[i], Name: secret})
				must(t, err)
			}
			names := visitors(door)
			for _, person := range names[:2] {
				_, err := in.AddAppPassword(ctx, person, "Test", "", 0)
				must(t, err)
				if door == 0 { // of the embedded provider
					must(t, in.SetPassword(ctx, person, webWord))
				}
			}
			must(t, in.SetDisabled(ctx, names[1], true))
		}
		must(t, in.SetPassword(ctx, anna, webWord))
		must(t, in.SetPassword(ctx, beate, webWord))
		must(t, in.AddAlias(ctx, alias, beate))
		must(t, in.AddGrant(ctx, office, anna, "read,write,manage,send-as"))
		must(t, in.AddGrant(ctx, bureau, beate, "read,write,manage,send-as"))
		must(t, in.ChangeLoginGroups(ctx, anna, []string{"chiefs of " + ourTown, "privacy of " + ourTown, "chiefs of " + theirTown}, nil))
		must(t, in.ChangeLoginGroups(ctx, beate, []string{"chiefs of " + theirTown, "privacy of " + theirTown, secret}, nil))
		must(t, in.AddGroupGrant(ctx, bureau, secret, "read"))
		must(t, in.SetDisabled(ctx, ben, true))
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

// apart writes the password of a URL into a file of its own, as the configuration wants
// it.
func apart(t *testing.T, dir, name, key, fileKey, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	must(t, err)
	password, has := "", false
	if u.User != nil {
		password, has = u.User.Password()
	}
	if !has {
		return fmt.Sprintf("{%s: '%s'}", key, at)
	}
	u.User = url.User(u.User.Username())
	file := filepath.Join(dir, name+".secret")
	must(t, os.WriteFile(file, []byte(password), 0o600))
	return fmt.Sprintf("{%s: '%s', %s: '%s'}", key, u, fileKey, file)
}
