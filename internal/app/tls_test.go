package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"fachwerk/internal/app/config"
	"fachwerk/internal/listen"
)

func testCertificate(t *testing.T, names []string) (dir string, files listen.Files, c *listen.Certificates) {
	t.Helper()
	dir = t.TempDir()
	_, cert, key, err := demoCA(dir, names, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	files = listen.Files{Cert: cert, Key: key}
	c, err = listen.LoadCertificates([]listen.Files{files}, listen.CertificateOptions{Expiry: newMetrics().certificate})
	if err != nil {
		t.Fatal(err)
	}
	return dir, files, c
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

// What the metric says of a file whose certificate was renewed is true of the new one alone.
func TestExpiryOfEachCertificate(t *testing.T) {
	m := newMetrics()
	end := time.Unix(2_000_000_000, 0)
	m.certificate("a.pem", "old.example", end)
	m.certificate("a.pem", "new.example", end)
	m.certificate("b.pem", "new.example", end)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range families {
		if f.GetName() != "fachwerk_certificate_expiry_timestamp_seconds" {
			continue
		}
		for _, one := range f.GetMetric() {
			text := ""
			for _, l := range one.GetLabel() {
				text += l.GetValue() + " "
			}
			found = append(found, fmt.Sprintf("%s%.0f", text, one.GetGauge().GetValue()))
		}
	}
	if want := []string{"a.pem new.example 2000000000", "b.pem new.example 2000000000"}; !slices.Equal(found, want) {
		t.Errorf("%q, want %q", found, want)
	}
}

// Who names another protocol than the one spoken is turned away (ALPACA).
func TestProtocolOfTheListener(t *testing.T) {
	dir, _, c := testCertificate(t, []string{"localhost"})
	for _, test := range []struct {
		offered []string
		ok      bool
	}{{nil, true}, {alpnIMAP, true}, {[]string{"http/1.1", "imap"}, true}, {[]string{"h2", "http/1.1"}, false}, {alpnSMTP, false}} {
		client := clientFor(t, dir)
		client.NextProtos = test.offered
		state, err := handshake(t, speaking(tlsConfig(c), alpnIMAP), client)
		if (err == nil) != test.ok {
			t.Errorf("a client that offers %q: %v", test.offered, err)
		}
		if test.ok && test.offered != nil && state.NegotiatedProtocol != "imap" {
			t.Errorf("%q: agreed on %q", test.offered, state.NegotiatedProtocol)
		}
	}
	if speaking(nil, alpnIMAP) != nil {
		t.Error("TLS without a certificate")
	}
}

// A running server shows the certificate of the name that is asked for, and tells of both.
func TestServerShowsTheCertificateOfTheName(t *testing.T) {
	dir, files, _ := testCertificate(t, []string{"mail.neustadt.example"})
	_, s, _ := serveForTest(t, func(c *config.Config) {
		c.TLS.Certificates = []config.Certificate{{Cert: files.Cert, Key: files.Key}}
	})
	for name, want := range map[string]bool{"mail.neustadt.example": true, "localhost": false, "": false} {
		conn, err := tls.Dial("tcp", s.listeners.Address("imaps"), &tls.Config{ServerName: name, InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		leaf := conn.ConnectionState().PeerCertificates[0]
		conn.Close()
		if (leaf.VerifyHostname("mail.neustadt.example") == nil) != want {
			t.Errorf("asked for %q it shows %q", name, leaf.DNSNames)
		}
	}
	if _, text := probe(t, s.listeners.Address("ops"), "/metrics"); !strings.Contains(text, `file="`+dir) || strings.Count(text, "fachwerk_certificate_expiry_timestamp_seconds{") != 2 {
		t.Error("the metrics do not tell of both certificates")
	}
}

func TestTLSFollowsTR02102(t *testing.T) {
	dir, _, c := testCertificate(t, []string{"localhost"})
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
	dir, files, _ := testCertificate(t, []string{"localhost", "127.0.0.1"})
	before, _ := os.ReadFile(files.Cert)
	if _, _, _, err := demoCA(dir, []string{"127.0.0.1"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if same, _ := os.ReadFile(files.Cert); string(same) != string(before) {
		t.Error("a certificate that is good was replaced")
	}
	if _, _, _, err := demoCA(dir, []string{"192.0.2.1"}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if other, _ := os.ReadFile(files.Cert); string(other) == string(before) {
		t.Error("a certificate that lacks a name was kept")
	}
}
