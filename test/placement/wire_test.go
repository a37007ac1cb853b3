package placement

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"fachwerk/internal/testenv/towns"
)

// imapAs has a session of its own for some commands, and gives the last one's answer.
func (h *house) imapAs(t *testing.T, who string, commands ...string) (last string) {
	t.Helper()
	k := towns.Dial(t, nil, h.Listen["imap"])
	defer k.Close()
	k.Line()
	for _, c := range append([]string{fmt.Sprintf("LOGIN %s %q", who, h.Passwords[who])}, commands...) {
		if last != "" && !strings.Contains("\n"+last, "\na OK") {
			t.Fatalf("before %s: %s", c, last)
		}
		last = k.IMAP(c)
	}
	return last
}

// letter sends a message and gives the replies to RCPT and, one a line, to its end.
// With chunks it goes by BDAT.
func (h *house) letter(t *testing.T, listener, from string, to []string, size int, chunks bool) (rcpt, end []string) {
	t.Helper()
	k := towns.Hello(t, nil, h.Listen[listener], listener == "lmtp")
	defer k.Close()
	if listener == "submission" {
		if got := k.SMTP("AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+from+"\x00"+h.Passwords[from]))); got[0] != '2' {
			t.Fatalf("%s cannot sign in: %s", from, got)
		}
	}
	if got := k.SMTP("MAIL FROM:<" + from + ">"); got[0] != '2' {
		return []string{got}, nil
	}
	taken := 0
	for _, one := range to {
		got := k.SMTP("RCPT TO:<" + one + ">")
		rcpt = append(rcpt, got)
		if got[0] == '2' {
			taken++
		}
	}
	if taken == 0 {
		return rcpt, nil
	}
	text := message(from, size)
	if chunks {
		k.Send(fmt.Sprintf("BDAT %d\r\n%s", len(text)/2, text[:len(text)/2]))
		if got := k.Reply(); got[0] != '2' {
			return rcpt, []string{got}
		}
		k.Send(fmt.Sprintf("BDAT %d LAST\r\n%s", len(text)-len(text)/2, text[len(text)/2:]))
	} else {
		if got := k.SMTP("DATA"); got[0] != '3' {
			return rcpt, []string{got}
		}
		k.Send(text + ".\r\n")
	}
	if listener != "lmtp" {
		taken = 1
	}
	for range taken {
		end = append(end, k.Reply())
	}
	return rcpt, end
}

// message is one of about size bytes, which begin and end with the secret.
func message(from string, size int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nDate: Sun, 22 Nov 2026 09:00:00 +0000\r\nMessage-ID: <%d.%d@client.example>\r\n\r\n",
		from, jan, secret, time.Now().UnixNano(), size)
	for b.Len() < size {
		b.WriteString(secret + " " + secret + " " + secret + "\r\n")
	}
	return b.String()
}

// client follows nothing and keeps no connections.
var client = &http.Client{
	Timeout:       patience,
	Transport:     &http.Transport{DisableKeepAlives: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// dav asks as anna; a body is sent in chunks where its first field is "chunked".
func (h *house) dav(t *testing.T, method, path, body string, fields ...string) (status int, answer string, header http.Header) {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	if len(fields) > 0 && fields[0] == "chunked" {
		r, fields = io.MultiReader(r), fields[1:]
	}
	req, err := http.NewRequestWithContext(t.Context(), method, h.URL("http")+path, r)
	must(t, err)
	req.SetBasicAuth(anna, h.Passwords[anna])
	for i := 0; i+1 < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := client.Do(req)
	must(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(t, err)
	return res.StatusCode, string(text), res.Header
}

// sink is a mail server for elsewhere: it counts what comes, by the address of the
// recipient, and puts all of it off until it is opened.
type sink struct {
	l     net.Listener
	mu    sync.Mutex
	open  bool
	tried map[string]int
	took  map[string]int
}

func newSink(t *testing.T) *sink {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &sink{l: l, tried: map[string]int{}, took: map[string]int{}}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func (s *sink) address() string { return s.l.Addr().String() }

func (s *sink) counts(to string) (tried, took int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tried[to], s.took[to]
}

func (s *sink) opened(yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = yes
}

func (s *sink) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	fmt.Fprint(c, "220 sink.example\r\n")
	var to []string
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		answer := "250 ok"
		switch strings.ToUpper(verb) {
		case "MAIL", "RSET":
			to = nil
		case "RCPT":
			_, a, _ := strings.Cut(rest, "<")
			a, _, _ = strings.Cut(a, ">")
			s.mu.Lock()
			s.tried[a]++
			if s.open {
				to = append(to, a)
			} else {
				answer = "451 later"
			}
			s.mu.Unlock()
		case "DATA":
			if len(to) == 0 {
				answer = "503 nobody"
				break
			}
			fmt.Fprint(c, "354 go on\r\n")
			for line != ".\r\n" {
				if line, err = r.ReadString('\n'); err != nil {
					return
				}
			}
			s.mu.Lock()
			for _, a := range to {
				s.took[a]++
			}
			s.mu.Unlock()
		case "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		}
		fmt.Fprint(c, answer+"\r\n")
	}
}
