package smtp_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net/smtp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"fachwerk/auth"
	"fachwerk/mail/queue"
	"fachwerk/mail/queue/queuetest"
	smtpd "fachwerk/mail/smtp"
)

// submission serves submission with a smarthost behind it.
func submission(t testing.TB, change func(*smtpd.Config)) (*server, *queuetest.Smarthost) {
	t.Helper()
	peer := queuetest.NewSmarthost(t, nil)
	h := queuetest.Open(t, func(c *queue.Config) { c.Smarthost = peer.Config() })
	return serve(t, h, smtpd.Submission, change), peer
}

// login signs anna in with AUTH PLAIN.
func (s *server) login(t testing.TB) *chat {
	t.Helper()
	c := s.hello(t, "EHLO")
	c.do("AUTH PLAIN "+plain(s.anna.Address, s.AppPassword(t, s.anna, auth.MailSend)), "235 2.7.0")
	return c
}

func plain(user, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
}

// submit sends a message and returns the last reply.
func (c *chat) submit(from, data string, rcpts ...string) string {
	c.t.Helper()
	c.do("MAIL FROM:<"+from+">", "250 2.1.0")
	for _, r := range rcpts {
		c.do("RCPT TO:<"+r+">", "250 2.1.5")
	}
	c.do("DATA", "354")
	c.send(data + ".\r\n")
	return c.reply()
}

func TestSubmissionGoesHereAndElsewhere(t *testing.T) {
	s, peer := submission(t, nil)
	c := s.login(t)
	got := c.submit(s.anna.Address, "From: Anna <anna@musterstadt.example>\r\nBcc: bert@musterstadt.example,\r\n\tx@fern.example\r\n"+
		"Subject: Antrag\r\nResent-Bcc: y@fern.example\r\n\r\nzeile\r\n", "bert@musterstadt.example", "x@fern.example")
	if !strings.HasPrefix(got, "250 2.0.0") {
		t.Fatal(got)
	}
	here, away := s.Inbox(t, s.bert, 1)[0], peer.Take(t, 1)[0].Body
	for where, m := range map[string]string{"here": here, "elsewhere": away} {
		if strings.Contains(strings.ToLower(m), "bcc") || strings.Contains(m, "y@fern") {
			t.Errorf("%s: Bcc is shown:\n%s", where, m)
		}
		for _, want := range []string{"Received: from submission (authenticated)\r\n\tby mail.musterstadt.example with ESMTPA id ",
			"\r\nDate: ", "\r\nMessage-ID: <", "@musterstadt.example>\r\n", "\r\nSubject: Antrag\r\n", "\r\n\r\nzeile\r\n"} {
			if !strings.Contains(m, want) {
				t.Errorf("%s: %q is missing in:\n%s", where, want, m)
			}
		}
		if strings.Contains(m, "127.0.0.1") || strings.Contains(m, "client.fern") {
			t.Errorf("%s: the sender's place is shown:\n%s", where, m)
		}
	}
	if !strings.HasPrefix(here, "Return-Path: <anna@musterstadt.example>\r\nDelivered-To: bert@musterstadt.example\r\n") {
		t.Errorf("trace:\n%s", here)
	}
	s.Empty(t)
}

func TestSubmissionKeepsDateAndMessageID(t *testing.T) {
	s, _ := submission(t, nil)
	c := s.login(t)
	c.submit(s.anna.Address, message(s.anna.Address, "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-Id: <eigen@musterstadt.example>\r\n"), s.bert.Address)
	m := s.Inbox(t, s.bert, 1)[0]
	if strings.Count(strings.ToLower(m), "\r\nmessage-id:") != 1 || strings.Count(m, "\r\nDate:") != 1 || !strings.Contains(m, "<eigen@") {
		t.Errorf("stored:\n%s", m)
	}
}

func TestSubmissionChecksSenders(t *testing.T) {
	s, peer := submission(t, func(c *smtpd.Config) { c.Limits.Errors = 1000 })
	desk, foreign := s.Function(t, "buergeramt"), s.Function(t, "kasse")
	s.GrantSendAs(t, desk, s.anna)
	if err := s.AddAlias(t.Context(), s.anna.Key, "a.muster@musterstadt.example"); err != nil {
		t.Fatal(err)
	}
	c := s.login(t)
	for _, from := range []string{s.bert.Address, foreign.Address, "x@fern.example", "niemand@musterstadt.example"} {
		c.do("MAIL FROM:<"+from+">", "550 5.7.1")
	}
	own := s.anna.Address
	for _, m := range []struct{ data, code string }{
		{message(own, ""), "250"},
		{message("Bürgeramt <"+desk.Address+">", "Sender: "+own+"\r\n"), "250"},
		{message("anna+notiz@musterstadt.example", ""), "250"},
		{message("A.Muster@Musterstadt.example", ""), "250"},
		{message("=?unbekannt?q?Anna?= <"+own+">", ""), "250"},
		{message("a: "+own+";", ""), "250"},
		{message(s.bert.Address, ""), "550 5.7.1"},
		{message(own+", "+s.bert.Address, ""), "550 5.7.1"},
		{message(own, "Sender: "+s.bert.Address+"\r\n"), "550 5.7.1"},
		{message(own, "Resent-From: "+s.bert.Address+"\r\n"), "550 5.7.1"},
		{message(own, "RESENT-SENDER:\r\n\t"+foreign.Address+"\r\n"), "550 5.7.1"},
		{message(own, "From: "+own+"\r\n"), "554 5.6.0"},
		{message(own, "from : "+own+"\r\n"), "554 5.6.0"},
		{message(own, "Sender: "+own+"\r\nSender: "+own+"\r\n"), "554 5.6.0"},
		{message(own, "kein Feld\r\nSubject: x\r\n"), "554 5.6.0"},
		{message("anna", ""), "554 5.6.0"},
		{message(own+" <"+s.bert.Address+">", ""), "55"},
		{message("(x) "+own+" x@fern.example", ""), "554 5.6.0"},
		{message("\""+own+"\" <x@fern.example>", ""), "550 5.7.1"},
		{message("", ""), "554 5.6.0"},
		{"Subject: x\r\n\r\n", "554 5.6.0"},
		{"\r\nFrom: " + own + "\r\n", "554 5.6.0"},
		{"", "554 5.6.0"},
	} {
		if got := c.submit(own, m.data, "x@fern.example"); !strings.HasPrefix(got, m.code) {
			t.Errorf("%q\n got %s want %s", m.data, got, m.code)
		}
	}
	// A disposition notification has the null reverse-path and a From of one's own.
	if got := c.submit("", message(own, ""), "x@fern.example"); !strings.HasPrefix(got, "250") {
		t.Error(got)
	}
	if got := c.submit("", message(s.bert.Address, ""), "x@fern.example"); !strings.HasPrefix(got, "550 5.7.1") {
		t.Error(got)
	}
	peer.Take(t, 7)
}

func TestSubmissionRefusesUnknownLocalRecipients(t *testing.T) {
	s, _ := submission(t, nil)
	c := s.login(t)
	c.do("MAIL FROM:<anna@musterstadt.example>", "250")
	c.do("RCPT TO:<niemand@musterstadt.example>", "550 5.1.1")
	c.do("RCPT TO:<x@[192.0.2.1]>", "550 5.1.2")
	c.do("RCPT TO:<jörg@fern.example>", "553 5.6.7")
	c.do("DATA", "554 5.5.1")
	full := s.Person(t, "voll")
	if err := s.SetQuota(t.Context(), full.Key, 0, 1); err != nil {
		t.Fatal(err)
	}
	c.do("RCPT TO:<voll@musterstadt.example>", "250")
	c.do("DATA", "354")
	c.send(message(s.anna.Address, "") + ".\r\n")
	c.want("250")
	s.Inbox(t, full, 1)
	c.do("MAIL FROM:<anna@musterstadt.example>", "250")
	c.do("RCPT TO:<voll@musterstadt.example>", "552 5.2.2")
}

// No bare CR or LF goes through, and what stands behind a false end of the
// message is never a command.
func TestBareCRAndLFAreRefused(t *testing.T) {
	for _, mode := range []smtpd.Mode{smtpd.Submission, smtpd.Relay} {
		s := start(t, mode, func(c *smtpd.Config) { c.Limits.Errors, c.Limits.MessagesPerMin = 1000, -1 })
		var c *chat
		if mode == smtpd.Submission {
			c = s.login(t)
		} else {
			c = s.hello(t, "EHLO")
		}
		for _, end := range []string{"\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\n.\r\r\n", "\n\n.\r\n", "\r", "\n", "\r\r\n"} {
			for _, split := range []int{1, 2, 1000} {
				c.do("MAIL FROM:<anna@musterstadt.example>", "250")
				c.do("RCPT TO:<bert@musterstadt.example>", "250")
				c.do("DATA", "354")
				data := message(s.anna.Address, "") + "a" + end + "MAIL FROM:<b@fern.example>\r\n.\r\n"
				for i := 0; i < len(data); i += split {
					c.send(data[i:min(len(data), i+split)])
				}
				c.want("554 5.6.11")
				c.do("NOOP", "250") // in step

				c.do("MAIL FROM:<anna@musterstadt.example>", "250")
				c.do("RCPT TO:<bert@musterstadt.example>", "250")
				chunk := message(s.anna.Address, "") + end + "x"
				c.send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(chunk), chunk))
				c.want("554 5.6.11")
			}
		}
		s.Inbox(t, s.bert, 0)
	}
}

func TestCommandsEndInCRLF(t *testing.T) {
	s, _ := submission(t, nil)
	c := s.dial(t)
	c.want("220")
	c.send("EHLO a\n")
	c.want("500 5.5.2")
	c.send("EHLO a\rb\r\n")
	c.want("500 5.5.2")
	c.send("EHLO " + strings.Repeat("a", 200_000) + "\r\n")
	c.want("500 5.5.2")
	c.do("EHLO a", "250")
}

func TestLoginIsNeeded(t *testing.T) {
	s, _ := submission(t, nil)
	c := s.hello(t, "EHLO")
	c.do("MAIL FROM:<anna@musterstadt.example>", "530 5.7.0")
	c.do("RCPT TO:<bert@musterstadt.example>", "503")
	c.do("DATA", "503")
	c.send("BDAT 4 LAST\r\nabcd")
	c.want("503")
	reading := s.AppPassword(t, s.anna, auth.MailRead)
	c.do("AUTH PLAIN "+plain(s.anna.Address, reading), "535 5.7.8") // reading is not sending
	c.do("AUTH PLAIN "+plain(s.anna.Address, "falsch"), "535 5.7.8")
	c.send("AUTH PLAIN " + plain(s.anna.Address, "falsch") + "\r\n")
	c.want("535 5.7.8")
	c.want("421 4.7.0")
	c.closed()
}

func TestSASL(t *testing.T) {
	s, _ := submission(t, nil)
	password := s.AppPassword(t, s.anna, auth.MailSend)
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	c := s.hello(t, "EHLO")
	c.do("AUTH PLAIN", "334 ")
	c.do("*", "501")
	c.do("AUTH PLAIN !", "501 5.5.2")
	c.do("AUTH CRAM-MD5", "504 5.5.4")
	c.do("AUTH LOGIN", "334 ")
	c.do(encode(s.anna.Address), "334 ")
	c.do(encode(password), "235")
	c.do("AUTH LOGIN", "503")
	c = s.hello(t, "EHLO")
	c.do("AUTH PLAIN", "334 ")
	c.do(plain(s.anna.Address, password), "235")
	c = s.dial(t)
	c.want("220")
	c.do("AUTH PLAIN "+plain(s.anna.Address, password), "503") // EHLO comes first
}

// Tokens come by OAUTHBEARER (RFC 7628) and XOAUTH2, at once or after a challenge;
// a refusal is told in a challenge first.
func TestBearerLogin(t *testing.T) {
	s, _ := submission(t, nil)
	dora := s.PersonOf(t, "dora", "sub-dora")
	long := map[string]any{"groups": strings.Repeat("gruppe ", 6000)} // 56 KB in base64
	for _, more := range []map[string]any{nil, long} {
		token := s.Issuer.AccessToken("sub-dora", queuetest.Audience, "mail.send", more)
		bearer := base64.StdEncoding.EncodeToString([]byte("n,a=" + dora.Address + ",\x01auth=Bearer " + token + "\x01\x01"))
		xoauth2 := base64.StdEncoding.EncodeToString([]byte("user=" + dora.Address + "\x01auth=Bearer " + token + "\x01\x01"))
		s.hello(t, "EHLO").do("AUTH OAUTHBEARER "+bearer, "235")
		c := s.hello(t, "EHLO")
		c.do("AUTH XOAUTH2", "334 ")
		c.do(xoauth2, "235")
		if got := c.submit(dora.Address, message(dora.Address, ""), s.bert.Address); !strings.HasPrefix(got, "250") {
			t.Error(got)
		}
	}
	s.Inbox(t, s.bert, 2)
	reading := s.Issuer.AccessToken("sub-dora", queuetest.Audience, "mail.read", nil)
	c := s.hello(t, "EHLO")
	c.do("AUTH OAUTHBEARER "+base64.StdEncoding.EncodeToString([]byte("n,,\x01auth=Bearer "+reading+"\x01\x01")), "334 ")
	c.do("AQ==", "535 5.7.8")
}

func TestLoginOnlyOverTLSUnlessLoopbackIsAllowed(t *testing.T) {
	s, _ := submission(t, func(c *smtpd.Config) { c.PlaintextLoopback = false })
	password := s.AppPassword(t, s.anna, auth.MailSend)
	c := s.dial(t)
	c.want("220")
	if got := c.do("EHLO a", "250"); strings.Contains(got, "AUTH") {
		t.Errorf("AUTH is offered in the clear: %s", got)
	}
	c.do("AUTH PLAIN "+plain(s.anna.Address, password), "538 5.7.11")
	c.startTLS(s.roots)
	c.do("MAIL FROM:<anna@musterstadt.example>", "503") // what was said before is forgotten
	if got := c.do("EHLO a", "250"); !strings.Contains(got, "AUTH ") || strings.Contains(got, "STARTTLS") {
		t.Errorf("inside TLS: %s", got)
	}
	c.do("AUTH PLAIN "+plain(s.anna.Address, password), "235")
	c.submit(s.anna.Address, message(s.anna.Address, ""), s.bert.Address)
	if m := s.Inbox(t, s.bert, 1)[0]; !strings.Contains(m, " with ESMTPSA id ") {
		t.Errorf("stored:\n%s", m)
	}
}

// A login in the clear, which loopback may be allowed, is none inside TLS.
func TestNoSTARTTLSAfterLogin(t *testing.T) {
	s, _ := submission(t, nil)
	password := s.AppPassword(t, s.anna, auth.MailSend)
	c := s.hello(t, "EHLO")
	c.do("AUTH PLAIN "+plain(s.anna.Address, password), "235")
	c.do("STARTTLS", "503")
	c.submit(s.anna.Address, message(s.anna.Address, ""), s.bert.Address)
}

// What comes with STARTTLS in the clear must not act inside TLS.
func TestSTARTTLSForgetsWhatCameBefore(t *testing.T) {
	s, _ := submission(t, nil)
	c := s.hello(t, "EHLO")
	c.send("STARTTLS\r\nNOOP\r\nQUIT\r\n")
	c.want("220")
	conn := tls.Client(c.conn, &tls.Config{RootCAs: s.roots, ServerName: "localhost"})
	if err := conn.Handshake(); err != nil {
		t.Fatalf("the injected text reached the handshake: %v", err)
	}
	in := &chat{t: t, conn: conn, r: c.r}
	in.r.Reset(conn)
	in.do("EHLO a", "250-mail.musterstadt.example\r\n") // the first answer is to this
}

func TestClientLibraries(t *testing.T) {
	s, _ := submission(t, nil)
	password := s.AppPassword(t, s.anna, auth.MailSend)
	msg := message(s.anna.Address, "Subject: von der Bibliothek\r\n")
	c, err := smtp.Dial(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(c.StartTLS(&tls.Config{RootCAs: s.roots, ServerName: "localhost"}))
	check(c.Auth(smtp.PlainAuth("", s.anna.Address, password, "127.0.0.1")))
	check(c.Mail(s.anna.Address))
	check(c.Rcpt(s.bert.Address))
	w, err := c.Data()
	check(err)
	w.Write([]byte(msg))
	check(w.Close())
	check(c.Quit())

	implicit := listen(t, s.ServeTLS)
	g, err := gosmtp.DialTLS(implicit, &tls.Config{RootCAs: s.roots, ServerName: "localhost"})
	check(err)
	check(g.Auth(sasl.NewLoginClient(s.anna.Address, password)))
	check(g.SendMail(s.anna.Address, []string{s.bert.Address}, strings.NewReader(msg)))
	check(g.Quit())
	s.Inbox(t, s.bert, 2)
}

func TestRevokedAppPasswordSendsNoMore(t *testing.T) {
	s, _ := submission(t, nil)
	ref := auth.AccountRef{Tenant: s.anna.Tenant, Account: s.anna.Account}
	made, secret, err := s.Auth.NewAppPasswordByOperator(t.Context(), ref, "x", auth.MailSend, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	c := s.hello(t, "EHLO")
	c.do("AUTH PLAIN "+plain(s.anna.Address, secret), "235")
	c.submit(s.anna.Address, message(s.anna.Address, ""), s.bert.Address)
	if err := s.Auth.RevokeAppPassword(t.Context(), ref, made.ID); err != nil {
		t.Fatal(err)
	}
	queuetest.Wait(t, func() bool {
		c.send("MAIL FROM:<anna@musterstadt.example>\r\n")
		return strings.HasPrefix(c.reply(), "421") || c.do("RSET", "250") == ""
	})
	c.closed()
}

func TestMessagesPerMinute(t *testing.T) {
	now := time.Now()
	s, _ := submission(t, func(c *smtpd.Config) {
		c.Limits.MessagesPerMin = 2
		c.Now = func() time.Time { return now }
	})
	c := s.login(t)
	for range 2 {
		c.do("MAIL FROM:<anna@musterstadt.example>", "250")
		c.do("RSET", "250")
	}
	c.do("MAIL FROM:<anna@musterstadt.example>", "450 4.7.1")
	now = now.Add(31 * time.Second)
	c.do("MAIL FROM:<anna@musterstadt.example>", "250")
}

func TestRecipientLimit(t *testing.T) {
	s, _ := submission(t, func(c *smtpd.Config) { c.Limits.Recipients = 2 })
	c := s.login(t)
	c.do("MAIL FROM:<anna@musterstadt.example>", "250")
	c.do("RCPT TO:<a@fern.example>", "250")
	c.do("RCPT TO:<b@fern.example>", "250")
	c.do("RCPT TO:<c@fern.example>", "452 4.5.3")
}

func TestLargeHeaderIsRefused(t *testing.T) {
	s, _ := submission(t, func(c *smtpd.Config) { c.Limits.HeaderBytes = 10_000 })
	c := s.login(t)
	if got := c.submit(s.anna.Address, message(s.anna.Address, strings.Repeat("X: y\r\n", 5000)), s.bert.Address); !strings.HasPrefix(got, "552 5.3.4") {
		t.Error(got)
	}
	big := message(s.anna.Address, "") + strings.Repeat("Zeile\r\n", 300_000)
	if got := c.submit(s.anna.Address, big, s.bert.Address); !strings.HasPrefix(got, "250") {
		t.Error(got)
	}
	if m := s.Inbox(t, s.bert, 1)[0]; !bytes.HasSuffix([]byte(m), []byte(strings.Repeat("Zeile\r\n", 300_000))) {
		t.Error("2 MB did not come back")
	}
}
