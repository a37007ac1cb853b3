package postgres_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy stands between the engine and PostgreSQL.
type proxy struct {
	listener net.Listener
	server   atomic.Pointer[string] // host:port
	delay    time.Duration          // each way
	// cut, if positive, makes the next COMMITs break the connection: after they
	// were passed on or, where swallow is set, before.
	cut     atomic.Int64
	swallow atomic.Bool
	cuts    atomic.Int64
	// frozen holds back all that comes, both ways; connections stay open.
	frozen atomic.Bool
}

// freeze makes the proxy silent until thaw, or the end of the test.
func (p *proxy) freeze(t testing.TB) (thaw func()) {
	p.frozen.Store(true)
	thaw = func() { p.frozen.Store(false) }
	t.Cleanup(thaw)
	return thaw
}

func (p *proxy) held() {
	for p.frozen.Load() {
		time.Sleep(time.Millisecond)
	}
}

// startProxy answers the proxy and the DSN that leads through it.
func startProxy(t testing.TB, dsn string, delay time.Duration) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p := &proxy{listener: l, delay: delay}
	p.lead(u.Host)
	go p.serve()
	u.Host = l.Addr().String()
	return p, u.String()
}

// lead has new connections go to another place.
func (p *proxy) lead(server string) { p.server.Store(&server) }

func (p *proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.held()
		server, err := net.Dial("tcp", *p.server.Load())
		if err != nil {
			client.Close()
			continue
		}
		var once sync.Once
		done := func() { once.Do(func() { client.Close(); server.Close() }) }
		var mute atomic.Bool
		go p.pass(server, client, func(data []byte) ([]byte, bool) {
			data, cut := p.watch(data)
			if cut {
				mute.Store(true) // before the server can answer
			}
			return data, cut
		}, done)
		go p.pass(client, server, func(data []byte) ([]byte, bool) {
			if mute.Load() {
				data = nil
			}
			return data, false
		}, done)
	}
}

// commit is a COMMIT in the simple protocol, bound one that travels with other
// statements (a Bind message: no portal's name, the name of the prepared statement).
var commit, bound = []byte("commit\x00"), boundCommit()

func boundCommit() []byte {
	digest := sha256.Sum256([]byte("commit work"))
	return []byte("\x00stmtcache_" + hex.EncodeToString(digest[:24]) + "\x00")
}

// watch reports whether the connection is to be cut, and what is passed on before.
func (p *proxy) watch(data []byte) (pass []byte, cut bool) {
	if !bytes.HasSuffix(data, commit) && !bytes.Contains(data, bound) || p.cut.Load() <= 0 || p.cut.Add(-1) < 0 {
		return data, false
	}
	p.cuts.Add(1)
	if p.swallow.Load() {
		return nil, true
	}
	return data, true
}

// pass copies one direction, each packet delay later than it came.
func (p *proxy) pass(to io.Writer, from io.Reader, watch func([]byte) ([]byte, bool), done func()) {
	defer done()
	type packet struct {
		data []byte
		due  time.Time
	}
	packets := make(chan packet, 1000)
	go func() {
		defer close(packets)
		for {
			buffer := make([]byte, 32<<10)
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			packets <- packet{buffer[:n], time.Now().Add(p.delay)}
		}
	}()
	for k := range packets {
		sleepUntil(k.due)
		p.held()
		data, cut := watch(k.data)
		if cut {
			to.Write(data)
			time.Sleep(20 * time.Millisecond) // the server gets to work
			return
		}
		k.data = data
		if _, err := to.Write(k.data); err != nil {
			return
		}
	}
}

// sleepUntil is exact to some microseconds, which time.Sleep is not.
func sleepUntil(due time.Time) {
	if wait := time.Until(due); wait > 200*time.Microsecond {
		time.Sleep(wait - 150*time.Microsecond)
	}
	for time.Now().Before(due) {
	}
}
