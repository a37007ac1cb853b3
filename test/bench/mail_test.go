//go:build bench

package bench

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/testenv/dovecot"
)

// figures are measured in alternating runs: A B C A B C …
type figures map[string][]float64

// alternate runs f for every peer in turn, rounds times, and prints the medians
// and how the product compares to the best of the others. more says that a
// larger figure is better.
func alternate(t *testing.T, peers []*peer, what, unit string, more bool, rounds int, f func(p *peer) float64) {
	t.Helper()
	all := figures{}
	for range rounds {
		for _, p := range peers {
			all[p.name] = append(all[p.name], f(p))
		}
	}
	best := ""
	for _, p := range peers[1:] {
		if m := median(all[p.name]); best == "" || (m > median(all[best])) == more {
			best = p.name
		}
	}
	line := fmt.Sprintf("%-34s", what)
	for _, p := range peers {
		line += fmt.Sprintf("  %s %.4g %s", p.name, median(all[p.name]), unit)
	}
	if best != "" {
		ratio := median(all[peers[0].name]) / median(all[best])
		if !more {
			ratio = 1 / ratio
		}
		line += fmt.Sprintf("  = %.2f times %s", ratio, best)
	}
	t.Log(line)
}

func median(list []float64) float64 {
	s := slices.Clone(list)
	slices.Sort(s)
	return s[len(s)/2]
}

func peersOf(t *testing.T) []*peer {
	peers := []*peer{product(t)}
	for _, format := range []string{"sdbox", "mdbox"} {
		s := dovecot.Start(t, dovecot.Options{Format: format, Separator: "/"})
		peers = append(peers, &peer{name: format, imap: s.IMAP, lmtp: s.LMTP, pid: s.PID(),
			user: func(i int) (string, string) { return fmt.Sprintf("person%03d", i), dovecot.Password }})
	}
	return peers
}

func TestMail(t *testing.T) {
	peers := peersOf(t)
	const many, some = 50_000, 10_000
	for _, p := range peers {
		c := login(t, p, 0)
		began := time.Now()
		c.command(t, `CREATE "Viele"`)
		fill(t, c, "Viele", many, small)
		c.command(t, `CREATE "Einige"`)
		fill(t, c, "Einige", some, sample)
		t.Logf("%s: filled in %.1f s", p.name, time.Since(began).Seconds())
		c.Close()
	}
	fetch := func(mailbox, items string, n int) func(p *peer) float64 {
		return func(p *peer) float64 {
			c := login(t, p, 0)
			defer c.Close()
			c.command(t, `SELECT "%s"`, mailbox)
			c.command(t, "FETCH 1:10 (UID FLAGS)")
			began := time.Now()
			if _, lines := c.command(t, "FETCH 1:* %s", items); lines < n {
				t.Fatalf("%s: %d lines of %d", p.name, lines, n)
			}
			return float64(n) / time.Since(began).Seconds()
		}
	}
	alternate(t, peers, "FETCH UID FLAGS of 50,000", "msg/s", true, 7, fetch("Viele", "(UID FLAGS)", many))
	alternate(t, peers, "FETCH overview of 10,000", "msg/s", true, 7,
		fetch("Einige", "(UID FLAGS ENVELOPE BODYSTRUCTURE INTERNALDATE RFC822.SIZE)", some))
	alternate(t, peers, "SELECT of 50,000", "ms", false, 15, func(p *peer) float64 {
		c := login(t, p, 0)
		defer c.Close()
		began := time.Now()
		c.command(t, `SELECT "Viele"`)
		return time.Since(began).Seconds() * 1000
	})
	alternate(t, peers, "login and logout, 8 at once", "/s", true, 5, func(p *peer) float64 { return logins(t, p, 8, 100) })
	alternate(t, peers, "LMTP by 16 connections", "msg/s", true, 5, func(p *peer) float64 { return deliveries(t, p, 16, 60) })
	alternate(t, peers, "IDLE: end of DATA to EXISTS, p50", "ms", false, 3, func(p *peer) float64 { return idle(t, p, 25) })
	alternate(t, peers[:1], "memory of an idle connection", "KiB", false, 1, func(p *peer) float64 { return idleMemory(t, p, 1000) })
}

// logins counts sign-ins by several clients at once.
func logins(t *testing.T, p *peer, clients, each int) float64 {
	var wg sync.WaitGroup
	began := time.Now()
	for i := range clients {
		wg.Go(func() {
			for range each {
				c := login(t, p, i)
				c.command(t, "LOGOUT")
				c.Close()
			}
		})
	}
	wg.Wait()
	return float64(clients*each) / time.Since(began).Seconds()
}

// deliveries counts durable deliveries, each acknowledged before the next.
func deliveries(t *testing.T, p *peer, clients, each int) float64 {
	var wg sync.WaitGroup
	began := time.Now()
	for i := range clients {
		wg.Go(func() {
			c := lmtp(t, p)
			defer c.Close()
			for k := range each {
				c.deliver(t, p, i, sample(k))
			}
		})
	}
	wg.Wait()
	return float64(clients*each) / time.Since(began).Seconds()
}

func lmtp(t *testing.T, p *peer) *conn {
	c := dial(t, p.lmtp)
	c.reply(t, "220")
	c.smtp(t, "250", "LHLO messung.example")
	return c
}

func (c *conn) smtp(t *testing.T, want, format string, args ...any) {
	t.Helper()
	_, err := fmt.Fprintf(c, format+"\r\n", args...)
	c.must(t, err)
	c.reply(t, want)
}

func (c *conn) reply(t *testing.T, want string) {
	t.Helper()
	for {
		line := c.line(t)
		if !strings.HasPrefix(line, want) {
			t.Fatalf("got %q, want %s", line, want)
		}
		if len(line) < 4 || line[3] != '-' {
			return
		}
	}
}

func (c *conn) deliver(t *testing.T, p *peer, user int, text []byte) {
	t.Helper()
	address, _ := p.user(user)
	if !strings.Contains(address, "@") {
		address += "@musterstadt.example"
	}
	c.smtp(t, "250", "MAIL FROM:<a@fern.example>")
	c.smtp(t, "250", "RCPT TO:<%s>", address)
	c.smtp(t, "354", "DATA")
	_, err := c.Write(append(text, ".\r\n"...))
	c.must(t, err)
	c.reply(t, "250")
}

// idle measures from the answer to DATA to the line that tells of it.
func idle(t *testing.T, p *peer, n int) float64 {
	watch := login(t, p, 20)
	defer watch.Close()
	watch.command(t, "SELECT INBOX")
	fmt.Fprint(watch, "i IDLE\r\n")
	for !strings.HasPrefix(watch.line(t), "+") {
	}
	c := lmtp(t, p)
	defer c.Close()
	var took []float64
	for k := range n {
		seen := make(chan time.Time, 1)
		go func() {
			for {
				line, err := watch.r.ReadString('\n')
				if err != nil || strings.Contains(line, " EXISTS") {
					seen <- time.Now()
					return
				}
			}
		}()
		c.deliver(t, p, 20, sample(k))
		done := time.Now()
		select {
		case at := <-seen:
			took = append(took, max(0, at.Sub(done).Seconds()*1000))
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: no EXISTS within 10 s", p.name)
		}
	}
	return median(took)
}

// idleMemory opens connections that select a mailbox and idle.
func idleMemory(t *testing.T, p *peer, n int) float64 {
	before := rss(t, p.pid)
	var open []net.Conn
	for i := range n {
		c := login(t, p, i%40)
		open = append(open, c)
	}
	time.Sleep(2 * time.Second)
	after := rss(t, p.pid)
	for _, c := range open {
		c.Close()
	}
	return float64(after-before) / float64(n)
}

// rss is resident memory in KiB.
func rss(t *testing.T, pid int) (kib int64) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fmt.Sscan(rest, &kib)
	return kib
}
