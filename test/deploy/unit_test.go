package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
)

// The systemd unit is right in systemd's own eyes, and leaves the service little.
func TestSystemdUnit(t *testing.T) {
	analyze := need.Program(t, "systemd-analyze")
	text := read(t, "deploy/fachwerk.service")
	// verify wants the program to be there.
	stub := filepath.Join(t.TempDir(), "fachwerk.service")
	const program = "/usr/local/bin/fachwerk"
	if !strings.Contains(text, "ExecStart="+program+" serve") {
		t.Fatal("the unit starts something else")
	}
	if err := os.WriteFile(stub, []byte(strings.ReplaceAll(text, program, "/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", stub).CombinedOutput(); err != nil || strings.Contains(string(out), "Unknown") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", stub).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	found := regexp.MustCompile(`exposure level for \S+: (\d+\.\d+)`).FindSubmatch(out)
	if found == nil {
		t.Fatalf("no exposure level:\n%s", out)
	}
	if level, err := strconv.ParseFloat(string(found[1]), 64); err != nil || level >= 2 {
		t.Errorf("exposure %s, want below 2.0", found[1])
	}
}

// systemd waits longer than the server may take to stop.
func TestSystemdUnitWaitsForTheEnd(t *testing.T) {
	stop := regexp.MustCompile(`(?m)^TimeoutStopSec=(\w+)$`).FindStringSubmatch(read(t, "deploy/fachwerk.service"))
	if stop == nil {
		t.Fatal("no TimeoutStopSec")
	}
	wait, err := time.ParseDuration(stop[1])
	if err != nil {
		t.Fatal(err)
	}
	var sum time.Duration
	for _, key := range []string{"withdraw", "drain"} {
		value := regexp.MustCompile(`(?m)^  ` + key + `: (\w+)`).FindStringSubmatch(read(t, "deploy/fachwerk.yaml"))
		if value == nil {
			t.Fatalf("no limits.%s in the sample", key)
		}
		d, err := time.ParseDuration(value[1])
		if err != nil {
			t.Fatal(err)
		}
		if key == "drain" {
			d = max(d, time.Minute) // for the smarthost's answers
		}
		sum += d
	}
	if wait <= sum {
		t.Errorf("the service is killed after %s, while it may take %s to stop", wait, sum)
	}
}

// rspamd's own eyes on the snippets.
func TestRspamdSnippets(t *testing.T) {
	program := need.Program(t, "rspamadm")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("/etc/rspamd")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "local.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "local.d"), os.DirFS(filepath.Join(root, "deploy", "rspamd"))); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "--var=CONFDIR="+dir, "configtest", "-c", filepath.Join(dir, "rspamd.conf")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "syntax OK") {
		t.Errorf("rspamadm configtest: %v\n%s", err, out)
	}
}
