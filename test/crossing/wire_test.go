package crossing

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// places counts where connections come from.
var places atomic.Uint32

// fromAnywhere dials from another address of this machine each time: many failures from
// one are answered before they are looked at.
func fromAnywhere() *net.Dialer {
	n := places.Add(1)
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, byte(2+n>>16), byte(n>>8), byte(n))}, Timeout: patience}
}

func dial(t *testing.T, address string) *talk {
	t.Helper()
	c, err := fromAnywhere().Dial("tcp", address)
	must(t, err)
	must(t, c.SetDeadline(time.Now().Add(patience)))
	return &talk{t, c, bufio.NewReader(c)}
}

// talk is a conversation in lines.
type talk struct {
	t *testing.T
	c net.Conn
	r *bufio.Reader
}

func (k *talk) line() string {
	k.t.Helper()
	s, err := k.r.ReadString('\n')
	if err != nil {
		k.t.Fatalf("after %q the connection gave %v", s, err)
	}
	return s
}

func (k *talk) send(s string) {
	k.t.Helper()
	_, err := k.c.Write([]byte(s))
	must(k.t, err)
}

// imap gives a command and what it answers, up to its own tagged line.
func (k *talk) imap(command string) string {
	k.t.Helper()
	k.send("a " + command + "\r\n")
	var all strings.Builder
	for {
		s := k.line()
		all.WriteString(s)
		if strings.HasPrefix(s, "a ") || strings.HasPrefix(s, "+ ") {
			return all.String()
		}
	}
}

// smtp gives a command and its reply; an empty one is the greeting.
func (k *talk) smtp(command string) string {
	k.t.Helper()
	if command != "" {
		k.send(command + "\r\n")
	}
	var all strings.Builder
	for {
		s := k.line()
		all.WriteString(s)
		if len(s) < 4 || s[3] != '-' {
			return all.String()
		}
	}
}

// imapAs asks one thing of a fresh session. literal is sent when the server is ready
// for it.
func (h *house) imapAs(t *testing.T, who string, commands ...string) string {
	t.Helper()
	k := dial(t, h.listen["imap"])
	defer k.c.Close()
	k.line()
	if got := k.imap(fmt.Sprintf("LOGIN %s %q", who, h.app[who])); !strings.HasPrefix(got, "a OK") {
		t.Fatalf("%s cannot sign in: %s", who, got)
	}
	var all strings.Builder
	for _, c := range commands {
		all.WriteString(k.imap(c))
	}
	all.WriteString(k.imap("NOOP"))
	return all.String()
}
