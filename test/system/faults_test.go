package system

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// tryDeliver hands one message to LMTP; acknowledged says that it was accepted,
// temporary that it was refused for now.
func tryDeliver(d *harness.Demo, message []byte, to string) (acknowledged, temporary bool, err error) {
	conn, err := net.DialTimeout("tcp", d.LMTP, 5*time.Second)
	if err != nil {
		return false, false, err
	}
	c := smtp.NewClientLMTP(conn)
	c.CommandTimeout, c.SubmissionTimeout = 60*time.Second, 60*time.Second
	defer c.Close()
	err = func() error {
		if err := c.Mail("sender@elsewhere.example", nil); err != nil {
			return err
		}
		if err := c.Rcpt(to, nil); err != nil {
			return err
		}
		w, err := c.Data()
		if err != nil {
			return err
		}
		if _, err := w.Write(message); err != nil {
			return err
		}
		_, err = w.CloseWithLMTPResponse()
		return err
	}()
	var refused *smtp.SMTPError
	var each smtp.LMTPDataError
	if errors.As(err, &each) {
		for _, e := range each {
			refused = e
		}
	} else {
		errors.As(err, &refused)
	}
	return err == nil, refused != nil && refused.Code/100 == 4, err
}

// incompressible is a message that is as large sealed as it is plain.
func incompressible(subject string, size int) []byte {
	random := make([]byte, size/2)
	rand.Read(random)
	b := fmt.Appendf(nil, "From: grete@elsewhere.example\r\nSubject: %s\r\n\r\n", subject)
	for line := range slices.Chunk(random, 40) {
		b = fmt.Appendf(b, "%x\r\n", line)
	}
	return b
}

// gate passes TCP connections on to a server while it is open.
type gate struct {
	listener net.Listener
	to       string

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]bool
}

func newGate(t *testing.T, to string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	g := &gate{listener: l, to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() { l.Close(); g.shut(true) })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go g.pass(c)
		}
	}()
	return g
}

func (g *gate) pass(c net.Conn) {
	up, err := net.Dial("tcp", g.to)
	if err != nil {
		c.Close()
		return
	}
	g.mu.Lock()
	shut := g.closed
	g.conns[c], g.conns[up] = true, true
	g.mu.Unlock()
	if shut {
		c.Close()
		up.Close()
		return
	}
	go func() { io.Copy(up, c); up.Close(); c.Close() }()
	io.Copy(c, up)
	up.Close()
	c.Close()
}

// shut breaks all connections and lets none through, or opens again.
func (g *gate) shut(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = shut
	for c := range g.conns {
		if shut {
			c.Close()
		}
		delete(g.conns, c)
	}
}

// through replaces the host of a URL by the gate's.
func through(t *testing.T, raw string) (*gate, string) {
	t.Helper()
	u, err := url.Parse(raw)
	must(t, err)
	g := newGate(t, u.Host)
	u.Host = g.listener.Addr().String()
	return g, u.String()
}

func ready(d *harness.Demo) bool {
	res, err := http.Get(d.Ops + "/readyz")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// subjects lists what lies in the INBOX, counted.
func subjects(t *testing.T, d *harness.Demo, a harness.Account) map[string]int {
	t.Helper()
	c := d.IMAP(t, a)
	defer c.Close()
	found := map[string]int{}
	if harness.Select(t, c, "INBOX") == 0 {
		return found
	}
	for _, text := range harness.Bodies(t, c) {
		_, rest, _ := strings.Cut(string(text), "Subject: ")
		subject, _, _ := strings.Cut(rest, "\r\n")
		found[subject]++
	}
	return found
}

// outage breaks a part off under delivery and brings it back: temporary errors,
// nothing lost, recovery without a restart.
func outage(t *testing.T, d *harness.Demo, g *gate, size int) {
	t.Helper()
	anna := d.Anna()
	var acknowledged []string
	deliver := func(subject string) bool {
		ok, temporary, err := tryDeliver(d, incompressible(subject, size), anna.Address)
		if ok {
			acknowledged = append(acknowledged, subject)
		} else if !temporary {
			t.Errorf("%s: not a temporary error: %v", subject, err)
		}
		return ok
	}
	if !deliver("vorher") {
		t.Fatal("the server takes no mail")
	}
	g.shut(true)
	for i := range 3 {
		if deliver(fmt.Sprintf("Ausfall %d", i)) {
			t.Error("a message was acknowledged while it could not be kept")
		}
	}
	harness.Eventually(t, 30*time.Second, "readiness tells of the outage", func() bool { return !ready(d) })
	g.shut(false)
	harness.Eventually(t, 60*time.Second, "the server is ready again", func() bool { return ready(d) })
	harness.Eventually(t, 60*time.Second, "mail is taken again", func() bool { return deliver("nachher") })
	if !d.Running() {
		t.Fatal("the server ended")
	}
	found := subjects(t, d, anna)
	for _, subject := range acknowledged {
		if found[subject] != 1 {
			t.Errorf("acknowledged message %q is there %d times", subject, found[subject])
		}
	}
	d.Check(t)
}

func TestPostgreSQLUnreachable(t *testing.T) {
	g, dsn := through(t, need.Postgres(t))
	d := harness.Start(t, harness.Options{Args: []string{"--metadata", dsn, "--blobs", need.S3(t)}})
	outage(t, d, g, 2000)
}

func TestS3Unreachable(t *testing.T) {
	g, bucket := through(t, need.S3(t))
	d := harness.Start(t, harness.Options{Args: []string{"--metadata", need.Postgres(t), "--blobs", bucket}})
	outage(t, d, g, 200_000) // too large to lie in the database
}

// A full disk gives temporary errors and loses nothing; with room again mail is
// taken again, without a restart.
func TestDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		need.Missing(t, "a small disk: only root can mount one")
	}
	disk := filepath.Join(t.TempDir(), "disk")
	must(t, os.Mkdir(disk, 0o700))
	must(t, syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=48m"))
	d := harness.Start(t, harness.Options{Args: []string{"--data", disk}})
	t.Cleanup(func() { syscall.Unmount(disk, syscall.MNT_DETACH) })
	d.Data = disk
	anna := d.Anna()
	var acknowledged []string
	full := false
	for i := 0; i < 400 && !full; i++ {
		subject := fmt.Sprintf("Nummer %d", i)
		ok, temporary, err := tryDeliver(d, incompressible(subject, 20_000+i%3*200_000), anna.Address)
		switch {
		case ok:
			acknowledged = append(acknowledged, subject)
			if i == 20 { // the rest of the disk goes to somebody else
				fill(t, filepath.Join(disk, "filler"), 600<<10)
			}
		case temporary:
			full = true
		default:
			t.Fatalf("%s: not a temporary error: %v", subject, err)
		}
	}
	if !full {
		t.Fatal("the disk never filled")
	}
	if n := len(subjects(t, d, anna)); n < len(acknowledged) {
		t.Errorf("with a full disk only %d of %d messages can be read", n, len(acknowledged))
	}
	must(t, os.Remove(filepath.Join(disk, "filler")))
	harness.Eventually(t, 60*time.Second, "mail is taken again", func() bool {
		ok, _, _ := tryDeliver(d, harness.Message("nachher", 5000), anna.Address)
		return ok
	})
	found := subjects(t, d, anna)
	for _, subject := range append(acknowledged, "nachher") {
		if found[subject] != 1 {
			t.Errorf("acknowledged message %q is there %d times", subject, found[subject])
		}
	}
	d.Check(t)
}

// fill takes all of a disk but leave bytes.
func fill(t *testing.T, path string, leave int64) {
	t.Helper()
	var s syscall.Statfs_t
	must(t, syscall.Statfs(filepath.Dir(path), &s))
	f, err := os.Create(path)
	must(t, err)
	defer f.Close()
	_, err = io.CopyN(f, zeros{}, int64(s.Bavail)*s.Bsize-leave)
	must(t, err)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
