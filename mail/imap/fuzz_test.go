package imap_test

import (
	"io"
	"net"
	"testing"
	"time"

	"fachwerk/mail/imap"
)

// FuzzSession sends bytes into a session that has logged in and selected a mailbox.
func FuzzSession(f *testing.F) {
	s := start(f, func(c *imap.Config) { c.Limits.Stall = 200 * time.Millisecond; c.Limits.Idle = 200 * time.Millisecond })
	s.Deliver(f, alice, note("one"))
	for _, seed := range []string{
		"a FETCH 1:* (FLAGS BODY[1.HEADER.FIELDS (A B)]<0.5> ENVELOPE)\r\n",
		"a UID STORE 1,2:* (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen x)\r\n",
		"a SEARCH RETURN (MIN SAVE) OR (NOT SEEN) HEADER x \"y\" UID $ 1:2\r\nb FETCH $ UID\r\n",
		"a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (\"*\" %) RETURN (STATUS (MESSAGES UNSEEN))\r\n",
		"a APPEND INBOX (\\Seen) {3+}\r\nabc {2+}\r\nde\r\nb APPEND INBOX UTF8 (~{3+}\r\na\x00b)\r\n",
		"a ENABLE QRESYNC\r\nb SELECT INBOX (QRESYNC (1 2 3:4 (1:2 3:4)))\r\nc IDLE\r\nDONE\r\n",
		"a CREATE {3+}\r\nabc (USE (\\Sent))\r\nb RENAME abc \"d&AOQ-\"\r\nc COPY 1 d\r\nd MOVE 1 d\r\ne CLOSE\r\n",
	} {
		f.Add([]byte(seed))
	}
	prefix := "p LOGIN " + alice + " " + s.password[alice] + "\r\nq SELECT INBOX\r\n"
	f.Fuzz(func(t *testing.T, in []byte) {
		conn, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		go func() {
			io.WriteString(conn, prefix)
			conn.Write(in)
			io.WriteString(conn, "\r\nzz LOGOUT\r\n")
			conn.(*net.TCPConn).CloseWrite()
		}()
		if _, err := io.Copy(io.Discard, conn); err != nil {
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatal("the session hangs")
			}
		}
	})
}
