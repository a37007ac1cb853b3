package issuers

import (
	"encoding/json"
	"net/url"
	"testing"

	"fachwerk/internal/testenv/pen"
	"fachwerk/test/system/harness"
)

const clientSecret = "a secret of the portal"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A house is a running server with the demo's tenant and others.
type house struct {
	*harness.Demo
	first string // the demo's tenant
	site  string
}

func start(t *testing.T, e harness.Engines) *house {
	t.Helper()
	h := &house{Demo: harness.Start(t, harness.Options{Engines: e, Env: []string{"FACHWERK_OIDC_OPERATOR_GROUP=operators", "FACHWERK_OIDC_ADMIN_GROUP=admins of {tenant}"}})}
	var tenants []struct{ Name, Site string }
	must(t, json.Unmarshal([]byte(h.Command(t, "tenant", "list", "--json")), &tenants))
	h.first, h.site = tenants[0].Name, tenants[0].Site
	return h
}

// A bound issuer is what the command line says of it.
type boundIssuer struct {
	Redirect    string `json:"redirect_uri"`
	BackChannel string `json:"back_channel_logout_uri"`
}

// town makes a tenant with an issuer of its own.
func (h *house) town(t *testing.T, name, domain, issuer, adminGroup string) (b boundIssuer) {
	t.Helper()
	h.Command(t, "tenant", "create", name, "--site", h.site)
	h.Command(t, "domain", "add", domain, "--tenant", name)
	out, errs, err := h.Try(t, clientSecret+"\n", "issuer", "bind", issuer, "--tenant", name, "--client-id", "portal",
		"--client-secret-file", "-", "--audience", pen.Audience, "--admin-group", adminGroup, "--json")
	if err != nil {
		t.Fatalf("issuer bind: %v\n%s%s", err, out, errs)
	}
	must(t, json.Unmarshal([]byte(out), &b))
	return b
}

// groups are those that the server knows a person to be in.
func (h *house) groups(t *testing.T, address string) (list []string) {
	t.Helper()
	must(t, json.Unmarshal([]byte(h.Command(t, "group", "list", address, "--json")), &list))
	return list
}

// login is where somebody of a tenant begins to sign in.
func (h *house) login(tenant string) string {
	return h.Portal + "/login?" + url.Values{"tenant": {tenant}, "return": {"/devices"}}.Encode()
}
