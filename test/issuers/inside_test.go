package issuers

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/internal/testenv/browser"
	"fachwerk/internal/testenv/pen"
	"fachwerk/test/system/harness"
)

// A prober is a provider that names a service inside for its endpoints, which stands
// for a database's console or a cloud's metadata.
type prober struct {
	URL   string
	asked atomic.Int64 // how often it was asked itself
	found atomic.Int64 // how often the service inside was
}

func newProber(t *testing.T, address, inside string) *prober {
	t.Helper()
	p := &prober{}
	listen := func(at string, h http.HandlerFunc) string {
		s := httptest.NewUnstartedServer(h)
		var err error
		must(t, s.Listener.Close())
		s.Listener, err = net.Listen("tcp", at+":0")
		must(t, err)
		s.Start()
		t.Cleanup(s.Close)
		return s.URL
	}
	service := listen(inside, func(w http.ResponseWriter, _ *http.Request) {
		p.found.Add(1)
		_, _ = w.Write([]byte(`{"keys":[]}`))
	})
	p.URL = listen(address, func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]string{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": service + "/token", "jwks_uri": service + "/keys",
		})
	})
	return p
}

// Where a tenant's own provider sends the server is judged by the address that it
// connects to: its endpoints lead to no network but the Internet and those that the
// operator names.
func TestAProviderLeadsNowhereInside(t *testing.T) {
	const own, inside = "127.0.0.1", "127.0.0.9"
	for _, c := range []struct {
		name, networks string
		asked, found   bool
	}{
		{"no network named", "192.0.2.0/24", false, false},
		{"the provider's alone", own + "/32", true, false},
		{"both", "127.0.0.0/8", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &house{Demo: harness.Start(t, harness.Options{Env: []string{"FACHWERK_OIDC_INTERNAL_NETWORKS=" + c.networks}})}
			var tenants []struct{ Name, Site string }
			must(t, json.Unmarshal([]byte(h.Command(t, "tenant", "list", "--json")), &tenants))
			h.first, h.site = tenants[0].Name, tenants[0].Site
			p := newProber(t, own, inside)
			h.town(t, "Evilstadt", "evilstadt.example", p.URL, "chiefs")
			h.Command(t, "account", "add", eve, "--issuer", p.URL, "--subject", "eve")
			signer := pen.New(t) // signs in the prober's name; its own is bound nowhere
			token := signer.Access("eve", map[string]any{"iss": p.URL})
			// The log tells when it was tried, and by the sentence what came of it.
			wanted := "the provider's keys cannot be fetched"
			switch {
			case c.found:
				wanted = "no key of the issuer made this signature"
			case !c.asked:
				wanted = "discovery"
			}
			harness.Eventually(t, time.Minute, wanted, func() bool {
				if doors[0].open(t, h, eve, token) {
					t.Fatal("the token opens an account")
				}
				return strings.Contains(h.Log(), wanted)
			})
			if !c.found && !strings.Contains(h.Log(), "oidc.internal_networks") {
				t.Errorf("the log does not say which key allows it:\n%s", h.Log())
			}
			if got := p.asked.Load() > 0; got != c.asked {
				t.Errorf("the provider was asked: %v", got)
			}
			if got := p.found.Load() > 0; got != c.found {
				t.Errorf("the service inside was asked: %v", got)
			}
			// The sign-in at the portal asks no more than tokens do.
			res := browser.New(t).Get(h.login("Evilstadt"))
			if strings.HasPrefix(res.URL.String(), p.URL) != c.asked {
				t.Errorf("a sign-in begins at %s", res.URL)
			}
		})
	}
}
