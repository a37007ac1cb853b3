package auth

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
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
	// HTTP talks to the provider. Nil takes a client with a timeout of ten seconds.
	HTTP *http.Client

	// Idle and Absolute end a session; zero takes 2 and 12 hours.
	Idle, Absolute time.Duration
	Now            func() time.Time
	Log            *slog.Logger
}

// RelyingParty signs persons in at the portal with OpenID Connect: code flow
// with PKCE, state and nonce, against whichever provider is configured.
type RelyingParty struct {
	cfg    RPConfig
	issuer *issuer
	now    func() time.Time
	log    *slog.Logger
}

// Kinds of tickets that the relying party keeps.
const (
	ticketLogin  = "rp.login"  // a login that was begun, by the hash of its state
	ticketLogout = "rp.logout" // a logout token that was obeyed, by the hash of its jti
)

// loginTime is how long a login may take, from Start to Finish.
const loginTime = 10 * time.Minute

// NewRelyingParty checks the configuration. The provider need not be up: it
// is asked at the first login.
func NewRelyingParty(cfg RPConfig) (*RelyingParty, error) {
	switch {
	case cfg.ClientID == "":
		return nil, errors.New("auth: the relying party needs a client id")
	case cfg.People == nil || cfg.Sessions == nil || cfg.Tickets == nil:
		return nil, errors.New("auth: the relying party needs People, Sessions and Tickets")
	}
	for name, u := range map[string]string{"redirect": cfg.RedirectURI, "post-logout redirect": cfg.PostLogoutRedirectURI} {
		if u == "" && name != "redirect" {
			continue
		}
		if err := checkOutside(u); err != nil {
			return nil, fmt.Errorf("auth: the %s URI %w", name, err)
		}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: fetchTimeout}
	}
	if cfg.Idle <= 0 {
		cfg.Idle = 2 * time.Hour
	}
	if cfg.Absolute <= 0 {
		cfg.Absolute = 12 * time.Hour
	}
	i, err := newIssuerOf(cfg.Issuer, cfg.HTTP, cfg.Now)
	if err != nil {
		return nil, fmt.Errorf("auth: issuer %q %w", cfg.Issuer, err)
	}
	return &RelyingParty{cfg: cfg, issuer: i, now: cfg.Now, log: cfg.Log}, nil
}

// StartOptions are those of one login.
type StartOptions struct {
	// Fresh asks the provider to have the password typed again (max_age=0,
	// prompt=login); Finish then refuses an older sign-in.
	Fresh bool
	// LoginHint is an address to fill in at the provider.
	LoginHint string
	// Locales for the provider's pages, such as "de en".
	Locales string
	// StateCookie is the value the browser already has, if any. It is kept,
	// so that logins begun in several tabs can all end.
	StateCookie string
}

// begun is a login between Start and Finish, kept as a ticket.
type begun struct {
	Browser  []byte // SHA-256 of the state cookie
	Nonce    string
	Verifier string // PKCE
	ReturnTo string
	Fresh    bool
	At       time.Time
}

// Start begins a login. The browser gets stateCookie's value in a cookie that
// lives ten minutes (HttpOnly, SameSite=Lax, Secure on https) and goes to
// redirectURL. returnTo is a local path, kept until Finish; anything else
// becomes "/".
func (rp *RelyingParty) Start(ctx context.Context, returnTo string, opts StartOptions) (redirectURL, stateCookie string, err error) {
	m, err := rp.issuer.metadata(ctx)
	if err != nil {
		return "", "", fmt.Errorf("login: %w", err)
	}
	stateCookie = opts.StateCookie
	if raw, err := base64.RawURLEncoding.DecodeString(stateCookie); err != nil || len(raw) != 32 {
		stateCookie = token()
	}
	state := token()
	b := begun{
		Browser: digest(stateCookie), Nonce: token(), Verifier: oauth2.GenerateVerifier(),
		ReturnTo: localPath(returnTo), Fresh: opts.Fresh, At: rp.now(),
	}
	value, err := json.Marshal(b)
	if err != nil {
		return "", "", fmt.Errorf("login: %w", err)
	}
	err = rp.cfg.Tickets.PutTicket(ctx, Ticket{
		Kind: ticketLogin, ID: hex.EncodeToString(digest(state)), Value: value, Expires: rp.now().Add(loginTime),
	})
	if err != nil {
		return "", "", fmt.Errorf("login: %w", unavailable(err))
	}
	params := []oauth2.AuthCodeOption{oidc.Nonce(b.Nonce), oauth2.S256ChallengeOption(b.Verifier)}
	param := func(name, value string) {
		if value != "" {
			params = append(params, oauth2.SetAuthURLParam(name, value))
		}
	}
	if opts.Fresh {
		param("prompt", "login")
		param("max_age", "0")
	} else {
		// max_age also obliges the provider to say auth_time (Core 3.1.2.1).
		param("max_age", strconv.Itoa(int(rp.cfg.Absolute/time.Second)))
	}
	param("login_hint", opts.LoginHint)
	param("ui_locales", opts.Locales)
	return rp.oauth(m).AuthCodeURL(state, params...), stateCookie, nil
}

func (rp *RelyingParty) oauth(m *metadata) *oauth2.Config {
	style := oauth2.AuthStyleInHeader // client_secret_basic, which every provider knows
	if rp.cfg.ClientSecret == "" {
		style = oauth2.AuthStyleInParams
	}
	return &oauth2.Config{
		ClientID: rp.cfg.ClientID, ClientSecret: rp.cfg.ClientSecret, RedirectURL: rp.cfg.RedirectURI,
		Scopes:   []string{oidc.ScopeOpenID},
		Endpoint: oauth2.Endpoint{AuthURL: m.AuthorizationEndpoint, TokenURL: m.TokenEndpoint, AuthStyle: style},
	}
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
// ErrStale (not as fresh as asked for), ErrDenied (a bad answer, or the person
// is disabled), or one that wraps ErrUnavailable.
func (rp *RelyingParty) Finish(ctx context.Context, params url.Values, stateCookie, previous, userAgent string) (*Finished, error) {
	b, err := rp.take(ctx, params.Get("state"), stateCookie)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	m, err := rp.issuer.metadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	// RFC 9207 2.4: an answer that another provider mixed in.
	if iss, ok := params["iss"]; (ok || m.IssParameter) && (len(iss) != 1 || iss[0] != rp.cfg.Issuer) {
		return nil, fmt.Errorf("login: %w: the answer names another issuer", ErrDenied)
	}
	if code := params.Get("error"); code != "" {
		return nil, fmt.Errorf("login: %w: %.80q", ErrRefused, code)
	}
	raw, claims, err := rp.exchange(ctx, m, params.Get("code"), b)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	person, err := rp.cfg.People.PersonBySubject(ctx, rp.cfg.Issuer, claims.Subject)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, fmt.Errorf("login: %w", ErrUnknownSubject)
	case err != nil:
		return nil, fmt.Errorf("login: %w", unavailable(err))
	case person.Disabled:
		return nil, fmt.Errorf("login: %w: the person is disabled", ErrDenied)
	}
	f, err := rp.open(ctx, person, claims, raw, userAgent)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	f.ReturnTo = b.ReturnTo
	rp.drop(ctx, previous)
	return f, nil
}

// take finds the login that was begun under state by this browser; it can be
// taken once.
func (rp *RelyingParty) take(ctx context.Context, state, stateCookie string) (begun, error) {
	var b begun
	if state == "" || len(state) > 200 || stateCookie == "" {
		return b, ErrState
	}
	t, err := rp.cfg.Tickets.TakeTicket(ctx, ticketLogin, hex.EncodeToString(digest(state)))
	if errors.Is(err, ErrNotFound) {
		return b, ErrState
	}
	if err != nil {
		return b, unavailable(err)
	}
	if err := json.Unmarshal(t.Value, &b); err != nil {
		return b, ErrState
	}
	if subtle.ConstantTimeCompare(b.Browser, digest(stateCookie)) != 1 || rp.now().Sub(b.At) > loginTime {
		return b, ErrState
	}
	return b, nil
}

// idClaims are those of an ID token that matter.
type idClaims struct {
	Subject  string        `json:"sub"`
	Audience stringOrArray `json:"aud"`
	Party    string        `json:"azp"`
	SID      string        `json:"sid"`
	AuthTime *jsonTime     `json:"auth_time"`
	IssuedAt *jsonTime     `json:"iat"`
}

// exchange trades the code for an ID token and checks it (Core 3.1.3.7).
func (rp *RelyingParty) exchange(ctx context.Context, m *metadata, code string, b begun) (raw string, c *idClaims, err error) {
	if code == "" || len(code) > 4096 {
		return "", nil, fmt.Errorf("%w: no code", ErrDenied)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	answer, err := rp.oauth(m).Exchange(context.WithValue(ctx, oauth2.HTTPClient, rp.issuer.http), code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		if said := (*oauth2.RetrieveError)(nil); errors.As(err, &said) && said.Response.StatusCode < 500 {
			return "", nil, fmt.Errorf("%w: the provider refuses the code: %.80q", ErrDenied, said.ErrorCode)
		}
		return "", nil, fmt.Errorf("%w: the provider's token endpoint: %w", ErrUnavailable, err)
	}
	raw, _ = answer.Extra("id_token").(string)
	if typ := tokenType(raw); typ != "jwt" && typ != "" {
		return "", nil, fmt.Errorf("%w: typ %q is not an ID token's", ErrDenied, typ)
	}
	v, why := rp.issuer.verifier(oidc.Config{ClientID: rp.cfg.ClientID})
	t, err := v.Verify(ctx, raw)
	if err = why(err); err != nil {
		if errors.Is(err, ErrUnavailable) {
			return "", nil, err
		}
		return "", nil, fmt.Errorf("%w: the ID token: %w", ErrDenied, err)
	}
	c = &idClaims{}
	if err := t.Claims(c); err != nil {
		return "", nil, fmt.Errorf("%w: the ID token: %w", ErrDenied, err)
	}
	now := rp.now()
	switch {
	case subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(b.Nonce)) != 1:
		return "", nil, fmt.Errorf("%w: the ID token belongs to another login", ErrDenied)
	case c.Subject == "":
		return "", nil, fmt.Errorf("%w: the ID token has no subject", ErrDenied)
	case (len(c.Audience) > 1 || c.Party != "") && c.Party != rp.cfg.ClientID:
		return "", nil, fmt.Errorf("%w: the ID token is for another party", ErrDenied)
	case c.IssuedAt == nil || now.Add(leeway).Before(c.IssuedAt.Time):
		return "", nil, fmt.Errorf("%w: the ID token comes from the future", ErrDenied)
	case t.AccessTokenHash != "" && t.VerifyAccessToken(answer.AccessToken) != nil:
		return "", nil, fmt.Errorf("%w: the tokens do not belong together", ErrDenied)
	case b.Fresh && (c.AuthTime == nil || c.AuthTime.Before(b.At.Add(-leeway))):
		return "", nil, fmt.Errorf("%w: the provider did not ask for the password", ErrStale)
	}
	return raw, c, nil
}
