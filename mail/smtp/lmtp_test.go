package smtp_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"fachwerk/internal/testenv/need"
	"fachwerk/mail/queue/queuetest"
	"fachwerk/mail/smtp"
)

func TestLMTPAnswersForEachRecipient(t *testing.T) {
	s := start(t, smtp.LMTP, nil)
	if err := s.AddAlias(t.Context(), s.anna.Key, "a.muster@musterstadt.example"); err != nil {
		t.Fatal(err)
	}
	full := s.Person(t, "voll")
	if err := s.SetQuota(t.Context(), full.Key, 100, 0); err != nil {
		t.Fatal(err)
	}
	c := s.hello(t, "LHLO")
	c.do("MAIL FROM:<x@fern.example> SIZE=50 BODY=8BITMIME", "250 2.1.0")
	c.do("RCPT TO:<anna@musterstadt.example>", "250 2.1.5")
	c.do("RCPT TO:<niemand@musterstadt.example>", "550 5.1.1")
	c.do("RCPT TO:<a.muster+x@musterstadt.example>", "250 2.1.5")
	c.do("RCPT TO:<voll@musterstadt.example>", "250 2.1.5") // 50 would fit
	c.do("RCPT TO:<x@fern.example>", "550 5.1.2")
	c.do("RCPT TO:<BERT@MUSTERSTADT.example>", "250 2.1.5")
	c.do("DATA", "354")
	c.send(text + strings.Repeat("x", 100) + "\r\n.\r\n")
	c.want("250 2.0.0")
	c.want("250 2.0.0")
	c.want("552 5.2.2")
	c.want("250 2.0.0")
	c.do("QUIT", "221 2.0.0")
	stored := s.Inbox(t, s.anna, 2)[0] // delivered side by side, in any order
	if !strings.Contains(stored, "\r\nDelivered-To: anna@") {
		stored = s.Inbox(t, s.anna, 2)[1]
	}
	want := "Return-Path: <x@fern.example>\r\nDelivered-To: anna@musterstadt.example\r\n" +
		"Received: from client.fern.example ([127.0.0.1])\r\n\tby mail.musterstadt.example with LMTP id "
	if !strings.HasPrefix(stored, want) || !strings.Contains(stored, "\r\n\tfor <anna@musterstadt.example>;\r\n\t") {
		t.Errorf("stored:\n%s\nwant first:\n%s", stored, want)
	}
	s.Inbox(t, s.bert, 1)
}

func TestLMTPFullMailboxIsToldAtRCPT(t *testing.T) {
	for temporary, code := range map[bool]string{false: "552 5.2.2", true: "452 4.2.2"} {
		s := start(t, smtp.LMTP, func(c *smtp.Config) { c.QuotaTemporary = temporary })
		if err := s.SetQuota(t.Context(), s.anna.Key, 100, 0); err != nil {
			t.Fatal(err)
		}
		c := s.hello(t, "LHLO")
		c.do("MAIL FROM:<> SIZE=1000", "250")
		c.do("RCPT TO:<anna@musterstadt.example>", code)
		c.do("DATA", "503 5.5.1")
	}
}

// LMTP keeps bare CR and LF, and only CRLF.CRLF ends a message.
func TestLMTPKeepsBytesAsTheyCame(t *testing.T) {
	s := start(t, smtp.LMTP, nil)
	c := s.hello(t, "LHLO")
	bodies := []string{"a\n.\nb\r\n", "a\n.\r\nb\r\n", "a\r.\rb\r\n", "a\r\n.\nb\r\n", "a\r\r\n", "a\r\n.\r\r\n", "\x00\xff\r\n", "..\r\n"}
	for _, body := range bodies {
		c.deliver("Subject: x\r\n\r\n"+strings.ReplaceAll(body, "\r\n.", "\r\n.."), "anna@musterstadt.example")
		c.do("NOOP", "250") // in step
	}
	for i, stored := range s.Inbox(t, s.anna, len(bodies)) {
		want := "Subject: x\r\n\r\n" + bodies[i]
		if i == len(bodies)-1 {
			want = "Subject: x\r\n\r\n.\r\n" // sent with a stuffed dot
		}
		if got := afterTrace(t, stored); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLMTPTakesLinesOfAnyLength(t *testing.T) {
	s := start(t, smtp.LMTP, nil)
	c := s.hello(t, "LHLO")
	long := "Subject: x\r\n\r\n" + strings.Repeat("y", 3<<20) + "\r\n"
	c.deliver(long, "anna@musterstadt.example")
	if got := afterTrace(t, s.Inbox(t, s.anna, 1)[0]); got != long {
		t.Errorf("a line of 3 MiB came back as %d bytes", len(got))
	}
}

func TestLMTPPipelinedInOneSegment(t *testing.T) {
	s := start(t, smtp.LMTP, nil)
	c := s.dial(t)
	c.send("LHLO a.example\r\nMAIL FROM:<x@fern.example>\r\nRCPT TO:<anna@musterstadt.example>\r\nRCPT TO:<nein@musterstadt.example>\r\n" +
		"RCPT TO:<bert@musterstadt.example>\r\nDATA\r\n" + text + ".\r\nMAIL FROM:<>\r\nRCPT TO:<anna@musterstadt.example>\r\nBDAT 5 LAST\r\na: b\rQUIT\r\n")
	for _, want := range []string{"220", "250-", "250 2.1.0", "250 2.1.5", "550 5.1.1", "250 2.1.5", "354", "250 2.0.0", "250 2.0.0",
		"250 2.1.0", "250 2.1.5", "250 2.0.0", "221"} {
		c.want(want)
	}
	c.closed()
}

func TestLMTPDeliversToTheMailboxOfTheDetail(t *testing.T) {
	s := start(t, smtp.LMTP, nil)
	c := s.hello(t, "LHLO")
	c.deliver(text, "anna+gibtsnicht@musterstadt.example")
	s.Inbox(t, s.anna, 1)
}

func TestLMTPLoops(t *testing.T) {
	s := start(t, smtp.LMTP, nil)
	c := s.hello(t, "LHLO")
	replies := c.deliver("Delivered-To: <Anna@Musterstadt.example>\r\n"+text, "anna@musterstadt.example", "bert@musterstadt.example")
	if !strings.HasPrefix(replies[0], "554 5.4.6") || !strings.HasPrefix(replies[1], "250") {
		t.Errorf("own Delivered-To: %q", replies)
	}
	for count, code := range map[int]string{50: "250 2.0.0", 51: "554 5.4.6"} {
		if got := c.deliver(strings.Repeat("Received: x\r\n", count)+text, "bert@musterstadt.example"); !strings.HasPrefix(got[0], code) {
			t.Errorf("%d Received fields: %q, want %s", count, got, code)
		}
	}
}

func TestChunking(t *testing.T) {
	s := start(t, smtp.LMTP, nil)
	c := s.hello(t, "LHLO")
	binary := "Subject: x\r\n\r\n\x00a\nb\rc\r\n.\r\nQUIT\r\n"
	c.do("MAIL FROM:<x@fern.example> BODY=BINARYMIME", "250")
	c.do("RCPT TO:<anna@musterstadt.example>", "250")
	c.do("RCPT TO:<bert@musterstadt.example>", "250")
	c.do("DATA", "503 5.5.1") // RFC 3030 3
	for i := 0; i < len(binary); i += 10 {
		part := binary[i:min(len(binary), i+10)]
		c.send(fmt.Sprintf("BDAT %d\r\n%s", len(part), part))
		c.want("250 2.0.0")
		if i == 0 {
			c.do("RCPT TO:<anna@musterstadt.example>", "503")
			c.do("MAIL FROM:<>", "503")
		}
	}
	c.do("BDAT 0 LAST", "250 2.0.0")
	c.want("250 2.0.0")
	for _, a := range []string{s.Inbox(t, s.anna, 1)[0], s.Inbox(t, s.bert, 1)[0]} {
		if got := afterTrace(t, a); got != binary {
			t.Errorf("got %q, want %q", got, binary)
		}
	}
}

// Chunk bytes never run as commands, whatever is wrong.
func TestChunksAreReadWhateverTheAnswer(t *testing.T) {
	s := start(t, smtp.LMTP, func(c *smtp.Config) { c.Limits.MessageBytes = 1000 })
	c := s.hello(t, "LHLO")
	quits := strings.Repeat("QUIT\r\n", 10)
	c.send("BDAT 60\r\n" + quits)
	c.want("503")
	c.do("MAIL FROM:<x@fern.example>", "250")
	c.send("BDAT 60 LAST\r\n" + quits)
	c.want("503")
	c.do("MAIL FROM:<x@fern.example>", "250")
	c.do("RCPT TO:<anna@musterstadt.example>", "250")
	c.send("BDAT 1200\r\n" + strings.Repeat(quits, 20))
	c.want("552 5.3.4")
	c.send("BDAT 60 LAST\r\n" + quits) // pipelined by a client that had not read the answer
	c.want("503")
	c.do("NOOP", "250")
	c.do("BDAT x", "501")
	c.closed()
}

func TestTooLargeIsReadToItsEnd(t *testing.T) {
	s := start(t, smtp.LMTP, func(c *smtp.Config) { c.Limits.MessageBytes = 1000 })
	c := s.hello(t, "LHLO")
	c.do("MAIL FROM:<> SIZE=1001", "552 5.3.4")
	replies := c.deliver(strings.Repeat("QUIT\r\n", 1000), "anna@musterstadt.example", "bert@musterstadt.example")
	for _, r := range replies {
		if !strings.HasPrefix(r, "552 5.3.4") {
			t.Errorf("%q", r)
		}
	}
	c.do("NOOP", "250")
	s.Inbox(t, s.anna, 0)
}

func TestEndlessMessageIsCutOff(t *testing.T) {
	s := start(t, smtp.LMTP, func(c *smtp.Config) { c.Limits.MessageBytes = 1000 })
	c := s.hello(t, "LHLO")
	c.do("MAIL FROM:<>", "250")
	c.do("RCPT TO:<anna@musterstadt.example>", "250")
	c.do("DATA", "354")
	go c.conn.Write([]byte(strings.Repeat("QUIT\r\n", 1<<18)))
	c.want("552 5.3.4")
}

func TestOnlyTrustedNetworksDeliver(t *testing.T) {
	far := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}
	for _, mode := range []smtp.Mode{smtp.LMTP, smtp.Relay} {
		s := start(t, mode, func(c *smtp.Config) { c.Trusted, c.Relays = far, far })
		c := s.dial(t)
		c.want("554 5.7.1")
		c.closed()
	}
}

func TestNetworksThatAreTooWide(t *testing.T) {
	for _, bad := range []string{"0.0.0.0/0", "::/0", "0.0.0.0/1", "2000::/3", "::ffff:0.0.0.0/96"} {
		if err := smtp.ValidateNetworks([]netip.Prefix{netip.MustParsePrefix(bad)}); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	good := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("127.0.0.1/32")}
	if err := smtp.ValidateNetworks(good); err != nil {
		t.Error(err)
	}
	if err := smtp.ValidateNetworks([]netip.Prefix{{}}); err == nil {
		t.Error("the zero network was taken")
	}
}

// The messages of the corpus, or some made here, come back byte for byte.
func TestCorpusOverLMTP(t *testing.T) {
	var files [][]byte
	if dir, ok := need.Corpus(t); ok {
		err := filepath.WalkDir(filepath.Join(dir, "mail"), func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "LICENSE") {
				return err
			}
			b, err := os.ReadFile(path)
			files = append(files, b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	} else {
		for _, s := range []string{"", "a", "a: b\n\nc\n", "a: b\r\n\r\n\x00\r\n", strings.Repeat("x\r", 100_000), "\r\n.\r\n"} {
			files = append(files, []byte(s))
		}
	}
	s := start(t, smtp.LMTP, nil)
	c := s.hello(t, "LHLO")
	for _, f := range files {
		c.send(fmt.Sprintf("MAIL FROM:<> BODY=BINARYMIME\r\nRCPT TO:<anna@musterstadt.example>\r\nBDAT %d LAST\r\n%s", len(f), f))
		c.want("250")
		c.want("250")
		if r := c.reply(); !strings.HasPrefix(r, "250") && !strings.HasPrefix(r, "554 5.4.6") {
			t.Fatal(r)
		}
	}
	stored := s.Inbox(t, s.anna, len(files))
	for i, f := range files {
		if got := afterTrace(t, stored[i]); got != string(f) {
			t.Errorf("file %d of %d bytes came back as %d others", i, len(f), len(got))
		}
	}
}

func TestSixteenConnections(t *testing.T) {
	s := start(t, smtp.LMTP, nil)
	const each = 40
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			c := s.hello(t, "LHLO")
			for n := range each {
				replies := c.deliver(fmt.Sprintf("Subject: %d-%d\r\n\r\nzeile\r\n", i, n), "anna@musterstadt.example", "bert@musterstadt.example")
				for _, r := range replies {
					if !strings.HasPrefix(r, "250") {
						t.Error(r)
					}
				}
			}
		})
	}
	wg.Wait()
	for _, a := range []string{"anna", "bert"} {
		account, err := s.Resolve(t.Context(), a+"@"+queuetest.Domain)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, m := range s.Inbox(t, account, 16*each) {
			subject, _, _ := strings.Cut(afterTrace(t, m), "\r\n")
			if seen[subject] {
				t.Errorf("%s came twice", subject)
			}
			seen[subject] = true
		}
	}
}
