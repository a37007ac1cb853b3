package issuers

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"fachwerk/internal/testenv/pen"
	"fachwerk/test/system/harness"
)

// Who manages the installation gets in with a token of the client for that, and not with
// the token of their mail program, which whoever holds their telephone has.
func TestOperatorOfTheEmbeddedProvider(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	admin := l.Addr().String()
	must(t, l.Close())
	h := &house{Demo: harness.Start(t, harness.Options{Env: []string{"FACHWERK_OIDC_OPERATOR_GROUP=operators", "FACHWERK_LISTEN_ADMIN=" + admin}})}
	anna, jan := h.Anna(), h.Jan()
	h.Command(t, "group", "add", "operators", anna.Address)
	status := func(a harness.Account, client, scopes string) int {
		t.Helper()
		token := h.nativeToken(t, a, client, scopes)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+admin+"/v1/tenants", nil)
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		must(t, resp.Body.Close())
		return resp.StatusCode
	}
	harness.Eventually(t, time.Minute, "her group is known", func() bool { return status(anna, "fachwerk-admin", "admin") == http.StatusOK })
	for what, got := range map[string]int{
		"her mail program":                     status(anna, "fachwerk-mail", pen.Scopes),
		"her mail program, that asks for more": status(anna, "fachwerk-mail", "admin"),
		"without the scope":                    status(anna, "fachwerk-admin", ""),
		"somebody else":                        status(jan, "fachwerk-admin", "admin"),
	} {
		if got != http.StatusForbidden {
			t.Errorf("%s: %d", what, got)
		}
	}
}

// nativeToken is a person's access token of a native client of the embedded provider.
func (h *house) nativeToken(t *testing.T, a harness.Account, client, scopes string) string {
	t.Helper()
	program := httptest.NewServer(http.NotFoundHandler())
	defer program.Close()
	m := mailProgram(h.Issuer+"/authorize", h.Issuer+"/oauth/token", client, program.URL+"/")
	m.Scope = "openid " + scopes
	access, _ := m.Tokens(t, "password", map[string]string{"address": a.Address, "password": a.Password})
	return access
}
