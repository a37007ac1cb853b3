package imap_test

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestIdle(t *testing.T) {
	s := start(t)
	s.Deliver(t, alice, note("1"))
	c, d := s.selectInbox(t, alice), s.selectInbox(t, alice)
	c.send("i IDLE\r\n")
	if l := c.line(); !strings.HasPrefix(l, "+ ") {
		t.Fatal(l)
	}
	expect := func(want string) {
		t.Helper()
		if l := c.line(); l != want {
			t.Errorf("%q, want %q", l, want)
		}
	}
	s.Deliver(t, alice, note("2"))
	expect("* 2 EXISTS")
	d.ok(`STORE 1 +FLAGS.SILENT (\Seen)`)
	expect(`* 1 FETCH (UID 1 FLAGS (\Seen))`)
	d.ok(`STORE 1 +FLAGS.SILENT (\Deleted)`)
	expect(`* 1 FETCH (UID 1 FLAGS (\Seen \Deleted))`)
	d.ok("EXPUNGE")
	expect("* 1 EXPUNGE")
	c.send("DONE\r\n")
	if _, tagged := c.until("i"); !strings.HasPrefix(tagged, "OK") {
		t.Error(tagged)
	}
	c.send("i IDLE\r\n")
	c.line()
	c.send("FROB\r\n")
	if _, tagged := c.until("i"); !strings.HasPrefix(tagged, "BAD") {
		t.Error(tagged)
	}
	// A literal is not asked for: while the session idles, others write.
	c.send("i IDLE\r\n")
	c.line()
	c.send("DONE {3}\r\n")
	if untagged, tagged := c.until("i"); !strings.HasPrefix(tagged, "BAD") || len(untagged) > 0 {
		t.Error(untagged, tagged)
	}
	// IDLE, DONE and more in one packet.
	c.send("i IDLE\r\nDONE\r\nj NOOP\r\n")
	if _, tagged := c.until("j"); !strings.HasPrefix(tagged, "OK") {
		t.Error(tagged)
	}
	// Deleted under its feet.
	c.ok("CREATE Weg")
	c.ok("SELECT Weg")
	c.send("i IDLE\r\n")
	c.line()
	d.ok("DELETE Weg")
	if got := c.rest(); !strings.HasPrefix(got, "* BYE") {
		t.Error(got)
	}
	d.ok("CREATE Weg")
	d.ok("SELECT Weg")
	d.is("DELETE Weg", "OK", "* OK [CLOSED] The mailbox is gone")
	d.is("FETCH 1 FLAGS", "BAD No mailbox is selected")
}

func TestIdleLatency(t *testing.T) {
	s := start(t)
	c := s.selectInbox(t, alice)
	c.send("i IDLE\r\n")
	c.line()
	var took []time.Duration
	for i := range 40 {
		added := s.Deliver(t, alice, note(num(i)))
		begin := time.Now()
		_ = added
		c.line()
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	t.Logf("end of delivery to EXISTS: p50 %v, p90 %v", took[20], took[36])
	if took[20] > 200*time.Millisecond {
		t.Errorf("p50 %v", took[20])
	}
}
