package s3

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"fachwerk/internal/store/blob"
)

// Config says where the bucket is. Region has no default: it is part of where
// data lie.
type Config struct {
	Endpoint string // host:port
	TLS      bool
	Region   string
	Bucket   string
	Prefix   string // of all keys, "" or ending in a slash
	Access   string
	Secret   string
	// Roots are the authorities believed for the service's certificate; nil: the system's.
	Roots *x509.CertPool
	// Watcher sees the answers; nil: nobody does.
	Watcher Watcher

	Stall     time.Duration // a connection without progress is given up; 0: 60 s
	Multipart int64         // bodies longer than this are uploaded in parts; 0: 64 MiB
	PartSize  int64         // bytes of a part, at least 5 MiB; 0: 16 MiB, more where needed
	Backoff   blob.Backoff  // of single parts; whole operations are repeated by blob.NewRetry
}

// Watcher puts something around what sends requests.
type Watcher interface {
	Around(t http.RoundTripper) http.RoundTripper
}

const (
	defaultStall     = 60 * time.Second
	defaultMultipart = 64 << 20
	defaultPart      = 16 << 20
	maxParts         = 10_000
)

// Parse reads a URL of the form
//
//	s3://ACCESS:SECRET@HOST:PORT/BUCKET[/PREFIX]?region=REGION[&tls=off]
//
// in which ACCESS and SECRET are percent-encoded where they need it. Errors do
// not quote the URL, which holds a secret.
func Parse(raw string) (Config, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "s3" {
		return Config{}, errors.New("s3: the blob URL has not the form s3://ACCESS:SECRET@HOST:PORT/BUCKET?region=REGION")
	}
	secret, hasSecret := u.User.Password()
	bucket, prefix, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if prefix != "" {
		prefix += "/"
	}
	c := Config{
		Endpoint: u.Host, TLS: true, Bucket: bucket, Prefix: prefix,
		Access: u.User.Username(), Secret: secret,
	}
	for name, values := range u.Query() {
		switch {
		case name == "region" && len(values) == 1:
			c.Region = values[0]
		case name == "tls" && len(values) == 1 && (values[0] == "on" || values[0] == "off"):
			c.TLS = values[0] == "on"
		default:
			return Config{}, fmt.Errorf("s3: the blob URL has an unknown or malformed parameter %q; known are region and tls=on|off", name)
		}
	}
	if !hasSecret {
		return Config{}, errors.New("s3: the blob URL has no ACCESS:SECRET@")
	}
	return c, c.check()
}

func (c *Config) check() error {
	switch {
	case c.Endpoint == "":
		return errors.New("s3: no host is given")
	case c.Bucket == "":
		return errors.New("s3: no bucket is given")
	case c.Region == "":
		return errors.New("s3: no region is given; there is no default, as it is part of where data lie")
	case c.Access == "" || c.Secret == "":
		return errors.New("s3: no credentials are given")
	}
	return nil
}

// defaults fills in what was left open.
func (c *Config) defaults() {
	if c.Stall <= 0 {
		c.Stall = defaultStall
	}
	if c.Multipart <= 0 {
		c.Multipart = defaultMultipart
	}
	if c.PartSize <= 0 {
		c.PartSize = defaultPart
	}
}
