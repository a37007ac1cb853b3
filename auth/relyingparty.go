package auth

import (
	"cmp"
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
	// Providers are the issuers at which people sign in. Where there is no directory,
	// Issuer is the only one, for every tenant in which the store knows the subject.
	Providers *Providers

	Issuer       string // pinned, compared exactly
	ClientID     string
	ClientSecret string // empty: a public client (PKCE is always used)

	// RedirectURI is that of the configuration's issuer. Each other one has its own:
	// IssuerRedirectURI, which ends in a slash, with [ClientName] behind it. So an
	// answer shows which issuer gave it (RFC 9700 4.4.2.2).
	RedirectURI       string
	IssuerRedirectURI string
	// PostLogoutRedirectURI is where the provider sends the browser after a logout.
	PostLogoutRedirectURI string

	People   People
	Sessions Sessions
	Tickets  Tickets
	// Groups keeps what issuers say of groups; nil: nobody does.
	Groups Groups
	// Subjects binds who follows an invitation; nil: there are none.
	Subjects Subjects
	// HTTP talks to the provider. Nil takes a client with a timeout of ten seconds.
	HTTP *http.Client

	// Idle and Absolute end a session; zero takes 2 and 12 hours.
	Idle, Absolute time.Duration
	Now            func() time.Time
	Log            *slog.Logger
}

// RelyingParty signs persons in at the portal with OpenID Connect: code flow
// with PKCE, state and nonce, against the provider of the person's tenant.
type RelyingParty struct {
	cfg       RPConfig
	providers *Providers
	groups    *groupBook
	now       func() time.Time
	log       *slog.Logger
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
	case cfg.Providers == nil && cfg.ClientID == "":
		return nil, errors.New("auth: the relying party needs a client id")
	case cfg.People == nil || cfg.Sessions == nil || cfg.Tickets == nil:
		return nil, errors.New("auth: the relying party needs People, Sessions and Tickets")
	}
	for name, u := range map[string]string{
		"redirect": cfg.RedirectURI, "issuers' redirect": cfg.IssuerRedirectURI, "post-logout redirect": cfg.PostLogoutRedirectURI,
	} {
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
	rp := &RelyingParty{cfg: cfg, providers: cfg.Providers, now: cfg.Now, log: cfg.Log}
	rp.groups = newGroupBook(cfg.Groups, cfg.Now, cfg.Log)
	if rp.providers == nil {
		var err error
		rp.providers, err = fixedProviders(ProvidersConfig{HTTP: cfg.HTTP, Now: cfg.Now, Log: cfg.Log},
			IssuerBinding{BearerIssuer: BearerIssuer{URL: cfg.Issuer}, ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret})
		if err != nil {
			return nil, err
		}
	}
	return rp, nil
}

// Several reports whether people sign in at different providers, so that the portal
// must ask whose people they are before it can send them there.
func (rp *RelyingParty) Several(ctx context.Context) (bool, error) { return rp.providers.Several(ctx) }

// StartOptions are those of one login.
type StartOptions struct {
	// Whose people sign in, and so where: Tenant by its name, Address by its domain,
	// Invitation by what it was made for, Session, the cookie's value, as last time.
	// The first that is given counts; one that nobody has leads where people go whose
	// tenant has no provider of its own.
	Tenant, Address, Invitation, Session string

	// Fresh asks the provider to have the password typed again (max_age=0,
	// prompt=login); Finish then refuses an older sign-in.
	Fresh bool
	// LoginHint is an address to fill in at the provider; empty: Address.
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

	Client string // the state counts at this client's redirect URI alone
	Issuer string
	Named  bool  // a tenant was, or an address
	Tenant int64 // whose it is, 0 if nobody's
	Invite invited
}

// Start begins a login. The browser gets stateCookie's value in a cookie that
// lives ten minutes (HttpOnly, SameSite=Lax, Secure on https) and goes to
// redirectURL. returnTo is a local path, kept until Finish; anything else
// becomes "/".
func (rp *RelyingParty) Start(ctx context.Context, returnTo string, opts StartOptions) (redirectURL, stateCookie string, err error) {
	c, l, invite, err := rp.where(ctx, opts)
	if err != nil {
		return "", "", fmt.Errorf("login: %w", err)
	}
	m, err := c.issuer.metadata(ctx)
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
		Client: c.id, Issuer: c.binding.URL, Named: l.named, Tenant: l.tenant, Invite: invite,
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
	param("login_hint", cmp.Or(opts.LoginHint, opts.Address))
	param("ui_locales", opts.Locales)
	return rp.oauth(c, m).AuthCodeURL(state, params...), stateCookie, nil
}

// where finds the client at whose provider somebody signs in.
func (rp *RelyingParty) where(ctx context.Context, opts StartOptions) (c *client, l lead, invite invited, err error) {
	b, err := rp.providers.current(ctx)
	if err != nil {
		return nil, l, invite, err
	}
	switch {
	case len(opts.Tenant) > 1000 || len(opts.Address) > usernameMax:
	case opts.Tenant != "":
		l = lead{true, b.names[opts.Tenant]}
		c = b.clientFor(l.tenant)
	case opts.Address != "":
		l = b.leadBy(opts.Address)
		c = b.clientFor(l.tenant)
	case opts.Invitation != "":
		invite, in, err := rp.invited(ctx, opts.Invitation)
		if err != nil {
			return nil, l, invite, err
		}
		if c = b.clientAt(in.Issuer, in.Tenant); c == nil { // unbound since
			return nil, l, invite, ErrState
		}
		return c, l, invite, nil
	case opts.Session != "":
		if s, err := rp.find(ctx, opts.Session); err == nil {
			l = lead{true, s.Tenant}
			c = b.clientAt(s.Issuer, s.Tenant)
		}
	}
	if c == nil {
		c = b.clients[""]
	}
	if c == nil {
		return nil, l, invite, fmt.Errorf("%w: no provider is configured", ErrUnavailable)
	}
	return c, l, invite, nil
}

func (rp *RelyingParty) oauth(c *client, m *metadata) *oauth2.Config {
	style := oauth2.AuthStyleInHeader // client_secret_basic, which every provider knows
	if c.binding.ClientSecret == "" {
		style = oauth2.AuthStyleInParams
	}
	redirect := rp.cfg.RedirectURI
	if c.id != "" {
		redirect = rp.cfg.IssuerRedirectURI + c.id
	}
	scopes := []string{oidc.ScopeOpenID}
	if c.binding.GroupsScope != "" {
		scopes = append(scopes, c.binding.GroupsScope)
	}
	return &oauth2.Config{
		ClientID: c.binding.ClientID, ClientSecret: c.binding.ClientSecret, RedirectURL: redirect, Scopes: scopes,
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

// Finish ends a login at the redirect URI of the client that is so named, "" for the
// configuration's: params are the query's, stateCookie the cookie's value that Start
// gave, previous the session cookie's old value or empty (its session ends). Errors:
// ErrState (no such login begun by this browser at this client, or too late),
// ErrUnknownSubject, ErrRefused (the provider said no), ErrStale (not as fresh as asked
// for), ErrTaken (the invitation's), ErrDenied (a bad answer, or the person is
// disabled), or one that wraps ErrUnavailable.
func (rp *RelyingParty) Finish(ctx context.Context, clientName string, params url.Values, stateCookie, previous, userAgent string) (*Finished, error) {
	b, err := rp.take(ctx, clientName, params.Get("state"), stateCookie)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	bound, c, err := rp.client(ctx, clientName)
	if err == nil && c.binding.URL != b.Issuer { // the configuration's has changed meanwhile
		err = ErrState
	}
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	m, err := c.issuer.metadata(ctx)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	// RFC 9207 2.4: an answer that another provider mixed in.
	if iss, ok := params["iss"]; (ok || m.IssParameter) && (len(iss) != 1 || iss[0] != c.binding.URL) {
		return nil, fmt.Errorf("login: %w: the answer names another issuer", ErrDenied)
	}
	if code := params.Get("error"); code != "" {
		return nil, fmt.Errorf("login: %w: %.80q", ErrRefused, code)
	}
	raw, claims, err := rp.exchange(ctx, c, m, params.Get("code"), b)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	person, err := rp.whose(ctx, bound, c, claims.Subject, b)
	switch {
	case errors.Is(err, ErrNotFound) || errors.Is(err, ErrSeveral):
		return nil, fmt.Errorf("login: %w: %.200q of %s: %w", ErrUnknownSubject, claims.Subject, c.binding.URL, err)
	case errors.Is(err, ErrTaken) || errors.Is(err, ErrState):
		return nil, fmt.Errorf("login: %w", err)
	case err != nil:
		return nil, fmt.Errorf("login: %w", unavailable(err))
	case person.Disabled:
		return nil, fmt.Errorf("login: %w: the person is disabled", ErrDenied)
	}
	binding, ok := bound.binding(c.binding.URL, person.Tenant)
	if !ok {
		return nil, fmt.Errorf("login: %w", ErrUnknownSubject)
	}
	f, err := rp.open(ctx, person, binding, claims, raw, userAgent)
	if err != nil {
		return nil, fmt.Errorf("login: %w", err)
	}
	f.ReturnTo = b.ReturnTo
	rp.drop(ctx, previous)
	return f, nil
}

// client finds the one of a redirect URI or back-channel logout URI; ErrState where
// there is none, or no more.
func (rp *RelyingParty) client(ctx context.Context, name string) (*bound, *client, error) {
	b, err := rp.providers.current(ctx)
	if err != nil {
		return nil, nil, err
	}
	c := b.clients[name]
	if c == nil {
		return nil, nil, ErrState
	}
	return b, c, nil
}

// whose finds the person whom an issuer has named, or binds the one of an invitation.
func (rp *RelyingParty) whose(ctx context.Context, b *bound, c *client, sub string, begun begun) (Person, error) {
	if begun.Invite.ID != "" {
		return rp.accept(ctx, c, sub, begun.Invite)
	}
	var meant []IssuerBinding
	for _, i := range b.byIssuer[c.binding.URL] {
		if c.serves(i.Tenant) {
			meant = append(meant, i)
		}
	}
	if len(meant) == 0 {
		return Person{}, ErrNotFound
	}
	return b.person(ctx, rp.cfg.People, meant, sub, lead{begun.Named, begun.Tenant})
}

// take finds the login that was begun under state by this browser; it can be
// taken once.
func (rp *RelyingParty) take(ctx context.Context, clientName, state, stateCookie string) (begun, error) {
	var b begun
	if state == "" || len(state) > 200 || stateCookie == "" {
		return b, ErrState
	}
	t, err := rp.cfg.Tickets.TakeTicket(ctx, 0, ticketLogin, hex.EncodeToString(digest(state)))
	if errors.Is(err, ErrNotFound) {
		return b, ErrState
	}
	if err != nil {
		return b, unavailable(err)
	}
	if err := json.Unmarshal(t.Value, &b); err != nil {
		return b, ErrState
	}
	if subtle.ConstantTimeCompare(b.Browser, digest(stateCookie)) != 1 || rp.now().Sub(b.At) > loginTime || b.Client != clientName {
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

	all map[string]json.RawMessage
}

// refusedCode tells whose fault it is that a provider gives no token for a code. Where it
// does not know this client (RFC 6749 5.2), it is the installation's, and the person can
// do nothing about it.
func refusedCode(at *client, said *oauth2.RetrieveError) error {
	if said.ErrorCode == "invalid_client" || said.ErrorCode == "unauthorized_client" || said.Response.StatusCode == http.StatusUnauthorized {
		return fmt.Errorf("%w: %s refuses this installation's client %s (%.80q): compare its secret, oidc.client_secret_file or for a tenant's own provider "+
			"`issuer bind --client-secret-file`, and what it may do there", ErrUnavailable, at.binding.URL, at.binding.ClientID, said.ErrorCode)
	}
	return fmt.Errorf("%w: %s refuses the code: %.80q", ErrDenied, at.binding.URL, said.ErrorCode)
}

// exchange trades the code for an ID token and checks it (Core 3.1.3.7).
func (rp *RelyingParty) exchange(ctx context.Context, at *client, m *metadata, code string, b begun) (raw string, c *idClaims, err error) {
	if code == "" || len(code) > 4096 {
		return "", nil, fmt.Errorf("%w: no code", ErrDenied)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	answer, err := rp.oauth(at, m).Exchange(context.WithValue(ctx, oauth2.HTTPClient, at.issuer.http), code, oauth2.VerifierOption(b.Verifier))
	if err != nil {
		if said := (*oauth2.RetrieveError)(nil); errors.As(err, &said) && said.Response.StatusCode < 500 {
			return "", nil, refusedCode(at, said)
		}
		return "", nil, fmt.Errorf("%w: the provider's token endpoint: %w", ErrUnavailable, err)
	}
	raw, _ = answer.Extra("id_token").(string)
	if typ := tokenType(raw); typ != "jwt" && typ != "" {
		return "", nil, fmt.Errorf("%w: typ %q is not an ID token's", ErrDenied, typ)
	}
	v, why := at.issuer.verifier(oidc.Config{ClientID: at.binding.ClientID}, false)
	t, err := v.Verify(ctx, raw)
	if err = why(err); err != nil {
		if errors.Is(err, ErrUnavailable) {
			return "", nil, err
		}
		return "", nil, fmt.Errorf("%w: the ID token: %w", ErrDenied, err)
	}
	c = &idClaims{}
	if err := errors.Join(t.Claims(c), t.Claims(&c.all)); err != nil {
		return "", nil, fmt.Errorf("%w: the ID token: %w", ErrDenied, err)
	}
	now := rp.now()
	switch {
	case subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(b.Nonce)) != 1:
		return "", nil, fmt.Errorf("%w: the ID token belongs to another login", ErrDenied)
	case c.Subject == "":
		return "", nil, fmt.Errorf("%w: the ID token has no subject", ErrDenied)
	case (len(c.Audience) > 1 || c.Party != "") && c.Party != at.binding.ClientID:
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
