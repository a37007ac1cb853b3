package replicas

import (
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

func dial(t testing.TB, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	must(t, err)
	return c
}

// A balancer leads a public address to one of the replicas, as one before a real
// installation does.
type balancer struct {
	target atomic.Pointer[string]
	pick   atomic.Pointer[func() string] // instead of target
}

func balance(t testing.TB, address string) *balancer {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{}
	serveRelay(t, l, func() string {
		if pick := b.pick.Load(); pick != nil {
			return (*pick)()
		}
		return *b.target.Load()
	}, nil)
	return b
}

// lead has new connections go to an address.
func (b *balancer) lead(address string) { b.target.Store(&address) }

// A relay is a way that can be cut.
type relay struct {
	mu    sync.Mutex
	dead  bool
	still bool
	conns map[net.Conn]struct{}
	seen  func(fromClient bool, b []byte) // nil: nobody looks
}

// relayTo answers a relay to a server and the DSN that leads through it.
func relayTo(t testing.TB, dsn string) (*relay, string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	r, address := relayAddress(t, u.Host)
	u.Host = address
	return r, u.String()
}

func relayAddress(t testing.TB, to string) (*relay, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{conns: map[net.Conn]struct{}{}}
	serveRelay(t, l, func() string { return to }, r)
	return r, l.Addr().String()
}

// cut breaks all connections and takes no new ones.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = true
	for c := range r.conns {
		c.Close()
	}
}

// freeze has the relay take bytes and pass none on, as a network does that has lost a
// route: nobody is told. What was taken meanwhile is lost with the connections.
func (r *relay) freeze(on bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.still = on
}

func (r *relay) frozen() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.still
}

// mend takes connections again.
func (r *relay) mend() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = false
}

// hold notes a connection; false where the way is cut.
func (r *relay) hold(c net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return false
	}
	r.conns[c] = struct{}{}
	return true
}

func (r *relay) release(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, c)
}

// serveRelay passes connections on until the test ends. r may be nil.
func serveRelay(t testing.TB, l net.Listener, to func() string, r *relay) {
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go pass(client, to(), r)
		}
	}()
}

func pass(client net.Conn, to string, r *relay) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	var seen func(bool, []byte)
	if r != nil {
		if !r.hold(client) {
			return
		}
		defer r.release(client)
		seen = r.seen
	}
	done := make(chan struct{}, 2)
	copying := func(dst, src net.Conn, fromClient bool) {
		defer func() { done <- struct{}{} }()
		_, _ = io.Copy(looked{dst, fromClient, seen, r}, src)
		if c, ok := dst.(*net.TCPConn); ok {
			_ = c.CloseWrite()
		}
	}
	go copying(server, client, true)
	go copying(client, server, false)
	<-done
	<-done
}

// looked shows what is written to whoever counts.
type looked struct {
	w          io.Writer
	fromClient bool
	seen       func(bool, []byte)
	relay      *relay // nil: nothing is frozen
}

func (l looked) Write(p []byte) (int, error) {
	if l.seen != nil {
		l.seen(l.fromClient, p)
	}
	if l.relay != nil && l.relay.frozen() {
		return len(p), nil
	}
	return l.w.Write(p)
}
