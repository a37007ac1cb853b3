package towns

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/app"
	"fachwerk/internal/testenv/child"
	"fachwerk/internal/testenv/parts"
)

// Patience is far above what anything takes that a test waits for.
const Patience = 2 * time.Minute

// Options of a house.
type Options struct {
	Sites    int  // they are called site0 and so on; site0 has the directory
	Services bool // PostgreSQL and S3, not SQLite and a folder
	// Ours and Theirs are the sites where the towns live.
	Ours, Theirs int
	// TheirName is what everybody of the other town is called.
	TheirName string

	// OIDC, SMTP and Lines go into the configuration: further members of `oidc` and
	// `smtp`, and further lines.
	OIDC, SMTP string
	Lines      []string
	// Metadata gives further members of a site's `metadata`.
	Metadata func(site int) string
	// Bucket may lead the server to a site's bucket by another way; the URL has the
	// secret in it.
	Bucket func(site int, url string) string
}

// House is an installation with two towns in it, and the server if it is served.
type House struct {
	Dir       string
	Listen    map[string]string // by listener
	Where     app.Where
	Sites     []Site
	Passwords map[string]string // app passwords, by address
	log       child.Said
}

// Build makes the installation, which is not served yet.
func Build(t testing.TB, o Options) *House {
	t.Helper()
	h := &House{Dir: t.TempDir(), Listen: map[string]string{}, Passwords: map[string]string{}}
	h.Where = app.Where{Config: filepath.Join(h.Dir, app.ConfigName)}
	must(t, os.WriteFile(h.Where.Config, []byte(h.configuration(t, o)), 0o600))
	h.With(t, func(ctx context.Context, in *app.Installation) { h.fill(ctx, t, in, o) })
	return h
}

func (h *House) configuration(t testing.TB, o Options) string {
	t.Helper()
	var c strings.Builder
	c.WriteString("listen:\n")
	var chosen []net.Listener // held until all are, so that no port is chosen twice
	for _, key := range []string{"imap", "lmtp", "smtp", "submission", "http", "portal", "issuer", "ops", "admin"} {
		host := map[string]string{"issuer": "127.0.0.2", "http": "127.0.0.3"}[key]
		if host == "" {
			host = "127.0.0.1"
		}
		l, err := net.Listen("tcp", host+":0")
		must(t, err)
		h.Listen[key] = l.Addr().String()
		chosen = append(chosen, l)
		fmt.Fprintf(&c, "  %s: %s\n", key, h.Listen[key])
	}
	for _, l := range chosen {
		must(t, l.Close())
	}
	shown := parts.NewCertificate(t, "127.0.0.1")
	must(t, os.WriteFile(filepath.Join(h.Dir, "cert.pem"), shown.Cert, 0o600))
	must(t, os.WriteFile(filepath.Join(h.Dir, "key.pem"), shown.Key, 0o600))
	fmt.Fprintf(&c, `  imaps: ""
  submissions: ""
tls: {cert: cert.pem, key: key.pem, web: false, plain_login: loopback}
public: {name: localhost, portal: "%s", http: "%s"}
oidc: {embedded: true, issuer: "%s", operator_group: operators, admin_group: "chiefs of {tenant}"%s}
keys: {dir: keys}
spool: {dir: spool}
smtp: {relays: [127.0.0.0/8]%s}
lmtp: {trusted: [127.0.0.0/8]}
limits: {connections_per_address: 1000, connections_per_person: 1000, messages_per_minute: 0}
log: {level: info, format: text}
directory: site0
`, h.URL("portal"), h.URL("http"), h.URL("issuer"), further(o.OIDC), further(o.SMTP))
	for _, line := range o.Lines {
		c.WriteString(line + "\n")
	}
	c.WriteString("sites:\n")
	for i := range o.Sites {
		h.Sites = append(h.Sites, newSite(t, h.Dir, i, o))
		c.WriteString(h.Sites[i].text)
	}
	return c.String()
}

// further are members behind others.
func further(members string) string {
	if members == "" {
		return ""
	}
	return ", " + members
}

// URL is a listener's origin.
func (h *House) URL(listener string) string { return "http://" + h.Listen[listener] }

// With opens the installation beside the server, as the command line does.
func (h *House) With(t testing.TB, do func(ctx context.Context, in *app.Installation)) {
	t.Helper()
	in, err := app.Open(t.Context(), h.Where, slog.New(slog.NewTextHandler(io.Discard, nil)))
	must(t, err)
	defer func() { must(t, in.Close()) }()
	do(t.Context(), in)
}

// Serve runs the server until the test ends, and returns when it is ready.
func (h *House) Serve(t testing.TB, trace *app.Trace) {
	t.Helper()
	ctx, stop := context.WithCancel(app.WithTrace(context.WithoutCancel(t.Context()), trace))
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, h.Where, nil, &h.log) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if said := h.Said(); t.Failed() {
			t.Logf("the server said:\n%s", said[max(0, len(said)-16<<10):])
		}
	})
	Until(t, "the server is ready", func() bool {
		select {
		case err := <-done:
			done <- err
			t.Fatalf("the server ended at once: %v", err)
		default:
		}
		res, err := http.Get(h.URL("ops") + "/ready")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// Said is the server's log.
func (h *House) Said() string { return h.log.String() }

// Until waits for what must come.
func Until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain until %s", Patience, what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
