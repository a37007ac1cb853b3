package idp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"fachwerk/auth"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// accessMax bounds an access token, in bytes; groups may make one long.
const accessMax = 64 << 10

// userinfo tells a client whose access token it has (OpenID Connect Core 5.3). It takes
// what the services take, our own access tokens for the resource, and nothing that the
// library would: ID tokens, and tokens of a kind that is never given out here.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, oidc.BearerToken) || token == "" {
		refuse(w, http.StatusUnauthorized, "")
		return
	}
	t, err := p.ownToken(r.Context(), token)
	switch {
	case errors.Is(err, auth.ErrUnavailable):
		p.log.Error("a token could not be checked", "err", err)
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
		return
	case err != nil:
		p.log.Info("user info refused", "err", err)
		refuse(w, http.StatusUnauthorized, "invalid_token")
		return
	case !slices.Contains(strings.Fields(t.Scope), oidc.ScopeOpenID):
		refuse(w, http.StatusForbidden, "insufficient_scope")
		return
	}
	who, active, err := p.person(r.Context(), t.Subject)
	switch {
	case err != nil:
		p.log.Error("the provider cannot answer", "path", r.URL.Path, "err", err)
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
	case !active:
		refuse(w, http.StatusUnauthorized, "invalid_token")
	default:
		writeJSON(w, map[string]any{"sub": t.Subject, "name": who.DisplayName, "email": who.Address, "email_verified": true})
	}
}

// refuse says no as RFC 6750 3 has it; who sent no token learns no error.
func refuse(w http.ResponseWriter, status int, code string) {
	challenge := "Bearer"
	if code != "" {
		challenge += ` error="` + code + `"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	http.Error(w, http.StatusText(status), status)
}

// ownClaims are what of our access tokens matters here.
type ownClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Scope    string `json:"scope"`
	Expires  int64  `json:"exp"`
}

// ownToken checks that a token is one of accessToken's. Errors that wrap
// auth.ErrUnavailable are not the token's fault.
func (p *Provider) ownToken(ctx context.Context, token string) (c ownClaims, err error) {
	if len(token) > accessMax {
		return c, errors.New("the token is too long")
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return c, errors.New("this is no signed JWT")
	}
	head := jws.Signatures[0].Header
	if typ, _ := head.ExtraHeaders[jose.HeaderType].(string); typ != typAccess {
		return c, errors.New("this is no access token")
	}
	keys, err := p.keys.load(ctx)
	if err != nil {
		return c, errors.Join(auth.ErrUnavailable, err)
	}
	for _, k := range keys {
		if k.JWK.KeyID != head.KeyID {
			continue
		}
		payload, err := jws.Verify(k.JWK.Public())
		if err != nil {
			return c, errors.New("the signature is wrong")
		}
		if err := json.Unmarshal(payload, &c); err != nil {
			return c, errors.New("the claims cannot be read")
		}
		if c.Issuer != p.cfg.Issuer || c.Audience != p.cfg.Resource || !p.now().Before(time.Unix(c.Expires, 0)) {
			return c, errors.New("the token is another's, or has expired")
		}
		return c, nil
	}
	return c, errors.New("no key of ours made this signature")
}
