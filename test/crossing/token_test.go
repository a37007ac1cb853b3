package crossing

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"fachwerk/internal/testenv/browser"
	"fachwerk/internal/testenv/towns"
)

// accessToken is one of the embedded provider for the services.
func (h *house) accessToken(t *testing.T, who string) string {
	t.Helper()
	return h.token(t, who, "fachwerk-mail", "openid mail.read mail.send calendar contacts files")
}

// token is one of the embedded provider for a program.
func (h *house) token(t *testing.T, who, program, scope string) string {
	t.Helper()
	end := httptest.NewServer(http.NotFoundHandler())
	defer end.Close()
	m := browser.MailProgram{
		Authorize: h.URL("issuer") + "/authorize", Token: h.URL("issuer") + "/oauth/token", Client: program, Redirect: end.URL + "/",
		Scope: scope, Transport: client.Transport,
	}
	access, _ := m.Tokens(t, "password", map[string]string{"address": who, "password": towns.Word})
	return access
}

// walkControl asks the control API as an admin of one's own tenant, who has no role of
// the installation's.
func (h *house) walkControl(t *testing.T) {
	admin := h.URL("admin")
	token := h.token(t, anna, "fachwerk-admin", "openid admin")
	ask := func(method, path string) string { return h.ask(t, token, method, admin+path, "{}") }
	if got := ask("GET", "/v1/tenants/"+ourTown); strings.HasPrefix(got, "2") {
		t.Errorf("an admin of a tenant may use the control API: %s", got)
	}
	tenants := pair{theirTown, "Keinestadts."}
	for _, method := range []string{"GET", "PATCH", "DELETE", "POST", "PUT"} {
		for _, path := range []string{"", "/logo", "/where", "/domains", "/domains/" + theirDomain, "/issuers", "/issuers/x", "/accounts"} {
			h.same(t, "control API "+method+" "+path, tenants, func(_ *testing.T, n string) string { return ask(method, "/v1/tenants/"+n+path) })
		}
		for _, p := range addresses() {
			for _, path := range []string{"", "/where", "/aliases", "/aliases/" + alias, "/subjects", "/invitations", "/groups", "/grants"} {
				h.same(t, "control API "+method+" account"+path, p, func(_ *testing.T, n string) string {
					return ask(method, "/v1/tenants/"+ourTown+"/accounts/"+n+path)
				})
			}
		}
	}
}

// walkTokensOfOurs uses an access token of one's own at everything of theirs.
func (h *house) walkTokensOfOurs(t *testing.T) {
	token := h.accessToken(t, anna)
	base := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	xoauth2 := func(name string) string { return base("user=" + name + "\x01auth=Bearer " + token + "\x01\x01") }
	bearer := func(name string) string { return base("n,a=" + name + ",\x01auth=Bearer " + token + "\x01\x01") }
	imap := func(command, name string) string { return h.login(t, command+name) }
	for what, got := range map[string]string{
		"IMAP XOAUTH2": imap("AUTHENTICATE XOAUTH2 ", xoauth2(anna)), "IMAP OAUTHBEARER": imap("AUTHENTICATE OAUTHBEARER ", bearer(anna)),
		"SMTP XOAUTH2": h.smtp(t, "submission", "AUTH XOAUTH2 "+xoauth2(anna)), "DAV": h.bearer(t, token, "PROPFIND", "/files/"+anna+"/"),
	} {
		if !strings.HasPrefix(got, "a OK") && !strings.HasPrefix(got, "2") {
			t.Fatalf("%s with anna's own token: %s", what, got)
		}
	}
	for i, p := range addresses() {
		for what, ask := range map[string]func(name string) string{
			"IMAP XOAUTH2":     func(n string) string { return imap("AUTHENTICATE XOAUTH2 ", xoauth2(n)) },
			"IMAP OAUTHBEARER": func(n string) string { return imap("AUTHENTICATE OAUTHBEARER ", bearer(n)) },
			"SMTP XOAUTH2":     func(n string) string { return h.smtp(t, "submission", "AUTH XOAUTH2 "+xoauth2(n)) },
			"SMTP OAUTHBEARER": func(n string) string { return h.smtp(t, "submission", "AUTH OAUTHBEARER "+bearer(n)) },
			"SMTP MAIL FROM": func(n string) string {
				return h.smtp(t, "submission", "AUTH XOAUTH2 "+xoauth2(anna), "MAIL FROM:<"+n+">")
			},
		} {
			if i < len(theirs) { // of the same domain: which domains are served is no secret
				h.same(t, "token: "+what, p, func(_ *testing.T, name string) string { return ask(name) })
			}
		}
		for _, path := range davPaths {
			for _, method := range []string{"PROPFIND", "GET", "PUT", "DELETE", "REPORT"} {
				if i > 0 && method != "PROPFIND" {
					continue
				}
				h.same(t, "token: "+method+" "+path, p, func(t *testing.T, name string) string {
					return h.bearer(t, token, method, strings.ReplaceAll(path, "{n}", name))
				})
			}
		}
	}
	// Nor is it good for anything of the provider's but what it says of her.
	got := h.ask(t, token, "GET", h.URL("issuer")+"/userinfo", "")
	if strings.Contains(got, theirDomain) || strings.Contains(got, secret) {
		t.Errorf("the provider tells anna of theirs: %s", got)
	}
}

func (h *house) bearer(t *testing.T, token, method, path string) string {
	t.Helper()
	return h.ask(t, token, method, h.URL("http")+path, "")
}

// ask asks with an access token.
func (h *house) ask(t *testing.T, token, method, at, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(body))
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Depth", "0")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := client.Do(req)
	must(t, err)
	return written(t, res)
}
