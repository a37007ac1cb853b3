package testenv

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fachwerk/internal/app"
	"fachwerk/internal/testenv/child"
)

// Server is a running server with the demo's people and messages in it.
type Server struct {
	app.DemoState
	stop context.CancelFunc
	done chan error
	log  child.Said
}

// Start runs a server until the test ends. Accounts makes so many persons beside
// the demo's two.
func Start(t testing.TB, accounts int) *Server {
	t.Helper()
	dir := t.TempDir()
	ready := filepath.Join(dir, "ready.json")
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{stop: stop, done: make(chan error, 1)}
	go func() {
		s.done <- app.Demo(ctx, app.DemoOptions{
			Data: dir, Accounts: accounts, Listen: "127.0.0.1", JSON: ready, Out: &s.log, Log: &s.log, LogLevel: "info",
		})
	}()
	t.Cleanup(func() { s.end(t) })
	for range 6000 {
		if text, err := os.ReadFile(ready); err == nil {
			if err := json.Unmarshal(text, &s.DemoState); err != nil {
				t.Fatal(err)
			}
			return s
		}
		select {
		case err := <-s.done:
			s.done <- err
			t.Fatalf("the server ended at once: %v\n%s", err, s.log.String())
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Fatalf("the server is not ready\n%s", s.log.String())
	return nil
}

func (s *Server) end(t testing.TB) {
	s.stop()
	select {
	case err := <-s.done:
		if err != nil && !t.Failed() {
			t.Errorf("the server ended with: %v", err)
		}
	case <-time.After(2 * time.Minute):
		t.Error("the server does not end")
	}
	if t.Failed() {
		t.Logf("the server's log:\n%s", s.log.String())
	}
}
