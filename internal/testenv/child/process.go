package child

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// patience is how long a process may take to end, also on a machine that is busy with
// much else.
const patience = 2 * time.Minute

// A Process is a program that a test has started.
type Process struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

// Start starts cmd, whose output said keeps, and ends it with the test, by SIGTERM, if
// it has not ended before. What it said is logged where the test has failed. The name
// is for what a failure says.
func Start(t testing.TB, name string, cmd *exec.Cmd, said *Said) *Process {
	t.Helper()
	p := Launch(t, name, cmd, said)
	t.Cleanup(func() {
		p.End(t, syscall.SIGTERM)
		if t.Failed() {
			t.Logf("%s said at last:\n%s", name, said.Tail())
		}
	})
	return p
}

// Launch is Start for who ends the program.
func Launch(t testing.TB, name string, cmd *exec.Cmd, said *Said) *Process {
	t.Helper()
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	p := &Process{name: name, cmd: cmd, done: make(chan struct{})}
	go func() { _ = cmd.Wait(); close(p.done) }()
	return p
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Running tells whether it has not ended yet.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// ExitCode waits for the end of the program and gives its exit status, -1 where a signal
// has ended it.
func (p *Process) ExitCode(t testing.TB) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("%s does not end", p.name)
	}
	return p.cmd.ProcessState.ExitCode()
}

// End sends the program a signal and waits until it has ended, if it still runs. One
// that does not heed it is killed, with its process group where it has one of its own,
// and fails the test.
func (p *Process) End(t testing.TB, how syscall.Signal) {
	t.Helper()
	if !p.Running() {
		return
	}
	_ = p.cmd.Process.Signal(how)
	select {
	case <-p.done:
		return
	case <-time.After(patience):
	}
	if p.cmd.SysProcAttr != nil && p.cmd.SysProcAttr.Setpgid {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	} else {
		_ = p.cmd.Process.Kill()
	}
	<-p.done
	t.Errorf("%s did not end at %v", p.name, how)
}
