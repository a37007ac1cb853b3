package compare

import (
	"crypto/tls"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fachwerk/internal/testenv/dovecot"
	"fachwerk/test/system/harness"
)

// difference is one place where the two servers answer differently, and why
// both may.
type difference struct{ session, command, why string }

// server makes a new connection to one of the two, logged in.
type server func() (*conn, error)

func TestAnswersMeanWhatDovecotsMean(t *testing.T) {
	theirs := dovecot.Start(t, dovecot.Options{Separator: "/"})
	demo := harness.Start(t, harness.Options{})
	ours := dial(func() (net.Conn, error) { return tls.Dial("tcp", demo.IMAPS, demo.TLS(t)) },
		demo.Anna().Address, demo.Anna().AppPassword)
	peer := dial(func() (net.Conn, error) { return net.Dial("tcp", theirs.IMAP) }, "anna", dovecot.Password)

	all := slices.Clone(sessions)
	all = append(all, corpusSessions(t)...)
	met := map[difference]bool{}
	ran := map[string]bool{}
	commands := 0
	rules := map[int]bool{}
	used := func(rule int) { rules[rule] = true }
	for _, s := range all {
		ran[s.name] = true
		t.Run(s.name, func(t *testing.T) {
			a, b := play(t, s, ours, used), play(t, s, peer, used)
			for i, command := range steps(s) {
				commands++
				if slices.Equal(a[i], b[i]) {
					continue
				}
				if d, ok := explained(s.name, command); ok {
					met[d] = true
					continue
				}
				x, y := unlike(a[i], b[i])
				t.Errorf("%s\n  ours:    %s\n  dovecot: %s", command, strings.Join(x, "\n           "), strings.Join(y, "\n           "))
			}
		})
	}
	for _, d := range differences {
		if ran[d.session] && !met[d] {
			t.Errorf("%s: %s: this difference is explained, but does not occur", d.session, d.command)
		}
	}
	for i, r := range general {
		if !rules[i] {
			t.Errorf("%s: this rule is explained, but never applies", r.from)
		}
	}
	t.Logf("%d commands compared, %d differences explained", commands, len(met))
}

func explained(session, command string) (difference, bool) {
	for _, d := range differences {
		if d.session == session && d.command == command {
			return d, true
		}
	}
	return difference{}, false
}

// unlike leaves out the lines that both have.
func unlike(a, b []string) (x, y []string) {
	for _, l := range a {
		if !slices.Contains(b, l) {
			x = append(x, l)
		}
	}
	for _, l := range b {
		if !slices.Contains(a, l) {
			y = append(y, l)
		}
	}
	if x == nil && y == nil {
		return a, b // the order differs
	}
	return x, y
}

func dial(open func() (net.Conn, error), user, password string) server {
	return func() (*conn, error) {
		raw, err := open()
		if err != nil {
			return nil, err
		}
		c, err := newConn(raw)
		if err != nil {
			return nil, err
		}
		out, err := c.do(fmt.Sprintf("LOGIN %q %q", user, password))
		if err == nil && !strings.HasPrefix(out[len(out)-1], "TAG OK") {
			err = fmt.Errorf("login: %q", out)
		}
		return c, err
	}
}

// steps are a script's lines without empty ones.
func steps(s session) (out []string) {
	for _, line := range strings.Split(s.script, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// play runs a script: "1 COMMAND" on connection 1, and so on. "@name" stands for
// a message as a non-synchronising literal (RFC 7888), "@~name" as a literal8
// (RFC 3516); $V, $H and $M for the newest UIDVALIDITY, HIGHESTMODSEQ and MODSEQ
// that the connection saw.
func play(t *testing.T, s session, to server, used func(rule int)) (out [][]string) {
	t.Helper()
	conns := map[string]*conn{}
	for _, step := range steps(s) {
		who, command, _ := strings.Cut(step, " ")
		c := conns[who]
		if c == nil {
			var err error
			if c, err = to(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.net.Close() })
			conns[who] = c
		}
		lines, err := c.do(withMessages(s, command))
		if err != nil {
			t.Fatalf("%s: %v", step, err)
		}
		out = append(out, reduce(s.name+": "+step, normal(lines), used))
	}
	return out
}

var messageName = regexp.MustCompile(`@(~?)([a-z]+[0-9]*)\b`)

func withMessages(s session, command string) string {
	return messageName.ReplaceAllStringFunc(command, func(m string) string {
		sub := messageName.FindStringSubmatch(m)
		text, ok := s.messages[sub[2]]
		if !ok {
			if text, ok = messages[sub[2]]; !ok {
				return m
			}
		}
		return fmt.Sprintf("%s{%d+}\r\n%s", sub[1], len(text), text)
	})
}
