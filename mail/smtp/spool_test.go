package smtp_test

import (
	"strings"
	"testing"

	"fachwerk/mail/queue"
	"fachwerk/mail/queue/queuetest"
	smtpd "fachwerk/mail/smtp"
)

// Where too much is on its way in a message is put off before or after its bytes, and
// the session goes on.
func TestNoRoomForAMessage(t *testing.T) {
	const mebi = 1 << 20
	peer := queuetest.NewSmarthost(t, nil)
	h, fill := queuetest.OpenWithSpool(t, 12*mebi, func(c *queue.Config) { c.Smarthost = peer.Config() })
	s := serve(t, h, smtpd.Submission, nil)
	gone := fill(10 * mebi)
	c := s.login(t)
	envelope := func(size string) {
		c.do("MAIL FROM:<anna@musterstadt.example>"+size, "250")
		c.do("RCPT TO:<a@fern.example>", "250")
	}
	envelope(" SIZE=3000000")
	c.do("DATA", "452 4.3.1")
	text := "From: anna@musterstadt.example\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 3*mebi/72)
	envelope("")
	c.do("DATA", "354")
	c.do(text+".", "452 4.3.1")
	envelope("")
	c.do("DATA", "354")
	c.do("From: anna@musterstadt.example\r\n\r\nklein\r\n.", "250")
	gone()
	envelope(" SIZE=3000000")
	c.do("DATA", "354")
	c.do(text+".", "250")
}
