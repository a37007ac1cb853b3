package walk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/testenv/parts"
	"fachwerk/test/system/harness"
)

// patience holds on a machine much slower than this one.
const patience = 2 * time.Minute

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const configuration = `listen: {imap: "HOST:20143", imaps: "", lmtp: "HOST:20024", smtp: "", submission: "HOST:20587", submissions: "",
  http: "HOST:28443", portal: "HOST:20443", issuer: "HOST:28444", ops: "HOST:29090"}
tls: {web: false, plain_login: loopback, cert: cert.pem, key: key.pem}
public: {name: mail.kommunale-it.example, portal: "https://portal.kommunale-it.example", http: "https://dav.kommunale-it.example"}
keys: {dir: keys}
spool: {dir: spool-HOST}
oidc: {embedded: true, issuer: "https://login.kommunale-it.example"}
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
    blobs: {url: "NORD-URL", secret_file: secret}
  - name: sued
    operator: Landesrechenzentrum Süd
    country: DE
    place: Rechenzentrum Tal
    networks: [SUED-DB/32, SUED-S3/32]
    metadata: {dsn: "SUED-DSN"}
    blobs: {url: "SUED-URL", secret_file: secret}
`

// A house is two servers over two sites.
type house struct {
	dir      string
	network  string // of this test: 127.x.y
	binary   string
	replicas [2]string // the servers' addresses
	database map[string]*parts.Postgres
}

// build starts what the sites consist of, and both servers.
func build(t *testing.T) *house {
	t.Helper()
	pid := os.Getpid()
	h := &house{dir: t.TempDir(), network: fmt.Sprintf("127.%d.%d", 64+pid>>8&63, pid&255), binary: harness.Binary(t), database: map[string]*parts.Postgres{}}
	h.replicas = [2]string{h.address(31), h.address(32)}
	text := configuration
	for name, at := range map[string]int{"nord": 11, "sued": 21} {
		db, s3 := parts.NewPostgres(t, h.address(at), ""), parts.NewGateway(t, h.address(at+1), nil)
		h.database[name] = db
		upper := strings.ToUpper(name)
		text = strings.NewReplacer(upper+"-DB", h.address(at), upper+"-S3", h.address(at+1), upper+"-DSN", db.DSN(),
			upper+"-URL", "s3://"+parts.GatewayAccess+"@"+s3.Endpoint()+"/"+parts.GatewayBucket+"?tls=off&region="+parts.GatewayRegion).Replace(text)
	}
	cert := parts.NewCertificate(t, h.replicas[:]...)
	files := map[string]string{"cert.pem": string(cert.Cert), "key.pem": string(cert.Key), "secret": parts.GatewaySecret}
	for i, r := range h.replicas {
		files[configOf(i)] = strings.ReplaceAll(text, "HOST", r)
	}
	for name, content := range files {
		must(t, os.WriteFile(filepath.Join(h.dir, name), []byte(content), 0o600))
	}
	h.command(t, "check")
	for i := range h.replicas {
		h.serve(t, i)
	}
	return h
}

func configOf(replica int) string { return fmt.Sprintf("fachwerk-%d.yaml", replica) }

func (h *house) address(n int) string { return fmt.Sprintf("%s.%d", h.network, n) }

// serve starts a server, which ends with the test.
func (h *house) serve(t *testing.T, i int) {
	t.Helper()
	said := &bytes.Buffer{}
	cmd := exec.Command(h.binary, "serve", "--config", filepath.Join(h.dir, configOf(i)))
	cmd.Stdout, cmd.Stderr = said, said
	must(t, cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("server %d ended with %v", i, err)
			}
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-done
			t.Errorf("server %d does not stop", i)
		}
		if t.Failed() {
			t.Logf("server %d said:\n%s", i, said)
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
