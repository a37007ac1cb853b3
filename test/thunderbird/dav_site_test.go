package thunderbird

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"
)

// A site is the host that ends TLS in front of the server, as an HTTP proxy shows it
// to Thunderbird: its name has no address.
type site struct {
	port      string // of the proxy, on 127.0.0.1
	authority string // what issued its certificate, as Thunderbird's certificate store takes it
}

// startSite serves a host until the test ends.
func startSite(t *testing.T, host, origin string) *site {
	t.Helper()
	target, err := url.Parse(origin)
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // Thunderbird closes connections as it likes
	ca, issued := certificate(t, host)
	web := httptest.NewUnstartedServer(&httputil.ReverseProxy{ErrorLog: quiet, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}})
	web.Config.ErrorLog = quiet
	web.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{issued}}
	web.StartTLS()
	t.Cleanup(web.Close)

	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != host+":443" {
			http.Error(w, "there is no such host", http.StatusBadGateway)
			return
		}
		tunnel(w, web.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	t.Cleanup(web.CloseClientConnections)
	_, port, err := net.SplitHostPort(proxy.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return &site{port: port, authority: base64.StdEncoding.EncodeToString(ca)}
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

// certificate makes an authority and what it issued for some hosts.
func certificate(t *testing.T, hosts ...string) (authority []byte, issued tls.Certificate) {
	t.Helper()
	issue := func(c, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if parent == nil {
			parent, signer = c, key
		}
		c.SerialNumber, c.Subject.CommonName = big.NewInt(time.Now().UnixNano()), fmt.Sprint("Test ", c.DNSNames)
		c.NotBefore, c.NotAfter, c.BasicConstraintsValid = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour), true
		der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		if c, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
		return c, key
	}
	ca, signer := issue(&x509.Certificate{IsCA: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{}}, nil, nil)
	leaf, key := issue(&x509.Certificate{DNSNames: hosts, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, ca, signer)
	return ca.Raw, tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}
}
