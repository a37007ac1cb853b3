package parts

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a server may take to begin or to end, also on a machine that
// is busy with much else.
const patience = 2 * time.Minute

// process is a server that runs until it is stopped, or the test ends.
type process struct {
	name string
	cmd  *exec.Cmd
	out  *output
	done chan struct{}
}

// output keeps what a server said.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	text := o.text.String()
	return text[max(0, len(text)-3000):]
}

// start runs a server in a process group of its own and waits until its port
// answers.
func start(t testing.TB, name, address string, who *syscall.Credential, env []string, args ...string) *process {
	t.Helper()
	p := &process{name: name, out: &output{}, done: make(chan struct{})}
	p.cmd = exec.Command(args[0], args[1:]...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: who}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	must(t, p.cmd.Start())
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.stop(t)
		if t.Failed() {
			t.Logf("%s said:\n%s", name, p.out.tail())
		}
	})
	Eventually(t, name+" answers", func() error {
		select {
		case <-p.done:
			t.Fatalf("%s ended at once:\n%s", name, p.out.tail())
		default:
		}
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	})
	return p
}

// stop ends the server; SIGINT is PostgreSQL's fast shutdown, and all others obey it
// too.
func (p *process) stop(t testing.TB) {
	t.Helper()
	select {
	case <-p.done:
		return
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-p.done
		t.Errorf("%s did not end", p.name)
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

// freePort finds a port of an address below the range that the system gives to
// clients.
func freePort(t testing.TB, address string) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(20000 + rand.IntN(12000)) //nolint:gosec // no secret
		if l, err := net.Listen("tcp", net.JoinHostPort(address, port)); err == nil {
			must(t, l.Close())
			return port
		}
	}
	t.Fatal("no free port between 20000 and 32000 on " + address)
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
