package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/app/config"
)

// startForTest runs a demo in this process; stop ends it and gives its error.
func startForTest(t *testing.T, dir string) (s DemoState, stop func() error) {
	t.Helper()
	ready := filepath.Join(dir, "ready.json")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- Demo(ctx, DemoOptions{Data: dir, Listen: "127.0.0.1", JSON: ready, Out: io.Discard, Log: io.Discard, LogLevel: "error"})
	}()
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); {
		if text, err := os.ReadFile(ready); err == nil {
			if err := json.Unmarshal(text, &s); err != nil {
				t.Fatal(err)
			}
			break
		}
		select {
		case err := <-done:
			t.Fatalf("ended at once: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if s.PID == 0 {
		t.Fatal("not ready after two minutes")
	}
	stopped := false
	stop = func() error {
		stopped = true
		cancel()
		return <-done
	}
	t.Cleanup(func() {
		if !stopped {
			_ = stop()
		}
	})
	return s, stop
}

func TestDemoStartsAndStops(t *testing.T) {
	s, stop := startForTest(t, t.TempDir())
	res, err := http.Get(s.Ops + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("readyz: %s", res.Status)
	}
	// Who knows the portal alone finds calendars and contacts from there (RFC 6764 section 5).
	direct := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, path := range []string{"/.well-known/caldav", "/.well-known/carddav"} {
		res, err := direct.Get(s.Portal + path)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if at := res.Header.Get("Location"); res.StatusCode != http.StatusMovedPermanently || at != s.HTTP+"/" {
			t.Errorf("%s at the portal: %s to %q, want 301 to %s/", path, res.Status, at, s.HTTP)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// A key directory that is not mounted must stop the start, not be made anew.
func TestLostKeysAreNotMadeAnew(t *testing.T) {
	dir := t.TempDir()
	_, stop := startForTest(t, dir)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "keys"), filepath.Join(dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and it stays refused
		_, err := Open(t.Context(), Where{Data: dir}, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "restore the key directory") {
			t.Fatalf("a store without its keys: %v", err)
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(dir, "elsewhere"), filepath.Join(dir, "keys")); err != nil {
		t.Fatal(err)
	}
	in, err := Open(t.Context(), Where{Data: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("with the keys back: %v", err)
	}
	if found, err := in.Check(t.Context(), false, nil); err != nil || len(found) > 0 {
		t.Errorf("check: %v, %v", found, err)
	}
	if err := in.Close(); err != nil {
		t.Error(err)
	}
}

func TestReadinessTellsOfAStoreThatIsAway(t *testing.T) {
	dir := t.TempDir()
	_, stop := startForTest(t, dir)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	in, err := Open(t.Context(), Where{Data: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	o := newOps(slog.New(slog.DiscardHandler))
	o.in.Store(in)
	o.state.Store(opsServing)
	if err := o.check(t.Context()); err != nil {
		t.Fatalf("a store that answers: %v", err)
	}
	o.asked = time.Time{}
	if err := os.RemoveAll(filepath.Join(dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	if err := o.check(t.Context()); err == nil {
		t.Error("ready without a blob directory")
	}
}

func TestRemoteBelievesConfiguredProxiesOnly(t *testing.T) {
	c := config.Default()
	c.HTTP.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	in := &Installation{cfg: c}
	for _, test := range []struct{ from, forwarded, want string }{
		{"192.0.2.1:99", "198.51.100.7", "192.0.2.1"},
		{"10.0.0.1:99", "198.51.100.7", "198.51.100.7"},
		{"10.0.0.1:99", "203.0.113.5, 198.51.100.7, 10.0.0.2", "198.51.100.7"},
		{"10.0.0.1:99", "", "10.0.0.1"},
		{"10.0.0.1:99", "nonsense", "10.0.0.1"},
	} {
		r := &http.Request{RemoteAddr: test.from, Header: http.Header{}}
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-For", test.forwarded)
		}
		if got := in.remote(r); got.String() != test.want {
			t.Errorf("from %s by %q: %s, want %s", test.from, test.forwarded, got, test.want)
		}
	}
}

func TestScheduleDoubles(t *testing.T) {
	got := schedule(5*time.Minute, 30*time.Minute)
	want := []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute}
	if len(got) != len(want) {
		t.Fatalf("%v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%v, want %v", got, want)
		}
	}
}

func TestWhereNeedsOneOfTwo(t *testing.T) {
	for _, w := range []Where{{}, {Config: "a", Data: "b"}} {
		if _, err := w.Path(); err == nil {
			t.Errorf("%+v is accepted", w)
		}
	}
}
