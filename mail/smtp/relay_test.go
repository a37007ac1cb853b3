package smtp_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/mail/smtp"
)

func TestRelayTakesMailForThisHouseOnly(t *testing.T) {
	s := start(t, smtp.Relay, nil)
	carl := s.Neighbour(t)
	c := s.hello(t, "EHLO")
	c.do("AUTH PLAIN AGEAYg==", "502")
	c.do("MAIL FROM:<x@fern.example>", "250")
	c.do("RCPT TO:<y@fern.example>", "550 5.7.1")
	c.do("RCPT TO:<anna@musterstadt.example>", "250")
	c.do("RCPT TO:<carl@nachbardorf.example>", "250")
	c.do("DATA", "354")
	c.send(text + ".\r\n")
	c.want("250 2.0.0") // one answer for two tenants
	c.do("QUIT", "221")
	c.closed()
	for _, m := range []string{s.Inbox(t, s.anna, 1)[0], s.Inbox(t, carl, 1)[0]} {
		if !strings.HasSuffix(m, text) || !strings.Contains(m, " with ESMTP id ") || strings.Contains(m, "\r\n\tfor <") {
			t.Errorf("stored:\n%s", m)
		}
	}
	s.Empty(t)
}

func TestRelayTakesBinary(t *testing.T) {
	s := start(t, smtp.Relay, nil)
	c := s.hello(t, "EHLO")
	c.do("MAIL FROM:<x@fern.example> BODY=BINARYMIME", "250")
	c.do("RCPT TO:<anna@musterstadt.example>", "250")
	data := text + "a\nb\x00\r"
	c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(data), data))
	c.want("250")
	if m := s.Inbox(t, s.anna, 1)[0]; !strings.HasSuffix(m, data) {
		t.Errorf("stored: %q", m)
	}
}

func TestRelayLoop(t *testing.T) {
	s := start(t, smtp.Relay, nil)
	c := s.hello(t, "EHLO")
	c.do("MAIL FROM:<x@fern.example>", "250")
	c.do("RCPT TO:<anna@musterstadt.example>", "250")
	c.do("DATA", "354")
	c.send(strings.Repeat("Received: x\r\n", 51) + text + ".\r\n")
	c.want("554 5.4.6")
}

func TestPostmaster(t *testing.T) {
	s := start(t, smtp.Relay, func(c *smtp.Config) { c.Postmaster = "anna@musterstadt.example" })
	c := s.hello(t, "HELO")
	c.do("MAIL FROM:<>", "250")
	c.do("RCPT TO:<PostMaster>", "250")
	c.do("DATA", "354")
	c.send(text + ".\r\n")
	c.want("250")
	if m := s.Inbox(t, s.anna, 1)[0]; !strings.Contains(m, " with SMTP id ") {
		t.Errorf("stored:\n%s", m)
	}
}

func TestExtensionsOfEachMode(t *testing.T) {
	for mode, c := range map[smtp.Mode]struct{ verb, wrong, has, hasNot string }{
		smtp.LMTP:       {"LHLO", "EHLO", "BINARYMIME", "AUTH"},
		smtp.Relay:      {"EHLO", "LHLO", "BINARYMIME", "AUTH"},
		smtp.Submission: {"EHLO", "LHLO", "AUTH", "BINARYMIME"},
	} {
		s := start(t, mode, nil)
		chat := s.dial(t)
		chat.want("220 mail.musterstadt.example ")
		chat.do("MAIL FROM:<a@fern.example>", "503")
		chat.do(c.wrong+" a", "500")
		chat.do(c.verb, "501")
		chat.do(c.verb+" <script>", "501")
		got := chat.do(c.verb+" a", "250-mail.musterstadt.example\r\n")
		for _, want := range []string{"PIPELINING", "SIZE 1572", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "DSN", "STARTTLS", c.has} {
			if !strings.Contains(got, want) {
				t.Errorf("%v: %s is not offered: %s", mode, want, got)
			}
		}
		if strings.Contains(got, c.hasNot) {
			t.Errorf("%v: %s is offered: %s", mode, c.hasNot, got)
		}
		chat.do("VRFY anna", "252")
		chat.do("EXPN liste", "502")
		chat.do("NOOP x", "250")
		chat.do("FOO", "500 5.5.1")
		chat.do("MAIL FROM: x", "5")
	}
}

func TestErrorsEndAConnection(t *testing.T) {
	s := start(t, smtp.Relay, func(c *smtp.Config) { c.Limits.Errors = 5 })
	c := s.dial(t)
	c.want("220")
	for range 5 {
		c.do("GET / HTTP/1.1", "500")
	}
	c.want("421 4.7.0")
	c.closed()
}

func TestSlowClientsAreCutOff(t *testing.T) {
	s := start(t, smtp.LMTP, func(c *smtp.Config) {
		c.Limits.IdleTime = 150 * time.Millisecond
	})
	c := s.dial(t)
	c.want("220")
	c.want("421 4.4.2") // says nothing at all
	c.closed()

	s = start(t, smtp.LMTP, func(c *smtp.Config) {
		c.Limits.IdleTime = time.Minute
		c.Limits.DataTime = time.Second
	})
	c = s.hello(t, "LHLO")
	c.do("MAIL FROM:<>", "250")
	c.do("RCPT TO:<anna@musterstadt.example>", "250")
	c.do("DATA", "354")
	go func() { // a byte now and then keeps IdleTime off, but not DataTime
		for {
			if _, err := c.conn.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	c.want("421 4.4.2")
	s.Inbox(t, s.anna, 0)
}

func TestLoginTimeIsBounded(t *testing.T) {
	s, _ := submission(t, func(c *smtp.Config) { c.Limits.LoginTime = 3 * time.Second })
	c := s.hello(t, "EHLO")
	go func() {
		for {
			if _, err := c.conn.Write([]byte("NOOP\r\n")); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if r := c.reply(); strings.HasPrefix(r, "421 4.4.2") {
			return
		}
	}
	t.Error("the login time has no end")
}

func TestFloodOfConnections(t *testing.T) {
	var refused, open atomic.Int64
	s := start(t, smtp.LMTP, func(c *smtp.Config) {
		c.Limits.Connections = 4
		c.Metrics.Refused = func(string) { refused.Add(1) }
		c.Metrics.Connections = func(delta int) { open.Add(int64(delta)) }
	})
	var chats []*chat
	for range 4 {
		c := s.dial(t)
		c.want("220")
		chats = append(chats, c)
	}
	c := s.dial(t)
	c.want("421 4.7.0")
	c.closed()
	if refused.Load() != 1 || open.Load() != 4 {
		t.Errorf("metrics: %d refused, %d open", refused.Load(), open.Load())
	}
	chats[0].do("QUIT", "221")
	chats[0].closed()
	for deadline := time.Now().Add(5 * time.Second); ; { // the place is free again
		c := s.dial(t)
		if strings.HasPrefix(c.reply(), "220") {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the place was not given back")
		}
	}
}

func TestMessagesAreCounted(t *testing.T) {
	var outcomes sync.Map
	s := start(t, smtp.LMTP, func(c *smtp.Config) {
		c.Metrics.Message = func(outcome string, recipients int, bytes int64, took time.Duration) {
			outcomes.Store(outcome, fmt.Sprint(recipients, bytes, took > 0))
		}
	})
	c := s.hello(t, "LHLO")
	c.deliver(text, "anna@musterstadt.example", "bert@musterstadt.example")
	c.deliver("Delivered-To: anna@musterstadt.example\r\n"+text, "anna@musterstadt.example")
	c.do("QUIT", "221")
	for outcome, want := range map[string]string{"accepted": fmt.Sprint(2, len(text), true), "refused": fmt.Sprint(1, len(text)+40, true)} {
		if got, _ := outcomes.Load(outcome); got != want {
			t.Errorf("%s: %v, want %s", outcome, got, want)
		}
	}
}

func TestShutdown(t *testing.T) {
	s := start(t, smtp.LMTP, nil)
	idle, busy := s.hello(t, "LHLO"), s.hello(t, "LHLO")
	busy.do("MAIL FROM:<>", "250")
	busy.do("RCPT TO:<anna@musterstadt.example>", "250")
	busy.do("DATA", "354")
	done := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() { done <- s.Shutdown(ctx) }()
	idle.want("421 4.3.2")
	idle.closed()
	busy.send(text + ".\r\n")
	busy.want("250 2.0.0") // finishes its message
	busy.want("421 4.3.2")
	if err := <-done; err != nil {
		t.Error(err)
	}
	if conn, err := net.Dial("tcp", s.addr); err == nil {
		conn.Close()
		t.Error("still accepting")
	}
	s.Inbox(t, s.anna, 1)
}

// A store that cannot take a message gives a temporary reply, and the connection
// goes on.
func TestStoreFaultIsTemporary(t *testing.T) {
	s := start(t, smtp.LMTP, nil)
	c := s.hello(t, "LHLO")
	if err := os.RemoveAll(filepath.Join(s.Folder, "blobs")); err != nil {
		t.Fatal(err)
	}
	large := make([]byte, 150_000) // goes to the blob directory, being incompressible
	rand.Read(large)
	for _, r := range c.deliver(text+hex.EncodeToString(large)+"\r\n", "anna@musterstadt.example", "bert@musterstadt.example") {
		if !strings.HasPrefix(r, "451 4.3.0") {
			t.Error(r)
		}
	}
	s.Inbox(t, s.anna, 0)
	c.deliver(text, "anna@musterstadt.example") // a small one lies in the database
	s.Inbox(t, s.anna, 1)
}
