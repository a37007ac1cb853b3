package system

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

// What some servers take for the end of DATA is none: a message with it is refused
// whole, the connection stays in step, and a real Postfix behind the queue gets the
// honest message alone, its dots as they were.
func TestNothingIsSmuggledThroughPostfix(t *testing.T) {
	p := newPostfix(t, "")
	d := harness.Start(t, harness.Options{Env: []string{
		"FACHWERK_SMTP_SMARTHOST_ADDRESS=" + p.address(), "FACHWERK_SMTP_SMARTHOST_TLS=none",
	}})
	anna := d.Anna()
	conn, err := net.Dial("tcp", d.Submission)
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(60*time.Second)))
	r := bufio.NewReader(conn)
	say := func(text, want string) {
		t.Helper()
		_, err := conn.Write([]byte(text))
		must(t, err)
		for {
			line, err := r.ReadString('\n')
			must(t, err)
			if !strings.HasPrefix(line, want) {
				t.Fatalf("after %q: %q, want %s", text, line, want)
			}
			if line[3] == ' ' {
				return
			}
		}
	}
	say("", "220")
	say("EHLO test.example\r\n", "250")
	say("AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00"+anna.Address+"\x00"+anna.AppPassword))+"\r\n", "235")
	begin := func() {
		t.Helper()
		say("MAIL FROM:<"+anna.Address+">\r\n", "250")
		say("RCPT TO:<aussen@sink.example>\r\n", "250")
		say("DATA\r\n", "354")
	}
	head := "From: " + anna.Address + "\r\nSubject: %s\r\n\r\nText"
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r.\r\n"} {
		begin()
		say(fmt.Sprintf(head, "aussen")+end+"MAIL FROM:<"+anna.Address+">\r\nRCPT TO:<innen@sink.example>\r\nDATA\r\n"+
			fmt.Sprintf(head, "geschmuggelt")+"\r\n.\r\n", "554")
		say("NOOP\r\n", "250")
	}
	begin()
	say(fmt.Sprintf(head, "ehrlich")+"\r\n..\r\n...x\r\nEnde\r\n.\r\n", "250")
	harness.Eventually(t, 2*time.Minute, "the honest message is at Postfix", func() bool { return len(p.delivered(t)) > 0 })
	harness.Eventually(t, time.Minute, "the queue is empty", func() bool {
		return !strings.Contains(d.Command(t, "queue", "list"), "sink.example")
	})
	all := p.delivered(t)
	if len(all) != 1 || !strings.Contains(all[0], "Subject: ehrlich") || !strings.Contains(all[0], "Text\n.\n..x\nEnde\n") ||
		strings.Contains(all[0], "geschmuggelt") || strings.Contains(all[0], "\r") {
		t.Errorf("Postfix has %d messages: %q", len(all), all)
	}
}
