package storetest

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// Line is the way to a site's database. It may be silenced: its connections stay open,
// and nothing comes through any more. It may lead to another server.
type Line struct {
	mu     sync.Mutex
	change *sync.Cond
	silent bool
	to     string // host:port
}

// Lead has new connections go to another server.
func (l *Line) Lead(to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to = to
}

func (l *Line) server() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.to
}

// Silence cuts the line without a word, or ends that.
func (l *Line) Silence(silent bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent = silent
	l.change.Broadcast()
}

func (l *Line) wait() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.silent {
		l.change.Wait()
	}
}

// newLine leads to the database of a DSN, and gives the DSN that leads through it.
func newLine(t testing.TB, dsn string) (*Line, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	l := &Line{to: u.Host}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	u.Host = listener.Addr().String()
	l.change = sync.NewCond(&l.mu)
	t.Cleanup(func() {
		l.Silence(false)
		listener.Close()
	})
	go func() {
		for {
			here, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(here)
		}
	}()
	return l, u.String()
}

func (l *Line) carry(here net.Conn) {
	l.wait()
	there, err := net.Dial("tcp", l.server())
	if err != nil {
		here.Close()
		return
	}
	pass := func(to, from net.Conn) {
		defer to.Close()
		defer from.Close()
		buffer := make([]byte, 32<<10)
		for {
			n, err := from.Read(buffer)
			l.wait()
			if n > 0 {
				if _, err := to.Write(buffer[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
	go pass(here, there)
	pass(there, here)
}
