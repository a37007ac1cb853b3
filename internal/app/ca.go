package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// demoCA makes a certificate authority and a server certificate from it in dir,
// or leaves those that are there and still valid for these names. Clients trust
// demo-ca.pem; the authority's own key is thrown away at once, so it signs
// nothing else.
func demoCA(dir string, names []string, now time.Time) (ca, cert, key string, err error) {
	ca, cert, key = filepath.Join(dir, "demo-ca.pem"), filepath.Join(dir, "demo-cert.pem"), filepath.Join(dir, "demo-key.pem")
	if stillGood(cert, names, now) {
		return ca, cert, key, nil
	}
	if err := makeDemoCA(ca, cert, key, names, now); err != nil {
		return "", "", "", fmt.Errorf("make the demo's certificate: %w", err)
	}
	return ca, cert, key, nil
}

func stillGood(cert string, names []string, now time.Time) bool {
	text, err := os.ReadFile(cert)
	if err != nil {
		return false
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return false
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil || now.After(c.NotAfter.Add(-24*time.Hour)) {
		return false
	}
	for _, n := range names {
		if c.VerifyHostname(n) != nil {
			return false
		}
	}
	return true
}

func makeDemoCA(caFile, certFile, keyFile string, names []string, now time.Time) error {
	caKey, errCA := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	key, errKey := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(errCA, errKey); err != nil {
		return err
	}
	ca := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "Fachwerk demo CA", Organization: []string{"Fachwerk demo"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), IsCA: true, BasicConstraintsValid: true,
		MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: names[0], Organization: []string{"Fachwerk demo"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, n)
		}
	}
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return err
	}
	der, err := x509.CreateCertificate(rand.Reader, server, ca, &key.PublicKey, caKey)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	caPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER})
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return errors.Join(
		writeFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600),
		writeFile(caFile, caPEM, 0o644),
		writeFile(certFile, append(certPEM, caPEM...), 0o644),
	)
}

func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	b[0] &= 0x7f
	return new(big.Int).SetBytes(b)
}

// writeFile puts a file in place whole: readers see the old or the new one.
func writeFile(name string, data []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already if all went well
	_, errWrite := f.Write(data)
	if err := errors.Join(errWrite, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(f.Name(), name)
}
