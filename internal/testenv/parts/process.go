package parts

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/testenv/child"
)

// patience is how long a server may take to begin, also on a machine that is busy with
// much else.
const patience = 2 * time.Minute

// process is a server that runs until it is ended, or the test ends.
type process struct {
	name, address  string
	who            *syscall.Credential
	env            []string
	said           child.Said
	*child.Process // nil: it was never started
}

// newProcess is a server that has not been started.
func newProcess(t testing.TB, name, address string, who *syscall.Credential, env ...string) *process {
	p := &process{name: name, address: address, who: who, env: env}
	t.Cleanup(func() {
		p.end(t, syscall.SIGINT)
		if t.Failed() {
			t.Logf("%s said at last:\n%s", name, p.said.Tail())
		}
	})
	return p
}

// start runs the server in a process group of its own and waits until its port
// answers.
func (p *process) start(t testing.TB, args ...string) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: p.who}
	cmd.Env = append(os.Environ(), p.env...)
	p.Process = child.Launch(t, p.name, cmd, &p.said)
	Eventually(t, p.name+" answers", func() error {
		if !p.Running() {
			t.Fatalf("%s ended at once:\n%s", p.name, p.said.Tail())
		}
		conn, err := net.DialTimeout("tcp", p.address, time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	})
}

// end ends the server by a signal. One that is not running is left alone.
func (p *process) end(t testing.TB, how syscall.Signal) {
	t.Helper()
	if p.Process != nil {
		p.End(t, how)
	}
}

// Eventually waits until f has no error any more, and fails the test when that takes
// too long.
func Eventually(t testing.TB, what string, f func() error) {
	t.Helper()
	end := time.Now().Add(patience)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s: %v", what, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ports are those that were handed out, so that none is twice in one test's run.
var ports atomic.Int64

// FreePort finds a port of an address below the range that the system gives to
// clients, so that a server which is started again finds it free again. No two calls
// return the same one.
func FreePort(t testing.TB, address string) string {
	t.Helper()
	const first, many = 20000, 12000
	ports.CompareAndSwap(0, 1+rand.Int64N(many)) // anywhere, for other tests at the same time
	for range 1000 {
		port := strconv.FormatInt(first+ports.Add(1)%many, 10)
		if l, err := net.Listen("tcp", net.JoinHostPort(address, port)); err == nil {
			must(t, l.Close())
			return port
		}
	}
	t.Fatalf("no free port between %d and %d on %s", first, first+many, address)
	return ""
}

// folder makes a folder that other users can walk into, which t.TempDir's are not,
// and gives it to a user.
func folder(t testing.TB, prefix string, who *syscall.Credential) string {
	t.Helper()
	dir, err := os.MkdirTemp("", prefix)
	must(t, err)
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if who != nil {
		must(t, os.Chown(dir, int(who.Uid), int(who.Gid)))
	}
	return dir
}

// unprivileged is Debian's user postgres where we are root: PostgreSQL refuses to run
// as root. Else nil: ourselves.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user postgres: %w", err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user postgres: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
