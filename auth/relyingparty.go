package auth

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// RPConfig is what the portal's login stands on.
type RPConfig struct {
	Issuer       string // pinned, compared exactly
	ClientID     string
	ClientSecret string // empty: a public client (PKCE is always used)
	RedirectURI  string
	// PostLogoutRedirectURI is where the provider sends the browser after a logout.
	PostLogoutRedirectURI string

	People   People
	Sessions Sessions
	Tickets  Tickets
	HTTP     *http.Client

	// Idle and Absolute end a session; zero takes 2 and 12 hours.
	Idle, Absolute time.Duration
	Now            func() time.Time
	Log            *slog.Logger
}

// RelyingParty signs persons in at the portal with OpenID Connect.
type RelyingParty struct{ cfg RPConfig }

// NewRelyingParty checks the configuration. The provider need not be up: it
// is asked at the first login.
func NewRelyingParty(cfg RPConfig) (*RelyingParty, error) { return &RelyingParty{cfg: cfg}, nil }

// StartOptions are those of one login.
type StartOptions struct {
	// Fresh asks the provider to have the password typed again (max_age=0,
	// prompt=login); Finish then refuses an older sign-in.
	Fresh bool
	// LoginHint is an address to fill in at the provider.
	LoginHint string
	// Locales for the provider's pages, such as "de en".
	Locales string
}

// Start begins a login. The browser gets stateCookie's value in a cookie that
// lives ten minutes (HttpOnly, SameSite=Lax, Secure on https) and goes to
// redirectURL. returnTo is a local path, kept until Finish.
func (rp *RelyingParty) Start(ctx context.Context, returnTo string, opts StartOptions) (redirectURL, stateCookie string, err error) {
	return "", "", ErrUnavailable
}

// Finished is the outcome of a login.
type Finished struct {
	Principal   *Principal
	Session     Session
	CookieValue string // for the session cookie; kept nowhere else
	ReturnTo    string
}

// Finish ends a login at the redirect URI: params are the query's, stateCookie
// the cookie's value that Start gave, previous the session cookie's old value
// or empty (its session ends). Errors: ErrState (no such login begun by this
// browser, or too late), ErrUnknownSubject, ErrRefused (the provider said no),
// ErrStale (not as fresh as asked for), ErrDenied (a bad answer), or one that
// wraps ErrUnavailable.
func (rp *RelyingParty) Finish(ctx context.Context, params url.Values, stateCookie, previous, userAgent string) (*Finished, error) {
	return nil, ErrUnavailable
}

// Lookup finds the session of a cookie; ErrNotFound if it is unknown, has
// ended or the person is disabled.
func (rp *RelyingParty) Lookup(ctx context.Context, cookieValue string) (*Principal, Session, error) {
	return nil, Session{}, ErrUnavailable
}

// Logout ends the session of a cookie and gives the URL at which the provider
// ends its own, or "" if the provider has none.
func (rp *RelyingParty) Logout(ctx context.Context, cookieValue string) (redirectURL string, err error) {
	return "", ErrUnavailable
}

// BackChannel answers the provider's back-channel logout (POST logout_token).
func (rp *RelyingParty) BackChannel() http.Handler { return http.NotFoundHandler() }
