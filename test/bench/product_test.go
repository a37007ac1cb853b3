//go:build bench

package bench

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// product builds and starts the demo with its embedded engines.
func product(t *testing.T) *peer {
	t.Helper()
	folder := t.TempDir()
	binary := filepath.Join(folder, "fachwerk")
	build := exec.Command("go", "build", "-o", binary, "fachwerk/cmd/fachwerk")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	ready := filepath.Join(folder, "ready.json")
	cmd := exec.Command(binary, "demo", "--data", filepath.Join(folder, "data"), "--accounts", "50", "--base-port", "0", "--json", ready)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		cmd.Wait()
	})
	var demo struct {
		PID      int    `json:"pid"`
		IMAP     string `json:"imap"`
		LMTP     string `json:"lmtp"`
		Accounts []struct {
			Address     string `json:"address"`
			AppPassword string `json:"app_password"`
		} `json:"accounts"`
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
		data, err := os.ReadFile(ready)
		if err == nil {
			if err := json.Unmarshal(data, &demo); err != nil {
				t.Fatal(err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the demo is not ready")
		}
	}
	return &peer{name: "fachwerk", imap: demo.IMAP, lmtp: demo.LMTP, pid: demo.PID,
		user: func(i int) (string, string) {
			a := demo.Accounts[i%len(demo.Accounts)]
			return a.Address, a.AppPassword
		}}
}
