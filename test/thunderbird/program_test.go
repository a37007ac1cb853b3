package thunderbird

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// program is a running Thunderbird with an empty profile.
type program struct {
	*marionette
	t      *testing.T
	screen *screen
}

// startThunderbird runs it until the test ends. Its web proxy is the portal, so
// that it finds there what it looks for under the mail domain's name.
func startThunderbird(t *testing.T, portal string) *program {
	t.Helper()
	binary := need.Program(t, "thunderbird")
	s := startScreen(t)
	profile, home := t.TempDir(), t.TempDir()
	u, err := url.Parse(portal)
	if err != nil {
		t.Fatal(err)
	}
	prefs := fmt.Sprintf(preferences, u.Hostname(), u.Port())
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(prefs), 0o600); err != nil {
		t.Fatal(err)
	}
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
	p := &program{t: t, screen: s}
	t.Cleanup(func() { p.picture(log) })
	p.marionette = connect(t, filepath.Join(profile, "MarionetteActivePort"), ended)
	t.Cleanup(func() { p.conn.Close() })
	return p
}

// connect reads the port that Thunderbird chose as soon as it is written.
func connect(t *testing.T, portFile string, ended <-chan struct{}) *marionette {
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
func (p *program) do(what, body string, result any, args ...any) {
	p.t.Helper()
	began := time.Now()
	if err := p.run(body, result, args...); err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	p.t.Logf("%s: %.1f s", what, time.Since(began).Seconds())
}

// EnvPictures names a folder for pictures of the screen, also of tests that pass.
const envPictures = "FACHWERK_TEST_PICTURES"

// picture keeps the screen of a failed test where a person can look at it.
func (p *program) picture(log string) {
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
func start(t *testing.T, cmd *exec.Cmd, log string) <-chan struct{} {
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

// authority is the demo's certificate authority in base 64, as Thunderbird's
// certificate store takes it.
func authority(t *testing.T, demo *harness.Demo) string {
	t.Helper()
	text, err := os.ReadFile(demo.CA)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s holds no certificate", demo.CA)
	}
	return base64.StdEncoding.EncodeToString(block.Bytes)
}
