package listen

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// write makes a self-signed pair; its common name says which one it is.
func write(t *testing.T, dir, common string, key crypto.Signer, names ...string) Files {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: common}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	f := Files{filepath.Join(dir, common+".pem"), filepath.Join(dir, common+"-key.pem")}
	for name, block := range map[string]*pem.Block{f.Key: {Type: "PRIVATE KEY", Bytes: private}, f.Cert: {Type: "CERTIFICATE", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func ecdsaKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// shown is the common name of the certificate that a client gets.
func shown(t *testing.T, c *Certificates, client *tls.Config) string {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	go func() {
		_ = tls.Server(a, &tls.Config{GetCertificate: c.Get, MinVersion: tls.VersionTLS12}).Handshake()
	}()
	client.InsecureSkipVerify = true // the test looks at which one it is
	conn := tls.Client(b, client)
	if err := conn.Handshake(); err != nil {
		t.Fatal(err)
	}
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestCertificatesAreChosenByName(t *testing.T) {
	dir := t.TempDir()
	key := ecdsaKey(t)
	c, err := LoadCertificates([]Files{
		write(t, dir, "first", key, "mail.musterstadt.example"),
		write(t, dir, "wild", key, "*.neustadt.example", "*.Musterstadt.example"),
		write(t, dir, "exact", key, "mail.neustadt.example"),
	}, CertificateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"mail.musterstadt.example": "first", "MAIL.musterstadt.EXAMPLE": "first", "portal.musterstadt.example": "wild",
		"dav.neustadt.example": "wild", "mail.neustadt.example": "exact", "neustadt.example": "first",
		"a.b.neustadt.example": "first", "elsewhere.example": "first", "": "first",
	} {
		if got := shown(t, c, &tls.Config{ServerName: name}); got != want {
			t.Errorf("%q is shown %s, want %s", name, got, want)
		}
	}
}

// A client that knows RSA alone gets the RSA certificate of the name, others the
// one named first.
func TestCertificatesOfTwoKinds(t *testing.T) {
	dir := t.TempDir()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, names := range [][]string{{"mail.musterstadt.example"}, {"*.musterstadt.example"}} {
		c, err := LoadCertificates([]Files{
			write(t, dir, "other", ecdsaKey(t), "elsewhere.example"),
			write(t, dir, "ecdsa", ecdsaKey(t), names...), write(t, dir, "rsa", rsaKey, names...),
		}, CertificateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := shown(t, c, &tls.Config{ServerName: "mail.musterstadt.example"}); got != "ecdsa" {
			t.Errorf("%v: shown %s, want the ECDSA one", names, got)
		}
		old := &tls.Config{ServerName: "mail.musterstadt.example", MaxVersion: tls.VersionTLS12,
			CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}
		if got := shown(t, c, old); got != "rsa" {
			t.Errorf("%v: a client of RSA is shown %s", names, got)
		}
	}
}

func TestCertificatesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	heard := map[string]int{}
	files := write(t, dir, "one", ecdsaKey(t), "mail.musterstadt.example")
	other := write(t, dir, "two", ecdsaKey(t), "mail.neustadt.example")
	c, err := LoadCertificates([]Files{files, other}, CertificateOptions{
		Every: 1, // looks each time
		Expiry: func(file, name string, notAfter time.Time) {
			mu.Lock()
			defer mu.Unlock()
			if heard[filepath.Base(file)+" "+name]++; time.Until(notAfter) > time.Hour || time.Until(notAfter) < time.Minute {
				t.Errorf("%s ends at %s", file, notAfter)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(files.Cert)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files.Cert, whole[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	if got := shown(t, c, &tls.Config{}); got != "one" {
		t.Errorf("while it is being replaced: %s", got)
	}
	write(t, dir, "one", ecdsaKey(t), "portal.musterstadt.example")
	if got := shown(t, c, &tls.Config{ServerName: "portal.musterstadt.example"}); got != "one" {
		t.Errorf("with a new name: %s", got)
	}
	if heard["one.pem mail.musterstadt.example"] != 1 || heard["one.pem portal.musterstadt.example"] != 1 || heard["two.pem mail.neustadt.example"] != 1 {
		t.Errorf("expiries were told: %v", heard)
	}
}

func TestAWrongPairStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	good, other := write(t, dir, "one", ecdsaKey(t), "a.example"), write(t, dir, "two", ecdsaKey(t), "b.example")
	for _, files := range [][]Files{
		nil, {{good.Cert, other.Key}}, {good, {Cert: good.Cert, Key: filepath.Join(dir, "none.pem")}},
	} {
		if _, err := LoadCertificates(files, CertificateOptions{}); err == nil {
			t.Errorf("%v are accepted", files)
		}
	}
}
