package browser

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"fachwerk/internal/testenv/need"
)

// A Provider is npm oidc-provider as test/oidc runs it: whatever login name is typed,
// with any password, is the subject. One form asks for both, fields "login" and
// "password". It is left at /session/end, by a form with the field "xsrf".
type Provider struct {
	Address  string              `json:"host"`     // where it listens
	Port     int                 `json:"port"`     // likewise
	Resource string              `json:"resource"` // the audience of its access tokens
	Groups   map[string][]string `json:"groups,omitempty"`
	// GroupsScope, if set, is the scope for which it tells groups.
	GroupsScope string           `json:"groupsScope,omitempty"`
	Clients     []map[string]any `json:"clients"` // as RFC 7591 describes them
	Hold        bool             `json:"hold"`    // it ends with its standard input; Start sets it
}

// NewProvider chooses a port, so that the issuer's name is known to whoever has to be
// told before it starts.
func NewProvider(t testing.TB, address, resource string) *Provider {
	t.Helper()
	providerFolder(t) // or the test goes no further
	l, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	must(t, err)
	defer l.Close()
	return &Provider{Address: address, Port: l.Addr().(*net.TCPAddr).Port, Resource: resource}
}

// Issuer is its name.
func (p *Provider) Issuer() string {
	return "http://" + net.JoinHostPort(p.Address, strconv.Itoa(p.Port))
}

// Start runs it until the test ends.
func (p *Provider) Start(t testing.TB) {
	t.Helper()
	folder := providerFolder(t)
	p.Hold = true
	options, err := json.Marshal(p)
	must(t, err)
	cmd := exec.Command(need.Program(t, "node"), "provider.mjs", string(options))
	cmd.Dir, cmd.Stderr = folder, t.Output()
	stdin, err := cmd.StdinPipe() // its end ends the program
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	})
	late := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	var ready struct{ Issuer string }
	if err := json.NewDecoder(stdout).Decode(&ready); err != nil || ready.Issuer != p.Issuer() {
		t.Fatalf("the provider should be %s and says %q: %v", p.Issuer(), ready.Issuer, err)
	}
}

// providerFolder is test/oidc, above the package that is tested.
func providerFolder(t testing.TB) string {
	t.Helper()
	at, err := os.Getwd()
	must(t, err)
	for ; at != filepath.Dir(at); at = filepath.Dir(at) {
		folder := filepath.Join(at, "test", "oidc")
		if _, err := os.Stat(filepath.Join(folder, "node_modules", "oidc-provider")); err == nil {
			return folder
		}
	}
	need.Missing(t, "the independent OpenID provider is not there: run npm ci in test/oidc")
	return ""
}
