package listen

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
)

// limitedServer gives every connection a byte and holds it until the client closes it.
func limitedServer(t *testing.T, l *Limit) (address string) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	outer := l.Listener(inner)
	t.Cleanup(func() { outer.Close() })
	go func() {
		for {
			conn, err := outer.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = conn.Write([]byte("x"))
				_, _ = io.Copy(io.Discard, conn)
				conn.Close()
				conn.Close() // counts once
			}()
		}
	}()
	return inner.Addr().String()
}

// call connects from an address and tells whether it is served.
func call(t *testing.T, from, to string) (net.Conn, bool) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	n, _ := conn.Read(make([]byte, 1))
	return conn, n == 1
}

func TestLimit(t *testing.T) {
	var refused atomic.Int32
	gone := make(chan struct{}, 10)
	l := NewLimit(LimitOptions{Connections: 5, PerNetwork: 2, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.9/32")},
		Refused: func(netip.Addr) { refused.Add(1); gone <- struct{}{} }})
	address := limitedServer(t, l)
	one, ok := call(t, "127.0.0.1", address)
	_, two := call(t, "127.0.0.1", address)
	if _, three := call(t, "127.0.0.1", address); !ok || !two || three {
		t.Errorf("of one address: %v %v %v", ok, two, three)
	}
	<-gone
	for n := range 3 {
		if _, ok := call(t, "127.0.0.9", address); !ok {
			t.Errorf("the proxy's connection %d was refused", n)
		}
	}
	if _, ok := call(t, "127.0.0.2", address); ok || l.Open() != 5 {
		t.Errorf("more than five in all: %v, %d are open", ok, l.Open())
	}
	<-gone
	if refused.Load() != 2 {
		t.Errorf("%d were refused, want 2", refused.Load())
	}
	one.Close()
	for { // until the server has noticed
		if _, ok := call(t, "127.0.0.2", address); ok {
			break
		}
		<-gone
	}
}

func TestNetworks(t *testing.T) {
	l := NewLimit(LimitOptions{Connections: 10, PerNetwork: 1})
	for _, c := range []struct {
		from string
		ok   bool
	}{
		{"2001:db8::1", true}, {"2001:db8::2", false}, {"2001:db8:0:1::1", true},
		{"192.0.2.1", true}, {"192.0.2.2", true}, {"192.0.2.1", false},
	} {
		if _, ok := l.take(netip.MustParseAddr(c.from)); ok != c.ok {
			t.Errorf("%s: %v", c.from, ok)
		}
	}
	if _, ok := l.take(netip.Addr{}); !ok { // a socket in the file system has no network
		t.Error("no address")
	}
}

// net/http serves over it, and what it closes counts no more.
func TestLimitUnderHTTP(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := NewLimit(LimitOptions{Connections: 1, PerNetwork: 1})
	closed := make(chan struct{}, 10)
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "served") }),
		ConnState: func(_ net.Conn, s http.ConnState) {
			if s == http.StateClosed {
				closed <- struct{}{}
			}
		},
	}
	go func() { _ = srv.Serve(l.Listener(inner)) }()
	t.Cleanup(func() { srv.Close() })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for range 3 {
		resp, err := client.Get("http://" + inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(text) != "served" {
			t.Errorf("%q, %v", text, err)
		}
		<-closed
	}
	if l.Open() != 0 {
		t.Errorf("%d are open", l.Open())
	}
}
