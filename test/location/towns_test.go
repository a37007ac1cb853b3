package location_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/jackc/pgx/v5"

	"fachwerk/internal/testenv/browser"
	"fachwerk/internal/testenv/child"
	"fachwerk/internal/testenv/need"
	"fachwerk/internal/testenv/parts"
	"fachwerk/test/system/harness"
)

// patience is far above what anything here takes.
const patience = 2 * time.Minute

// Two towns, each at a site of its own: the directory lies at nord.
const (
	nina = "nina@nordstadt.example"
	sven = "sven@suedstadt.example"
	word = "ein langes Kennwort"
)

// A site of the configuration, as a test may change it.
type declared struct {
	networks, dsn, bucket, more string // more: further keys of blobs
	secret                      string // of the bucket
	database                    string // further keys of metadata
	more2                       string // further keys of the site
}

// towns is an installation of two sites with its real binary.
type towns struct {
	dir    string
	listen map[string]string
	sites  map[string]*declared
	app    map[string]string // app passwords
	said   *child.Said
	server *child.Process
}

// newTowns makes both towns with a person each, and ends without a server.
func newTowns(t *testing.T) *towns {
	t.Helper()
	h := &towns{dir: t.TempDir(), listen: map[string]string{}, sites: map[string]*declared{}, app: map[string]string{}}
	for _, key := range []string{"imap", "lmtp", "portal", "issuer", "ops"} {
		host := map[string]string{"issuer": "127.0.0.2"}[key]
		if host == "" {
			host = "127.0.0.1"
		}
		h.listen[key] = net.JoinHostPort(host, parts.FreePort(t, host))
	}
	for _, name := range []string{"nord", "sued"} {
		u, err := url.Parse(need.S3(t))
		must(t, err)
		d := &declared{networks: "127.0.0.0/8", dsn: need.Postgres(t)}
		d.secret, _ = u.User.Password()
		u.User = url.User(u.User.Username())
		d.bucket = u.String()
		h.sites[name] = d
	}
	shown := parts.NewCertificate(t, "127.0.0.1")
	must(t, os.WriteFile(filepath.Join(h.dir, "cert.pem"), shown.Cert, 0o600))
	must(t, os.WriteFile(filepath.Join(h.dir, "cert-key.pem"), shown.Key, 0o600))
	h.configure(t)
	for town, who := range map[string][2]string{"Nordstadt": {"nord", nina}, "Südstadt": {"sued", sven}} {
		_, domain, _ := strings.Cut(who[1], "@")
		h.command(t, "tenant", "create", town, "--site", who[0], "--domain", domain)
		h.command(t, "account", "add", who[1], "--name", "Musterperson")
		if out, status := h.try(t, word, "password", "set", who[1]); status != 0 {
			t.Fatalf("password set: %s", out)
		}
		h.app[who[1]] = strings.TrimSpace(h.command(t, "app-password", "add", who[1], "--name", "Test"))
	}
	return h
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// configure writes the configuration as the sites are declared now.
func (h *towns) configure(t *testing.T) {
	t.Helper()
	text := fmt.Sprintf(`listen: {imap: "%s", imaps: "", lmtp: "%s", smtp: "", submission: "", submissions: "", http: "", portal: "%s", issuer: "%s", ops: "%s"}
tls: {cert: cert.pem, key: cert-key.pem, web: false, plain_login: loopback}
public: {name: localhost, portal: "http://%s"}
oidc: {embedded: true, issuer: "http://%s"}
keys: {dir: keys}
spool: {dir: spool}
lmtp: {trusted: [127.0.0.0/8]}
limits: {drain: 1s}
location: {every: 10s}
log: {format: text}
directory: nord
sites:
`, h.listen["imap"], h.listen["lmtp"], h.listen["portal"], h.listen["issuer"], h.listen["ops"], h.listen["portal"], h.listen["issuer"])
	for _, name := range []string{"nord", "sued"} {
		d := h.sites[name]
		must(t, os.WriteFile(filepath.Join(h.dir, name+".secret"), []byte(d.secret), 0o600))
		text += fmt.Sprintf(`- name: %s
  operator: Stadtwerke
  country: DE
  place: Musterstadt
  networks: [%s]
  metadata: {dsn: "%s"%s}
  blobs: {url: "%s", secret_file: %s.secret%s}
%s`, name, d.networks, d.dsn, d.database, d.bucket, name, d.more, d.more2)
	}
	must(t, os.WriteFile(filepath.Join(h.dir, "fachwerk.yaml"), []byte(text), 0o600))
}

// try runs a command as an admin does, and gives what it says and its exit status.
func (h *towns) try(t *testing.T, stdin string, args ...string) (string, int) {
	t.Helper()
	if !slices.Contains(args, "verify-report") { // which needs no installation
		args = append(args, "--config", filepath.Join(h.dir, "fachwerk.yaml"))
	}
	cmd := exec.Command(harness.Binary(t), args...)
	cmd.Dir, cmd.Stdin = h.dir, strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func (h *towns) command(t *testing.T, args ...string) string {
	t.Helper()
	out, status := h.try(t, "", args...)
	if status != 0 {
		t.Fatalf("fachwerk %s: exit status %d\n%s", strings.Join(args, " "), status, out)
	}
	return out
}

// serve starts the server and waits until it is ready, or has ended, which it answers.
func (h *towns) serve(t *testing.T) (ended bool) {
	t.Helper()
	h.configure(t)
	h.said = &child.Said{}
	h.server = child.Start(t, "the server", exec.Command(harness.Binary(t), "serve", "--config", filepath.Join(h.dir, "fachwerk.yaml")), h.said)
	parts.Eventually(t, "the server is ready", func() error {
		if ended = !h.server.Running(); ended {
			return nil
		}
		status, text := h.ops("/ready")
		if status != http.StatusOK {
			return fmt.Errorf("%d %s", status, text)
		}
		return nil
	})
	return ended
}

func (h *towns) stop(t *testing.T) {
	t.Helper()
	h.server.End(t, syscall.SIGTERM)
	if code := h.server.ExitCode(t); code != 0 {
		t.Fatalf("exit status %d", code)
	}
}

func (h *towns) ops(path string) (int, string) {
	res, err := (&http.Client{Timeout: 20 * time.Second}).Get("http://" + h.listen["ops"] + path)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

// metric is the value of one, with its labels; "" where it is not there.
func (h *towns) metric(name string) string {
	_, text := h.ops("/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// deliver hands a message over and gives the answer to it, or to its recipient.
func (h *towns) deliver(t *testing.T, to, subject string, size int) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", h.listen["lmtp"], 20*time.Second)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	c := textproto.NewConn(conn)
	answer := func() string {
		code, text, err := c.ReadResponse(0)
		must(t, err)
		return fmt.Sprintf("%d %s", code, text)
	}
	for _, command := range []string{"", "LHLO relay.example", "MAIL FROM:<x@elsewhere.example>", "RCPT TO:<" + to + ">", "DATA"} {
		if command != "" {
			must(t, c.PrintfLine("%s", command))
		}
		if got := answer(); got[0] > '3' {
			return got
		}
	}
	must(t, c.PrintfLine("Subject: %s\r\n\r\n%s\r\n.", subject, filler(size)))
	return answer()
}

// filler cannot be made much smaller.
func filler(size int) string {
	var b strings.Builder
	for n := uint64(88172645463325252); b.Len() < size; {
		n ^= n << 13
		n ^= n >> 7
		n ^= n << 17
		fmt.Fprintf(&b, "%016x", n)
		if b.Len()%64 < 16 {
			b.WriteString("\r\n")
		}
	}
	return b.String()
}

// imap signs somebody in.
func (h *towns) imap(t *testing.T, who string) (*imapclient.Client, error) {
	t.Helper()
	c, err := imapclient.DialInsecure(h.listen["imap"], nil)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c, c.Login(who, h.app[who]).Wait()
}

// subjects counts the messages of somebody's INBOX by subject.
func (h *towns) subjects(t *testing.T, who string) map[string]int {
	t.Helper()
	c, err := h.imap(t, who)
	must(t, err)
	defer c.Close()
	_, err = c.Select("INBOX", nil).Wait()
	must(t, err)
	found := map[string]int{}
	list, err := c.Fetch(imap.SeqSet{{Start: 1, Stop: 0}}, &imap.FetchOptions{Envelope: true}).Collect()
	must(t, err)
	for _, m := range list {
		found[m.Envelope.Subject]++
	}
	return found
}

func (h *towns) append(t *testing.T, who string) error {
	t.Helper()
	c, err := h.imap(t, who)
	must(t, err)
	defer c.Close()
	text := "Subject: angehaengt\r\n\r\nText\r\n"
	a := c.Append("INBOX", int64(len(text)), nil)
	_, err = io.WriteString(a, text)
	must(t, errors.Join(err, a.Close()))
	_, err = a.Wait()
	return err
}

// page opens a page of the portal as somebody, in a language.
func (h *towns) page(t *testing.T, b *browser.Browser, path, language string) browser.Page {
	t.Helper()
	b.Transport = speaking(language)
	return b.Get("http://" + h.listen["portal"] + path)
}

type speaking string

func (s speaking) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept-Language", string(s))
	return http.DefaultTransport.RoundTrip(r)
}

// before puts a proxy before a bucket; spoil changes requests, and answers as status
// those that are not to come through.
func before(t *testing.T, bucket string, spoil func(r *http.Request) (status int), answer func(*http.Response)) string {
	t.Helper()
	u, err := url.Parse(bucket)
	must(t, err)
	to := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.Out.URL.Scheme, p.Out.URL.Host = "http", to
			p.Out.Host = p.In.Host // it is signed
		},
		ModifyResponse: func(r *http.Response) error { answer(r); return nil },
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if status := spoil(r); status != 0 {
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	u.Host = l.Addr().String()
	return u.String()
}

// signedIn is a browser in which somebody has signed in at the portal.
func (h *towns) signedIn(t *testing.T, who string) *browser.Browser {
	t.Helper()
	b := browser.New(t)
	b.SignIn("http://"+h.listen["portal"]+"/login?return=/data", who, word)
	if !b.SignedIn("http://" + h.listen["portal"]) {
		t.Fatalf("%s is not signed in", who)
	}
	return b
}

func writeFile(name, text string) error { return os.WriteFile(name, []byte(text), 0o600) }

// execute runs a statement as the database's administrator.
func execute(t *testing.T, dsn, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), statement)
	must(t, err)
}
