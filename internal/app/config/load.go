package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Load reads the file at path, then the environment over it, makes relative
// paths absolute (they start from the file's folder) and checks the whole.
func Load(path string, environ []string) (*Config, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	file, err := os.Open(abs)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	c, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("configuration %s:\n%w", path, err)
	}
	c.Dir = filepath.Dir(abs)
	if err := ApplyEnv(c, environ); err != nil {
		return nil, fmt.Errorf("configuration from the environment:\n%w", err)
	}
	c.resolve()
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("configuration %s:\n%w", path, err)
	}
	return c, nil
}

// resolve makes paths absolute.
func (c *Config) resolve() {
	for _, p := range []*string{
		&c.TLS.Cert, &c.TLS.Key, &c.TLS.CA, &c.Keys.Dir, &c.Spool.Dir, &c.SMTP.Smarthost.CA,
		&c.Metadata.Password.File, &c.Blobs.Secret.File, &c.Keys.Secret.File, &c.Keys.OperatorKeyFile,
		&c.OIDC.ClientSecret.File, &c.SMTP.Smarthost.Password.File,
	} {
		*p = c.path(*p)
	}
	for i := range c.TLS.Certificates {
		one := &c.TLS.Certificates[i]
		one.Cert, one.Key = c.path(one.Cert), c.path(one.Key)
	}
	urls := []*string{&c.Metadata.DSN, &c.Blobs.URL, &c.Keys.URL}
	for i := range c.Sites {
		s := &c.Sites[i]
		s.Metadata.Password.File, s.Blobs.Secret.File = c.path(s.Metadata.Password.File), c.path(s.Blobs.Secret.File)
		urls = append(urls, &s.Metadata.DSN, &s.Blobs.URL)
	}
	for _, url := range urls {
		for _, scheme := range []string{SchemeSQLite, SchemeDir} {
			if path, ok := strings.CutPrefix(*url, scheme); ok {
				*url = scheme + c.path(path)
			}
		}
	}
}

func (c *Config) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Dir, p)
}

// IsProblem reports whether err is about the configuration's content, which a
// second try cannot mend.
func IsProblem(err error) bool {
	var ps Problems
	return errors.As(err, &ps)
}
