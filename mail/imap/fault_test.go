package imap_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/blob/blobtest"
	"fachwerk/mail/mailtest"
)

var never time.Time

// noise is text that does not compress.
func noise(n int) string {
	rng := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, 0, n)
	for len(b) < n {
		for range 70 {
			b = append(b, byte(33+rng.IntN(90)))
		}
		b = append(b, '\r', '\n')
	}
	return string(b)
}

// A blob store that is away gives temporary errors and nothing else, and serves again when it is back.
func TestBlobStoreAway(t *testing.T) {
	var fault *blobtest.Fault
	house := mailtest.New(t, mailtest.WithBlobs(1000, func(b blob.Store) blob.Store {
		fault = blobtest.NewFault(b)
		return fault
	}))
	s := startIn(t, house)
	c := s.login(t, alice)
	big := note("big") + noise(300_000)
	c.append("INBOX", "", big)
	c.append("INBOX", "", note("small"))
	c.ok("SELECT INBOX")
	fault.Down(errors.New("the store is away"))
	c.is("FETCH 1:2 (UID FLAGS)", "OK", "* 1 FETCH (UID 1 FLAGS ())", "* 2 FETCH (UID 2 FLAGS ())")
	c.is("FETCH 1:2 BODY.PEEK[TEXT]", "NO [UNAVAILABLE]", "* 2 FETCH (BODY[TEXT] "+lit("Hello small.\r\n")+")")
	if got := c.append("INBOX", "", big); !strings.HasPrefix(got, "NO [UNAVAILABLE]") {
		t.Error(got)
	}
	c.is("NOOP", "OK")
	fault.Down(nil)
	got := c.ok("FETCH 1 BODY.PEEK[]")
	if len(got) != 1 || !strings.HasSuffix(got[0], big+")") {
		t.Error("the message is not what it was")
	}
	if got := c.append("INBOX", "", big); !strings.HasPrefix(got, "OK") {
		t.Error(got)
	}
}

// A large mailbox is selected by its counters; what changes before its view is loaded keeps the numbers right.
func TestLateView(t *testing.T) {
	s := start(t)
	fill(t, s, 1200)
	c := s.login(t, alice)
	if got := strings.Join(c.ok("SELECT INBOX"), "\n"); !strings.Contains(got, "* 1200 EXISTS") || strings.Contains(got, "UNSEEN") {
		t.Error(got)
	}
	q := s.login(t, alice)
	q.ok("SELECT INBOX")
	quiet := s.login(t, alice)
	quiet.ok("SELECT INBOX")
	d := s.login(t, alice)
	d.ok("SELECT INBOX")
	d.ok(`UID STORE 3,1000:1001 +FLAGS.SILENT (\Deleted)`)
	d.ok("EXPUNGE")
	d.append("INBOX", "", note("new"))
	c.is("FETCH 2:4 UID", "NO [EXPUNGEISSUED]", "* 1201 EXISTS", "* 2 FETCH (UID 2)", "* 4 FETCH (UID 4)")
	c.is("FETCH 999:1002 UID", "NO [EXPUNGEISSUED]", "* 999 FETCH (UID 999)", "* 1002 FETCH (UID 1002)")
	c.is("NOOP", "OK", "* 1001 EXPUNGE", "* 1000 EXPUNGE", "* 3 EXPUNGE")
	c.is("FETCH 1198 UID", "OK", "* 1198 FETCH (UID 1201)")
	q.is("NOOP", "OK", "* 1201 EXISTS", "* 1001 EXPUNGE", "* 1000 EXPUNGE", "* 3 EXPUNGE")
	quiet.is("SEARCH UID 2:4", "OK", "* 1201 EXISTS", "* SEARCH 2 4")
}
