package system

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"fachwerk/internal/testenv/need"
	"fachwerk/test/system/harness"
)

// mbsync keeps a mailbox tree of 2,000 messages in step with Maildirs: a second
// run finds nothing to do, flags and moves go both ways.
func TestMbsync(t *testing.T) {
	mbsync := need.Program(t, "mbsync")
	d := harness.Start(t, harness.Options{})
	c := d.IMAP(t, d.Jan())
	tree := map[string]int{"Vorgänge": 800, "Vorgänge/2026": 700, "Vorgänge/2026/Bauamt": 480, "Leer": 0, "Zitat \"und\" Stern": 20}
	for _, name := range []string{"Vorgänge", "Vorgänge/2026", "Vorgänge/2026/Bauamt", "Leer", "Zitat \"und\" Stern"} {
		if err := c.Create(name, nil).Wait(); err != nil {
			t.Fatalf("CREATE %s: %v", name, err)
		}
		for i := range tree[name] {
			harness.Append(t, c, name, harness.Message(fmt.Sprintf("%s Nr. %d", name, i), 300+i))
		}
	}
	inbox := int(harness.Select(t, c, "INBOX"))
	s := newMbsync(t, d, mbsync)

	s.sync()
	for name, want := range tree {
		if got := len(s.messages(name)); got != want {
			t.Errorf("%s: %d messages came, want %d", name, got, want)
		}
	}
	if got := len(s.messages("INBOX")); got != inbox {
		t.Errorf("INBOX: %d messages came, want %d", got, inbox)
	}
	before := s.snapshot()
	s.sync()
	if after := s.snapshot(); after != before {
		t.Error("a second run changed the Maildirs though nothing had happened")
	}

	// A flag and a move there, a flag and a move here.
	harness.Select(t, c, "Vorgänge")
	if err := c.Store(imap.SeqSetNum(1), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagFlagged}}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Move(imap.SeqSetNum(2, 3), "Leer").Wait(); err != nil {
		t.Fatal(err)
	}
	bauamt := s.messages("Vorgänge/2026/Bauamt")
	s.rename(bauamt[0], bauamt[0]+"F") // ":2," becomes ":2,F", flagged
	s.move(bauamt[1], "Vorgänge/2026")
	s.sync()

	if flagged := s.with("Vorgänge", "F"); flagged != 1 {
		t.Errorf("Vorgänge: %d flagged messages came, want 1", flagged)
	}
	for name, want := range map[string]int{"Vorgänge": 798, "Leer": 2, "Vorgänge/2026/Bauamt": 479, "Vorgänge/2026": 701} {
		if got := len(s.messages(name)); got != want {
			t.Errorf("%s: %d messages here, want %d", name, got, want)
		}
		if got := harness.Select(t, c, name); int(got) != want {
			t.Errorf("%s: %d messages there, want %d", name, got, want)
		}
	}
	harness.Select(t, c, "Vorgänge/2026/Bauamt")
	found, err := c.Search(&imap.SearchCriteria{Flag: []imap.Flag{imap.FlagFlagged}}, nil).Wait()
	if err != nil || len(found.AllSeqNums()) != 1 {
		t.Errorf("the flag set here did not get there: %v, %v", found, err)
	}
	before = s.snapshot()
	s.sync()
	if after := s.snapshot(); after != before {
		t.Error("the last run changed the Maildirs though nothing had happened")
	}
	d.Check(t)
}

// An mbsyncRun is a configuration with its Maildirs.
type mbsyncRun struct {
	t               *testing.T
	program, rc, at string
}

func newMbsync(t *testing.T, d *harness.Demo, program string) *mbsyncRun {
	t.Helper()
	dir := t.TempDir()
	s := &mbsyncRun{t: t, program: program, rc: filepath.Join(dir, "rc"), at: filepath.Join(dir, "mail")}
	if err := os.Mkdir(s.at, 0o700); err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(d.State.IMAPS, ":")
	rc := fmt.Sprintf(`IMAPAccount fachwerk
Host localhost
Port %s
User %s
Pass %s
SSLType IMAPS
CertificateFile %s

IMAPStore far
Account fachwerk

MaildirStore near
Path %s/
Inbox %s/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns * !"Other Users*"
Create Both
Expunge Both
SyncState *
`, port, d.Jan().Address, d.Jan().AppPassword, d.CA, s.at, s.at)
	if err := os.WriteFile(s.rc, []byte(rc), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *mbsyncRun) sync() {
	s.t.Helper()
	if out, err := run(s.t, s.program, "-c", s.rc, "-a"); err != nil {
		s.t.Fatalf("mbsync: %v\n%s", err, out)
	}
}

// folder is a mailbox's Maildir; mbsync keeps IMAP's modified UTF-7 in names.
func (s *mbsyncRun) folder(mailbox string) string {
	for _, coded := range []string{mailbox, strings.ReplaceAll(mailbox, "ä", "&AOQ-")} {
		if _, err := os.Stat(filepath.Join(s.at, coded, "cur")); err == nil {
			return filepath.Join(s.at, coded)
		}
	}
	s.t.Errorf("there is no Maildir for %s", mailbox)
	return filepath.Join(s.at, mailbox)
}

// messages lists the files of a Maildir.
func (s *mbsyncRun) messages(mailbox string) []string {
	var out []string
	for _, sub := range []string{"cur", "new"} {
		list, err := os.ReadDir(filepath.Join(s.folder(mailbox), sub))
		if err != nil {
			s.t.Error(err)
		}
		for _, e := range list {
			out = append(out, filepath.Join(s.folder(mailbox), sub, e.Name()))
		}
	}
	return out
}

// with counts messages that have a Maildir flag.
func (s *mbsyncRun) with(mailbox, flag string) (n int) {
	for _, m := range s.messages(mailbox) {
		if _, flags, _ := strings.Cut(m, ":2,"); strings.Contains(flags, flag) {
			n++
		}
	}
	return n
}

// rename gives a message other flags, which belong into cur.
func (s *mbsyncRun) rename(from, to string) {
	s.t.Helper()
	if !strings.Contains(to, ":2,") {
		to = strings.TrimSuffix(to, "F") + ":2,F"
	}
	to = strings.Replace(to, "/new/", "/cur/", 1)
	if err := os.Rename(from, to); err != nil {
		s.t.Fatal(err)
	}
}

// move files a message elsewhere as mail programs do: under a name without
// mbsync's UID.
func (s *mbsyncRun) move(from, mailbox string) {
	s.t.Helper()
	to := filepath.Join(s.folder(mailbox), "cur", "1795341600.moved_1.test:2,S")
	if err := os.Rename(from, to); err != nil {
		s.t.Fatal(err)
	}
}

// snapshot tells one state of all Maildirs from another.
func (s *mbsyncRun) snapshot() string {
	var b strings.Builder
	err := filepath.WalkDir(s.at, func(name string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			fmt.Fprintln(&b, name)
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
	return b.String()
}
