package child

import (
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

func TestEnds(t *testing.T) {
	var said Said
	p := Start(t, "a shell", exec.Command("sh", "-c", "echo hier; exit 3"), &said)
	if code := p.ExitCode(t); code != 3 || p.Running() {
		t.Errorf("exit status %d, running %v", code, p.Running())
	}
	<-p.Done()
	if got := said.String(); got != "hier\n" {
		t.Errorf("it said %q", got)
	}
	p.End(t, syscall.SIGTERM) // there is nothing to end
}

func TestIsEnded(t *testing.T) {
	var said Said
	p := Launch(t, "a program that waits", exec.Command("sleep", "3600"), &said)
	if !p.Running() {
		t.Fatal("it has ended")
	}
	p.End(t, syscall.SIGTERM)
	if code := p.ExitCode(t); code != -1 {
		t.Errorf("exit status %d", code)
	}
}

func TestTail(t *testing.T) {
	var said Said
	_, _ = said.Write([]byte(strings.Repeat("x", 5000) + "Ende"))
	if got := said.Tail(); len(got) != 4000 || !strings.HasSuffix(got, "xEnde") {
		t.Errorf("%d bytes, %q", len(got), got[len(got)-8:])
	}
}
