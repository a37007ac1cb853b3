package system

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// A postfix is a real one with a folder and a port of its own.
type postfix struct {
	dir  string
	port int
	run  func(args ...string) (string, error)
}

// newPostfix starts Debian's Postfix. Mail for sink.example ends in a Maildir
// file of its own; where lmtp is an address, mail for musterstadt.example goes there
// as the snippet in deploy/postfix has it.
func newPostfix(t *testing.T, lmtp string) *postfix {
	t.Helper()
	program := need.Program(t, "postfix")
	if os.Geteuid() != 0 {
		need.NotRun(t, "Postfix's master runs as root only")
	}
	// Postfix drops privileges: everything on the way must be open to all.
	dir, err := os.MkdirTemp("", "fachwerk-postfix-")
	if err != nil {
		t.Fatal(err)
	}
	p := &postfix{dir: dir}
	conf, queue, data, sink := filepath.Join(dir, "conf"), filepath.Join(dir, "queue"), filepath.Join(dir, "data"), filepath.Join(dir, "sink")
	for _, folder := range []string{dir, conf, queue, data, sink} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("chown", "postfix", data).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chown(sink, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	main := fmt.Sprintf(`compatibility_level = 3.6
queue_directory = %s
data_directory = %s
maillog_file = %s/postfix.log
maillog_file_prefixes = %s
myhostname = relay.sink.example
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access inline:{weg@sink.example=REJECT}, permit_mynetworks, reject
virtual_mailbox_domains = sink.example
virtual_mailbox_base = %s
virtual_mailbox_maps = static:all/
virtual_minimum_uid = 100
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
alias_maps =
alias_database =
minimal_backoff_time = 1s
maximal_backoff_time = 2s
queue_run_delay = 1s
smtputf8_enable = yes
`, queue, data, dir, dir, sink)
	if lmtp != "" {
		// What is said last counts. Clients from other addresses than 127.0.0.1 are strangers.
		main = withoutOverridden(main, gatewaySnippet(t, lmtp), "mynetworks = 127.0.0.1/32\n")
	}
	const master = `127.0.0.1:%d inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`
	p.run = func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		out, err := exec.CommandContext(ctx, program, append([]string{"-c", conf}, args...)...).CombinedOutput()
		return string(out), err
	}
	t.Cleanup(func() {
		_, _ = p.run("stop") // it may be stopped already
		if t.Failed() {
			log, err := os.ReadFile(filepath.Join(dir, "postfix.log"))
			t.Logf("Postfix's log: %v\n%s", err, log)
		}
		os.RemoveAll(dir)
	})
	must(t, os.WriteFile(filepath.Join(conf, "main.cf"), []byte(main), 0o644))
	for range 5 {
		p.port = freePort(t)
		must(t, os.WriteFile(filepath.Join(conf, "master.cf"), fmt.Appendf(nil, master, p.port), 0o644))
		log := filepath.Join(dir, "postfix.log")
		if _, err := p.run("start"); err != nil {
			// Somebody else may have taken the port meanwhile.
			text, _ := os.ReadFile(log)
			if !strings.Contains(string(text), "Address already in use") {
				t.Fatalf("postfix start: %v", err)
			}
			must(t, os.Remove(log))
			continue
		}
		p.answers(t)
		return p
	}
	t.Fatal("Postfix gets no port")
	return nil
}

// withoutOverridden joins parts of a main.cf and leaves out what a later one says anew.
// Every process of Postfix warns of that by a datagram to its postlogd, itself included: more
// than ten (net.unix.max_dgram_qlen) before that one reads, and all wait for it for ever.
func withoutOverridden(parts ...string) string {
	key := func(line string) string {
		name, _, found := strings.Cut(line, "=")
		if !found || strings.HasPrefix(line, "#") {
			return ""
		}
		return strings.TrimSpace(name)
	}
	last := map[string]int{} // by parameter: its last line
	lines := strings.SplitAfter(strings.Join(parts, "\n"), "\n")
	for i, line := range lines {
		last[key(line)] = i
	}
	var kept strings.Builder
	for i, line := range lines {
		if k := key(line); k == "" || last[k] == i {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// gatewaySnippet is what admins add to Postfix, leading to lmtp.
func gatewaySnippet(t *testing.T, lmtp string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(), "deploy", "postfix", "main.cf"))
	must(t, err)
	const target = "lmtp:inet:127.0.0.1:24}"
	if !strings.Contains(string(text), target) {
		t.Fatalf("deploy/postfix/main.cf does not lead to %s", target)
	}
	return strings.Replace(string(text), target, "lmtp:inet:"+lmtp+"}", 1)
}

func (p *postfix) start(t *testing.T) {
	t.Helper()
	if out, err := p.run("start"); err != nil {
		t.Fatalf("postfix start: %v\n%s", err, out)
	}
	p.answers(t)
}

func (p *postfix) answers(t *testing.T) {
	t.Helper()
	harness.Eventually(t, 2*time.Minute, "Postfix answers", func() bool {
		conn, err := net.Dial("tcp", p.address())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func (p *postfix) stop(t *testing.T) {
	t.Helper()
	if out, err := p.run("stop"); err != nil {
		t.Fatalf("postfix stop: %v\n%s", err, out)
	}
}

func (p *postfix) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// delivered reads what arrived for sink.example.
func (p *postfix) delivered(t *testing.T) (messages []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "sink", "all", "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, string(text))
	}
	return messages
}

// freePort finds one below the range that the system gives to clients.
func freePort(t *testing.T) int {
	t.Helper()
	for port := 21000 + os.Getpid()%5000; port < 32000; port++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// swaksSend submits a message as Anna.
func swaksSend(t *testing.T, d *harness.Demo, to, subject string) {
	t.Helper()
	host, port, err := net.SplitHostPort(d.Submission)
	if err != nil {
		t.Fatal(err)
	}
	out, err := run(t, need.Program(t, "swaks"), "--server", host, "--port", port, "--tls", "--auth", "PLAIN",
		"--auth-user", d.Anna().Address, "--auth-password", d.Anna().AppPassword, "--from", d.Anna().Address, "--to", to,
		"--header", "Subject: "+subject, "--header", "Bcc: geheim@sink.example")
	if err != nil {
		t.Fatalf("swaks: %v\n%s", err, out)
	}
}

// A real Postfix is the smarthost: mail reaches it; while it is stopped mail
// waits, through a restart of the server too; started again it gets all of it,
// once. No bare CR or LF and no Bcc goes out.
func TestPostfixAsSmarthost(t *testing.T) {
	p := newPostfix(t, "") // it delivers nothing to us here
	d := harness.Start(t, harness.Options{Env: []string{
		"FACHWERK_SMTP_SMARTHOST_ADDRESS=" + p.address(), "FACHWERK_SMTP_SMARTHOST_TLS=none",
	}})
	swaksSend(t, d, "eins@sink.example", "erste")
	harness.Eventually(t, 2*time.Minute, "the first message is at the smarthost", func() bool { return len(p.delivered(t)) == 1 })
	p.stop(t)
	for i := range 5 {
		swaksSend(t, d, fmt.Sprintf("n%d@sink.example", i), fmt.Sprintf("wartend %d", i))
	}
	harness.Eventually(t, time.Minute, "the queue shows five messages with an attempt", func() bool {
		out := d.Command(t, "queue", "list")
		return strings.Count(out, "waiting") == 5 && strings.Count(out, "4.4.1") >= 1
	})
	d.Stop(t)
	d.Restart(t)
	p.start(t)
	d.Command(t, "queue", "retry", "--all")
	harness.Eventually(t, 2*time.Minute, "all six messages are at the smarthost", func() bool { return len(p.delivered(t)) == 6 })
	seen := map[string]int{}
	for _, m := range p.delivered(t) {
		for line := range strings.Lines(m) {
			if s, ok := strings.CutPrefix(line, "Subject: "); ok {
				seen[strings.TrimSpace(s)]++
			}
		}
		if strings.Contains(m, "geheim@") {
			t.Errorf("Bcc went out:\n%s", m)
		}
		if strings.Contains(m, "\r") {
			t.Errorf("a bare CR went out: %q", m)
		}
	}
	for subject, n := range seen {
		if n != 1 {
			t.Errorf("%s arrived %d times", subject, n)
		}
	}
	harness.Eventually(t, time.Minute, "the queue is empty", func() bool {
		return !strings.Contains(d.Command(t, "queue", "list"), "sink.example")
	})
	d.Check(t)
}

// A recipient whom the smarthost refuses for good comes back to the sender as a
// delivery status notification.
func TestPostfixRefusesAndTheSenderHears(t *testing.T) {
	p := newPostfix(t, "")
	d := harness.Start(t, harness.Options{Env: []string{
		"FACHWERK_SMTP_SMARTHOST_ADDRESS=" + p.address(), "FACHWERK_SMTP_SMARTHOST_TLS=none",
	}})
	swaksSend(t, d, "weg@sink.example", "geht nicht")
	c := d.IMAP(t, d.Anna())
	harness.Eventually(t, 2*time.Minute, "the sender gets a DSN", func() bool {
		harness.Select(t, c, "INBOX")
		for _, body := range harness.Bodies(t, c) {
			if strings.Contains(string(body), "multipart/report") && strings.Contains(string(body), "Action: failed") {
				return true
			}
		}
		return false
	})
}

// A real Postfix delivers to us by LMTP: local mail arrives, also what waited
// while the server was down, and unknown people bounce there.
func TestPostfixByLMTP(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	p := newPostfix(t, d.LMTP)
	swaks := need.Program(t, "swaks")
	send := func(to, subject string) {
		t.Helper()
		if out, err := run(t, swaks, "--timeout", "120", "--server", p.address(), "--from", "grete@sink.example", "--to", to, "--header", "Subject: "+subject); err != nil {
			t.Fatalf("swaks to Postfix: %v\n%s", err, out)
		}
	}
	arrived := func(a harness.Account, subject string) func() bool {
		return func() bool {
			c := d.IMAP(t, a)
			defer c.Close()
			harness.Select(t, c, "INBOX")
			for _, body := range harness.Bodies(t, c) {
				if strings.Contains(string(body), "Subject: "+subject+"\r\n") {
					return true
				}
			}
			return false
		}
	}
	send(d.Anna().Address, "durch Postfix")
	harness.Eventually(t, 2*time.Minute, "the message arrives by LMTP", arrived(d.Anna(), "durch Postfix"))
	// Strangers hear at the door whom there is.
	stranger := func(to string) string {
		out, _ := run(t, swaks, "--timeout", "120", "--server", p.address(), "--local-interface", "127.0.0.2", "--from", "grete@sink.example", "--to", to, "--quit-after", "RCPT")
		return out
	}
	harness.Eventually(t, time.Minute, "an unknown recipient is refused at the door", func() bool {
		return strings.Contains(stranger("auch-niemand@musterstadt.example"), "550 5.1.1")
	})
	harness.Eventually(t, time.Minute, "a known one is taken", func() bool {
		return strings.Contains(stranger(d.Anna().Address), "250 2.1.5")
	})
	if out := stranger("jemand@elsewhere.example"); !strings.Contains(out, "554 5.7.1") {
		t.Errorf("an open relay:\n%s", out)
	}
	d.Stop(t)
	send(d.Jan().Address, "waehrend der Pause")
	time.Sleep(time.Second) // Postfix tries, in vain
	d.Restart(t)
	harness.Eventually(t, 2*time.Minute, "what waited arrives after the restart", func() bool {
		_, _ = p.run("flush")
		return arrived(d.Jan(), "waehrend der Pause")()
	})
	send("niemand@musterstadt.example", "an niemand")
	harness.Eventually(t, 2*time.Minute, "an unknown recipient bounces", func() bool {
		for _, m := range p.delivered(t) {
			if strings.Contains(m, "niemand@musterstadt.example") && strings.Contains(m, "5.1.1") {
				return true
			}
		}
		return false
	})
}
