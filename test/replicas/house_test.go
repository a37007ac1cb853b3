package replicas

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/internal/testenv/parts"
	"fachwerk/test/system/harness"
)

// A way is how replicas reach their database and hear of each other.
type way string

const (
	direct way = "direct" // one DSN, hints by it
	pooler way = "pooler" // through pgbouncer in transaction mode, hints past it
	cut    way = "cut"    // through pgbouncer, and nobody hears of anybody: polling alone
)

// each runs a test once in every way.
func each(t *testing.T, f func(t *testing.T, w way)) {
	t.Helper()
	for _, w := range []way{direct, pooler, cut} {
		t.Run(string(w), func(t *testing.T) { f(t, w) })
	}
}

// options of a house. The zero value is two people and no more.
type options struct {
	accounts int
	env      []string
	dsn, s3  string      // instead of the shared services
	parts    [2][]string // of `serve`, of each replica; none: all
}

// A house is an installation with two replicas.
type house struct {
	demo     *harness.Demo // its data, people and public addresses; it does not run
	replicas []*replica
	public   map[string]*balancer // by listener
	hints    *relay               // on the way to the direct DSN
	dsn      string               // past everything
}

// A replica is one `fachwerk serve`.
type replica struct {
	*harness.Demo // with the replica's own addresses
	name          string
	env           []string
	parts         []string
	log           string
	cmd           *exec.Cmd
	done          chan struct{}
}

// start fills a new store and runs two replicas on it.
func start(t testing.TB, w way, o options) *house {
	t.Helper()
	if o.dsn == "" {
		o.dsn = need.Postgres(t)
	}
	if o.s3 == "" {
		o.s3 = need.S3(t)
	}
	demo := harness.Start(t, harness.Options{Accounts: o.accounts, Args: []string{"--metadata", o.dsn, "--blobs", o.s3}})
	demo.Stop(t)
	h := &house{demo: demo, dsn: o.dsn, public: map[string]*balancer{}}
	env := []string{"FACHWERK_LOG_LEVEL=info", "FACHWERK_LOG_FORMAT=text", "FACHWERK_HTTP_PROXIES=127.0.0.0/8"}
	ordinary, past := o.dsn, ""
	if w != direct {
		ordinary, past = need.PgBouncer(t, o.dsn, 20), o.dsn
	}
	env = append(env, "FACHWERK_METADATA_DSN="+withoutPassword(ordinary))
	if past != "" {
		var way string
		h.hints, way = relayTo(t, past)
		env = append(env, "FACHWERK_METADATA_DIRECT_DSN="+withoutPassword(way))
	}
	env = append(env, o.env...) // the later one counts
	for i, name := range []string{"a", "b"} {
		h.replicas = append(h.replicas, newReplica(t, demo, name, env))
		h.replicas[i].parts = o.parts[i]
	}
	for key, address := range map[string]string{"portal": demo.Portal, "issuer": demo.Issuer, "http": demo.HTTP} {
		h.public[key] = balance(t, strings.TrimPrefix(address, "http://"))
		h.lead(0, key)
	}
	for _, r := range h.replicas {
		r.run(t)
	}
	if w == cut {
		h.hints.cut()
	}
	return h
}

// lead has the public address of a listener lead to a replica.
func (h *house) lead(to int, keys ...string) {
	for _, key := range keys {
		h.public[key].lead(h.replicas[to].address(key))
	}
}

// both are the replicas, the first one first.
func (h *house) both() (a, b *replica) { return h.replicas[0], h.replicas[1] }

func withoutPassword(dsn string) string { return dsn } // test servers trust everybody

func newReplica(t testing.TB, demo *harness.Demo, name string, env []string) *replica {
	t.Helper()
	state := demo.State
	r := &replica{name: name, Demo: &harness.Demo{State: state, Data: demo.Data}}
	r.log = filepath.Join(t.TempDir(), "replica-"+name+".log")
	spool := filepath.Join(t.TempDir(), "spool")
	r.env = append(slices.Clone(env), "FACHWERK_SPOOL_DIR="+spool)
	hosts := map[string]string{"issuer": "127.0.0.2", "http": "127.0.0.3"}
	for key, at := range r.addresses() {
		host := hosts[key]
		if host == "" {
			host = "127.0.0.1"
		}
		address := net.JoinHostPort(host, parts.FreePort(t, host))
		prefix := ""
		if key == "issuer" || key == "http" || key == "portal" || key == "ops" {
			prefix = "http://"
		}
		*at = prefix + address
		r.env = append(r.env, "FACHWERK_LISTEN_"+strings.ToUpper(key)+"="+address)
	}
	t.Cleanup(func() { r.end(t) })
	return r
}

func (r *replica) addresses() map[string]*string {
	s := &r.State
	return map[string]*string{
		"imap": &s.IMAP, "imaps": &s.IMAPS, "lmtp": &s.LMTP, "smtp": &s.SMTP, "submission": &s.Submission,
		"submissions": &s.Submissions, "http": &s.HTTP, "portal": &s.Portal, "issuer": &s.Issuer, "ops": &s.Ops,
	}
}

func (r *replica) address(key string) string {
	return strings.TrimPrefix(*r.addresses()[key], "http://")
}

// startTime is far above what a start takes.
const startTime = time.Minute

// run starts the process and waits until it is ready.
func (r *replica) run(t testing.TB) {
	t.Helper()
	r.launch(t)
	harness.Eventually(t, startTime, "replica "+r.name+" is ready", func() bool {
		if !r.running() {
			t.Fatalf("replica %s ended: %v\n%s", r.name, r.cmd.ProcessState, r.said())
		}
		return r.ready()
	})
}

// supervise is run for a time when the database may not answer yet: who ends is
// started again, as systemd and Kubernetes do.
func (r *replica) supervise(t testing.TB) {
	t.Helper()
	r.launch(t)
	harness.Eventually(t, 2*startTime, "replica "+r.name+" is ready", func() bool {
		if !r.running() {
			r.launch(t)
		}
		return r.ready()
	})
}

func (r *replica) launch(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(r.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(harness.Binary(t), append([]string{"serve", "--data", r.Data}, r.parts...)...)
	cmd.Env = append(os.Environ(), r.env...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	r.cmd, r.done = cmd, done
}

func (r *replica) ready() bool {
	c := http.Client{Timeout: 5 * time.Second}
	res, err := c.Get(r.Ops + "/ready")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (r *replica) running() bool {
	select {
	case <-r.done:
		return false
	default:
		return true
	}
}

// kill ends the process like a power cut.
func (r *replica) kill(t testing.TB) {
	t.Helper()
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatalf("SIGKILL: %v", err)
	}
	<-r.done
}

// stop sends SIGTERM; anything but a clean end fails the test.
func (r *replica) stop(t testing.TB) {
	t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("SIGTERM: %v", err)
	}
	select {
	case <-r.done:
	case <-time.After(2 * time.Minute):
		t.Fatalf("replica %s does not end after SIGTERM", r.name)
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("after SIGTERM replica %s ended with %v\n%s", r.name, r.cmd.ProcessState, r.said())
	}
}

func (r *replica) end(t testing.TB) {
	if r.cmd != nil && r.running() {
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-r.done:
		case <-time.After(30 * time.Second):
			_ = r.cmd.Process.Kill()
			<-r.done
		}
	}
	text := r.said()
	if strings.Contains(text, "WARNING: DATA RACE") || strings.Contains(text, "panic:") {
		t.Errorf("replica %s panicked, or raced", r.name)
	}
	if t.Failed() {
		t.Logf("replica %s said:\n%s", r.name, text)
	}
}

// said is the end of the replica's log.
func (r *replica) said() string {
	text, err := os.ReadFile(r.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-12<<10):])
}
