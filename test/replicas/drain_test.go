package replicas

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

// A replica that is told to end answers what it has begun: a PUT, an APPEND and a
// delivery whose second half comes after the signal. It takes nothing new, and what
// it acknowledged is there.
func TestDrain(t *testing.T) {
	h := start(t, direct, options{env: []string{"FACHWERK_LIMITS_DRAIN=60s"}})
	a, b := h.both()
	body := text("drain")
	half := len(body) / 2

	put := begin(t, a, "http", fmt.Sprintf("PUT /files/%s/Entwurf.txt HTTP/1.1\r\nHost: %s\r\nAuthorization: Basic %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		a.Anna().Address, a.address("http"), basic(a.Anna()), len(body)))
	put.expect("HTTP/1.1 100") // it is read
	put.send(body[:half])

	append := begin(t, a, "imap", "")
	append.expect("* OK")
	append.send([]byte("a LOGIN " + a.Anna().Address + " " + a.Anna().AppPassword + "\r\n"))
	append.expect("a OK")
	append.send(fmt.Appendf(nil, "b APPEND INBOX {%d}\r\n", len(body)))
	append.expect("+")
	append.send(body[:half])

	lmtp := begin(t, a, "lmtp", "")
	lmtp.expect("220")
	lmtp.send([]byte("LHLO elsewhere.example\r\nMAIL FROM:<absender@elsewhere.example>\r\nRCPT TO:<" + a.Jan().Address + ">\r\nDATA\r\n"))
	lmtp.expect("354")
	lmtp.send(body[:half])

	if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, patience, "nobody new is taken", func() bool {
		c, err := net.Dial("tcp", a.LMTP)
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if a.ready() {
		t.Error("a replica that ends says that it is ready")
	}
	for _, c := range []*conversation{put, append, lmtp} {
		c.send(body[half:])
	}
	append.send([]byte("\r\n"))
	lmtp.send([]byte(".\r\n"))
	put.expect("HTTP/1.1 201")
	append.expect("b OK")
	lmtp.expect("250 ") // the answer to the message: those before it were 250 too
	select {
	case <-a.done:
	case <-time.After(2 * patience):
		t.Fatal("the replica does not end")
	}
	if code := a.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with %d", code)
	}
	if got := davOf(t, b, b.Anna()).want(t, http.StatusOK, "GET", "/files/"+b.Anna().Address+"/Entwurf.txt", ""); got.body != string(body) {
		t.Errorf("the file has %d bytes, want %d", len(got.body), len(body))
	}
	for _, who := range []harness.Account{b.Anna(), b.Jan()} {
		c := b.IMAP(t, who)
		harness.Select(t, c, "INBOX")
		found := 0
		for _, m := range harness.Bodies(t, c) {
			if strings.HasSuffix(string(m), string(body)) {
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s has the message %d times", who.Address, found)
		}
	}
	h.demo.Check(t)
}

func basic(a harness.Account) string {
	return base64.StdEncoding.EncodeToString([]byte(a.Address + ":" + a.AppPassword))
}

// A conversation is one connection, byte by byte.
type conversation struct {
	t    *testing.T
	c    net.Conn
	r    *bufio.Reader
	what string
}

func begin(t *testing.T, r *replica, key, first string) *conversation {
	t.Helper()
	c := dial(t, r.address(key))
	t.Cleanup(func() { c.Close() })
	must(t, c.SetDeadline(time.Now().Add(3*patience)))
	talk := &conversation{t, c, bufio.NewReader(c), key}
	talk.send([]byte(first))
	return talk
}

func (c *conversation) send(b []byte) {
	c.t.Helper()
	if _, err := c.c.Write(b); err != nil {
		c.t.Fatalf("%s: %v", c.what, err)
	}
}

// expect reads lines until one begins so.
func (c *conversation) expect(begins string) {
	c.t.Helper()
	var seen []string
	for {
		line, err := c.r.ReadString('\n')
		seen = append(seen, line)
		if strings.HasPrefix(line, begins) {
			return
		}
		if err != nil {
			c.t.Fatalf("%s: %v before %q; seen %q", c.what, err, begins, seen)
		}
	}
}
