package listen

import (
	"crypto/tls"
	"os"
	"sync"
	"time"
)

// A pair is a certificate and its key, read again when the files change.
type pair struct {
	files Files
	o     CertificateOptions

	mu     sync.Mutex
	looked time.Time
	seen   [2]fileState
	use    *tls.Certificate
	names  map[string]bool
}

// fileState tells one content of a file from the next. A symbolic link that
// points elsewhere, as Kubernetes renews secrets, changes it too.
type fileState struct {
	modified time.Time
	size     int64
}

func (p *pair) state() (s [2]fileState, err error) {
	for i, name := range []string{p.files.Cert, p.files.Key} {
		info, err := os.Stat(name)
		if err != nil {
			return s, err
		}
		s[i] = fileState{info.ModTime(), info.Size()}
	}
	return s, nil
}

// load reads the files; the caller holds mu or is alone.
func (p *pair) load() error {
	state, err := p.state()
	if err != nil {
		return describe(p.files, err)
	}
	use, err := tls.LoadX509KeyPair(p.files.Cert, p.files.Key)
	if err != nil {
		return describe(p.files, err)
	}
	p.use, p.names, p.seen, p.looked = &use, names(&use), state, time.Now()
	if use.Leaf != nil && p.o.Expiry != nil {
		name := ""
		if len(use.Leaf.DNSNames) > 0 {
			name = use.Leaf.DNSNames[0]
		}
		p.o.Expiry(p.files.Cert, name, use.Leaf.NotAfter)
	}
	return nil
}

// get looks at the files at most once in a time. A pair that cannot be read, as in
// the middle of being replaced, leaves the old one in use.
func (p *pair) get() (*tls.Certificate, map[string]bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.looked) < p.o.Every {
		return p.use, p.names
	}
	p.looked = time.Now()
	state, err := p.state()
	if err == nil && state == p.seen {
		return p.use, p.names
	}
	if err == nil {
		err = p.load()
	}
	if err != nil {
		p.o.Log.Error("the renewed certificate cannot be used, the old one stays", "error", err)
	} else {
		p.o.Log.Info("certificate read again", "file", p.files.Cert)
	}
	return p.use, p.names
}
