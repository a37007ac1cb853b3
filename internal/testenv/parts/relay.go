package parts

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Relay passes connections on to a server from another loopback address, so that the
// server sees a client there: PostgreSQL's own cannot choose where they come from. It
// returns where it listens.
func Relay(t testing.TB, to, from string) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(from, "0"))
	must(t, err)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		defer mu.Unlock()
		for c := range open {
			c.Close()
		}
	})
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := dialer.Dial("tcp", to)
			if err != nil {
				client.Close()
				continue
			}
			mu.Lock()
			open[client], open[server] = true, true
			mu.Unlock()
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				to.Close()
				from.Close()
				mu.Lock()
				defer mu.Unlock()
				delete(open, to)
				delete(open, from)
			}
			go pass(server, client)
			go pass(client, server)
		}
	}()
	return l.Addr().String()
}
