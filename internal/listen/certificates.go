package listen

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Files name a certificate chain and its key, both PEM.
type Files struct{ Cert, Key string }

// CertificateOptions of a set.
type CertificateOptions struct {
	// Log hears of pairs read again and of those that could not be.
	Log *slog.Logger
	// Expiry, if not nil, is told when a pair is read: its file, the first name in
	// it ("" if it has none) and the end of its validity. It may be called by
	// several goroutines.
	Expiry func(file, name string, notAfter time.Time)
	// Every is the time between two looks at the files; 0: 2 s.
	Every time.Duration
}

// Certificates are what a server shows, chosen by the name that the client asks
// for. The files are read again when they change.
type Certificates struct{ pairs []*pair }

// LoadCertificates reads all pairs once, so that a wrong one stops the start. The
// first is shown to clients that ask for no name, or for one that no pair has.
func LoadCertificates(files []Files, o CertificateOptions) (*Certificates, error) {
	if len(files) == 0 {
		return nil, errors.New("no certificate is named")
	}
	if o.Every <= 0 {
		o.Every = 2 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c := &Certificates{}
	for _, f := range files {
		p := &pair{files: f, o: o}
		if err := p.load(); err != nil {
			return nil, err
		}
		c.pairs = append(c.pairs, p)
	}
	return c, nil
}

// Get is tls.Config.GetCertificate. A pair with the very name wins over one with a
// wildcard for it (RFC 6125 section 6.4.3). Of several with the name, such as an
// ECDSA and an RSA one, the first that the client can verify is taken.
func (c *Certificates) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	var fits [3]*tls.Certificate // by the very name, by wildcard, by neither
	var able [3]bool             // the one above is one that the client can verify
	for i, p := range c.pairs {
		one, names := p.get()
		rank := 2
		switch {
		case names[name]:
			rank = 0
		case names[wildcard(name)]:
			rank = 1
		case i > 0: // the first pair alone is the default
			continue
		}
		if fits[rank] == nil || !able[rank] {
			ok := hello.SupportsCertificate(one) == nil
			if fits[rank] == nil || ok {
				fits[rank], able[rank] = one, ok
			}
		}
	}
	for _, one := range fits {
		if one != nil {
			return one, nil
		}
	}
	first, _ := c.pairs[0].get()
	return first, nil
}

// wildcard is the name with its first label replaced, as certificates have it;
// something that none has where there is no second label.
func wildcard(name string) string {
	_, rest, ok := strings.Cut(name, ".")
	if !ok || rest == "" {
		return "-"
	}
	return "*." + rest
}

// names are those of a certificate in lower case.
func names(c *tls.Certificate) map[string]bool {
	out := map[string]bool{}
	if c.Leaf != nil {
		for _, n := range c.Leaf.DNSNames {
			out[strings.ToLower(n)] = true
		}
	}
	return out
}

func describe(f Files, err error) error {
	return fmt.Errorf("certificate %s, key %s: %w", f.Cert, f.Key, err)
}
