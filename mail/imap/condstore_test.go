package imap_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

var highest = regexp.MustCompile(`HIGHESTMODSEQ (\d+)`)
var validity = regexp.MustCompile(`UIDVALIDITY (\d+)`)

func find(t testing.TB, re *regexp.Regexp, lines []string) string {
	t.Helper()
	m := re.FindStringSubmatch(strings.Join(lines, "\n"))
	if m == nil {
		t.Fatalf("no %v in %q", re, lines)
	}
	return m[1]
}

// modseqs takes the mod-sequences out of responses.
func modseqs(lines []string) string {
	return regexp.MustCompile(`MODSEQ (\(\d+\)|\d+)`).ReplaceAllString(strings.Join(lines, "\n"), "MODSEQ n")
}

func TestCondstore(t *testing.T) {
	s := start(t)
	for i := range 4 {
		s.Deliver(t, "alice@musterstadt.example", note(num(i+1)))
	}
	c := s.login(t, "alice@musterstadt.example")
	first := find(t, highest, c.ok("SELECT INBOX (CONDSTORE)"))
	got := c.ok(`STORE 2 +FLAGS.SILENT (\Seen)`)
	if modseqs(got) != "* 2 FETCH (UID 2 MODSEQ n)" {
		t.Error(got)
	}
	if got := modseqs(c.ok("FETCH 1:* (FLAGS) (CHANGEDSINCE " + first + ")")); got != `* 2 FETCH (FLAGS (\Seen) MODSEQ n)` {
		t.Error(got)
	}
	untagged, tagged := c.do(`STORE 1:2 (UNCHANGEDSINCE ` + first + `) +FLAGS (\Flagged)`)
	if !strings.HasPrefix(tagged, "OK [MODIFIED 2]") || modseqs(untagged) != `* 1 FETCH (UID 1 FLAGS (\Flagged) MODSEQ n)` {
		t.Error(untagged, tagged)
	}
	if got := modseqs(c.ok("SEARCH MODSEQ " + first)); got != "* SEARCH 1 2 4 (MODSEQ n)" {
		t.Error(got) // the last delivered has that mod-sequence itself
	}
	if got := modseqs(c.ok(`SEARCH RETURN (MIN COUNT) MODSEQ "/flags/\\seen" all ` + first)); got != `* ESEARCH (TAG "`+fmt.Sprintf("t%d", c.tag)+`") MIN 1 COUNT 3 MODSEQ n` {
		t.Error(got)
	}
	c.ok(`STORE 3 +FLAGS (\Deleted)`)
	if _, tagged := c.do("EXPUNGE"); !strings.HasPrefix(tagged, "OK [HIGHESTMODSEQ ") {
		t.Error(tagged)
	}
	c.is("SELECT INBOX (QRESYNC (1 1))", "BAD")
	c.is("UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)", "BAD")
	// CONDSTORE enabled with a mailbox open says where it stands.
	d := s.selectInbox(t, "alice@musterstadt.example")
	if got := d.ok("FETCH 1 MODSEQ"); len(got) != 2 || !strings.HasPrefix(got[0], "* OK [HIGHESTMODSEQ ") {
		t.Error(got)
	}
}

func TestQresync(t *testing.T) {
	s := start(t)
	for i := range 8 {
		s.Deliver(t, "alice@musterstadt.example", note(num(i+1)))
	}
	c := s.login(t, "alice@musterstadt.example")
	c.is("ENABLE QRESYNC X-UNKNOWN", "OK", "* ENABLED QRESYNC")
	lines := c.ok("SELECT INBOX")
	since, valid := find(t, highest, lines), find(t, validity, lines)
	d := s.selectInbox(t, "alice@musterstadt.example")
	d.ok(`STORE 2,4:5 +FLAGS.SILENT (\Deleted)`)
	d.ok("EXPUNGE")
	d.ok(`UID STORE 7 +FLAGS.SILENT (\Seen)`)
	if got := modseqs(c.ok("NOOP")); got != "* VANISHED 2,4:5\n* 4 FETCH (UID 7 FLAGS (\\Seen) MODSEQ n)" {
		t.Error(got)
	}
	if got := modseqs(c.ok("UID FETCH 1:* (FLAGS) (CHANGEDSINCE " + since + " VANISHED)")); got != "* VANISHED (EARLIER) 2,4:5\n* 4 FETCH (UID 7 FLAGS (\\Seen) MODSEQ n)" {
		t.Error(got)
	}
	if got := modseqs(c.ok("UID FETCH 1:3 (FLAGS) (CHANGEDSINCE " + since + " VANISHED)")); got != "* VANISHED (EARLIER) 2" {
		t.Error(got)
	}
	tail := func(lines []string) string { // what follows the usual answer to SELECT
		text := modseqs(lines)
		_, after, ok := strings.Cut(text, "] Identifier")
		if !ok {
			t.Fatalf("%q", lines)
		}
		return strings.TrimPrefix(after, "\n")
	}
	for _, q := range []struct{ arguments, want string }{
		{valid + " " + since, "* VANISHED (EARLIER) 2,4:5\n* 4 FETCH (UID 7 FLAGS (\\Seen) MODSEQ n)"},
		{valid + " " + since + " 1:4", "* VANISHED (EARLIER) 2,4"},
		{valid + " " + since + " 1:8 (1,3 1,3)", "* VANISHED (EARLIER) 2,4:5\n* 4 FETCH (UID 7 FLAGS (\\Seen) MODSEQ n)"},
		{"7 " + since, ""},
	} {
		if got := tail(c.ok("SELECT INBOX (QRESYNC (" + q.arguments + "))")); got != q.want {
			t.Errorf("%s: %q", q.arguments, got)
		}
	}
	lines = c.ok("SELECT INBOX (QRESYNC (" + valid + " " + since + "))")
	if !strings.HasPrefix(lines[0], "* OK [CLOSED]") {
		t.Error(lines[0])
	}
	c.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
	if got, tagged := c.do("UID MOVE 8 Trash"); len(got) != 2 || got[1] != "* VANISHED 8" || !strings.HasPrefix(tagged, "OK [HIGHESTMODSEQ ") {
		t.Error(got, tagged)
	}
	if got, tagged := c.do("CLOSE"); len(got) != 0 || !strings.HasPrefix(tagged, "OK CLOSE") {
		t.Error(got, tagged) // HIGHESTMODSEQ must not be told here (RFC 7162 3.2.8)
	}
}

// A message that came after the client's mod-sequence, was seen by it, and is gone when it comes back, must be told of:
// the client may have lost its connection before it learnt of a newer mod-sequence.
func TestQresyncBriefMessage(t *testing.T) {
	s := start(t)
	for i := range 3 {
		s.Deliver(t, alice, note(num(i+1)))
	}
	c := s.login(t, alice)
	c.ok("ENABLE QRESYNC")
	lines := c.ok("SELECT INBOX")
	since, valid := find(t, highest, lines), find(t, validity, lines)
	s.Deliver(t, alice, note("brief"))
	c.is("NOOP", "OK", "* 4 EXISTS")
	c.is("FETCH 4 UID", "OK", "* 4 FETCH (UID 4)")
	d := s.selectInbox(t, alice)
	d.ok(`STORE 4 +FLAGS.SILENT (\Deleted)`)
	d.ok("EXPUNGE")
	for _, known := range []string{"", " 1:4"} {
		got := strings.Join(c.ok("SELECT INBOX (QRESYNC ("+valid+" "+since+known+"))"), "\n")
		if !strings.Contains(got, "* VANISHED (EARLIER) 4") {
			t.Errorf("known %q: %s", known, got)
		}
	}
}

// A client that comes back after the journal was purged hears of every UID that is not there.
func TestQresyncBeyondHistory(t *testing.T) {
	s := start(t)
	for i := range 6 {
		s.Deliver(t, "alice@musterstadt.example", note(num(i+1)))
	}
	c := s.login(t, "alice@musterstadt.example")
	c.ok("ENABLE QRESYNC")
	valid := find(t, validity, c.ok("SELECT INBOX"))
	c.ok(`STORE 2,5 +FLAGS.SILENT (\Deleted)`)
	c.ok("EXPUNGE")
	// Mod-sequence 0 is below every history floor.
	for arguments, want := range map[string]string{
		" 0":             "* VANISHED (EARLIER) 2,5\n",
		" 0 1:4":         "* VANISHED (EARLIER) 2\n",
		" 0 1:6 (3 4)":   "* VANISHED (EARLIER) 5\n", // up to UID 4 the client is right
		" 0 1:6 (2 2)":   "* VANISHED (EARLIER) 2,5\n",
		" 0 6:6":         "",
		" 0 1:6 (4 6)":   "",
		" 0 1,2,3,4,5,6": "* VANISHED (EARLIER) 2,5\n",
	} {
		got := modseqs(c.ok("SELECT INBOX (QRESYNC (" + valid + arguments + "))"))
		if strings.Contains(got, "VANISHED") != (want != "") || !strings.Contains(got, want) {
			t.Errorf("%s: %s", arguments, got)
		}
	}
}
