package app

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A certificate is a pair of files that is read again when it changes.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	expiry            prometheus.Gauge
	every             time.Duration // between looks at the files

	mu     sync.Mutex
	looked time.Time
	seen   [2]fileState
	use    *tls.Certificate
}

// fileState tells one content of a file from the next. A symbolic link that
// points elsewhere, as Kubernetes renews secrets, changes it too.
type fileState struct {
	modified time.Time
	size     int64
}

// loadCertificate reads the pair once, so that a wrong one stops the start.
func loadCertificate(certFile, keyFile string, expiry prometheus.Gauge, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, expiry: expiry, every: 2 * time.Second}
	if err := c.load(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *certificate) state() (s [2]fileState, err error) {
	for i, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return s, err
		}
		s[i] = fileState{info.ModTime(), info.Size()}
	}
	return s, nil
}

// load reads the files; the caller holds mu or is alone.
func (c *certificate) load() error {
	state, err := c.state()
	if err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("certificate %s, %s: %w", c.certFile, c.keyFile, err)
	}
	c.use, c.seen, c.looked = &pair, state, time.Now()
	if pair.Leaf != nil {
		c.expiry.Set(float64(pair.Leaf.NotAfter.Unix()))
	}
	return nil
}

// get is tls.Config.GetCertificate. It looks at the files at most every two
// seconds. A pair that cannot be read, as in the middle of being replaced,
// leaves the old one in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < c.every {
		return c.use, nil
	}
	c.looked = time.Now()
	state, err := c.state()
	if err == nil && state == c.seen {
		return c.use, nil
	}
	if err == nil {
		err = c.load()
	}
	if err != nil {
		c.log.Error("the renewed certificate cannot be used, the old one stays", "error", err)
	} else {
		c.log.Info("certificate read again", "file", c.certFile)
	}
	return c.use, nil
}

// tlsConfig follows BSI TR-02102-2: TLS 1.2 with ECDHE and AES-GCM only, or TLS
// 1.3; hybrid post-quantum key agreement where the client has it. X25519 stays
// for clients that offer nothing else.
func tlsConfig(c *certificate) *tls.Config {
	return &tls.Config{
		GetCertificate:   c.get,
		MinVersion:       tls.VersionTLS12,
		CipherSuites:     cipherSuites(),
		CurvePreferences: curves(),
	}
}

func cipherSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	}
}

func curves() []tls.CurveID {
	return []tls.CurveID{tls.X25519MLKEM768, tls.CurveP256, tls.CurveP384, tls.CurveP521, tls.X25519}
}
