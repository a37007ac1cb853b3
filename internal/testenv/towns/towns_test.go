package towns

import (
	"fmt"
	"strings"
	"testing"
)

func TestTwoTownsAreServed(t *testing.T) {
	h := Build(t, Options{Sites: 2, Ours: 1, TheirName: "Beate", SMTP: "smarthost: {address: 127.0.0.1:1, tls: none}", Lines: []string{"queue: {first_retry: 1s}"}})
	h.Serve(t, nil)
	for _, who := range []string{Anna, Jan, Beate} {
		k := Dial(t, nil, h.Listen["imap"])
		k.Line()
		if got := k.IMAP(fmt.Sprintf("LOGIN %s %q", who, h.Passwords[who])); !strings.HasPrefix(got, "a OK") {
			t.Errorf("%s cannot sign in: %s", who, got)
		}
		if got := k.IMAP("APPEND INBOX {3}"); !strings.HasPrefix(got, "+ ") {
			t.Errorf("APPEND without its message: %s", got)
		}
		k.Close()
	}
	k := Hello(t, nil, h.Listen["lmtp"], true)
	defer k.Close()
	for _, c := range []string{"MAIL FROM:<" + Anna + ">", "RCPT TO:<" + Beate + ">", "RCPT TO:<" + Office + ">"} {
		if got := k.SMTP(c); got[0] != '2' {
			t.Errorf("%s: %s", c, got)
		}
	}
	if !strings.Contains(h.Said(), "login") {
		t.Errorf("the log is %q", h.Said())
	}
}
