package imap_test

import (
	"fmt"
	"strings"
	"testing"

	"fachwerk/mail/mailtest"
)

// A person who has begun many large messages is asked to come back later before any more
// is sent; others are served, and what was cut off makes room again.
func TestOnePersonsUnfinishedMessages(t *testing.T) {
	const mebi = 1 << 20
	s := startIn(t, mailtest.New(t, mailtest.WithSpool(48*mebi, 4*mebi)))
	alice, bob := s.Alice.Address, s.Bob.Address
	begin := func(address string, size int) (*client, string) {
		c := s.login(t, address)
		c.send(fmt.Sprintf("a APPEND INBOX {%d}\r\n", size))
		return c, c.line()
	}
	var begun []*client
	for len(begun) < 5 {
		c, answer := begin(alice, 2*mebi)
		if !strings.HasPrefix(answer, "+") {
			t.Fatalf("message %d: %s", len(begun), answer)
		}
		c.send(strings.Repeat("x", 2*mebi-1))
		begun = append(begun, c)
	}
	refused, answer := begin(alice, 2*mebi)
	for strings.HasPrefix(answer, "+") { // not all that was sent has come yet
		refused.conn.Close()
		refused, answer = begin(alice, 2*mebi)
	}
	if !strings.HasPrefix(answer, "a NO [UNAVAILABLE]") {
		t.Errorf("one more: %s", answer)
	}
	refused.ok("NOOP") // none of its bytes is waited for
	if tagged := refused.append("INBOX", "", strings.Repeat("x", 2*mebi)); !strings.HasPrefix(tagged, "NO [UNAVAILABLE]") {
		t.Errorf("pushed without being asked for: %s", tagged)
	}
	if tagged := refused.append("INBOX", "", crlf(mailtest.Message("klein", "passt in den Speicher"))); !strings.HasPrefix(tagged, "OK") {
		t.Errorf("a small one of the same person: %s", tagged)
	}
	other, answer := begin(bob, 2*mebi)
	if !strings.HasPrefix(answer, "+") {
		t.Errorf("another person: %s", answer)
	}
	other.send(strings.Repeat("y", 2*mebi) + "\r\n")
	if _, tagged := other.until("a"); !strings.HasPrefix(tagged, "OK") {
		t.Errorf("another person: %s", tagged)
	}
	for _, c := range begun {
		c.conn.Close()
	}
	for {
		again, answer := begin(alice, 2*mebi)
		if strings.HasPrefix(answer, "+") {
			again.conn.Close()
			break
		}
		if !strings.HasPrefix(answer, "a NO [UNAVAILABLE]") {
			t.Fatalf("after all were cut off: %s", answer)
		}
	}
}
