package replicas

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// Roles may run apart: one process is mail, the other the portal, calendars, contacts
// and files. Who ends an app password in one loses the connection to the other.
func TestRolesApart(t *testing.T) {
	h := start(t, direct, options{parts: [2][]string{{"mail"}, {"portal", "dav"}}})
	mailer, web := h.both()
	h.lead(1, "portal", "issuer")
	for _, key := range []string{"portal", "issuer", "http"} {
		if c, err := net.Dial("tcp", mailer.address(key)); err == nil {
			c.Close()
			t.Errorf("the mail role listens for %s", key)
		}
	}
	for _, key := range []string{"imaps", "lmtp", "submission"} {
		if c, err := net.Dial("tcp", web.address(key)); err == nil {
			c.Close()
			t.Errorf("the web roles listen for %s", key)
		}
	}
	who := h.demo.Anna()
	mailer.Deliver(t, harness.Message("Einladung", 1000), who.Address)
	d := davOf(t, web, who)
	d.want(t, http.StatusCreated, "PUT", d.drive()+"Protokoll.txt", "Anwesend: alle")
	c := mailer.IMAP(t, who)
	harness.Select(t, c, "INBOX")

	b := newBrowser(t, "198.51.100.2")
	form := b.Get(h.demo.Portal + "/login?return=/devices")
	devices := b.Submit(form, "login", map[string]string{"address": who.Address, "password": who.Password})
	if devices.URL.Path != "/devices" {
		t.Fatalf("the sign-in ends at %s with %d", devices.URL, devices.Status)
	}
	b.Submit(devices, "/devices/", nil) // ends the only app password
	select {
	case <-c.Closed():
	case <-time.After(patience):
		t.Error("the mail role keeps the connection of an app password that was ended in the portal")
	}
	h.demo.Check(t)
}

// Hints may go at any moment, with the connection or silently, and come back: nothing
// is missed.
func TestHintsComeAndGo(t *testing.T) {
	h := start(t, pooler, options{})
	a, b := h.both()
	anna := watch(t, a, a.Anna())
	count := harness.Select(t, anna.Client, "INBOX")
	idle, err := anna.Idle()
	must(t, err)
	hear := func(when string) {
		t.Helper()
		b.Deliver(t, harness.Message("Nachricht "+when, 1000), a.Anna().Address)
		count++
		took := await(t, anna.exists, "EXISTS "+when, func(got uint32) bool { return got == count })
		t.Logf("%-24s %v", when, took.Round(time.Millisecond))
	}
	hear("with hints")
	h.hints.freeze(true)
	hear("with silent hints")
	h.hints.freeze(false)
	h.hints.cut()
	hear("without hints")
	h.hints.mend()
	harness.Eventually(t, patience, "hints are heard again", func() bool {
		return strings.Contains(a.said(), "are heard again") && strings.Contains(b.said(), "are heard again")
	})
	hear("with hints again")
	must(t, idle.Close())
	must(t, idle.Wait())
}

// SQLite and a blob directory are for one process: two are refused in one sentence,
// when they are configured and when they are started.
func TestOneProcessEnginesAreRefused(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	serve := func(env ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), harness.Binary(t), "serve", "--data", d.Data)
		cmd.Env = os.Environ()
		for _, key := range []string{"IMAP", "IMAPS", "LMTP", "SMTP", "SUBMISSION", "SUBMISSIONS", "HTTP", "PORTAL", "ISSUER", "OPS"} {
			cmd.Env = append(cmd.Env, "FACHWERK_LISTEN_"+key+"=127.0.0.1:0")
		}
		cmd.Env = append(cmd.Env, env...)
		out, err := cmd.CombinedOutput()
		if err == nil {
			t.Errorf("served with %v", env)
		}
		return string(out)
	}
	if said := serve("FACHWERK_REPLICAS=2"); !strings.Contains(said, "SQLite, which is for one process, and replicas is 2; use PostgreSQL and S3, or set replicas to 1") {
		t.Errorf("two replicas on SQLite: %s", said)
	}
	if said := serve("FACHWERK_REPLICAS=2", "FACHWERK_METADATA_DSN="+need.Postgres(t)); !strings.Contains(said, "blobs.url: names a directory, which is for one process") {
		t.Errorf("two replicas on a directory: %s", said)
	}
	if said := serve(); !strings.Contains(said, "is for one process, several need PostgreSQL and S3") {
		t.Errorf("a second process beside the first: %s", said)
	}
}
