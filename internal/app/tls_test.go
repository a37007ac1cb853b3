package app

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"
)

func testCertificate(t *testing.T, names []string) (dir string, c *certificate) {
	t.Helper()
	dir = t.TempDir()
	_, cert, key, err := demoCA(dir, names, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, err = loadCertificate(cert, key, newMetrics().certificate, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c.every = 0
	return dir, c
}

// handshake connects with a client's configuration and returns what was agreed.
func handshake(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go func() { _ = tls.Server(a, server).Handshake() }()
	conn := tls.Client(b, client)
	err := conn.Handshake()
	return conn.ConnectionState(), err
}

func clientFor(t *testing.T, dir string) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(dir + "/demo-ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

func TestCertificateIsReadAgainWhenItChanges(t *testing.T) {
	dir, c := testCertificate(t, []string{"localhost"})
	first, err := handshake(t, tlsConfig(c), clientFor(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	// A half-written pair leaves the old one in use.
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.certFile, cert[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := handshake(t, tlsConfig(c), clientFor(t, dir)); err != nil {
		t.Fatalf("while the certificate is being replaced: %v", err)
	}
	if err := makeDemoCA(dir+"/demo-ca.pem", c.certFile, c.keyFile, []string{"localhost", "other.example"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	second, err := handshake(t, tlsConfig(c), clientFor(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	if first.PeerCertificates[0].SerialNumber.Cmp(second.PeerCertificates[0].SerialNumber) == 0 {
		t.Error("the old certificate is still served")
	}
}

func TestTLSFollowsTR02102(t *testing.T) {
	dir, c := testCertificate(t, []string{"localhost"})
	for _, test := range []struct {
		name string
		spec func(*tls.Config)
		ok   bool
	}{
		{"TLS 1.3", func(*tls.Config) {}, true},
		{"TLS 1.2 with AES-GCM", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
		}, true},
		{"TLS 1.2 with CBC", func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}, false},
		{"TLS 1.1", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, false},
		{"P-256 alone", func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.CurveP256} }, true},
	} {
		client := clientFor(t, dir)
		test.spec(client)
		if _, err := handshake(t, tlsConfig(c), client); (err == nil) != test.ok {
			t.Errorf("%s: %v, want success %v", test.name, err, test.ok)
		}
	}
}

func TestDemoCertificateIsKept(t *testing.T) {
	dir, c := testCertificate(t, []string{"localhost", "127.0.0.1"})
	before, _ := os.ReadFile(c.certFile)
	if _, _, _, err := demoCA(dir, []string{"127.0.0.1"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if same, _ := os.ReadFile(c.certFile); string(same) != string(before) {
		t.Error("a certificate that is good was replaced")
	}
	if _, _, _, err := demoCA(dir, []string{"192.0.2.1"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if other, _ := os.ReadFile(c.certFile); string(other) == string(before) {
		t.Error("a certificate that lacks a name was kept")
	}
}
