package listen

import (
	"net"
	"net/netip"
	"sync"
)

// Limit bounds how many connections are open at a time, in all and of one network: an
// IPv4 address or an IPv6 /64. It is for servers that do not count themselves, as
// net/http's does not.
type Limit struct {
	all, perNetwork int
	exempt          []netip.Prefix
	refused         func(netip.Addr)

	mu     sync.Mutex
	open   int
	counts map[netip.Prefix]int
}

// LimitOptions of a Limit.
type LimitOptions struct {
	Connections int // in all; at least 1
	PerNetwork  int // at least 1
	// Exempt are reverse proxies, from which many come: they count in all only.
	Exempt []netip.Prefix
	// Refused, if not nil, hears of every connection turned away.
	Refused func(netip.Addr)
}

// NewLimit makes a limit that several listeners may share.
func NewLimit(o LimitOptions) *Limit {
	if o.Refused == nil {
		o.Refused = func(netip.Addr) {}
	}
	return &Limit{all: o.Connections, perNetwork: o.PerNetwork, exempt: o.Exempt, refused: o.Refused, counts: map[netip.Prefix]int{}}
}

// Listener makes a listener that closes what is too much unread.
func (l *Limit) Listener(inner net.Listener) net.Listener { return &limited{inner, l} }

// Open is how many connections are open.
func (l *Limit) Open() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

type limited struct {
	net.Listener
	limit *Limit
}

func (l *limited) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		addr := addrOf(conn.RemoteAddr())
		network, ok := l.limit.take(addr)
		if ok {
			return &countedConn{Conn: conn, limit: l.limit, network: network}, nil
		}
		conn.Close()
		l.limit.refused(addr)
	}
}

// take counts a connection, unless it is one too many.
func (l *Limit) take(a netip.Addr) (netip.Prefix, bool) {
	network := networkOf(a)
	for _, p := range l.exempt {
		if p.Contains(a) {
			network = netip.Prefix{}
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.all || network.IsValid() && l.counts[network] >= l.perNetwork {
		return network, false
	}
	l.open++
	if network.IsValid() {
		l.counts[network]++
	}
	return network, true
}

func (l *Limit) give(network netip.Prefix) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	if !network.IsValid() {
		return
	}
	if l.counts[network]--; l.counts[network] <= 0 {
		delete(l.counts, network)
	}
}

// countedConn is an open connection; it counts until it is closed, once.
type countedConn struct {
	net.Conn
	limit   *Limit
	network netip.Prefix
	once    sync.Once
}

func (c *countedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() { c.limit.give(c.network) })
	return err
}

// CloseWrite lets net/http end its side first, so that an answer that nobody waited for
// is not lost to a reset.
func (c *countedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func addrOf(a net.Addr) netip.Addr {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// networkOf is not valid for an address that is none, such as a socket's in the file
// system.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.WithZone("").Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
