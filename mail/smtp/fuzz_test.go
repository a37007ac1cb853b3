package smtp_test

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"fachwerk/mail/smtp"
)

// FuzzSession sends anything at all to each mode; the server must hang up in
// time and go on serving others.
func FuzzSession(f *testing.F) {
	for _, in := range []string{
		"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<anna@musterstadt.example>\r\nDATA\r\n.\r\n",
		"LHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<anna@musterstadt.example>\r\nBDAT 3 LAST\r\nabcQUIT\r\n",
		"EHLO a\r\nAUTH PLAIN AGEAYg==\r\nAUTH LOGIN\r\n*\r\nSTARTTLS\r\n\x16\x03\x01",
		"EHLO a\r\nMAIL FROM:<a@b.example> SIZE=9 BODY=BINARYMIME\r\nRCPT TO:<anna@musterstadt.example>\r\nBDAT 9999999999\r\n",
	} {
		f.Add([]byte(in))
	}
	var servers []*server
	for _, mode := range []smtp.Mode{smtp.LMTP, smtp.Relay, smtp.Submission} {
		servers = append(servers, start(f, mode, func(c *smtp.Config) { c.Limits.MessageBytes = 1 << 16 }))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		for _, s := range servers {
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			conn.Write(in)
			conn.(*net.TCPConn).CloseWrite()
			_, err = io.Copy(io.Discard, conn)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("%q: the server does not hang up", in)
			}
			conn.Close()
		}
	})
}
