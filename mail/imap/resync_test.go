package imap_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var fetched = regexp.MustCompile(`^\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\)`)

// cache is what a client that goes offline keeps.
type cache map[string]string // flags by UID

func (c cache) hear(t *testing.T, lines []string) {
	t.Helper()
	for _, l := range lines {
		if m := fetched.FindStringSubmatch(l); m != nil {
			c[m[1]] = m[2]
		}
		set, ok := strings.CutPrefix(l, "* VANISHED (EARLIER) ")
		if !ok {
			if set, ok = strings.CutPrefix(l, "* VANISHED "); !ok {
				continue
			}
		}
		for _, r := range strings.Split(set, ",") {
			var a, b int
			if n, _ := fmt.Sscanf(r, "%d:%d", &a, &b); n < 2 {
				b = a
			}
			for ; a <= b; a++ {
				delete(c, strconv.Itoa(a))
			}
		}
	}
}

// A client that comes back with QRESYNC again and again, while others change the mailbox, always ends up with what is
// there, whether it says which UIDs it has or not.
func TestResyncProperty(t *testing.T) {
	s := start(t)
	for i := range 10 {
		s.Deliver(t, alice, note(num(i)))
	}
	rng := rand.New(rand.NewPCG(7, 7))
	other := s.login(t, alice)
	other.ok("ENABLE QRESYNC")
	other.ok("SELECT INBOX")
	away := s.login(t, alice)
	away.ok("ENABLE QRESYNC")
	lines := away.ok("SELECT INBOX (CONDSTORE)")
	valid, since := find(t, validity, lines), find(t, highest, lines)
	mine := cache{}
	mine.hear(t, away.ok("UID FETCH 1:* (FLAGS)"))
	away.ok("UNSELECT")
	for round := range 40 {
		for range rng.IntN(6) {
			n := strconv.Itoa(1 + rng.IntN(12))
			switch rng.IntN(5) {
			case 0, 1:
				s.Deliver(t, alice, note(n))
			case 2:
				other.do("STORE " + n + ` +FLAGS.SILENT (\Flagged k` + n + `)`)
			case 3:
				other.do("STORE " + n + ` +FLAGS.SILENT (\Deleted)`)
				other.ok("EXPUNGE")
			case 4:
				other.do("MOVE " + n + " Archive")
			}
		}
		known := ""
		if round%2 == 0 && len(mine) > 0 {
			known = " " + strings.Join(sortedKeys(mine), ",")
		}
		lines := away.ok("SELECT INBOX (QRESYNC (" + valid + " " + since + known + "))")
		since = find(t, highest, lines)
		mine.hear(t, lines)
		if known != "" { // only the UIDs that were named are told about: the new ones are asked for
			mine.hear(t, away.ok("UID FETCH 1:* (FLAGS)"))
		}
		there := cache{}
		there.hear(t, away.ok("UID FETCH 1:* (FLAGS)"))
		if !maps.Equal(mine, there) {
			t.Fatalf("round %d, known %q: the client has %v, there is %v", round, known, mine, there)
		}
		away.ok("UNSELECT")
	}
}

func sortedKeys(c cache) []string {
	var keys []string
	for i := 1; len(keys) < len(c); i++ {
		if _, ok := c[strconv.Itoa(i)]; ok {
			keys = append(keys, strconv.Itoa(i))
		}
	}
	return keys
}
