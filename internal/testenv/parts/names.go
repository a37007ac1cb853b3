package parts

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Names is an HTTP proxy for programs that go to names which are in no DNS: it tunnels
// to where lead says that a host and port are (CONNECT, RFC 9110 9.3.6), and knows no
// other. It listens on an address and returns where.
func Names(t testing.TB, address string, lead func(hostPort string) (address string, ok bool)) string {
	t.Helper()
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	must(t, err)
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		address, ok := lead(r.Host)
		if r.Method != http.MethodConnect || !ok {
			http.Error(w, "there is no such host", http.StatusBadGateway)
			return
		}
		tunnel(w, address)
	}))
	must(t, proxy.Listener.Close()) // its own
	proxy.Listener = l
	proxy.Start()
	t.Cleanup(proxy.Close)
	return l.Addr().String()
}

// tunnel joins who asked for it and an address until either closes.
func tunnel(w http.ResponseWriter, address string) {
	there, err := net.Dial("tcp", address)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer there.Close()
	here, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer here.Close()
	if _, err := io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(there, buffered)
		_ = there.Close()
	}()
	_, _ = io.Copy(here, there)
}
