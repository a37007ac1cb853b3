package system

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fachwerk/test/system/harness"
)

// A webdavShare is one person's drive, as a client is told of it.
type webdavShare struct {
	t              *testing.T
	base           string // "http://host:port/files/"
	url            *url.URL
	user, password string
	client         *http.Client
}

// shareOf is a person's drive by the address that the demo tells scripts.
func shareOf(t *testing.T, d *harness.Demo, a harness.Account) *webdavShare {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(d.Data, "ready.json"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		WebDAV string `json:"webdav"`
	}
	if err := json.Unmarshal(text, &state); err != nil || state.WebDAV == "" {
		t.Fatalf("the demo's JSON has no webdav: %v", err)
	}
	s := &webdavShare{t: t, base: strings.TrimSuffix(state.WebDAV, "/") + "/", user: a.Address, password: a.AppPassword}
	if s.url, err = url.Parse(s.base + a.Address + "/"); err != nil {
		t.Fatal(err)
	}
	s.client = &http.Client{Transport: &http.Transport{TLSClientConfig: d.TLS(t), MaxIdleConnsPerHost: 32}}
	t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// do sends a request; header fields come as names and values in turn. The body of
// the answer is read whole.
func (s *webdavShare) do(method, path, body string, fields ...string) (*http.Response, string) {
	s.t.Helper()
	res, text, err := s.try(method, path, body, fields...)
	if err != nil {
		s.t.Fatalf("%s %s: %v", method, path, err)
	}
	return res, text
}

// try is do for goroutines of a test.
func (s *webdavShare) try(method, path, body string, fields ...string) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url.String()+path, strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	req.SetBasicAuth(s.user, s.password)
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res, string(text), err
}

// want is do with the status that must come.
func (s *webdavShare) want(status int, method, path, body string, fields ...string) (*http.Response, string) {
	s.t.Helper()
	res, text := s.do(method, path, body, fields...)
	if res.StatusCode != status {
		s.t.Fatalf("%s %s: %s, want %d\n%.2000s", method, path, res.Status, status, text)
	}
	return res, text
}

// A program is one of a test's clients with a home folder of its own.
type program struct {
	t    *testing.T
	home string
	env  []string
}

// newProgram gives it a home and nothing of the person who runs the test.
func newProgram(t *testing.T, env ...string) *program {
	t.Helper()
	home := t.TempDir()
	return &program{t: t, home: home, env: append([]string{"HOME=" + home, "PATH=" + os.Getenv("PATH"),
		"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "XDG_RUNTIME_DIR=" + home, "TERM=dumb"}, env...)}
}

// run runs it within five minutes and answers all that it wrote.
func (p *program) run(stdin, name string, args ...string) (string, error) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.home, p.env, strings.NewReader(stdin), &out, &out
	cmd.WaitDelay = 5 * time.Second
	err := cmd.Run()
	return out.String(), err
}

// must is run that has to succeed.
func (p *program) must(stdin, name string, args ...string) string {
	p.t.Helper()
	out, err := p.run(stdin, name, args...)
	if err != nil {
		p.t.Fatalf("%s %v: %v\n%s", filepath.Base(name), args, err, out)
	}
	return out
}

// file writes a file in its home and answers its path.
func (p *program) file(name, text string) string {
	p.t.Helper()
	path := filepath.Join(p.home, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
