package replicas

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// A part is a server of a test's own, which it may end and start again.
type part struct {
	name    string
	address string
	command func() *exec.Cmd
	answers func() bool // nil: it takes connections
	log     *bytes.Buffer
	cmd     *exec.Cmd
	done    chan struct{}
}

func (p *part) start(t testing.TB) {
	t.Helper()
	cmd := p.command()
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	p.cmd, p.done = cmd, done
	harness.Eventually(t, patience, p.name+" answers", func() bool {
		select {
		case <-done:
			t.Fatalf("%s ended: %v\n%s", p.name, cmd.ProcessState, p.log)
		default:
		}
		c, err := net.Dial("tcp", p.address)
		if err == nil {
			c.Close()
		}
		return err == nil && (p.answers == nil || p.answers())
	})
}

// end sends a signal and waits.
func (p *part) end(t testing.TB, how os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(how); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("%s does not end at %v", p.name, how)
	}
}

func (p *part) cleanUp(t testing.TB, how os.Signal) {
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Signal(how)
		<-p.done
	}
	if t.Failed() {
		text := p.log.Bytes()
		t.Logf("%s said at last:\n%s", p.name, text[max(0, len(text)-4000):])
	}
}

// ownPostgres starts a PostgreSQL and answers its DSN.
func ownPostgres(t testing.TB) (*part, string) {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	must(t, err)
	if len(found) == 0 {
		need.Missing(t, "no /usr/lib/postgresql/*/bin/postgres: install Debian's postgresql")
	}
	bin := filepath.Dir(found[len(found)-1])
	// Not t.TempDir: another user must walk to it.
	dir, err := os.MkdirTemp("", "fachwerk-postgres-")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	who := ordinary(t, dir)
	run := func(program string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, program), args...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
		return cmd
	}
	data := filepath.Join(dir, "data")
	if out, err := run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := freePort(t, "127.0.0.1")
	p := &part{name: "PostgreSQL", address: "127.0.0.1:" + port, log: &bytes.Buffer{}, command: func() *exec.Cmd {
		return run("postgres", "-D", data, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+dir,
			"-c", "max_connections=200", "-c", "fsync=off") // no machine dies here
	}}
	dsn := "postgres://postgres@" + p.address + "/postgres?sslmode=disable"
	p.answers = func() bool { // it takes connections before it has recovered
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return false
		}
		return c.Close(ctx) == nil
	}
	p.start(t)
	t.Cleanup(func() { p.cleanUp(t, syscall.SIGQUIT) })
	return p, dsn
}

// ordinary is the user who runs PostgreSQL, which refuses to be run by root.
func ordinary(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	must(t, err)
	uid, err := strconv.Atoi(u.Uid)
	must(t, err)
	gid, err := strconv.Atoi(u.Gid)
	must(t, err)
	must(t, os.Chown(dir, uid, gid))
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// ownS3 starts an S3 service with a bucket and answers its URL.
func ownS3(t testing.TB) (*part, string) {
	t.Helper()
	program := filepath.Join(harness.Root(), "tools", "bin", "versitygw")
	if _, err := os.Stat(program); err != nil {
		need.Missing(t, "no tools/bin/versitygw: go run ./test/run -only install builds it")
	}
	data := t.TempDir()
	address := "127.0.0.1:" + freePort(t, "127.0.0.1")
	p := &part{name: "the S3 service", address: address, log: &bytes.Buffer{}, command: func() *exec.Cmd {
		cmd := exec.Command(program, "--port", address, "--region", "eu-test", "--keep-alive", "--quiet", "posix", data)
		cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY=ak", "ROOT_SECRET_KEY=sk")
		return cmd
	}}
	p.start(t)
	t.Cleanup(func() { p.cleanUp(t, syscall.SIGTERM) })
	client, err := minio.New(address, &minio.Options{Creds: credentials.NewStaticV4("ak", "sk", ""), Region: "eu-test"})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, client.MakeBucket(ctx, "fachwerk", minio.MakeBucketOptions{Region: "eu-test"}))
	return p, fmt.Sprintf("s3://ak:sk@%s/fachwerk?region=eu-test&tls=off", address)
}
