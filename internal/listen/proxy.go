package listen

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Reasons for which a connection is turned away, as told to Options.Refused.
const (
	Untrusted = "untrusted" // it does not come from a load balancer
	BadHeader = "header"    // it does not begin as it should, or not in time
)

// ProxyOptions of a listener.
type ProxyOptions struct {
	// Trusted are the load balancers. Connections from elsewhere are closed unread:
	// who may write the header says who the client is.
	Trusted []netip.Prefix
	// HeaderTime is how long the header may take; 0: 5 s.
	HeaderTime time.Duration
	// Waiting is how many connections may be waited for at a time; 0: 1024. Beyond
	// them new ones wait in the kernel's queue.
	Waiting int
	// Refused, if not nil, hears of every connection turned away.
	Refused func(reason string)
	// Log gets a line about those at most once a minute.
	Log *slog.Logger
}

// proxied is the listener. One goroutine accepts, one a connection reads its
// header, so that a slow one holds up nobody; Accept takes what they have ready.
type proxied struct {
	net.Listener
	o       ProxyOptions
	begin   sync.Once
	ready   chan net.Conn
	errs    chan error
	waiting chan struct{}
	done    chan struct{}
	end     sync.Once

	mu     sync.Mutex
	logged time.Time
}

// Proxy makes a listener whose connections begin with a header of the PROXY
// protocol, version 2. The connections that Accept gives have the addresses that
// the header names, as *net.TCPAddr. Whoever begins otherwise, or comes from
// elsewhere than a load balancer, is closed without an answer.
func Proxy(inner net.Listener, o ProxyOptions) net.Listener {
	if o.HeaderTime <= 0 {
		o.HeaderTime = 5 * time.Second
	}
	if o.Waiting <= 0 {
		o.Waiting = 1024
	}
	if o.Refused == nil {
		o.Refused = func(string) {}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &proxied{
		Listener: inner, o: o, ready: make(chan net.Conn), errs: make(chan error),
		waiting: make(chan struct{}, o.Waiting), done: make(chan struct{}),
	}
}

func (l *proxied) Accept() (net.Conn, error) {
	l.begin.Do(func() { go l.accept() })
	select {
	case conn := <-l.ready:
		return conn, nil
	case err := <-l.errs:
		return nil, err
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept, and the connections that it has not given out yet.
func (l *proxied) Close() error {
	l.end.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// accept hands errors on, also those that pass, and goes on until the listener is
// closed.
func (l *proxied) accept() {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			select {
			case l.errs <- err:
			case <-l.done:
				return
			}
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		if !l.trusts(conn.RemoteAddr()) {
			l.refuse(conn, Untrusted, nil)
			continue
		}
		select {
		case l.waiting <- struct{}{}:
			go l.header(conn)
		case <-l.done:
			conn.Close()
			return
		}
	}
}

func (l *proxied) trusts(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return false
	}
	from := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, p := range l.o.Trusted {
		if p.Contains(from) {
			return true
		}
	}
	return false
}

func (l *proxied) refuse(conn net.Conn, reason string, err error) {
	conn.Close()
	l.o.Refused(reason)
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.logged) < time.Minute {
		return
	}
	l.logged = time.Now()
	log := l.o.Log.With("reason", reason, "peer", conn.RemoteAddr().String(), "address", l.Addr().String())
	if err != nil {
		log = log.With("error", err.Error())
	}
	log.Warn("a connection to a PROXY listener was closed; further ones are counted, not logged, for a minute")
}

// header reads one connection's header and makes it ready.
func (l *proxied) header(conn net.Conn) {
	defer func() { <-l.waiting }()
	stop := make(chan struct{})
	defer close(stop)
	go func() { // closing the listener does not wait for headers
		select {
		case <-l.done:
			conn.SetReadDeadline(time.Unix(1, 0))
		case <-stop:
		}
	}()
	err := conn.SetReadDeadline(time.Now().Add(l.o.HeaderTime))
	var h Header
	if err == nil {
		h, err = ReadHeader(conn)
	}
	if err == nil {
		err = l.believable(h, conn)
	}
	if err == nil {
		err = conn.SetReadDeadline(time.Time{})
	}
	if err != nil {
		l.refuse(conn, BadHeader, err)
		return
	}
	var ready net.Conn
	if h.Local {
		if ready = visited(conn); ready == nil {
			return
		}
	} else {
		ready = &relayed{Conn: conn, client: net.TCPAddrFromAddrPort(h.Source), at: net.TCPAddrFromAddrPort(h.Destination)}
	}
	select {
	case l.ready <- ready:
	case <-l.done:
		conn.Close()
	}
}

// visit is how long a connection of the balancer's own may take to end or to speak before
// the server speaks.
const visit = 200 * time.Millisecond

// visited looks whether a balancer only wanted to know that somebody listens: what it
// closes at once is no client, whom a server would count and log. nil if so.
func visited(conn net.Conn) net.Conn {
	first := make([]byte, 1)
	_ = conn.SetReadDeadline(time.Now().Add(visit))
	n, err := conn.Read(first)
	var timeout net.Error
	if n == 0 && !(errors.As(err, &timeout) && timeout.Timeout()) {
		conn.Close()
		return nil
	}
	_ = conn.SetReadDeadline(time.Time{})
	return &spoken{Conn: conn, first: first[:n]}
}

// spoken is a connection of which the first bytes have been read.
type spoken struct {
	net.Conn
	first []byte
}

func (c *spoken) Read(p []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// believable refuses a client on loopback behind a load balancer that is elsewhere:
// some rights hang on being on this machine.
func (l *proxied) believable(h Header, conn net.Conn) error {
	peer, ok := conn.RemoteAddr().(*net.TCPAddr)
	if h.Source.Addr().IsLoopback() && (!ok || !peer.IP.IsLoopback()) {
		return ErrAddress
	}
	return nil
}

// relayed is a connection whose ends a header names.
type relayed struct {
	net.Conn
	client, at net.Addr
}

func (c *relayed) RemoteAddr() net.Addr { return c.client }
func (c *relayed) LocalAddr() net.Addr  { return c.at }
