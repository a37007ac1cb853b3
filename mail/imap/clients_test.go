package imap_test

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"fachwerk/internal/testenv/need"
)

func needProgram(t *testing.T, name string) {
	t.Helper()
	need.Program(t, name)
}

// mbsync copies a tree both ways, twice, and the second time has nothing to do.
func TestMbsync(t *testing.T) {
	needProgram(t, "mbsync")
	s := start(t)
	fill(t, s, 300)
	c := s.login(t, alice)
	c.ok(`CREATE "Bauamt/Entw&APw-rfe"`)
	for i := range 20 {
		c.append("Bauamt/Entw&APw-rfe", `(\Flagged)`, note(num(i)))
	}
	host, port, _ := net.SplitHostPort(s.addr)
	dir := t.TempDir()
	rc := fmt.Sprintf("IMAPAccount a\nHost %s\nPort %s\nUser %s\nPass %s\nSSLType None\nAuthMechs *\n\n"+
		"IMAPStore r\nAccount a\n\nMaildirStore l\nPath %s/m/\nInbox %s/m/INBOX\nSubFolders Verbatim\n\n"+
		"Channel c\nFar :r:\nNear :l:\nPatterns *\nCreate Both\nExpunge Both\nSyncState *\n",
		host, port, alice, s.password[alice], dir, dir)
	must(t, os.Mkdir(dir+"/m", 0o700))
	must(t, os.WriteFile(dir+"/rc", []byte(rc), 0o600))
	run := func() string {
		t.Helper()
		out, err := exec.Command("mbsync", "-V", "-c", dir+"/rc", "-a").CombinedOutput()
		if err != nil {
			t.Fatalf("mbsync: %v\n%s", err, out)
		}
		return string(out)
	}
	run()
	files, _ := filepath.Glob(dir + "/m/INBOX/*/*")
	if len(files) != 300 {
		t.Fatalf("%d messages arrived", len(files))
	}
	flagged := 0
	must(t, filepath.WalkDir(dir+"/m", func(path string, d fs.DirEntry, err error) error {
		if strings.Contains(path, "Bauamt") && strings.HasSuffix(path, "F") {
			flagged++
		}
		return err
	}))
	if flagged != 20 {
		t.Errorf("%d flagged messages of a mailbox further down arrived", flagged)
	}
	must(t, os.Remove(files[0]))
	must(t, os.Rename(files[1], files[1]+"F"))
	must(t, os.WriteFile(dir+"/m/INBOX/new/1.x.y", []byte(strings.ReplaceAll(note("local"), "\r\n", "\n")), 0o600))
	run()
	c.is("STATUS INBOX (MESSAGES)", "OK", "* STATUS INBOX (MESSAGES 300)")
	c.ok("SELECT INBOX")
	if got := c.ok("SEARCH FLAGGED")[0]; len(strings.Fields(got)) != 3 {
		t.Error(got)
	}
	if got := c.ok("SEARCH SUBJECT local")[0]; got != "* SEARCH 300" {
		t.Error(got)
	}
	c.ok("ENABLE CONDSTORE")
	before := c.ok("STATUS INBOX (HIGHESTMODSEQ UIDNEXT)")[0]
	run()
	if after := c.ok("STATUS INBOX (HIGHESTMODSEQ UIDNEXT)")[0]; after != before {
		t.Errorf("a sync with nothing to do made %q of %q", after, before)
	}
}

func TestCurl(t *testing.T) {
	needProgram(t, "curl")
	s := start(t)
	s.Deliver(t, alice, note("one"))
	s.Deliver(t, alice, note("two"))
	url := "imap://" + s.addr + "/"
	curl := func(arguments ...string) string {
		t.Helper()
		out, err := exec.Command("curl", append([]string{"-sS", "-u", alice + ":" + s.password[alice]}, arguments...)...).CombinedOutput()
		if err != nil {
			t.Errorf("curl %v: %v\n%s", arguments, err, out)
		}
		return string(out)
	}
	if got := curl(url); strings.Count(got, "* LIST") != 6 {
		t.Error(got)
	}
	if got := curl(url + "INBOX;UID=2"); got != note("two") {
		t.Errorf("%q", got)
	}
	if got := curl(url + "INBOX?SUBJECT%20two"); strings.TrimSpace(got) != "* SEARCH 2" {
		t.Error(got)
	}
	curl(url+"INBOX", "-X", `STORE 1 +FLAGS (\Deleted)`)
	file := filepath.Join(t.TempDir(), "m")
	must(t, os.WriteFile(file, []byte(note("three")), 0o600))
	curl(url+"INBOX", "-T", file)
	c := s.login(t, alice)
	c.is("STATUS INBOX (MESSAGES DELETED)", "OK", "* STATUS INBOX (MESSAGES 3 DELETED 1)")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
