package system

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"fachwerk/test/system/harness"
)

// raw is an IMAP connection for what imapclient does not speak.
type raw struct {
	net.Conn
	r   *bufio.Reader
	tag int
}

func dialRaw(t *testing.T, d *harness.Demo, a harness.Account) *raw {
	t.Helper()
	c, err := net.Dial("tcp", d.State.IMAP)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	r := &raw{Conn: c, r: bufio.NewReader(c)}
	_, err = r.r.ReadString('\n')
	must(t, err)
	r.do(t, "LOGIN %q %q", a.Address, a.AppPassword)
	r.do(t, "ENABLE QRESYNC")
	return r
}

// do runs a command and returns all lines before its OK.
func (c *raw) do(t *testing.T, format string, args ...any) string {
	t.Helper()
	c.tag++
	tag := fmt.Sprintf("x%d ", c.tag)
	_, err := fmt.Fprintf(c, tag+format+"\r\n", args...)
	must(t, err)
	var all strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		must(t, err)
		all.WriteString(line)
		if strings.HasPrefix(line, tag) {
			if !strings.HasPrefix(line[len(tag):], "OK") {
				t.Fatalf("%s: %s", format, all.String())
			}
			return all.String()
		}
	}
}

func code(t *testing.T, answer, name string) uint64 {
	t.Helper()
	m := regexp.MustCompile(name + ` (\d+)`).FindStringSubmatch(answer)
	if m == nil {
		t.Fatalf("no %s in %s", name, answer)
	}
	n, err := strconv.ParseUint(m[1], 10, 64)
	must(t, err)
	return n
}

// A database restored from a backup is refused until a new generation begins; then
// a QRESYNC client that has seen the lost messages never sees their UIDs again.
func TestRestoreSeenByAQRESYNCClient(t *testing.T) {
	d := harness.Start(t, harness.Options{})
	d.Deliver(t, harness.Message("vor der Sicherung", 500), d.Anna().Address)
	d.Stop(t)
	backup := t.TempDir()
	files, err := filepath.Glob(filepath.Join(d.Data, "*.db*"))
	must(t, err)
	if len(files) == 0 {
		t.Fatal("no database in the data directory")
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(backup, filepath.Base(f)), text, 0o600))
	}
	d.Restart(t)
	c := dialRaw(t, d, d.Anna())
	d.Deliver(t, harness.Message("geht verloren", 500), d.Anna().Address)
	before := c.do(t, "SELECT INBOX")
	validity, next, modseq := code(t, before, "UIDVALIDITY"), code(t, before, "UIDNEXT"), code(t, before, "HIGHESTMODSEQ")
	d.Stop(t)
	for _, f := range files {
		must(t, os.Remove(f))
	}
	saved, err := filepath.Glob(filepath.Join(backup, "*"))
	must(t, err)
	for _, f := range saved {
		text, err := os.ReadFile(f)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(d.Data, filepath.Base(f)), text, 0o600))
	}
	d.Command(t, "store", "new-generation", "--yes")
	d.Restart(t)
	d.Deliver(t, harness.Message("nach der Rückkehr", 500), d.Anna().Address)
	c = dialRaw(t, d, d.Anna())
	after := c.do(t, "SELECT INBOX (QRESYNC (%d %d))", validity, modseq)
	if n := code(t, after, "UIDNEXT"); n <= next {
		t.Errorf("UIDNEXT %d, the client has seen %d", n, next)
	}
	if n := code(t, after, "HIGHESTMODSEQ"); n <= modseq {
		t.Errorf("HIGHESTMODSEQ %d, the client has seen %d", n, modseq)
	}
	lost := next - 1
	if code(t, after, "UIDVALIDITY") == validity && !vanished(after, lost) {
		t.Errorf("the client is not told that UID %d is gone: %s", lost, after)
	}
	if got := c.do(t, "UID FETCH %d:%d (UID)", lost, lost); strings.Contains(got, "FETCH (") {
		t.Errorf("the lost message's UID was used again: %s", got)
	}
	d.Check(t)
}

// vanished reports whether VANISHED names the UID.
func vanished(answer string, uid uint64) bool {
	for _, m := range regexp.MustCompile(`VANISHED \(EARLIER\) ([0-9:,]+)`).FindAllStringSubmatch(answer, -1) {
		for part := range strings.SplitSeq(m[1], ",") {
			from, to, ok := strings.Cut(part, ":")
			if !ok {
				to = from
			}
			a, _ := strconv.ParseUint(from, 10, 64)
			b, _ := strconv.ParseUint(to, 10, 64)
			if min(a, b) <= uid && uid <= max(a, b) {
				return true
			}
		}
	}
	return false
}
