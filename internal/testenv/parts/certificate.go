package parts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"testing"
	"time"
)

// Certificate is one that a server shows.
type Certificate struct {
	Cert, Key []byte // PEM
	Roots     *x509.CertPool
	// Pin is the base64 SHA-256 of the SubjectPublicKeyInfo.
	Pin string
}

// An Authority issues certificates, as those do that an installation's programs trust.
type Authority struct {
	Cert        []byte // PEM
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewAuthority makes one that is its own root.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	c := template(t, "Authority of a test")
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
	der, key := issue(t, c, c, nil)
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	return &Authority{Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), certificate: parsed, key: key}
}

// DER is the authority's certificate.
func (a *Authority) DER() []byte { return a.certificate.Raw }

// Issue makes a certificate for names and addresses.
func (a *Authority) Issue(t testing.TB, names ...string) *Certificate {
	t.Helper()
	c := template(t, names[0])
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	serve(c, names)
	der, key := issue(t, c, a.certificate, a.key)
	return shown(t, der, key, a.certificate)
}

// NewCertificate makes a certificate for names and addresses that is its own authority.
func NewCertificate(t testing.TB, names ...string) *Certificate {
	t.Helper()
	c := template(t, "server.musterstadt.example")
	c.IsCA, c.KeyUsage = true, x509.KeyUsageDigitalSignature|x509.KeyUsageCertSign
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	serve(c, names)
	der, key := issue(t, c, c, nil)
	return shown(t, der, key, nil)
}

func template(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 63))
	must(t, err)
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour),
	}
}

func serve(c *x509.Certificate, names []string) {
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			c.IPAddresses = append(c.IPAddresses, ip)
		} else {
			c.DNSNames = append(c.DNSNames, n)
		}
	}
}

// issue makes a key and its certificate, which by signs or, without one, itself.
func issue(t testing.TB, c, parent *x509.Certificate, by *ecdsa.PrivateKey) (der []byte, key *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	if by == nil {
		by = key
	}
	der, err = x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	must(t, err)
	return der, key
}

// shown is a certificate as files and programs want it. Its root is who issued it or,
// without one, itself.
func shown(t testing.TB, der []byte, key *ecdsa.PrivateKey, root *x509.Certificate) *Certificate {
	t.Helper()
	parsed, err := x509.ParseCertificate(der)
	must(t, err)
	if root == nil {
		root = parsed
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	sum := sha256.Sum256(parsed.RawSubjectPublicKeyInfo)
	c := &Certificate{
		Cert:  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		Roots: x509.NewCertPool(), Pin: base64.StdEncoding.EncodeToString(sum[:]),
	}
	c.Roots.AddCert(root)
	return c
}
