package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"fachwerk/internal/app/config"
)

// The authorities of tls.ca are believed by all that the server asks, beside the
// system's; those of smtp.smarthost.ca by the smarthost alone, instead of them.
func TestAuthoritiesOfTheOperator(t *testing.T) {
	dir, files, _ := testCertificate(t, []string{"127.0.0.1"})
	pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	srv.StartTLS()
	defer srv.Close()
	ca := filepath.Join(dir, "demo-ca.pem")
	for _, file := range []string{"", ca} {
		pool, err := roots(file)
		if err != nil {
			t.Fatal(err)
		}
		m := newMetrics()
		in := &Installation{roots: pool, metrics: m, clock: newClockWatch(m, NewLog(os.Stderr, config.Log{}))}
		res, err := in.httpClient().Get(srv.URL)
		var unknown x509.UnknownAuthorityError
		if file == "" && !errors.As(err, &unknown) {
			t.Errorf("without tls.ca: %v", err)
		}
		if file != "" && err != nil {
			t.Errorf("with tls.ca: %v", err)
		}
		if err == nil {
			res.Body.Close()
		}
		host, err := smarthost(config.Smarthost{Address: "relay.example:25"}, pool)
		if err != nil || host.TLSConfig.RootCAs != pool {
			t.Errorf("the smarthost believes others: %v", err)
		}
		host, err = smarthost(config.Smarthost{Address: "relay.example:25", CA: ca}, pool)
		if err != nil || host.TLSConfig.RootCAs == pool || host.TLSConfig.RootCAs == nil {
			t.Errorf("the smarthost does not believe its own: %v", err)
		}
	}
	for _, file := range []string{filepath.Join(dir, "none.pem"), filepath.Join(dir, "demo-key.pem")} {
		if _, err := roots(file); err == nil {
			t.Errorf("%s is accepted", file)
		}
	}
}
