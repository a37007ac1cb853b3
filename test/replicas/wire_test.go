package replicas

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// A meter stands before PostgreSQL and the S3 service and notes what passes.
type meter struct {
	mu       sync.Mutex
	trips    []trip
	requests []string // such as "PUT"
}

// A trip is what a client sent before it waited for an answer.
type trip struct {
	conn  int
	texts []string // the statements, none where they were only described
}

func (p trip) has(part string) bool {
	for _, t := range p.texts {
		if strings.Contains(t, part) {
			return true
		}
	}
	return false
}

// since gives what came after an earlier since.
func (m *meter) take() (trips []trip, requests []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	trips, requests = m.trips, m.requests
	m.trips, m.requests = nil, nil
	return trips, requests
}

// postgres answers the DSN that leads through the meter.
func (m *meter) postgres(t testing.TB, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	n := 0
	u.Host = m.listen(t, u.Host, func() func([]byte) {
		n++
		c := &wire{m: m, conn: n, prepared: map[string]string{}}
		return c.client
	})
	return u.String()
}

// s3 answers the URL that leads through the meter, without the secret.
func (m *meter) s3(t *testing.T, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	must(t, err)
	u.Host = m.listen(t, u.Host, func() func([]byte) { return m.request })
	u.User = url.User(u.User.Username())
	return u.String()
}

var requestLine = regexp.MustCompile(`(?:^|\n)(GET|PUT|POST|DELETE|HEAD) (\S+) HTTP/1\.1\r\n`)

func (m *meter) request(b []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, found := range requestLine.FindAllSubmatch(b, -1) {
		m.requests = append(m.requests, string(found[1]))
	}
}

// listen passes connections on and shows what clients send to a looker of its own
// for each.
func (m *meter) listen(t testing.TB, to string, looker func() func([]byte)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			look := looker()
			r := &relay{conns: map[net.Conn]struct{}{}, seen: func(fromClient bool, b []byte) {
				if fromClient {
					look(b)
				}
			}}
			go pass(client, to, r)
		}
	}()
	return l.Addr().String()
}

// wire reads what one client sends (PostgreSQL's frontend messages, version 3).
type wire struct {
	m        *meter
	conn     int
	begun    bool
	rest     []byte
	prepared map[string]string
	texts    []string
}

func (w *wire) client(b []byte) {
	w.rest = append(w.rest, b...)
	for {
		kind, head := byte(0), 0
		if w.begun {
			head = 1
		}
		if len(w.rest) < head+4 {
			return
		}
		if w.begun {
			kind = w.rest[0]
		}
		size := head + int(binary.BigEndian.Uint32(w.rest[head:]))
		if len(w.rest) < size {
			return
		}
		w.message(kind, w.rest[head+4:size])
		w.rest = w.rest[size:]
		w.begun = true
	}
}

func (w *wire) message(kind byte, body []byte) {
	word := func() string {
		s, rest, _ := bytes.Cut(body, []byte{0})
		body = rest
		return string(s)
	}
	switch kind {
	case 'P': // Parse: name, text
		name := word()
		w.prepared[name] = word()
	case 'B': // Bind: portal, name
		word()
		w.texts = append(w.texts, w.prepared[word()])
	case 'Q':
		w.texts = append(w.texts, word())
		w.sync()
	case 'S':
		w.sync()
	}
}

func (w *wire) sync() {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	w.m.trips = append(w.m.trips, trip{w.conn, w.texts})
	w.texts = nil
}
