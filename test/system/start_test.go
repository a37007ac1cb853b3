package system

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/testenv/child"
	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// A started program is one that `serve` runs on a demo's data.
type started struct {
	*child.Process
	out child.Said
}

// serve starts it with variables over the configuration; it is ended with the test.
func serve(t *testing.T, data string, env ...string) *started {
	t.Helper()
	cmd := exec.Command(harness.Binary(t), "serve", "--data", data)
	cmd.Env = append(os.Environ(), env...)
	s := &started{}
	s.Process = child.Start(t, "the server", cmd, &s.out)
	return s
}

// refused waits for the end of a start and gives what was said.
func (s *started) refused(t *testing.T) string {
	t.Helper()
	if s.ExitCode(t) == 0 {
		t.Errorf("exit status 0")
	}
	return s.out.String()
}

// status of a probe, 0 where nobody answers.
func status(url string) int {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	res.Body.Close()
	return res.StatusCode
}

// changed gives a URL with something else in it.
func changed(t *testing.T, raw string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(raw)
	must(t, err)
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	change(u)
	return u.String()
}

// A start that cannot go well ends with a sentence that says what to do, shows no
// secret and changes nothing.
func TestStartSaysWhatIsWrong(t *testing.T) {
	dsn, bucket := need.Postgres(t), need.S3(t)
	d := harness.Start(t, harness.Options{Args: []string{"--metadata", dsn, "--blobs", bucket}})
	ok, _, err := tryDeliver(d, incompressible("vorher", 200_000), d.Anna().Address)
	if !ok {
		t.Fatal(err)
	}
	d.Stop(t)
	const secret = "ein-falsches-Geheimnis"
	for _, test := range []struct {
		name string
		env  []string
		want []string
	}{
		{"a secret file that is not there", []string{"FACHWERK_BLOBS_SECRET_FILE=/nowhere/s3"}, []string{"blobs.secret_file", "/nowhere/s3", "no such file"}},
		{"a password file that is not there", []string{"FACHWERK_METADATA_PASSWORD_FILE=/nowhere/db"}, []string{"metadata.password_file", "/nowhere/db"}},
		{"no database server", []string{"FACHWERK_METADATA_DSN=" + changed(t, dsn, func(u *url.URL) { u.Host = "127.0.0.1:1" })}, []string{"metadata database", "cannot be reached"}},
		{"no such host", []string{"FACHWERK_METADATA_DSN=" + changed(t, dsn, func(u *url.URL) { u.Host = "datenbank.invalid:5432" })}, []string{"metadata database", "does not resolve"}},
		{"no such database", []string{"FACHWERK_METADATA_DSN=" + changed(t, dsn, func(u *url.URL) { u.Path = "/gibt_es_nicht" })}, []string{"metadata database", "no such database"}},
		{"no such role", []string{"FACHWERK_METADATA_DSN=" + changed(t, dsn, func(u *url.URL) { u.User = url.User("niemand") })}, []string{"metadata database", "pg_hba.conf"}},
		{"no such bucket", []string{"FACHWERK_BLOBS_URL=" + changed(t, bucket, func(u *url.URL) { u.Path = "/gibt-es-nicht" })}, []string{"blob store", "no such bucket"}},
		{"an unknown access key", []string{"FACHWERK_BLOBS_URL=" + changed(t, bucket, func(u *url.URL) { u.User = url.User("niemand") })}, []string{"blob store", "does not know the access key"}},
		{"a wrong secret key", []string{"FACHWERK_BLOBS_SECRET=" + secret}, []string{"blob store", "secret key is wrong"}},
		{"authorities that are not there", []string{"FACHWERK_TLS_CA=/nowhere/ca.pem"}, []string{"tls.ca", "/nowhere/ca.pem"}},
		{"a certificate that is not there", []string{"FACHWERK_TLS_CERTIFICATES_0_CERT=/nowhere/c.pem", "FACHWERK_TLS_CERTIFICATES_0_KEY=/nowhere/k.pem"}, []string{"tls: ", "/nowhere/c.pem"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			out := serve(t, d.Data, test.env...).refused(t)
			for _, want := range test.want {
				if !strings.Contains(out, want) {
					t.Errorf("it does not say %q:\n%s", want, out)
				}
			}
			if strings.Contains(out, secret) || strings.Contains(out, "goroutine ") {
				t.Errorf("it shows a secret or its inside:\n%s", out)
			}
		})
	}
	d.Restart(t)
	if n := subjects(t, d, d.Anna())["vorher"]; n != 1 {
		t.Errorf("after all that the message is there %d times", n)
	}
	d.Check(t)
}

// A PostgreSQL that asks for passwords: the wrong one is told, the right one works.
func TestStartWithAWrongDatabasePassword(t *testing.T) {
	dsn := passwordPostgres(t, "richtig", "")
	d := harness.Start(t, harness.Options{Args: []string{"--metadata", dsn}})
	d.Stop(t)
	out := serve(t, d.Data, "FACHWERK_METADATA_PASSWORD=falsches-Passwort").refused(t)
	if !strings.Contains(out, "the password or the user is wrong") || strings.Contains(out, "falsches-Passwort") {
		t.Errorf("it says:\n%s", out)
	}
	d.Restart(t)
	d.Check(t)
}

// Database and object store with certificates of an authority of one's own: without
// tls.ca the start says what to do, with it they are used.
func TestAuthoritiesOfOnesOwn(t *testing.T) {
	issued := harness.Start(t, harness.Options{}) // its authority signs for 127.0.0.1
	issued.Stop(t)
	pair := filepath.Join(issued.Data, "demo-cert.pem") + " " + filepath.Join(issued.Data, "demo-key.pem")
	dsn := strings.Replace(passwordPostgres(t, "richtig", pair), "sslmode=disable", "sslmode=verify-full", 1)
	bucket, err := url.Parse(need.S3(t))
	must(t, err)
	cert, key, _ := strings.Cut(pair, " ")
	loaded, err := tls.LoadX509KeyPair(cert, key)
	must(t, err)
	bucket.Host = spoilingProxy(t, bucket.Host, func(*http.Request) {}, loaded)
	bucket.RawQuery = strings.Replace(bucket.RawQuery, "tls=off", "tls=on", 1)
	trust := "FACHWERK_TLS_CA=" + issued.CA
	d := harness.Start(t, harness.Options{Args: []string{"--metadata", dsn, "--blobs", bucket.String()}, Env: []string{trust}})
	if ok, _, err := tryDeliver(d, incompressible("verschluesselt", 200_000), d.Anna().Address); !ok {
		t.Error(err)
	}
	d.Stop(t)
	out := serve(t, d.Data, "FACHWERK_TLS_CA=").refused(t)
	if !strings.Contains(out, "metadata database") || !strings.Contains(out, "name it in tls.ca") {
		t.Errorf("without tls.ca it says:\n%s", out)
	}
	d.Restart(t)
	if n := subjects(t, d, d.Anna())["verschluesselt"]; n != 1 {
		t.Errorf("the message is there %d times", n)
	}
	d.Check(t)
}

// passwordPostgres starts a server of its own where the role fachwerk needs its
// password, and returns the DSN with it. Where a pair of certificate and key is
// named, the server speaks TLS.
func passwordPostgres(t *testing.T, password, pair string) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	must(t, err)
	if len(found) == 0 {
		need.Missing(t, "PostgreSQL's initdb is not installed")
	}
	bin := filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp("", "fachwerk-postgres-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	must(t, os.WriteFile(filepath.Join(dir, "password"), []byte(password), 0o644))
	as := func(name string, args ...string) {
		t.Helper()
		all := append([]string{filepath.Join(bin, name)}, args...)
		if os.Geteuid() == 0 { // it refuses to run as root
			all = append([]string{"setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"}, all...)
		}
		cmd := exec.Command(all[0], all[1:]...)
		cmd.Dir = dir
		// Not a pipe: the server keeps it open.
		log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
		must(t, err)
		defer log.Close()
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Run(); err != nil {
			text, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("%s: %v\n%s", name, err, text)
		}
	}
	if os.Geteuid() == 0 {
		if out, err := exec.Command("chown", "postgres", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	data, port := filepath.Join(dir, "data"), strconv.Itoa(freePort(t))
	as("initdb", "-D", data, "-U", "fachwerk", "-A", "scram-sha-256", "--pwfile="+filepath.Join(dir, "password"), "-E", "UTF8", "--locale=C", "--no-sync")
	options := "-p " + port + " -k " + dir + " -c listen_addresses=127.0.0.1 -c fsync=off"
	if cert, key, ok := strings.Cut(pair, " "); ok {
		for from, to := range map[string]string{cert: "server.crt", key: "server.key"} {
			text, err := os.ReadFile(from)
			must(t, err)
			must(t, os.WriteFile(filepath.Join(data, to), text, 0o600))
			if os.Geteuid() == 0 {
				if out, err := exec.Command("chown", "postgres", filepath.Join(data, to)).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
			}
		}
		options += " -c ssl=on"
	}
	as("pg_ctl", "-D", data, "-w", "-t", "120", "-l", filepath.Join(dir, "server.log"), "-o", options, "start")
	t.Cleanup(func() { as("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop") })
	return "postgres://fachwerk:" + password + "@127.0.0.1:" + port + "/postgres?sslmode=disable"
}

// An object store that does not answer at the start is waited for: the server says
// that it is not ready and why, and becomes ready by itself.
func TestStartWithoutTheObjectStore(t *testing.T) {
	g, bucket := through(t, need.S3(t))
	d := harness.Start(t, harness.Options{Args: []string{"--metadata", need.Postgres(t), "--blobs", bucket}})
	d.Stop(t)
	g.shut(true)
	s := serve(t, d.Data)
	harness.Eventually(t, 2*time.Minute, "the server has started", func() bool { return status(d.Ops+"/started") == http.StatusOK })
	if got := status(d.Ops + "/ready"); got != http.StatusServiceUnavailable {
		t.Errorf("ready without the object store: %d", got)
	}
	if got := status(d.Ops + "/live"); got != http.StatusOK {
		t.Errorf("live: %d", got)
	}
	if ok, temporary, err := tryDeliver(d, incompressible("gross", 200_000), d.Anna().Address); ok || !temporary {
		t.Errorf("a large message meanwhile: %v", err)
	}
	if ok, _, err := tryDeliver(d, harness.Message("klein", 2000), d.Anna().Address); !ok {
		t.Errorf("a small message meanwhile: %v", err)
	}
	g.shut(false)
	harness.Eventually(t, 2*time.Minute, "the server is ready by itself", func() bool { return status(d.Ops+"/ready") == http.StatusOK })
	s.End(t, syscall.SIGTERM)
	if !strings.Contains(s.out.String(), "the object store cannot be reached") {
		t.Errorf("the log does not say what to do:\n%s", s.out.String())
	}
	d.Restart(t)
	d.Check(t)
}

// What an object store says when credentials or clocks are wrong, while the server
// runs: mail waits at its sender, nothing is lost, and all goes on afterwards.
func TestObjectStoreRefusesWhileServing(t *testing.T) {
	for _, test := range []struct {
		name, remedy string
		spoil        func(*http.Request)
	}{
		{"clocks apart", "set both by NTP", func(r *http.Request) {
			r.Header.Set("X-Amz-Date", time.Now().Add(-20*time.Minute).UTC().Format("20060102T150405Z"))
		}},
		{"the key was changed", "does not know the access key", func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "Credential=", "Credential=x", 1))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			bucket, err := url.Parse(need.S3(t))
			must(t, err)
			var spoiled atomic.Bool
			proxy := spoilingProxy(t, bucket.Host, func(r *http.Request) {
				if spoiled.Load() {
					test.spoil(r)
				}
			})
			bucket.Host = proxy
			d := harness.Start(t, harness.Options{Args: []string{"--metadata", need.Postgres(t), "--blobs", bucket.String()}})
			deliver := func(subject string) (ok, temporary bool, err error) {
				return tryDeliver(d, incompressible(subject, 200_000), d.Anna().Address)
			}
			if ok, _, err := deliver("vorher"); !ok {
				t.Fatal(err)
			}
			spoiled.Store(true)
			if ok, temporary, err := deliver("waehrend"); ok || !temporary {
				t.Errorf("a message that cannot be kept: %v", err)
			}
			harness.Eventually(t, time.Minute, "readiness tells", func() bool { return status(d.Ops+"/ready") == http.StatusServiceUnavailable })
			spoiled.Store(false)
			harness.Eventually(t, time.Minute, "the server is ready again", func() bool { return status(d.Ops+"/ready") == http.StatusOK })
			if ok, _, err := deliver("nachher"); !ok {
				t.Error(err)
			}
			if !strings.Contains(d.Log(), test.remedy) {
				t.Errorf("the log does not say %q", test.remedy)
			}
			found := subjects(t, d, d.Anna())
			if found["vorher"] != 1 || found["nachher"] != 1 {
				t.Errorf("found %v", found)
			}
			d.Check(t)
		})
	}
}

// spoilingProxy stands before an HTTP server and changes requests on their way. With
// a certificate it speaks TLS.
func spoilingProxy(t *testing.T, to string, spoil func(*http.Request), certificates ...tls.Certificate) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	srv := &http.Server{Handler: &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", to
			p.Out.Host = p.In.Host // it is signed
			spoil(p.Out)
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}}
	if len(certificates) > 0 {
		l = tls.NewListener(l, &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12})
	}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	return l.Addr().String()
}

// A spool without room refuses for the time being what it would have to hold; mail
// that is small enough for memory goes on.
func TestSpoolWithoutRoom(t *testing.T) {
	if os.Getuid() != 0 {
		need.Missing(t, "a small disk: only root can mount one")
	}
	spool := filepath.Join(t.TempDir(), "spool")
	must(t, os.Mkdir(spool, 0o700))
	must(t, syscall.Mount("tmpfs", spool, "tmpfs", 0, "size=2m"))
	t.Cleanup(func() { syscall.Unmount(spool, syscall.MNT_DETACH) })
	d := harness.Start(t, harness.Options{Env: []string{"FACHWERK_SPOOL_DIR=" + spool}})
	if ok, temporary, err := tryDeliver(d, incompressible("zu gross", 8<<20), d.Anna().Address); ok || !temporary {
		t.Errorf("a message that does not fit into the spool: %v", err)
	}
	if ok, _, err := tryDeliver(d, harness.Message("klein", 2000), d.Anna().Address); !ok {
		t.Errorf("a small message: %v", err)
	}
	must(t, syscall.Mount("", spool, "", syscall.MS_REMOUNT, "size=64m"))
	harness.Eventually(t, time.Minute, "large mail is taken again", func() bool {
		ok, _, _ := tryDeliver(d, incompressible("passt", 8<<20), d.Anna().Address)
		return ok
	})
	entries, err := os.ReadDir(spool)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && !e.IsDir() && info.Size() > 0 {
			t.Errorf("left behind in the spool: %s, %d bytes", e.Name(), info.Size())
		}
	}
	d.Check(t)
}
