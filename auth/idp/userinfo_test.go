package idp

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// User info is told for our own access tokens alone.
func TestUserinfo(t *testing.T) {
	h := newHouse(t)
	c := newClient(h)
	_, got := c.exchange(c.code(), c.verifier)
	ask := func(method, authorization string) shown {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, h.issuer+pathUserinfo, nil)
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			req.Header.Set("Authorization", authorization)
		}
		return c.read(c.Do(req))
	}
	access := got["access_token"].(string)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		page := ask(method, "bearer "+access)
		info := decode(t, page)
		if info["sub"] != Subject(h.anna) || info["email"] != anna || info["email_verified"] != true || page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", method, info)
		}
	}
	// What the library took: its own kind of token, sealed by no secret at all.
	made, err := op.NewAESCrypto([32]byte{}).Encrypt("x:" + Subject(h.anna))
	if err != nil {
		t.Fatal(err)
	}
	sign := func(typ string, change func(map[string]any)) string {
		claims := map[string]any{
			"iss": h.issuer, "sub": Subject(h.anna), "aud": resource, "scope": "openid", "exp": h.clock.now().Add(time.Hour).Unix(),
		}
		change(claims)
		token, err := h.idp.sign(t.Context(), typ, claims)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	if page := ask(http.MethodGet, "Bearer "+sign(typAccess, func(map[string]any) {})); page.StatusCode != http.StatusOK {
		t.Fatalf("the test's own token: %d", page.StatusCode)
	}
	parts := strings.Split(access, ".")
	for name, token := range map[string]string{
		"nothing": "", "no token": "x", "made by anybody": made, "the ID token": got["id_token"].(string), "the refresh token": got["refresh_token"].(string),
		"no signature":     parts[0] + "." + parts[1] + ".",
		"another claim":    parts[0] + "." + strings.Split(sign(typAccess, func(map[string]any) {}), ".")[1] + "." + parts[2],
		"another typ":      sign("JWT", func(map[string]any) {}),
		"a logout token":   sign("logout+jwt", func(map[string]any) {}),
		"another audience": sign(typAccess, func(m map[string]any) { m["aud"] = "thunderbird" }),
		"several":          sign(typAccess, func(m map[string]any) { m["aud"] = []string{resource, "x"} }),
		"another issuer":   sign(typAccess, func(m map[string]any) { m["iss"] = "https://evil.example" }),
		"expired":          sign(typAccess, func(m map[string]any) { m["exp"] = h.clock.now().Add(-time.Minute).Unix() }),
		"without expiry":   sign(typAccess, func(m map[string]any) { delete(m, "exp") }),
		"nobody's":         sign(typAccess, func(m map[string]any) { m["sub"] = "1-2" }),
		"too long":         access + strings.Repeat("x", accessMax),
	} {
		page := ask(http.MethodGet, "Bearer "+token)
		if page.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(page.Header.Get("WWW-Authenticate"), "Bearer") || strings.Contains(page.body, anna) {
			t.Errorf("%s: %d %s", name, page.StatusCode, page.body)
		}
	}
	if page := ask(http.MethodGet, ""); page.StatusCode != http.StatusUnauthorized || page.Header.Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("without any: %d %v", page.StatusCode, page.Header)
	}
	if page := ask(http.MethodGet, "Bearer "+sign(typAccess, func(m map[string]any) { m["scope"] = "mail.read" })); page.StatusCode != http.StatusForbidden {
		t.Errorf("without the scope: %d", page.StatusCode)
	}
	// Nor does a token that anybody makes end one of somebody's.
	if page := c.read(c.PostForm(h.issuer+pathRevoke, url.Values{"client_id": {"thunderbird"}, "token": {made}})); page.StatusCode != http.StatusOK {
		t.Errorf("revoking a token of nobody's: %d %s", page.StatusCode, page.body)
	}
	if status, _ := c.refresh(got["refresh_token"].(string), nil); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
	h.Disable(h.anna, true)
	if page := ask(http.MethodGet, "Bearer "+access); page.StatusCode != http.StatusUnauthorized {
		t.Errorf("a disabled person: %d %s", page.StatusCode, page.body)
	}
	h.Disable(h.anna, false)
	h.Down(true)
	if page := ask(http.MethodGet, "Bearer "+access); page.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("with the store away: %d", page.StatusCode)
	}
}
