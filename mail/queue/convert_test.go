package queue_test

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"

	"fachwerk/mail/queue"
	"fachwerk/mail/queue/queuetest"
)

// oldPeer is a server of RFC 821's time: no extension at all.
func oldPeer(t *testing.T) (*queue.Smarthost, chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	messages := make(chan string, 10)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go serveOld(conn, messages)
		}
	}()
	return &queue.Smarthost{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: queue.TLSOff}, messages
}

func serveOld(conn net.Conn, messages chan<- string) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	fmt.Fprint(conn, "220 alt\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " "); verb {
		case "EHLO":
			fmt.Fprint(conn, "502 what?\r\n")
		case "DATA":
			fmt.Fprint(conn, "354 go\r\n")
			var b strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				b.WriteString(strings.TrimPrefix(line, "."))
			}
			messages <- b.String()
			fmt.Fprint(conn, "250 ok\r\n")
		case "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

func TestSimple8bitMailIsConverted(t *testing.T) {
	peer, messages := oldPeer(t)
	h := queuetest.Open(t, func(c *queue.Config) { c.Smarthost = peer })
	text := header("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n")
	plain := strings.Repeat("Grüße aus dem Rathaus, Zimmer 7\r\n", 20)
	put(t, h, queue.Message{EightBit: true, Recipients: to("x@fern.example")}, text+plain)
	got := <-messages
	head, encoded, _ := strings.Cut(got, "\r\n\r\n")
	decoded, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(encoded, "\r\n", ""))
	if err != nil || string(decoded) != plain {
		t.Errorf("decodes to %q, %v", decoded, err)
	}
	wantText(t, head, "Content-Transfer-Encoding: base64", "Subject: Antrag")
	if strings.Contains(head, "8bit") {
		t.Errorf("header:\n%s", head)
	}
	for line := range strings.SplitSeq(encoded, "\r\n") {
		if len(line) > 76 {
			t.Errorf("line of %d bytes", len(line))
		}
	}
	h.Empty(t)
}

func TestMultipart8bitMailIsReported(t *testing.T) {
	peer, messages := oldPeer(t)
	h := queuetest.Open(t, func(c *queue.Config) { c.Smarthost = peer })
	anna := h.Person(t, "anna")
	text := header("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n")
	put(t, h, queue.Message{ReversePath: anna.Address, EightBit: true, Recipients: to("x@fern.example")}, text+"--b\r\n\r\nGrüße\r\n--b--\r\n")
	wantText(t, h.Inbox(t, anna, 1)[0], "Status: 5.6.3")
	if len(messages) > 0 {
		t.Errorf("sent: %s", <-messages)
	}
}

func TestSMTPUTF8(t *testing.T) {
	s := queuetest.NewSmarthost(t, nil)
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, SMTPUTF8: true, EightBit: true,
		Recipients: to("jörg@fern.example")}, strings.Replace(header(""), "Antrag", "Änderung", 1)+body)
	got := s.Take(t, 1)[0]
	if !got.Opts.UTF8 || got.To[0] != "jörg@fern.example" {
		t.Errorf("%+v", got)
	}
}

func TestSMTPUTF8IsReportedWhereThePeerLacksIt(t *testing.T) {
	s := queuetest.NewSmarthost(t, func(s *gosmtp.Server) { s.EnableSMTPUTF8 = false })
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	// A U-label alone is written as an A-label.
	put(t, h, queue.Message{ReversePath: anna.Address, SMTPUTF8: true, Recipients: to("x@müller.example")}, header("")+body)
	if got := s.Take(t, 1)[0]; got.To[0] != "x@xn--mller-kva.example" || got.Opts.UTF8 {
		t.Errorf("%+v", got)
	}
	put(t, h, queue.Message{ReversePath: anna.Address, SMTPUTF8: true, Recipients: to("jörg@fern.example")}, header("")+body)
	wantText(t, h.Inbox(t, anna, 1)[0], "Status: 5.6.7", "message/global-delivery-status", "Final-Recipient: utf-8;jörg@fern.example")
}

// A recipient whose address the peer cannot take keeps no other from getting the mail.
func TestSMTPUTF8IsAskedOfEachRecipient(t *testing.T) {
	s := queuetest.NewSmarthost(t, func(s *gosmtp.Server) { s.EnableSMTPUTF8 = false })
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, SMTPUTF8: true,
		Recipients: to("x@fern.example", "jörg@fern.example", "y@müller.example")}, header("")+body)
	told := h.Inbox(t, anna, 1)[0]
	wantText(t, told, "Status: 5.6.7", "Final-Recipient: utf-8;jörg@fern.example")
	if strings.Contains(told, ";x@") || strings.Contains(told, ";y@") {
		t.Errorf("others were refused as well:\n%s", told)
	}
	got := s.Take(t, 1)[0]
	if strings.Join(got.To, " ") != "x@fern.example y@xn--mller-kva.example" || got.Opts.UTF8 {
		t.Errorf("sent: %+v", got)
	}
	h.Empty(t)
}

// What is in the queue has been checked; if a bare CR or LF got in all the same
// it does not get out.
func TestBareCRAndLFAreNeverSent(t *testing.T) {
	for _, bad := range []string{"a\n.\nb\r\n", "a\r.\rb\r\n", "a\r\n.\nb\r\n", "a\r"} {
		s := queuetest.NewSmarthost(t, nil)
		h := queuetest.Open(t, withSmarthost(s))
		anna := h.Person(t, "anna")
		put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+bad)
		wantText(t, h.Inbox(t, anna, 1)[0], "Status: 5.6.11")
		for _, m := range s.Received() {
			t.Errorf("%q was sent as %q", bad, m.Body)
		}
	}
}

func TestTooLargeForThePeer(t *testing.T) {
	s := queuetest.NewSmarthost(t, func(s *gosmtp.Server) { s.MaxMessageBytes = 1000 })
	h := queuetest.Open(t, withSmarthost(s))
	anna := h.Person(t, "anna")
	put(t, h, queue.Message{ReversePath: anna.Address, Recipients: to("x@fern.example")}, header("")+strings.Repeat(body, 100))
	wantText(t, h.Inbox(t, anna, 1)[0], "Status: 5.3.4")
}
