package walk

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/testenv/child"
	"fachwerk/internal/testenv/parts"
	"fachwerk/test/system/harness"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const configuration = `listen: {imap: "", imaps: "HOST:20993", lmtp: "HOST:20024", smtp: "", submission: "", submissions: "HOST:20465",
  http: "HOST:28443", portal: "HOST:20443", issuer: "HOST:28444", ops: "HOST:29090"}
tls:
  cert: tls/installation.pem
  key: tls/installation-key.pem
  ca: ca.pem
  certificates:
    - {cert: tls/musterstadt.pem, key: tls/musterstadt-key.pem}
    - {cert: tls/neustadt.pem, key: tls/neustadt-key.pem}
public: {name: mail.kommunale-it.example, portal: "https://portal.kommunale-it.example", http: "https://dav.kommunale-it.example"}
keys: {url: "KEYS-URL", secret_file: secrets/keys, operator_key_file: secrets/operator.key}
spool: {dir: spool-HOST}
oidc:
  embedded: true
  issuer: "https://login.kommunale-it.example"
  internal_networks: [PROVIDER/32]
location: {every: 10s}
limits: {drain: 1s}
replicas: 2
directory: nord
sites:
  - name: nord
    operator: Kommunale IT Nord
    country: DE
    place: Rechenzentrum Hafen
    networks: [NORD-DB/32, NORD-S3/32]
    metadata: {dsn: "NORD-DSN"}
    blobs: {url: "NORD-URL", secret_file: secrets/nord-s3}
  - name: sued
    operator: Landesrechenzentrum Süd
    country: DE
    place: Rechenzentrum Tal
    networks: [SUED-DB/32, SUED-S3/32]
    metadata: {dsn: "SUED-DSN"}
    blobs: {url: "SUED-URL", secret_file: secrets/sued-s3}
`

// What clients know, and the ports behind it.
const (
	mailHost  = "mail.kommunale-it.example"
	davHost   = "dav.kommunale-it.example"
	portal    = "https://portal.kommunale-it.example"
	ownIssuer = "https://login.kommunale-it.example"
)

var webPorts = map[string]string{
	"portal.kommunale-it.example:443": "20443", "login.kommunale-it.example:443": "28444", davHost + ":443": "28443",
	"autoconfig.musterstadt.example:443": "20443", "autoconfig.neustadt.example:443": "20443",
}

// A house is two servers over two sites.
type house struct {
	dir       string
	network   string // of this test: 127.x.y
	binary    string
	replicas  [2]string // the servers' addresses
	names     [2]string // proxies that lead public names to the one and to the other
	authority *parts.Authority
	database  map[string]*parts.Postgres
	keys      *parts.Gateway
}

// build starts what the sites consist of, and both servers.
func build(t *testing.T) *house {
	t.Helper()
	pid := os.Getpid()
	h := &house{dir: t.TempDir(), network: fmt.Sprintf("127.%d.%d", 64+pid>>8&63, pid&255), binary: harness.Binary(t),
		authority: parts.NewAuthority(t), database: map[string]*parts.Postgres{}}
	operator := make([]byte, 32) // head -c 32 /dev/urandom
	_, _ = rand.Read(operator)
	files := map[string][]byte{"ca.pem": h.authority.Cert, "secrets/operator.key": operator}
	text := configuration
	for name, at := range map[string]int{"nord": 11, "sued": 21} {
		db, s3 := parts.NewPostgres(t, h.address(at), ""), parts.NewGateway(t, h.address(at+1), nil)
		h.database[name] = db
		files["secrets/"+name+"-s3"] = []byte(parts.GatewaySecret)
		upper := strings.ToUpper(name)
		text = strings.NewReplacer(upper+"-DB", h.address(at), upper+"-S3", h.address(at+1), upper+"-DSN", db.DSN(),
			upper+"-URL", s3.URL(parts.GatewayBucket, url.User(parts.GatewayAccess))).Replace(text)
	}
	h.keys = parts.NewGateway(t, h.address(41), nil)
	files["secrets/keys"] = []byte(parts.GatewaySecret)
	text = strings.NewReplacer("PROVIDER", h.address(51), "KEYS-URL", h.keys.URL(parts.GatewayBucket, url.User(parts.GatewayAccess))).Replace(text)
	for i := range h.replicas {
		h.replicas[i] = h.address(31 + i)
		files[configOf(i)] = []byte(strings.ReplaceAll(text, "HOST", h.replicas[i]))
		h.names[i] = parts.Names(t, h.replicas[i], func(name string) (string, bool) {
			port, ok := webPorts[name]
			return net.JoinHostPort(h.replicas[i], port), ok
		})
	}
	for name, c := range map[string]*parts.Certificate{
		"installation": h.authority.Issue(t, mailHost, davHost, "portal.kommunale-it.example", "login.kommunale-it.example", h.replicas[0], h.replicas[1]),
		"musterstadt":  h.authority.Issue(t, "autoconfig.musterstadt.example"),
		"neustadt":     h.authority.Issue(t, "autoconfig.neustadt.example"),
	} {
		files["tls/"+name+".pem"], files["tls/"+name+"-key.pem"] = c.Cert, c.Key
	}
	for name, content := range files {
		path := filepath.Join(h.dir, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, content, 0o600))
	}
	h.command(t, "check")
	for i := range h.replicas {
		h.serve(t, i)
	}
	return h
}

// believing is how this process meets a server by its name and certificate.
func (h *house) believing(name string) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(h.authority.Cert)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, ServerName: name}
}

func configOf(replica int) string { return fmt.Sprintf("fachwerk-%d.yaml", replica) }

func (h *house) address(n int) string { return fmt.Sprintf("%s.%d", h.network, n) }

// serve starts a server, which ends with the test.
func (h *house) serve(t *testing.T, i int) {
	t.Helper()
	cmd := exec.Command(h.binary, "serve", "--config", filepath.Join(h.dir, configOf(i)))
	cmd.Env = append(os.Environ(), "HTTPS_PROXY=http://"+h.names[i]) // the portal asks the provider by its public name
	name := fmt.Sprintf("server %d", i)
	p := child.Start(t, name, cmd, &child.Said{})
	t.Cleanup(func() {
		p.End(t, syscall.SIGTERM)
		if code := p.ExitCode(t); code != 0 {
			t.Errorf("%s ended with exit status %d", name, code)
		}
	})
	parts.Eventually(t, "a server is ready", func() error {
		_, err := get("http://" + h.replicas[i] + ":29090/ready")
		return err
	})
}

func get(url string) (string, error) {
	res, err := (&http.Client{Timeout: 10 * time.Second}).Get(url)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = errors.New(res.Status)
	}
	return string(text), err
}

// try runs a command of the program and answers what it printed and its exit status.
func (h *house) try(t *testing.T, stdin string, args ...string) (out string, status int) {
	t.Helper()
	cmd := exec.Command(h.binary, append(args, "--config", configOf(0))...)
	cmd.Dir, cmd.Stdin = h.dir, strings.NewReader(stdin)
	text, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}

// command runs one that has to work.
func (h *house) command(t *testing.T, args ...string) string {
	t.Helper()
	out, status := h.try(t, "", args...)
	if status != 0 {
		t.Fatalf("fachwerk %s: exit status %d\n%s", strings.Join(args, " "), status, out)
	}
	return out
}
