package compare

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// answerTimeout is far above what an answer takes.
const answerTimeout = 15 * time.Second

// conn is one IMAP connection: lines out, responses in.
type conn struct {
	net  net.Conn
	r    *bufio.Reader
	tags int
	// What scripts may refer to: the newest values that the server sent.
	validity, highest, modseq string
	idle                      string // tag of a running IDLE
}

func newConn(c net.Conn) (*conn, error) {
	out := &conn{net: c, r: bufio.NewReader(c), highest: "1", modseq: "1"}
	greeting, err := out.read()
	if err == nil && !strings.HasPrefix(greeting, "* OK") {
		err = fmt.Errorf("greeting %q", greeting)
	}
	return out, err
}

var literalEnd = regexp.MustCompile(`\{(\d+)\}\r\n$`)

// read returns one response with its literals in place and without the last CRLF.
func (c *conn) read() (string, error) {
	c.net.SetDeadline(time.Now().Add(answerTimeout))
	var b strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		b.WriteString(line)
		m := literalEnd.FindStringSubmatch(line)
		if m == nil {
			break
		}
		n, _ := strconv.Atoi(m[1])
		text := make([]byte, n)
		if _, err := io.ReadFull(c.r, text); err != nil {
			return "", err
		}
		b.Write(text)
	}
	return strings.TrimSuffix(b.String(), "\r\n"), nil
}

var (
	seenValidity = regexp.MustCompile(`^\* OK \[UIDVALIDITY (\d+)\]`)
	seenHighest  = regexp.MustCompile(`\[HIGHESTMODSEQ (\d+)\]`)
	seenModseq   = regexp.MustCompile(`^\* \d+ FETCH .*MODSEQ \((\d+)\)`)
)

func (c *conn) remember(line string) {
	for re, to := range map[*regexp.Regexp]*string{seenValidity: &c.validity, seenHighest: &c.highest, seenModseq: &c.modseq} {
		if m := re.FindStringSubmatch(line); m != nil {
			*to = m[1]
		}
	}
}

// do sends one command and returns all responses up to the tagged one, which
// begins with "TAG" in place of its tag. IDLE returns at its "+"; DONE waits for
// something to be told, ends it and returns what came.
func (c *conn) do(command string) ([]string, error) {
	command = strings.NewReplacer("$V", c.validity, "$H", c.highest, "$M", c.modseq).Replace(command)
	if command == "DONE" {
		return c.done()
	}
	c.tags++
	tag := "c" + strconv.Itoa(c.tags)
	if _, err := io.WriteString(c.net, tag+" "+command+"\r\n"); err != nil {
		return nil, err
	}
	if command == "IDLE" {
		c.idle = tag
	}
	return c.until(tag)
}

func (c *conn) done() ([]string, error) {
	first, err := c.read()
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c.net, "DONE\r\n"); err != nil {
		return nil, err
	}
	rest, err := c.until(c.idle)
	return append([]string{first}, rest...), err
}

func (c *conn) until(tag string) (out []string, err error) {
	for {
		line, err := c.read()
		if err != nil {
			return out, fmt.Errorf("after %q: %w", out, err)
		}
		c.remember(line)
		if rest, ok := strings.CutPrefix(line, tag+" "); ok {
			return append(out, "TAG "+rest), nil
		}
		out = append(out, line)
		if strings.HasPrefix(line, "+") {
			return out, nil
		}
	}
}
