package idp

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// ScopeAdmin is for programs of those who manage the installation.
const ScopeAdmin = "admin"

// Client is a program that people may sign in to. PKCE is demanded of all.
type Client struct {
	ID string
	// Secret makes the client confidential; empty: a public one.
	Secret string
	// RedirectURIs are compared exactly; of a Native client the port of a
	// loopback URI may differ (RFC 8252 7.3).
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	// BackChannelLogoutURI hears when a person signs out or is disabled.
	BackChannelLogoutURI string
	// Native is a program on a person's device, such as a mail client.
	Native bool
	// Scopes that it may ask for beside openid, email, profile and
	// offline_access.
	Scopes []string
	// Refresh lets it ask for offline_access.
	Refresh bool
	// AccessFor is how long its access tokens live; 0: an hour.
	AccessFor time.Duration
}

func (c Client) check() error {
	switch {
	case c.ID == "":
		return errors.New("a client needs an id")
	case len(c.RedirectURIs) == 0:
		return fmt.Errorf("client %s: a redirect URI is needed", c.ID)
	case c.Native && c.Secret != "":
		return fmt.Errorf("client %s: a native client keeps no secret", c.ID)
	}
	for _, u := range slices.Concat(c.RedirectURIs, c.PostLogoutRedirectURIs) {
		if err := checkURI(u, c.Native); err != nil {
			return fmt.Errorf("client %s: %q %w", c.ID, u, err)
		}
	}
	if c.BackChannelLogoutURI != "" {
		if err := checkURI(c.BackChannelLogoutURI, false); err != nil {
			return fmt.Errorf("client %s: %q %w", c.ID, c.BackChannelLogoutURI, err)
		}
	}
	return nil
}

// checkURI lets https pass, http on loopback, and for native clients a
// private-use scheme, which has a dot in it (RFC 8252 7.1).
func checkURI(raw string, native bool) error {
	u, ok := plainURI(raw)
	switch {
	case !ok:
		return errors.New("is not a plain URI")
	case u.Scheme == "https" && u.Host != "":
		return nil
	case u.Scheme == "http" && loopback(u):
		return nil
	case native && u.Scheme != "http" && u.Scheme != "https" && slices.Contains([]byte(u.Scheme), '.'):
		return nil
	}
	return errors.New("must be https (http is for loopback only)")
}

func loopback(u *url.URL) bool {
	if u.Hostname() == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(u.Hostname())
	return err == nil && a.IsLoopback()
}

// opClient is a Client in the library's terms.
type opClient struct{ Client }

func (c opClient) GetID() string                    { return c.ID }
func (c opClient) RedirectURIs() []string           { return c.Client.RedirectURIs }
func (c opClient) PostLogoutRedirectURIs() []string { return c.Client.PostLogoutRedirectURIs }
func (c opClient) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}
func (c opClient) LoginURL(id string) string            { return pathLogin + "?id=" + url.QueryEscape(id) }
func (c opClient) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (c opClient) IDTokenLifetime() time.Duration       { return idTokenFor }
func (c opClient) DevMode() bool                        { return false }
func (c opClient) IsScopeAllowed(scope string) bool     { return slices.Contains(c.Scopes, scope) }
func (c opClient) IDTokenUserinfoClaimsAssertion() bool { return false }
func (c opClient) ClockSkew() time.Duration             { return 0 }

func (c opClient) ApplicationType() op.ApplicationType {
	if c.Native {
		return op.ApplicationTypeNative
	}
	return op.ApplicationTypeWeb
}

func (c opClient) AuthMethod() oidc.AuthMethod {
	if c.Secret == "" {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

func (c opClient) GrantTypes() []oidc.GrantType {
	if c.Refresh {
		return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
	}
	return []oidc.GrantType{oidc.GrantTypeCode}
}

func (c opClient) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c opClient) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

// accessLifetime is how long an access token of the client lives.
func (c opClient) accessLifetime() time.Duration { return cmp.Or(c.AccessFor, accessFor) }

// knows compares a secret in constant time.
func (c opClient) knows(secret string) bool {
	want, got := sha256.Sum256([]byte(c.Secret)), sha256.Sum256([]byte(secret))
	return c.Secret != "" && subtle.ConstantTimeCompare(want[:], got[:]) == 1
}
