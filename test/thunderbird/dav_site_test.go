package thunderbird

import (
	"crypto/tls"
	"log/slog"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"fachwerk/internal/testenv/parts"
)

// startSite serves a host over TLS until the test ends, as the one that ends TLS in
// front of the server. Its name has no address: it is reached by the proxy that
// startSite returns.
func startSite(t *testing.T, authority *parts.Authority, host, origin string) (proxy string) {
	t.Helper()
	target, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	c := authority.Issue(t, host)
	pair, err := tls.X509KeyPair(c.Cert, c.Key)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // Thunderbird closes connections as it likes
	web := httptest.NewUnstartedServer(&httputil.ReverseProxy{ErrorLog: quiet, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}})
	web.Config.ErrorLog = quiet
	web.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	web.StartTLS()
	t.Cleanup(web.Close)
	proxy = parts.Names(t, "127.0.0.1", func(name string) (address string, ok bool) {
		return web.Listener.Addr().String(), name == host+":443"
	})
	t.Cleanup(web.CloseClientConnections)
	return proxy
}
