package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"time"
)

// roots are the authorities that are believed when the server itself connects:
// the system's and those in the PEM file, if one is named (tls.ca). Nil stands
// for the system's alone.
func roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // an image without a bundle
	}
	if err := addAuthorities(pool, file); err != nil {
		return nil, fmt.Errorf("tls.ca: %w", err)
	}
	return pool, nil
}

func addAuthorities(pool *x509.CertPool, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if !pool.AppendCertsFromPEM(text) {
		return fmt.Errorf("%s holds no PEM certificate", file)
	}
	return nil
}

// outgoingTLS is how the server itself connects; roots may be nil.
func outgoingTLS(roots *x509.CertPool) *tls.Config {
	return &tls.Config{
		RootCAs: roots, MinVersion: tls.VersionTLS12, CipherSuites: cipherSuites(), CurvePreferences: curves(),
	}
}

// httpClient is the one by which the login provider is asked and told.
func (in *Installation) httpClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = outgoingTLS(in.roots)
	return &http.Client{Timeout: 10 * time.Second, Transport: watchedClock{transport, in.clock, "provider"}}
}
