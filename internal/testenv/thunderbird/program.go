package thunderbird

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
)

// Program is a running Thunderbird that began with an empty profile.
type Program struct {
	*marionette
	t      testing.TB
	screen *screen
}

// Options say how the program gets to the servers of a test, whose names are in no DNS.
type Options struct {
	Web    string // host:port of its proxy for http: what it asks for there it gets from this server
	Secure string // host:port of its proxy for https (CONNECT); "": there is nothing by https
	// Address is where every mail server is, whatever its name; "": as names say.
	Address string
	// Authority is the certificate, in DER, of who issued those that servers show.
	Authority []byte
}

// Start runs the program until the test ends, and waits for its window.
func Start(t testing.TB, o Options) *Program {
	t.Helper()
	binary := need.Program(t, "thunderbird")
	s := startScreen(t)
	profile, home := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(profile, "user.js"), []byte(o.preferences(t)), 0o600))
	// The program itself and not Debian's start script, so that its process id is ours.
	const real = "/usr/lib/thunderbird/thunderbird-bin"
	if _, err := os.Stat(real); err == nil {
		binary = real
	}
	cmd := exec.Command(binary, "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", profile)
	cmd.Env = append(cleanEnv(), "DISPLAY="+s.display, "HOME="+home, "LANG=C.UTF-8", "MOZ_CRASHREPORTER_DISABLE=1",
		"MOZ_DISABLE_CONTENT_SANDBOX=1", "NO_AT_BRIDGE=1", "DBUS_SESSION_BUS_ADDRESS=disabled:", "GDK_BACKEND=x11",
		"LIBGL_ALWAYS_SOFTWARE=1")
	log := filepath.Join(home, "thunderbird.log")
	ended := start(t, cmd, log)
	p := &Program{t: t, screen: s}
	t.Cleanup(func() { p.picture(log) })
	p.marionette = connect(t, filepath.Join(profile, "MarionetteActivePort"), ended)
	t.Cleanup(func() { p.conn.Close() })
	p.do("start", waitForWindow, nil)
	if o.Authority != nil {
		p.do("trust the authority", trust, nil, base64.StdEncoding.EncodeToString(o.Authority))
	}
	return p
}

// connect reads the port that Thunderbird chose as soon as it is written.
func connect(t testing.TB, portFile string, ended <-chan struct{}) *marionette {
	t.Helper()
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); {
		if port, err := os.ReadFile(portFile); err == nil && len(port) > 0 {
			if m, err := dialMarionette("127.0.0.1:" + strings.TrimSpace(string(port))); err == nil {
				return m
			}
		}
		select {
		case <-ended:
			t.Fatal("Thunderbird ended at once")
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatal("Thunderbird's remote control does not answer")
	return nil
}

// do runs a script and fails the test with what it says.
func (p *Program) do(what, body string, result any, args ...any) {
	p.t.Helper()
	began := time.Now()
	if err := p.run(body, result, args...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	p.t.Logf("%s: %.1f s", what, time.Since(began).Seconds())
}

// envPictures names a folder for pictures of the screen, also of tests that pass.
const envPictures = "FACHWERK_TEST_PICTURES"

// picture keeps the screen of a failed test where a person can look at it.
func (p *Program) picture(log string) {
	dir := os.Getenv(envPictures)
	if p.t.Failed() {
		if text, err := os.ReadFile(log); err == nil {
			p.t.Logf("Thunderbird said:\n%s", text[max(0, len(text)-8<<10):])
		}
		if dir == "" {
			dir = os.TempDir()
		}
	}
	if dir == "" {
		return
	}
	path := filepath.Join(dir, strings.ReplaceAll(p.t.Name(), "/", "-")+".png")
	if err := p.screen.save(path); err != nil {
		p.t.Logf("picture of the screen: %v", err)
		return
	}
	p.t.Logf("picture of the screen: %s", path)
}

// start runs a command in a process group of its own, which the end of the test
// ends; the channel is closed when the process has ended.
func start(t testing.TB, cmd *exec.Cmd, log string) <-chan struct{} {
	t.Helper()
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(10 * time.Second):
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // and what it left behind
		<-done
	})
	return done
}

// cleanEnv is the environment without what belongs to somebody's own desktop.
func cleanEnv() (out []string) {
	for _, e := range os.Environ() {
		name, _, _ := strings.Cut(e, "=")
		switch {
		case name == "DISPLAY", name == "HOME", name == "LANG", strings.HasPrefix(name, "LC_"),
			strings.HasPrefix(name, "XDG_"), strings.HasPrefix(name, "DBUS_"), strings.HasPrefix(name, "MOZ_"),
			strings.HasSuffix(strings.ToLower(name), "_proxy"):
		default:
			out = append(out, e)
		}
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
