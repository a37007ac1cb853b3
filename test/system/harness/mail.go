package harness

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"
)

// TLS trusts the demo's authority.
func (d *Demo) TLS(t testing.TB) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(d.CA)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%s holds no certificate", d.CA)
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12}
}

// IMAP signs in by implicit TLS with an app password. The connection is closed
// when the test ends.
func (d *Demo) IMAP(t testing.TB, a Account) *imapclient.Client {
	t.Helper()
	c, err := d.TryIMAP(t, a)
	if err != nil {
		t.Fatalf("IMAP login of %s: %v", a.Address, err)
	}
	return c
}

// TryIMAP is IMAP for logins that may be refused.
func (d *Demo) TryIMAP(t testing.TB, a Account) (*imapclient.Client, error) {
	t.Helper()
	c, err := imapclient.DialTLS(d.State.IMAPS, &imapclient.Options{TLSConfig: d.TLS(t)})
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { c.Close() })
	return c, c.Login(a.Address, a.AppPassword).Wait()
}

// Select opens a mailbox and returns how many messages it has.
func Select(t testing.TB, c *imapclient.Client, mailbox string) uint32 {
	t.Helper()
	data, err := c.Select(mailbox, nil).Wait()
	if err != nil {
		t.Fatalf("SELECT %s: %v", mailbox, err)
	}
	return data.NumMessages
}

// Append stores a message and returns its UID.
func Append(t testing.TB, c *imapclient.Client, mailbox string, message []byte, flags ...imap.Flag) imap.UID {
	t.Helper()
	cmd := c.Append(mailbox, int64(len(message)), &imap.AppendOptions{Flags: flags})
	_, errWrite := cmd.Write(message)
	errClose := cmd.Close()
	data, err := cmd.Wait()
	if errWrite != nil || errClose != nil || err != nil {
		t.Fatalf("APPEND to %s: %v, %v, %v", mailbox, errWrite, errClose, err)
	}
	return data.UID
}

// Bodies reads all messages of the selected mailbox, by UID, without setting
// \Seen.
func Bodies(t testing.TB, c *imapclient.Client) map[imap.UID][]byte {
	t.Helper()
	section := &imap.FetchItemBodySection{Peek: true}
	all := imap.UIDSet{imap.UIDRange{Start: 1}}
	list, err := c.Fetch(all, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
	if err != nil {
		t.Fatalf("FETCH: %v", err)
	}
	out := map[imap.UID][]byte{}
	for _, m := range list {
		out[m.UID] = m.FindBodySection(section)
	}
	return out
}

// Deliver hands a message to LMTP for recipients; any refusal fails the test.
// The message is sent as it is, so its lines must end CRLF.
func (d *Demo) Deliver(t testing.TB, message []byte, to ...string) {
	t.Helper()
	conn, err := net.Dial("tcp", d.LMTP)
	if err != nil {
		t.Fatalf("LMTP: %v", err)
	}
	c := smtp.NewClientLMTP(conn)
	defer c.Close()
	if err := c.Mail("sender@elsewhere.example", nil); err != nil {
		t.Fatalf("LMTP MAIL: %v", err)
	}
	for _, r := range to {
		if err := c.Rcpt(r, nil); err != nil {
			t.Fatalf("LMTP RCPT %s: %v", r, err)
		}
	}
	w, err := c.Data()
	if err != nil {
		t.Fatalf("LMTP DATA: %v", err)
	}
	if _, err := w.Write(message); err != nil {
		t.Fatalf("LMTP DATA: %v", err)
	}
	if _, err := w.CloseWithLMTPResponse(); err != nil {
		t.Fatalf("LMTP DATA: %v", err)
	}
}

// Message makes a plain one with a subject and some bytes of text.
func Message(subject string, size int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: Grete Beispiel <grete@elsewhere.example>\r\nTo: anna.schmidt@musterstadt.example\r\n"+
		"Subject: %s\r\nDate: Sun, 22 Nov 2026 09:00:00 +0100\r\nMessage-ID: <%s@elsewhere.example>\r\n\r\n",
		subject, strings.Map(idRune, subject))
	const line = "Der Marktplatz ist am Donnerstag wegen des Weihnachtsmarktes gesperrt.\r\n"
	for b.Len() < size {
		b.WriteString(line)
	}
	b.WriteString("Ende.\r\n")
	return b.Bytes()
}

func idRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
		return r
	}
	return '.'
}

// Eventually waits until f is true; what tells what was waited for.
func Eventually(t testing.TB, limit time.Duration, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !f(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}
