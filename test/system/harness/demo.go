package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
)

// Engines are the pairs that every scenario must work on.
type Engines string

// The pairs.
const (
	Embedded Engines = "SQLite+directory"
	Remote   Engines = "PostgreSQL+S3"
)

// Each runs a test on both pairs of engines.
func Each(t *testing.T, f func(t *testing.T, e Engines)) {
	t.Helper()
	for _, e := range []Engines{Embedded, Remote} {
		t.Run(string(e), func(t *testing.T) { f(t, e) })
	}
}

// Options of one demo. The zero value is the embedded one.
type Options struct {
	Engines  Engines
	Accounts int      // person000@ and so on, beside the two
	Args     []string // further arguments of `demo`
	Env      []string // such as FACHWERK_SMTP_SMARTHOST_ADDRESS=127.0.0.1:2525
}

// State is what `demo --json` writes.
type State struct {
	PID         int       `json:"pid"`
	IMAP        string    `json:"imap"`
	IMAPS       string    `json:"imaps"`
	LMTP        string    `json:"lmtp"`
	SMTP        string    `json:"smtp"`
	Submission  string    `json:"submission"`
	Submissions string    `json:"submissions"`
	HTTP        string    `json:"http"`
	Portal      string    `json:"portal"`
	Issuer      string    `json:"issuer"`
	Ops         string    `json:"ops"`
	CA          string    `json:"ca"`
	Accounts    []Account `json:"accounts"`
}

// Account is somebody who can sign in.
type Account struct {
	Address     string `json:"address"`
	Password    string `json:"password"`     // for the login page
	AppPassword string `json:"app_password"` // for mail programs
}

// Office is the function mailbox that both people may use.
const Office = "buergeramt@musterstadt.example"

// Demo is a running program.
type Demo struct {
	State
	Data string // its folder
	Took time.Duration

	o    Options
	args []string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	log  string        // file
}

// startTimeout is far above what a start takes, for a machine under load;
// making many accounts takes longer.
const startTimeout = 2 * time.Minute

// Start runs a demo in a new folder and waits until it is ready. It is stopped
// when the test ends.
func Start(t testing.TB, o Options) *Demo {
	t.Helper()
	d := &Demo{Data: t.TempDir(), o: o}
	d.log = filepath.Join(d.Data, "server.log")
	d.args = append([]string{"demo", "--data", d.Data, "--base-port", "0"}, o.Args...)
	if o.Accounts > 0 {
		d.args = append(d.args, "--accounts", fmt.Sprint(o.Accounts))
	}
	if o.Engines == Remote {
		d.args = append(d.args, "--metadata", need.Postgres(t), "--blobs", need.S3(t))
	}
	t.Cleanup(func() { d.end(t) })
	d.start(t)
	return d
}

func (d *Demo) start(t testing.TB) {
	t.Helper()
	ready := filepath.Join(d.Data, "ready.json")
	if err := os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	log, err := os.OpenFile(d.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	binary := Binary(t)
	began := time.Now()
	d.cmd = exec.Command(binary, append(d.args, "--json", ready)...)
	d.cmd.Env = append(append(os.Environ(), "FACHWERK_LOG_LEVEL=info"), d.o.Env...)
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d.done = make(chan struct{})
	go func(cmd *exec.Cmd, done chan struct{}) { _ = cmd.Wait(); close(done) }(d.cmd, d.done)
	limit := startTimeout + time.Duration(d.o.Accounts)*100*time.Millisecond
	for {
		// The file is put in place whole, when every listener is served.
		if text, err := os.ReadFile(ready); err == nil {
			d.State = State{}
			if err := json.Unmarshal(text, &d.State); err != nil {
				t.Fatalf("demo --json: %v\n%s", err, text)
			}
			d.Took = time.Since(began)
			return
		}
		select {
		case <-d.done:
			t.Fatalf("the demo ended at once: %v\n%s", d.cmd.ProcessState, d.Log())
		case <-time.After(5 * time.Millisecond):
		}
		if time.Since(began) > limit {
			t.Fatalf("the demo is not ready after %v\n%s", limit, d.Log())
		}
	}
}

// Stop sends SIGTERM and waits for a clean end; anything but exit status 0 fails
// the test.
func (d *Demo) Stop(t testing.TB) {
	t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("SIGTERM: %v", err)
	}
	select {
	case <-d.done:
	case <-time.After(2 * time.Minute):
		t.Fatal("the server does not end after SIGTERM")
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("after SIGTERM the server ended with %v\n%s", d.cmd.ProcessState, d.Log())
	}
}

// Kill ends the process like a power cut.
func (d *Demo) Kill(t testing.TB) {
	t.Helper()
	if err := d.cmd.Process.Kill(); err != nil {
		t.Fatalf("SIGKILL: %v", err)
	}
	<-d.done
}

// Restart starts again, on the same data, after Stop or Kill.
func (d *Demo) Restart(t testing.TB) {
	t.Helper()
	d.start(t)
}

// Running reports whether the process lives.
func (d *Demo) Running() bool {
	select {
	case <-d.done:
		return false
	default:
		return true
	}
}

// end is the clean-up: stop what runs, show the log if the test failed.
func (d *Demo) end(t testing.TB) {
	if d.cmd != nil && d.cmd.Process != nil && d.done != nil && d.Running() {
		_ = d.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-d.done:
		case <-time.After(time.Minute):
			_ = d.cmd.Process.Kill()
			<-d.done
		}
	}
	if text, err := os.ReadFile(d.log); err == nil && bytes.Contains(text, []byte("WARNING: DATA RACE")) {
		t.Error("the race detector found a race in the server")
	}
	if t.Failed() {
		t.Logf("the server's log:\n%s", d.Log())
	}
}

// Log is the end of what the server wrote, all starts together.
func (d *Demo) Log() string {
	text, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-16<<10):])
}

// Command runs the command line on the demo's installation and returns what it
// printed; a failure fails the test.
func (d *Demo) Command(t testing.TB, args ...string) string {
	t.Helper()
	out, errs, err := d.Try(t, "", args...)
	if err != nil {
		t.Fatalf("fachwerk %v: %v\n%s%s", args, err, out, errs)
	}
	return out
}

// Try runs the command line with stdin and tells how it ended.
func (d *Demo) Try(t testing.TB, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Binary(t), append(args, "--data", d.Data)...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewBufferString(stdin), &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// Check verifies the whole store by the `check` command.
func (d *Demo) Check(t testing.TB) {
	t.Helper()
	if out, errs, err := d.Try(t, "", "check"); err != nil {
		t.Errorf("fachwerk check: %v\n%s%s", err, out, errs)
	}
}

// Anna and Jan are the demo's two people.
func (d *Demo) Anna() Account { return d.Accounts[0] }

// Jan is the second one.
func (d *Demo) Jan() Account { return d.Accounts[1] }

// Person is one of the crowd that Options.Accounts made.
func (d *Demo) Person(i int) Account { return d.Accounts[2+i] }
