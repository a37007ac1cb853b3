package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A service is a server that the tests talk to.
type service struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
	log  string
}

// services starts PostgreSQL and the S3 service and tells the tests where they
// are. One that the environment names already is used as it is.
func services(ctx context.Context, r *runner) error {
	r.env = append(r.env, "FACHWERK_TEST_REQUIRE=1")
	if os.Getenv("FACHWERK_CORPUS") == "" {
		fmt.Println("   FACHWERK_CORPUS is not set: tests use messages that they make")
		r.env = append(r.env, "FACHWERK_TEST_REQUIRE=0")
	}
	if os.Getenv("FACHWERK_TEST_POSTGRES") == "" {
		if err := r.startPostgres(ctx); err != nil {
			return fmt.Errorf("PostgreSQL: %w", err)
		}
	}
	if os.Getenv("FACHWERK_TEST_S3") == "" {
		if err := r.startS3(ctx); err != nil {
			return fmt.Errorf("S3 service: %w", err)
		}
	}
	return nil
}

func (r *runner) startPostgres(ctx context.Context) error {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return errors.New("no /usr/lib/postgresql/*/bin/postgres: install Debian's postgresql")
	}
	bin := filepath.Dir(found[len(found)-1])
	dir := filepath.Join(r.dir, "postgres")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	who, err := unprivileged(r.dir, dir)
	if err != nil {
		return err
	}
	data := filepath.Join(dir, "data")
	initdb := r.command(ctx, filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr.Credential = who
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, tail(out))
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	// Nothing here outlives a test, so nothing need reach the disk. What is
	// measured must.
	fsync := "fsync=off"
	if r.measuring {
		fsync = "fsync=on"
	}
	cmd := r.command(context.WithoutCancel(ctx), filepath.Join(bin, "postgres"), "-D", data, "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="+dir, "-c", "max_connections=400", "-c", fsync)
	cmd.SysProcAttr.Credential = who
	if err := r.start(ctx, "postgres", port, cmd); err != nil {
		return err
	}
	dsn := "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable"
	r.env = append(r.env, "FACHWERK_TEST_POSTGRES="+dsn)
	return nil
}

// unprivileged gives dir to Debian's user postgres if we are root: PostgreSQL
// refuses to run as root.
func unprivileged(parent, dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, errU := strconv.ParseUint(u.Uid, 10, 32)
	gid, errG := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errU, errG); err != nil {
		return nil, err
	}
	if err := os.Chmod(parent, 0o711); err != nil { // to be walked through
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}

func (r *runner) startS3(ctx context.Context) error {
	data := filepath.Join(r.dir, "s3")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	gateway, err := r.goTool(ctx, "versitygw")
	if err != nil {
		return err
	}
	versions := filepath.Join(r.dir, "s3-versions")
	if err := os.Mkdir(versions, 0o700); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	cmd := r.command(context.WithoutCancel(ctx), gateway, "--port", "127.0.0.1:"+port, "--region", "eu-test",
		"--keep-alive", "--quiet", "posix", "--versioning-dir", versions, data)
	cmd.Env = append(append([]string(nil), r.env...), "ROOT_ACCESS_KEY=ak", "ROOT_SECRET_KEY=sk")
	if err := r.start(ctx, "versitygw", port, cmd); err != nil {
		return err
	}
	r.env = append(r.env, "FACHWERK_TEST_S3=s3://ak:sk@127.0.0.1:"+port+"/fachwerk?region=eu-test&tls=off")
	return nil
}

// start runs a server and waits until its port answers.
func (r *runner) start(ctx context.Context, name, port string, cmd *exec.Cmd) error {
	s := &service{name: name, cmd: cmd, done: make(chan struct{}), log: filepath.Join(r.dir, name+".log")}
	log, err := os.Create(s.log)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait(); close(s.done) }()
	r.services = append(r.services, s)
	for range 300 {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
			fmt.Printf("   %s on port %s\n", name, port)
			return nil
		}
		select {
		case <-s.done:
			return fmt.Errorf("ended at once:\n%s", s.tail())
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("does not answer:\n%s", s.tail())
}

func (s *service) tail() string {
	text, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(tail(text)))
}

// stopServices ends what was started, by process id.
func (r *runner) stopServices() {
	for _, s := range r.services {
		// SIGINT is PostgreSQL's fast shutdown.
		_ = s.cmd.Process.Signal(syscall.SIGINT)
		select {
		case <-s.done:
		case <-time.After(10 * time.Second):
			_ = s.cmd.Process.Kill()
			<-s.done
		}
	}
}

// freePort finds one below the range that the system gives to clients.
func freePort() (string, error) {
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(12000))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err == nil {
			return port, l.Close()
		}
	}
	return "", errors.New("no free port between 20000 and 32000")
}
