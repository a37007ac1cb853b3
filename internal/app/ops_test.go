package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/app/config"
)

// probe asks and gives status and text.
func probe(t *testing.T, address, path string) (int, string) {
	t.Helper()
	res, err := http.Get("http://" + address + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(text))
}

func TestProbesThroughTheLifeOfAServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := newOps(slog.New(slog.DiscardHandler))
	o.begin(l)
	defer o.close()
	expect := func(path string, code int, want string) {
		t.Helper()
		if got, text := probe(t, l.Addr().String(), path); got != code || !strings.HasPrefix(text, want) {
			t.Errorf("%s: %d %q, want %d %q", path, got, text, code, want)
		}
	}
	expect("/live", 200, "ok")
	expect("/started", 503, "starting")
	expect("/ready", 503, "starting")
	expect("/metrics", 503, "starting")

	in := openForTest(t)
	o.in.Store(in)
	o.state.Store(opsServing)
	expect("/started", 200, "started")
	expect("/ready", 200, "ready")
	expect("/healthz", 200, "ok")
	expect("/readyz", 200, "ready")
	expect("/metrics", 200, "# HELP")

	o.state.Store(opsStopping)
	expect("/live", 200, "ok")
	expect("/started", 200, "started")
	expect("/ready", 503, "stopping")
	expect("/metrics", 200, "# HELP")
}

// openForTest gives an installation that the demo filled.
func openForTest(t *testing.T) *Installation {
	t.Helper()
	dir := t.TempDir()
	_, stop := startForTest(t, dir)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	in, err := Open(t.Context(), Where{Data: dir}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	return in
}

// One site of two that is away is told, and keeps nobody of the other from being served.
func TestReadinessWithSeveralSites(t *testing.T) {
	dir := t.TempDir()
	in := &Installation{cfg: config.Default(), log: slog.New(slog.DiscardHandler), metrics: newMetrics()}
	in.cfg.Keys.Dir, in.cfg.Spool.Dir, in.cfg.Directory = dir+"/keys", dir+"/spool", "nord"
	for _, name := range []string{"nord", "sued"} {
		in.cfg.Sites = append(in.cfg.Sites, config.Site{
			Name: name, Operator: "Kommunale IT", Country: "DE", Place: "Musterstadt", Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
			Metadata: config.SiteMetadata{DSN: "sqlite:" + dir + "/" + name + ".db"}, Blobs: config.SiteBlobs{URL: "dir:" + dir + "/" + name},
		})
	}
	in, err := open(t.Context(), in.cfg, in.log, Renewal{})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	o := newOps(in.log)
	o.in.Store(in)
	for _, test := range []struct {
		remove string
		ready  bool
		want   string
	}{
		{"", true, "nord 1 sued 1 "}, {"sued", true, "nord 1 sued 0 "}, {"nord", false, "nord 0 sued 0 "},
	} {
		if test.remove != "" {
			if err := os.RemoveAll(dir + "/" + test.remove); err != nil {
				t.Fatal(err)
			}
		}
		o.asked = time.Time{}
		if err := o.check(t.Context()); (err == nil) != test.ready {
			t.Errorf("without %q: %v", test.remove, err)
		}
		families, err := in.metrics.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range families {
			if f.GetName() == "fachwerk_site_ready" {
				for _, m := range f.GetMetric() {
					got += fmt.Sprintf("%s %.0f ", m.GetLabel()[0].GetValue(), m.GetGauge().GetValue())
				}
			}
		}
		if got != test.want {
			t.Errorf("without %q the metrics say %q, want %q", test.remove, got, test.want)
		}
	}
	if n := len(in.databases()); n != 2 {
		t.Errorf("%d clocks are compared", n)
	}
}

// At the end readiness goes first, while connections are still taken; then open
// work ends; the probes answer to the last.
func TestReadinessEndsBeforeListenersClose(t *testing.T) {
	const withdraw = 5 * time.Second
	d, s, stop := serveForTest(t, func(c *config.Config) {
		c.Limits.Withdraw, c.Limits.Drain = withdraw, time.Minute
	})
	address := s.listeners.Address("ops")
	if code, text := probe(t, address, "/ready"); code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	lmtp := dialLines(t, d.LMTP, nil)
	for _, command := range []string{"", "LHLO relay.example", "MAIL FROM:<grete@elsewhere.example>", "RCPT TO:<" + d.Accounts[0].Address + ">", "DATA"} {
		if command != "" {
			fmt.Fprintf(lmtp, "%s\r\n", command)
		}
		for l := lmtp.line(); ; l = lmtp.line() {
			if len(l) < 4 || l[0] > '3' {
				t.Fatalf("after %q: %q", command, l)
			}
			if l[3] == ' ' {
				break
			}
		}
	}
	ended := make(chan error, 1)
	began := time.Now()
	go func() { ended <- stop() }()
	for {
		if code, text := probe(t, address, "/ready"); code == 503 && text == "stopping" {
			break
		}
	}
	if late := dialLines(t, d.IMAP, nil); !strings.HasPrefix(late.line(), "* OK") {
		if time.Since(began) < withdraw { // on a machine that slow nothing is said
			t.Error("connections are refused at once")
		}
	}
	for { // the listeners close
		conn, err := net.Dial("tcp", d.IMAP)
		if err != nil {
			break
		}
		conn.Close()
		time.Sleep(10 * time.Millisecond)
	}
	if code, _ := probe(t, address, "/live"); code != 200 {
		t.Errorf("while open work ends, /live: %d", code)
	}
	if code, text := probe(t, address, "/ready"); code != 503 {
		t.Errorf("while open work ends, /ready: %d %s", code, text)
	}
	fmt.Fprintf(lmtp, "Subject: zu Ende gebracht\r\n\r\nText\r\n.\r\n")
	if l := lmtp.line(); !strings.HasPrefix(l, "250") {
		t.Errorf("a message that was on its way: %q", l)
	}
	if err := <-ended; err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestClockWatch(t *testing.T) {
	var log strings.Builder
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ahead := map[string]time.Duration{}
	w := &clockWatch{
		log: slog.New(slog.NewTextHandler(&log, nil)), now: func() time.Time { return at }, told: map[string]time.Time{}, off: map[string]time.Duration{},
		note: func(against string, d time.Duration) { ahead[against] = d },
	}
	database := func(off time.Duration) {
		t.Helper()
		log.Reset()
		w.database(t.Context(), "database", func(context.Context) (time.Time, error) { return at.Add(off), nil })
		if ahead["database"] != off {
			t.Errorf("the metric says %s, want %s", ahead["database"], off)
		}
	}
	database(0)
	database(2 * time.Second)
	if log.Len() > 0 {
		t.Errorf("a small difference is told: %s", &log)
	}
	database(10 * time.Minute)
	if !strings.Contains(log.String(), "NTP") || !strings.Contains(log.String(), "10m0s") || !strings.Contains(log.String(), "against=database") {
		t.Errorf("ten minutes: %q", &log)
	}
	database(10 * time.Minute)
	if log.Len() > 0 {
		t.Errorf("told again at once: %s", &log)
	}
	at = at.Add(clockEvery)
	database(-10 * time.Minute)
	if !strings.Contains(log.String(), "-10m0s") {
		t.Errorf("behind, an hour later: %q", &log)
	}
	before := ahead["database"]
	w.database(t.Context(), "database", func(context.Context) (time.Time, error) { return time.Time{}, errors.New("away") })
	if ahead["database"] != before {
		t.Error("a database that does not answer has no clock")
	}
	// A clock of whole seconds, an answer that took a while.
	w.seen("provider", at.Truncate(time.Second), at.Add(300*time.Millisecond), at.Add(700*time.Millisecond), time.Second)
	if ahead["provider"] != 0 {
		t.Errorf("whole seconds: %s", ahead["provider"])
	}
}

// The login provider's clock shows in its answers.
func TestClockOfTheProvider(t *testing.T) {
	in := openForTest(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
	})}
	go srv.Serve(l)
	defer srv.Close()
	var log strings.Builder
	in.clock.log = slog.New(slog.NewTextHandler(&log, nil))
	res, err := in.httpClient().Get("http://" + l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if !strings.Contains(log.String(), "against=provider") || !strings.Contains(log.String(), "-10m") {
		t.Errorf("ten minutes behind: %q", &log)
	}
}
