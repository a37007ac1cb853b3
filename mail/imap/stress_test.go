package imap_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/mail/mailtest"
)

// model is a client that believes nothing but what it is told: it keeps the number of messages and, for each, the UID
// once it knows it, and checks every FETCH against that.
type model struct {
	*client
	uids []uint32 // 0: not known yet
	uid  bool     // QRESYNC: VANISHED in the place of EXPUNGE
	quit func(format string, arguments ...any)
}

// hear takes one untagged response. In a command that forbids it, EXPUNGE is an error.
func (m *model) hear(line string, expungeAllowed bool) {
	f := strings.Fields(line)
	if len(f) < 3 || f[0] != "*" {
		m.quit("strange response %q", line)
		return
	}
	if f[1] == "VANISHED" {
		if !m.uid || !expungeAllowed {
			m.quit("VANISHED where it may not be: %q", line)
		}
		m.vanish(f[2])
		return
	}
	n, err := strconv.Atoi(f[1])
	if err != nil {
		return
	}
	switch f[2] {
	case "EXISTS":
		if n < len(m.uids) {
			m.quit("EXISTS fell from %d to %d", len(m.uids), n)
			return
		}
		m.uids = append(m.uids, make([]uint32, n-len(m.uids))...)
	case "EXPUNGE":
		if !expungeAllowed || m.uid || n < 1 || n > len(m.uids) {
			m.quit("EXPUNGE of %d of %d where it may not be", n, len(m.uids))
			return
		}
		m.uids = append(m.uids[:n-1], m.uids[n:]...)
	case "FETCH":
		i := strings.Index(line, "UID ")
		if i < 0 || n < 1 || n > len(m.uids) {
			m.quit("FETCH of %d of %d: %q", n, len(m.uids), line)
			return
		}
		var uid uint32
		fmt.Sscanf(line[i:], "UID %d", &uid)
		if m.uids[n-1] != 0 && m.uids[n-1] != uid {
			m.quit("message %d is UID %d, but was %d", n, uid, m.uids[n-1])
		}
		m.uids[n-1] = uid
	}
}

func (m *model) vanish(set string) {
	gone := map[uint32]bool{}
	for _, r := range strings.Split(set, ",") {
		var a, b uint32
		if n, _ := fmt.Sscanf(r, "%d:%d", &a, &b); n < 2 {
			b = a
		}
		for u := a; u <= b; u++ {
			gone[u] = true
		}
	}
	kept := m.uids[:0]
	for _, u := range m.uids {
		if u == 0 || !gone[u] {
			kept = append(kept, u)
		}
		delete(gone, u)
	}
	m.uids = kept
	// Messages of which only EXISTS has told stand at the end: any of them may be the one that is named.
	for range gone {
		i := slices.Index(m.uids, 0)
		if i < 0 {
			m.quit("VANISHED of UIDs that never were: %v", gone)
			return
		}
		m.uids = slices.Delete(m.uids, i, i+1)
	}
}

func (m *model) run(command string) string {
	m.tag++
	tag := "t" + strconv.Itoa(m.tag)
	if _, err := m.conn.Write([]byte(tag + " " + command + "\r\n")); err != nil {
		m.quit("write: %v", err)
		return ""
	}
	name, _, _ := strings.Cut(command, " ")
	for {
		line, err := m.tryLine()
		if err != nil {
			m.quit("read: %v", err)
			return ""
		}
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			if strings.HasPrefix(rest, "BAD") {
				m.quit("%s: %s", command, rest)
			}
			return rest
		}
		m.hear(line, name != "FETCH" && name != "STORE" && name != "SEARCH")
	}
}

// Several sessions change one mailbox at once, each beside a model of what its client knows.
func TestNumbersStayRight(t *testing.T) { numbersStayRight(t, mailtest.New(t), 120) }

// The same on PostgreSQL and S3.
func TestNumbersOnServers(t *testing.T) {
	numbersStayRight(t, mailtest.New(t, mailtest.OnServers()), 40)
}

func numbersStayRight(t *testing.T, house *mailtest.House, rounds int) {
	s := startIn(t, house)
	for i := range 30 {
		s.Deliver(t, alice, note(num(i)))
	}
	if testing.Short() {
		rounds /= 4
	}
	var wg, quiet sync.WaitGroup
	quiet.Add(6)
	for k := range 6 {
		c := s.login(t, alice)
		c.conn.SetDeadline(time.Now().Add(3 * time.Minute))
		wg.Add(1)
		go func() {
			defer wg.Done()
			failed := false
			m := &model{client: c, uid: k%2 == 1}
			m.quit = func(format string, arguments ...any) {
				if !failed {
					t.Errorf("session %d: "+format, append([]any{k}, arguments...)...)
				}
				failed = true
			}
			rng := rand.New(rand.NewPCG(uint64(k), 1))
			if m.uid {
				m.run("ENABLE QRESYNC")
			}
			m.run("SELECT INBOX")
			m.run("UID FETCH 1:* (UID)") // VANISHED can be followed only with known UIDs
			for i := 0; i < rounds && !failed; i++ {
				m.step(rng)
			}
			quiet.Done()
			quiet.Wait()
			if failed {
				return
			}
			m.run("NOOP")
			m.run("FETCH 1:* (UID)")
			for i, u := range m.uids {
				if u == 0 {
					m.quit("message %d has no UID in the end", i+1)
				}
			}
		}()
	}
	wg.Wait()
	// In the end all see the same.
	c := s.selectInbox(t, alice)
	want := strings.Join(c.ok("UID SEARCH ALL"), "")
	d := s.selectInbox(t, alice)
	if got := strings.Join(d.ok("UID SEARCH ALL"), ""); got != want {
		t.Errorf("%s and %s", got, want)
	}
}

// step does something at random. Several commands leave the mailbox non-empty on average.
func (m *model) step(rng *rand.Rand) {
	n := len(m.uids)
	if m.uid && n > 0 { // UIDs of messages that came since are needed before VANISHED may name them
		defer m.run("UID FETCH 1:* (UID)")
	}
	pick := func() string { return strconv.Itoa(1 + rng.IntN(max(n, 1))) }
	switch rng.IntN(10) {
	case 0, 1, 2:
		text := note("s" + pick())
		m.run(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(text), text))
	case 3:
		m.run("NOOP")
	case 4:
		if n > 0 {
			m.run("STORE " + pick() + ":" + pick() + ` +FLAGS (\Flagged)`)
		}
	case 5:
		if n > 0 {
			m.run("STORE " + pick() + ` +FLAGS.SILENT (\Deleted)`)
		}
	case 6:
		m.run("EXPUNGE")
	case 7:
		if n > 0 {
			m.run("MOVE " + pick() + " Trash")
		}
	case 8:
		if n > 0 {
			m.run("FETCH " + pick() + ":" + pick() + " (UID FLAGS)")
		}
	case 9:
		if n > 0 {
			// The number and the UID must name the same message.
			i := rng.IntN(n)
			if u := m.uids[i]; u != 0 {
				m.run(fmt.Sprintf("UID STORE %d +FLAGS (k%d)", u, rng.IntN(3)))
			} else {
				m.run(fmt.Sprintf("FETCH %d (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)])", i+1))
			}
		}
	}
}
