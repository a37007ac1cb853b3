package need

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// PgBouncer starts a pgbouncer in transaction mode before the server of a DSN in
// URL form and returns the DSN that leads through it. connections is how many it
// holds to the server. It ends with the test.
func PgBouncer(t testing.TB, dsn string, connections int) (pooled string) {
	t.Helper()
	const program = "/usr/sbin/pgbouncer" // Debian's; not everybody's PATH has that folder
	if _, err := os.Stat(program); err != nil {
		Missing(t, "no "+program+": install Debian's pgbouncer")
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	// Not t.TempDir: the parents of that may not be walked by another user.
	dir, err := os.MkdirTemp("", "pgbouncer-")
	if err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	text := fmt.Sprintf(`[databases]
* = host=%s port=%s user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %s
unix_socket_dir =
auth_type = any
pool_mode = transaction
max_client_conn = 2000
default_pool_size = %d
server_login_retry = 1
logfile = %s
`, u.Hostname(), u.Port(), u.User.Username(), port, connections, filepath.Join(dir, "pgbouncer.log"))
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // another user reads it; no secret
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-q", file)
	if os.Geteuid() == 0 { // it refuses to run as root
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: unprivileged(t, dir)}
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("pgbouncer: %v", err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-done
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "pgbouncer.log"))
			t.Logf("pgbouncer's log ends:\n%s", log[max(0, len(log)-4000):])
		}
		_ = os.RemoveAll(dir)
	})
	address := net.JoinHostPort("127.0.0.1", port)
	for range 300 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			u.Host = address
			return u.String()
		}
		select {
		case <-done:
			log, _ := os.ReadFile(filepath.Join(dir, "pgbouncer.log"))
			t.Fatalf("pgbouncer ended at once: %v\n%s", cmd.ProcessState, log)
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatal("pgbouncer does not answer")
	return ""
}

// unprivileged is the user that Debian's postgresql brings, to whom it gives a folder.
func unprivileged(t testing.TB, dir string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, errU := strconv.ParseUint(u.Uid, 10, 32)
	gid, errG := strconv.ParseUint(u.Gid, 10, 32)
	if errU != nil || errG != nil {
		t.Fatal(errU, errG)
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
