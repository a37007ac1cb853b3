package towns

import (
	"bufio"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Talk is a conversation in lines with IMAP, SMTP or LMTP. What goes wrong ends the
// test.
type Talk struct {
	t testing.TB
	c net.Conn
	r *bufio.Reader
}

// Dial connects from an address of this machine; nil takes the usual one.
func Dial(t testing.TB, from net.Addr, address string) *Talk {
	t.Helper()
	c, err := (&net.Dialer{LocalAddr: from, Timeout: Patience}).Dial("tcp", address)
	must(t, err)
	must(t, c.SetDeadline(time.Now().Add(Patience)))
	return &Talk{t, c, bufio.NewReader(c)}
}

// Close ends it without a word.
func (k *Talk) Close() { k.c.Close() }

// Line is the next line, with its end.
func (k *Talk) Line() string {
	k.t.Helper()
	s, err := k.r.ReadString('\n')
	if err != nil {
		k.t.Fatalf("after %q the connection gave %v", s, err)
	}
	return s
}

// Send sends as it is.
func (k *Talk) Send(s string) {
	k.t.Helper()
	_, err := io.WriteString(k.c, s)
	must(k.t, err)
}

// IMAP gives a command with the tag "a" and answers what comes, up to its own tagged
// line. What stands behind a NUL is sent once the server is ready for it; without, that
// the server is ready ends the answer.
func (k *Talk) IMAP(command string) string {
	k.t.Helper()
	command, rest, more := strings.Cut(command, "\x00")
	k.Send("a " + command + "\r\n")
	var all strings.Builder
	for {
		s := k.Line()
		all.WriteString(s)
		switch {
		case strings.HasPrefix(s, "a "):
			return all.String()
		case !strings.HasPrefix(s, "+ "):
		case !more:
			return all.String()
		default:
			k.Send(rest)
			more = false
		}
	}
}

// SMTP gives a command and answers its reply; an empty one is the greeting.
func (k *Talk) SMTP(command string) string {
	k.t.Helper()
	if command != "" {
		k.Send(command + "\r\n")
	}
	return k.Reply()
}

// Reply is the next one of SMTP, all its lines.
func (k *Talk) Reply() string {
	k.t.Helper()
	var all strings.Builder
	for {
		s := k.Line()
		all.WriteString(s)
		if len(s) < 4 || s[3] != '-' {
			return all.String()
		}
	}
}

// Hello is Dial, the greeting and EHLO, or LHLO.
func Hello(t testing.TB, from net.Addr, address string, lmtp bool) *Talk {
	t.Helper()
	k := Dial(t, from, address)
	k.SMTP("")
	hello := "EHLO client.example"
	if lmtp {
		hello = "LHLO client.example"
	}
	k.SMTP(hello)
	return k
}
