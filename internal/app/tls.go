package app

import (
	"crypto/tls"
	"time"

	"fachwerk/internal/app/config"
	"fachwerk/internal/listen"
)

// Names by which clients may say in the TLS handshake what they are about to speak
// (ALPN). A client that names other protocols alone, such as a browser lured to a
// mail port, is refused; one that names none is served. HTTP sets its own.
var (
	alpnIMAP = []string{"imap"} // IANA's registry
	alpnSMTP = []string{"smtp"} // not registered: mail programs name none
)

// certificates reads what the configuration names, nil where it names none.
func (in *Installation) certificates() (*listen.Certificates, error) {
	files := certificateFiles(&in.cfg.TLS)
	if len(files) == 0 {
		return nil, nil
	}
	return listen.LoadCertificates(files, listen.CertificateOptions{Log: in.log, Expiry: in.metrics.certificate})
}

func certificateFiles(c *config.TLS) (files []listen.Files) {
	if c.Cert != "" {
		files = append(files, listen.Files{Cert: c.Cert, Key: c.Key})
	}
	for _, one := range c.Certificates {
		files = append(files, listen.Files{Cert: one.Cert, Key: one.Key})
	}
	return files
}

// certificate notes when the pair in a file ends. The name in it may have changed
// since it was read last.
func (m *metrics) certificate(file, name string, notAfter time.Time) {
	m.certificates.DeletePartialMatch(map[string]string{"file": file})
	m.certificates.WithLabelValues(file, name).Set(float64(notAfter.Unix()))
}

// tlsConfig follows BSI TR-02102-2: TLS 1.2 with ECDHE and AES-GCM only, or TLS
// 1.3; hybrid post-quantum key agreement where the client has it. X25519 stays
// for clients that offer nothing else.
func tlsConfig(c *listen.Certificates) *tls.Config {
	return &tls.Config{
		GetCertificate:   c.Get,
		MinVersion:       tls.VersionTLS12,
		CipherSuites:     cipherSuites(),
		CurvePreferences: curves(),
	}
}

// speaking is a configuration for listeners of one protocol; nil stays nil.
func speaking(c *tls.Config, protocols []string) *tls.Config {
	if c == nil {
		return nil
	}
	c = c.Clone()
	c.NextProtos = protocols
	return c
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
