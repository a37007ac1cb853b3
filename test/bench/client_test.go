//go:build bench

package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// peer is a server under measurement.
type peer struct {
	name       string
	imap, lmtp string // host:port
	user       func(i int) (address, password string)
	pid        int
}

// conn is an IMAP or LMTP connection that costs as little as possible itself.
type conn struct {
	net.Conn
	r   *bufio.Reader
	tag int
}

func dial(tb testing.TB, address string) *conn {
	tb.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	return &conn{Conn: c, r: bufio.NewReaderSize(c, 256<<10)}
}

func (c *conn) must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func (c *conn) line(tb testing.TB) string {
	tb.Helper()
	s, err := c.r.ReadString('\n')
	c.must(tb, err)
	return strings.TrimRight(s, "\r\n")
}

// command sends one command and reads to its tagged answer. It returns the number
// of bytes and of untagged lines before it.
func (c *conn) command(tb testing.TB, format string, args ...any) (bytes, lines int) {
	tb.Helper()
	c.tag++
	tag := "t" + strconv.Itoa(c.tag)
	_, err := fmt.Fprintf(c, tag+" "+format+"\r\n", args...)
	c.must(tb, err)
	return c.answer(tb, tag)
}

// answer reads in large pieces and looks for the tagged line at the end of what
// has come, so that the measuring client costs little beside the server.
func (c *conn) answer(tb testing.TB, tag string) (n, lines int) {
	tb.Helper()
	mark := []byte("\n" + tag + " ")
	last := []byte{'\n'} // the end of what was read before
	for {
		_, err := c.r.Peek(1)
		c.must(tb, err)
		chunk, _ := c.r.Peek(c.r.Buffered())
		n += len(chunk)
		lines += bytes.Count(chunk, []byte{'\n'})
		tail := append(last, chunk[max(0, len(chunk)-512):]...)
		if len(chunk) > 512 {
			tail = chunk[len(chunk)-512:]
		}
		tail = bytes.Clone(tail)
		c.must(tb, discard(c.r, len(chunk)))
		if i := bytes.LastIndex(tail, mark); i >= 0 && tail[len(tail)-1] == '\n' {
			if !bytes.HasPrefix(tail[i+len(mark):], []byte("OK")) {
				tb.Fatalf("%.200s", tail[i:])
			}
			return n, lines - 1
		}
		last = tail[max(0, len(tail)-512):]
	}
}

func discard(r *bufio.Reader, n int) error {
	_, err := r.Discard(n)
	return err
}

func login(tb testing.TB, p *peer, user int) *conn {
	tb.Helper()
	c := dial(tb, p.imap)
	c.line(tb)
	address, password := p.user(user)
	c.command(tb, `LOGIN "%s" "%s"`, address, password)
	return c
}

// sample is message i of a deterministic corpus of ordinary size.
func sample(i int) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: =?UTF-8?Q?J=C3=BCrgen_M=C3=BCller?= <juergen.mueller%d@fern.example>\r\n", i%100)
	fmt.Fprintf(&b, "To: Anna Schmidt <anna.schmidt@musterstadt.example>, bauamt@musterstadt.example\r\nCc: \"Amt, Ordnung\" <ordnungsamt@musterstadt.example>\r\n")
	fmt.Fprintf(&b, "Subject: Antrag Nr. %d auf Sondernutzung\r\nDate: %s\r\n", i, time.Unix(1_700_000_000+int64(i)*60, 0).UTC().Format(time.RFC1123Z))
	fmt.Fprintf(&b, "Message-ID: <antrag-%d@fern.example>\r\nReferences: <antrag-%d@fern.example>\r\n", i, i/7)
	fmt.Fprintf(&b, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"grenze%d\"\r\n\r\n", i)
	fmt.Fprintf(&b, "--grenze%d\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", i)
	for n := range 10 + i%30 {
		fmt.Fprintf(&b, "Zeile %d des Antrags: wir bitten um Prüfung und Antwort bis Ende des Monats.\r\n", n)
	}
	fmt.Fprintf(&b, "--grenze%d\r\nContent-Type: application/pdf; name=\"anlage.pdf\"\r\nContent-Disposition: attachment; filename=\"anlage.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\n", i)
	b.WriteString(strings.Repeat("JVBERi0xLjQKJcOkw7zDtsOfCjIgMCBvYmoKPDwvTGVuZ3RoIDMgMCBSL0ZpbHRlci9GbGF0ZQ==\r\n", 1+i%40))
	fmt.Fprintf(&b, "--grenze%d--\r\n", i)
	return b.Bytes()
}

// small is a message for mailboxes that are counted rather than read.
func small(i int) []byte {
	return fmt.Appendf(nil, "From: a@fern.example\r\nTo: b@musterstadt.example\r\nSubject: %d\r\nMessage-ID: <%d@fern.example>\r\n\r\nText\r\n", i, i)
}

// fill appends n messages by MULTIAPPEND, many a command.
func fill(tb testing.TB, c *conn, mailbox string, n int, message func(i int) []byte) {
	tb.Helper()
	const group = 500
	for i := 0; i < n; {
		c.tag++
		tag := "t" + strconv.Itoa(c.tag)
		w := bufio.NewWriterSize(c, 1<<20)
		fmt.Fprintf(w, "%s APPEND \"%s\"", tag, mailbox)
		for k := 0; k < group && i < n; k, i = k+1, i+1 {
			text := message(i)
			fmt.Fprintf(w, " (%s) {%d+}\r\n", []string{"", `\Seen`, `\Seen \Answered`, `\Flagged`}[i%4], len(text))
			w.Write(text)
		}
		w.WriteString("\r\n")
		c.must(tb, w.Flush())
		c.answer(tb, tag)
	}
}
