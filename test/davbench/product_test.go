//go:build bench

package davbench

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// ours is the product's name among the peers.
const ours = "fachwerk"

// product builds and starts the demo with its embedded engines. A binary that the
// environment names is taken as it is: one that can be profiled, say.
func product(t *testing.T) *peer {
	t.Helper()
	folder := t.TempDir()
	binary := os.Getenv("DAVBENCH_BINARY")
	if binary == "" {
		binary = filepath.Join(folder, "fachwerk")
		build := exec.Command("go", "build", "-o", binary, "fachwerk/cmd/fachwerk")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
	}
	// The first start makes people, with password hashes of 64 MiB each; what is
	// measured is a server that has them.
	_, stop := demonstrate(t, binary, folder)
	stop()
	demo, stop := demonstrate(t, binary, folder)
	t.Cleanup(stop)
	who := demo.Accounts[len(demo.Accounts)-1]
	return &peer{
		name: ours, url: demo.HTTP, user: who.Address, password: who.AppPassword, pid: demo.PID,
		calendar: "/calendars/" + who.Address + "/", book: "/addressbooks/" + who.Address + "/", files: "/files/" + who.Address + "/",
	}
}

type demo struct {
	PID      int    `json:"pid"`
	HTTP     string `json:"http"`
	Accounts []struct {
		Address     string `json:"address"`
		AppPassword string `json:"app_password"`
	} `json:"accounts"`
}

// demonstrate starts the demo and waits until it is ready.
func demonstrate(t *testing.T, binary, folder string) (d demo, stop func()) {
	t.Helper()
	ready := filepath.Join(folder, "ready.json")
	must(t, os.RemoveAll(ready))
	cmd := exec.Command(binary, "demo", "--data", filepath.Join(folder, "data"), "--accounts", "2", "--base-port", "0", "--json", ready)
	cmd.Stderr = os.Stderr
	must(t, cmd.Start())
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	stop = func() {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	}
	for range 6000 {
		if data, err := os.ReadFile(ready); err == nil {
			must(t, json.Unmarshal(data, &d))
			return d, stop
		}
		select {
		case <-ended:
			t.Fatal("the demo ended")
		case <-time.After(20 * time.Millisecond):
		}
	}
	stop()
	t.Fatal("the demo is not ready")
	return d, nil
}
