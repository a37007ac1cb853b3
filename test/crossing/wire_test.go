package crossing

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"fachwerk/internal/testenv/towns"
)

// places counts where connections come from.
var places atomic.Uint32

// anywhere is another address of this machine each time: many failures from one are
// answered before they are looked at.
func anywhere() *net.TCPAddr {
	n := places.Add(1)
	return &net.TCPAddr{IP: net.IPv4(127, byte(2+n>>16), byte(n>>8), byte(n))}
}

func (h *house) imap(t *testing.T) *towns.Talk {
	t.Helper()
	k := towns.Dial(t, anywhere(), h.Listen["imap"])
	k.Line()
	return k
}

// imapAs asks one thing of a fresh session.
func (h *house) imapAs(t *testing.T, who string, commands ...string) string {
	t.Helper()
	k := h.imap(t)
	defer k.Close()
	if got := k.IMAP(fmt.Sprintf("LOGIN %s %q", who, h.Passwords[who])); !strings.HasPrefix(got, "a OK") {
		t.Fatalf("%s cannot sign in: %s", who, got)
	}
	var all strings.Builder
	for _, c := range commands {
		all.WriteString(k.IMAP(c))
	}
	all.WriteString(k.IMAP("NOOP"))
	return all.String()
}

// login says one thing without having signed in.
func (h *house) login(t *testing.T, command string) string {
	t.Helper()
	k := h.imap(t)
	defer k.Close()
	return k.IMAP(command)
}

// smtp says commands after the greeting and gives all answers to them.
func (h *house) smtp(t *testing.T, listener string, commands ...string) (all string) {
	t.Helper()
	k := towns.Hello(t, anywhere(), h.Listen[listener], listener == "lmtp")
	defer k.Close()
	for _, c := range commands {
		all += k.SMTP(c)
	}
	return all
}
