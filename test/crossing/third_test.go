package crossing

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"testing"

	"fachwerk/internal/app"
	"fachwerk/internal/testenv/towns"
)

// A third town has a provider of its own.
const (
	thirdTown, thirdDomain = "Drittstadt", "drittstadt.example"
	carl                   = "carl@" + thirdDomain
)

// walkThird asks about a town with a provider of its own: where its people sign in is
// no secret, who they are is.
func (h *house) walkThird(t *testing.T) {
	var issuer *httptest.Server
	issuer = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path.Base(r.URL.Path) != "openid-configuration" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]string{
			"issuer": issuer.URL, "authorization_endpoint": issuer.URL + "/authorize", "token_endpoint": issuer.URL + "/token", "jwks_uri": issuer.URL + "/keys",
		})
	}))
	t.Cleanup(issuer.Close)
	var bound app.Issuer
	h.With(t, func(ctx context.Context, in *app.Installation) {
		_, err := in.CreateTenant(ctx, app.NewTenant{Name: thirdTown, Domain: thirdDomain, Site: "site0"})
		must(t, err)
		word := "a secret of the portal"
		bound, err = in.BindIssuer(ctx, thirdTown, app.IssuerBinding{URL: issuer.URL, Own: true, ClientID: "portal", ClientSecret: &word, Audience: "urn:fachwerk:services"})
		must(t, err)
		_, err = in.AddAccount(ctx, app.NewAccount{Address: carl, Kind: "person", Name: secret, Issuer: issuer.URL, Subject: "carl"})
		must(t, err)
	})
	portal := h.URL("portal")
	signIn := func(address string) string {
		return newReader(t, false).post(portal+"/login", url.Values{"address": {address}, "return": {"/devices"}})
	}
	towns.Until(t, "people of the third town are led to their provider", func() bool { return strings.Contains(signIn(carl), "url="+issuer.URL+"/authorize?") })
	people := missingLike(carl)
	h.same(t, "a sign-in at a provider of the town's own", people, func(_ *testing.T, n string) string { return location(signIn(n), n) })
	token := h.accessToken(t, anna)
	for what, ask := range map[string]func(name string) string{
		"IMAP":      func(n string) string { return h.imapAs(t, anna, `SELECT "Other Users/`+n+`/INBOX"`) },
		"WebDAV":    func(n string) string { return h.annas(t, "PROPFIND", "/files/"+n+"/", "", "Depth", "0") },
		"principal": func(n string) string { return h.annas(t, "PROPFIND", "/principals/"+n+"/", "", "Depth", "0") },
		"a token":   func(n string) string { return h.bearer(t, token, "PROPFIND", "/files/"+n+"/") },
		"MAIL FROM": func(n string) string { return h.smtp(t, "submission", h.authPlain(), "MAIL FROM:<"+n+">") },
	} {
		h.same(t, "third town: "+what, people, func(_ *testing.T, n string) string { return ask(n) })
	}
	// The provider's place in the portal's addresses.
	name := path.Base(bound.RedirectURI)
	places := pair{name, unlike(name)}
	h.same(t, "a provider's answer", places, func(t *testing.T, n string) string {
		return newReader(t, false).get(portal + "/oidc/callback/" + n + "?" + url.Values{"state": {"x"}, "code": {"y"}, "iss": {issuer.URL}}.Encode())
	})
	h.same(t, "a logout by a provider", places, func(t *testing.T, n string) string {
		return newReader(t, false).post(portal+"/oidc/logout/"+n, url.Values{"logout_token": {"eyJhbGciOiJub25lIn0.e30."}})
	})
}
