package listen

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

type counted struct {
	mu      sync.Mutex
	reasons map[string]int
}

func (c *counted) refused(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reasons[reason]++
}

func (c *counted) of(reason string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reasons[reason]
}

// wait until so many were refused: the client is told before it is counted.
func (c *counted) wait(t *testing.T, reason string, want int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); c.of(reason) != want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d were refused, want %d", c.of(reason), want)
		}
	}
}

// serve starts a listener that answers every connection with its addresses.
func serve(t *testing.T, o ProxyOptions) (address string, refused *counted, l net.Listener) {
	t.Helper()
	refused = &counted{reasons: map[string]int{}}
	o.Refused = refused.refused
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l = Proxy(inner, o)
	ended := make(chan error, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				ended <- err
				return
			}
			_, _ = io.WriteString(conn, conn.RemoteAddr().String()+" "+conn.LocalAddr().String())
			conn.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		if err := <-ended; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept ended with %v", err)
		}
	})
	return inner.Addr().String(), refused, l
}

// talk sends bytes and reads what comes until the end.
func talk(t *testing.T, address string, send []byte) string {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = conn.Write(send) // it may be closed already
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	got, err := io.ReadAll(conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatal("the connection was neither answered nor closed")
	}
	return string(got)
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func TestProxyGivesTheClientsAddress(t *testing.T) {
	address, refused, _ := serve(t, ProxyOptions{Trusted: loopback})
	if got := talk(t, address, header(1, "192.0.2.7:4711", "198.51.100.1:143", "")); got != "192.0.2.7:4711 198.51.100.1:143" {
		t.Errorf("got %q", got)
	}
	if got := talk(t, address, header(1, "[2001:db8::7]:4711", "[2001:db8::1]:143", "")); got != "[2001:db8::7]:4711 [2001:db8::1]:143" {
		t.Errorf("got %q", got)
	}
	if got := talk(t, address, header(0, "", "", "")); len(got) == 0 || got[:10] != "127.0.0.1:" {
		t.Errorf("LOCAL: got %q, want the load balancer itself", got)
	}
	if refused.of(BadHeader)+refused.of(Untrusted) != 0 {
		t.Errorf("refused: %v", refused.reasons)
	}
}

func TestProxyClosesWhoeverBeginsOtherwise(t *testing.T) {
	address, refused, _ := serve(t, ProxyOptions{Trusted: loopback})
	for i, send := range []string{"A1 NOOP\r\n too short no more", "PROXY TCP4 192.0.2.7 198.51.100.1 4711 143\r\n"} {
		if got := talk(t, address, []byte(send)); got != "" {
			t.Errorf("%q is answered by %q", send, got)
		}
		refused.wait(t, BadHeader, i+1)
	}
}

func TestProxyClosesWhoeverComesFromElsewhere(t *testing.T) {
	address, refused, _ := serve(t, ProxyOptions{Trusted: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	if got := talk(t, address, header(1, "192.0.2.7:4711", "198.51.100.1:143", "")); got != "" {
		t.Errorf("got %q", got)
	}
	refused.wait(t, Untrusted, 1)
}

// A connection that says nothing holds up no other, and is given up.
func TestProxyIsNotHeldUpBySlowOnes(t *testing.T) {
	address, refused, _ := serve(t, ProxyOptions{Trusted: loopback, HeaderTime: time.Second, Waiting: 2})
	var silent sync.WaitGroup
	for range 6 {
		silent.Go(func() { talk(t, address, []byte(signature[:5])) })
	}
	if got := talk(t, address, header(1, "192.0.2.7:4711", "198.51.100.1:143", "")); got == "" {
		t.Error("not served beside slow ones")
	}
	silent.Wait()
	refused.wait(t, BadHeader, 6)
}

// Closing ends connections whose header is awaited.
func TestProxyCloses(t *testing.T) {
	address, _, l := serve(t, ProxyOptions{Trusted: loopback, HeaderTime: time.Hour})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := talk(t, address, header(0, "", "", "")); got == "" { // the first is accepted by now
		t.Fatal("not served")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, errTimeout(err)) {
		t.Errorf("after Close: %v", err)
	}
}

// errTimeout gives err back if it is a timeout, else something else.
func errTimeout(err error) error {
	var e net.Error
	if errors.As(err, &e) && e.Timeout() {
		return err
	}
	return net.ErrClosed
}

// A client cannot be on this machine if the load balancer is elsewhere.
func TestProxyBelievesNoLoopbackFromElsewhere(t *testing.T) {
	l := &proxied{}
	local := Header{Source: netip.MustParseAddrPort("127.0.0.1:4711")}
	for peer, ok := range map[string]bool{"127.0.0.1:9": true, "10.20.9.1:9": false} {
		conn := &relayed{client: net.TCPAddrFromAddrPort(netip.MustParseAddrPort(peer))}
		if err := l.believable(local, conn); (err == nil) != ok {
			t.Errorf("from %s: %v", peer, err)
		}
	}
}
