package system

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

// lmtpClient speaks LMTP by hand: no library here sends BDAT (RFC 3030).
type lmtpClient struct {
	conn net.Conn
	in   *bufio.Reader
}

func dialLMTP(t *testing.T, d *harness.Demo) *lmtpClient {
	t.Helper()
	conn, err := net.Dial("tcp", d.LMTP)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &lmtpClient{conn: conn, in: bufio.NewReader(conn)}
	c.expect(t, "220")
	c.send(t, "LHLO client.example", "250")
	return c
}

func (c *lmtpClient) send(t *testing.T, line, want string) {
	t.Helper()
	if _, err := fmt.Fprintf(c.conn, "%s\r\n", line); err != nil {
		t.Fatalf("LMTP %s: %v", line, err)
	}
	c.expect(t, want)
}

// expect reads a reply, all its lines, and wants a code.
func (c *lmtpClient) expect(t *testing.T, want string) {
	t.Helper()
	if err := c.conn.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			t.Fatalf("LMTP: %v", err)
		}
		if !strings.HasPrefix(line, want) {
			t.Fatalf("LMTP answers %q, want %s", line, want)
		}
		if len(line) > 3 && line[3] != '-' {
			return
		}
	}
}

// bdat sends a message in two chunks, byte for byte.
func (c *lmtpClient) bdat(t *testing.T, to string, text []byte) {
	t.Helper()
	c.send(t, "MAIL FROM:<sender@elsewhere.example> BODY=BINARYMIME", "250")
	c.send(t, "RCPT TO:<"+to+">", "250")
	half := len(text) / 2
	c.chunk(t, text[:half], "")
	c.chunk(t, text[half:], " LAST")
}

func (c *lmtpClient) chunk(t *testing.T, text []byte, last string) {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "BDAT %d%s\r\n", len(text), last)
	b.Write(text)
	if _, err := c.conn.Write(b.Bytes()); err != nil {
		t.Fatalf("BDAT: %v", err)
	}
	c.expect(t, "250")
}

// data sends a message whose lines end CRLF, dots doubled (RFC 5321 section 4.5.2).
func (c *lmtpClient) data(t *testing.T, to string, text []byte) {
	t.Helper()
	c.send(t, "MAIL FROM:<sender@elsewhere.example> BODY=8BITMIME", "250")
	c.send(t, "RCPT TO:<"+to+">", "250")
	c.send(t, "DATA", "354")
	stuffed := bytes.ReplaceAll(text, []byte("\r\n."), []byte("\r\n.."))
	if len(text) > 0 && text[0] == '.' {
		stuffed = append([]byte("."), stuffed...)
	}
	if _, err := c.conn.Write(append(stuffed, ".\r\n"...)); err != nil {
		t.Fatalf("DATA: %v", err)
	}
	c.expect(t, "250")
}

func (c *lmtpClient) close(t *testing.T) {
	t.Helper()
	c.send(t, "QUIT", "221")
}
