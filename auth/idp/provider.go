package idp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"fachwerk/auth"

	"github.com/zitadel/oidc/v3/pkg/op"
)

// Config is what a Provider stands on.
type Config struct {
	// Issuer is its origin, without a path: https://login.example.
	Issuer string
	// Resource is the audience of access tokens: the name of the mail service,
	// never a client id.
	Resource string
	Clients  []Client

	People    auth.People
	Passwords auth.Passwords
	Tickets   auth.Tickets
	// Groups tells the groups of a person, which go into the claim "groups" of ID and
	// access tokens; nil: no such claim.
	Groups func(ctx context.Context, ref auth.AccountRef) ([]string, error)

	// Notifier hears of programs that people let in. Nil: nobody does.
	Notifier Notifier
	// Throttle is shared with the Authenticator. Nil makes one of its own.
	Throttle *auth.Throttle
	// HTTP sends back-channel logout tokens. Nil takes a client with a timeout
	// of five seconds.
	HTTP *http.Client
	// Remote tells a request's address. Nil takes the connection's.
	Remote func(*http.Request) netip.Addr
	// Name of the installation, shown on the pages.
	Name string
	Now  func() time.Time
	Log  *slog.Logger
	// Hashed is called for each hash of a password that somebody sent, so that a test
	// can count them. Nil: nobody is told.
	Hashed func()
}

// Lifetimes.
const (
	requestFor   = 30 * time.Minute     // a login page that is left open
	consentFor   = 10 * time.Minute     // a question whether a program may
	codeFor      = time.Minute          // an authorization code
	sessionFor   = 12 * time.Hour       // being signed in at the provider
	idTokenFor   = time.Hour            // an ID token
	accessFor    = time.Hour            // an access token
	refreshFor   = 30 * 24 * time.Hour  // an unused refresh token
	familyFor    = 365 * 24 * time.Hour // a program, then its person signs in anew
	spentFor     = refreshFor           // remembering that one was used
	reuseGrace   = 30 * time.Second     // a client that lost the answer and asks again
	logoutFor    = 2 * time.Minute      // a logout token
	requestsMax  = 3000                 // logins begun from one network in 15 minutes
	hashAtOnce   = 2                    // argon2 runs at a time
	hashQueue    = 64                   // logins that wait for their turn
	hashPatience = 15 * time.Second     // how long
	bodyMax      = 64 << 10             // bytes of a request
	queryMax     = 16 << 10             // bytes of a query
	uriMax       = 2000                 // bytes of a URI that a client names
)

// Paths of the provider's origin.
const (
	pathAuthorize = "/authorize"
	pathLogin     = "/login"
	pathConsent   = "/consent"
	pathExchange  = "/oauth/token"
	pathUserinfo  = "/userinfo"
	pathRevoke    = "/revoke"
	pathLogout    = "/end_session"
	pathKeys      = "/keys"
	pathStyle     = "/style.css"
)

// Provider is the embedded OpenID provider: an http.Handler for an origin of
// its own. Close waits for logout tokens that are under way.
type Provider struct {
	cfg      Config
	now      func() time.Time
	log      *slog.Logger
	throttle *auth.Throttle
	begun    *auth.Throttle // counts requests, so that nobody fills the store with them
	clients  map[string]opClient
	keys     *keyring
	gate     *gate
	op       *op.Provider
	handler  http.Handler
	secure   bool // the origin is https

	sending sync.WaitGroup
	quit    context.Context
	stop    context.CancelFunc
}

// New checks the configuration. The first signing key is made at first use.
func New(cfg Config) (*Provider, error) {
	origin, err := url.Parse(cfg.Issuer)
	switch {
	case err != nil || origin.Path != "" || origin.RawQuery != "":
		return nil, fmt.Errorf("idp: the issuer %q is not an origin", cfg.Issuer)
	case checkURI(cfg.Issuer, false) != nil:
		return nil, fmt.Errorf("idp: the issuer %q must be https (http is for loopback only)", cfg.Issuer)
	case cfg.Resource == "":
		return nil, errors.New("idp: a resource name is needed")
	case cfg.People == nil || cfg.Passwords == nil || cfg.Tickets == nil:
		return nil, errors.New("idp: People, Passwords and Tickets are needed")
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Throttle == nil {
		cfg.Throttle = auth.NewThrottle(auth.ThrottleLimits{}, cfg.Now)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 5 * time.Second}
	}
	if cfg.Remote == nil {
		cfg.Remote = remoteAddr
	}
	if cfg.Name == "" {
		cfg.Name = "Fachwerk"
	}
	p := &Provider{
		cfg: cfg, now: cfg.Now, log: cfg.Log, throttle: cfg.Throttle,
		begun:   auth.NewThrottle(auth.ThrottleLimits{PerNetwork: requestsMax}, cfg.Now),
		clients: make(map[string]opClient, len(cfg.Clients)),
		keys:    &keyring{tickets: cfg.Tickets, now: cfg.Now},
		gate:    newGate(hashAtOnce, hashQueue, hashPatience),
		secure:  origin.Scheme == "https",
	}
	for _, c := range cfg.Clients {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("idp: %w", err)
		}
		if c.ID == cfg.Resource {
			return nil, fmt.Errorf("idp: the resource name %q is a client's id", c.ID)
		}
		p.clients[c.ID] = opClient{c}
	}
	p.gate.hashed = cfg.Hashed
	p.quit, p.stop = context.WithCancel(context.Background())
	if err := p.build(); err != nil {
		return nil, fmt.Errorf("idp: %w", err)
	}
	return p, nil
}

// build joins the library's endpoints with our own.
func (p *Provider) build() (err error) {
	quiet := slog.New(warnings{p.log.Handler()})
	// The library's own access tokens, which nobody gets here, are sealed by this key:
	// without one it would take those that anybody makes.
	var never [32]byte
	_, _ = rand.Read(never[:])
	p.op, err = op.NewProvider(&op.Config{CryptoKey: never, GrantTypeRefreshToken: true, CodeMethodS256: true, AuthMethodPost: true},
		storage{p}, op.StaticIssuer(p.cfg.Issuer), op.WithAllowInsecure(), op.WithCORSOptions(nil), op.WithLogger(quiet),
		op.WithIDTokenHintVerifierOpts(op.WithSupportedIDTokenHintSigningAlgorithms("ES256")))
	if err != nil {
		return err
	}
	endpoints := op.Endpoints{
		Token:      op.NewEndpoint(pathExchange),
		Revocation: op.NewEndpoint(pathRevoke), JwksURI: op.NewEndpoint(pathKeys),
	}
	library := op.RegisterServer(server{op.NewLegacyServer(p.op, endpoints), p}, endpoints,
		op.WithHTTPMiddleware(op.NewIssuerInterceptor(p.op.IssuerFromRequest).Handler),
		op.WithServerCORSOptions(nil), op.WithFallbackLogger(quiet))

	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", p.discovery) // RFC 8414
	mux.HandleFunc("GET "+pathAuthorize, p.authorize)
	mux.HandleFunc("POST "+pathAuthorize, p.authorize)
	mux.HandleFunc("GET "+pathLogin, p.showLogin)
	mux.HandleFunc("POST "+pathLogin, p.doLogin)
	mux.HandleFunc("GET "+pathConsent, p.showConsent)
	mux.HandleFunc("POST "+pathConsent, p.doConsent)
	mux.HandleFunc("GET "+pathLogout, p.endSession)
	mux.HandleFunc("POST "+pathLogout, p.endSession)
	mux.HandleFunc("GET "+pathStyle, p.style)
	mux.HandleFunc("GET /{$}", p.home)
	mux.Handle("POST "+pathExchange, noStore(p.fromNetwork(library)))
	mux.Handle("GET "+pathUserinfo, noStore(http.HandlerFunc(p.userinfo)))
	mux.Handle("POST "+pathUserinfo, noStore(http.HandlerFunc(p.userinfo)))
	mux.Handle("POST "+pathRevoke, noStore(p.fromNetwork(library)))
	mux.Handle("GET "+pathKeys, library)
	p.handler = mux
	return nil
}

// ServeHTTP bounds every request before anything reads it.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if p.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if len(r.URL.RawQuery) > queryMax {
		http.Error(w, "the request is too long", http.StatusRequestURITooLong)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, bodyMax)
	p.handler.ServeHTTP(w, r)
}

// Close ends what is under way in the background, soon.
func (p *Provider) Close() {
	p.stop()
	p.sending.Wait()
}

// noStore keeps answers with tokens in them out of caches (RFC 6749 5.1).
func noStore(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func remoteAddr(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr()
}

// warnings lets a library's warnings and errors through, not its chatter.
type warnings struct{ slog.Handler }

func (w warnings) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && w.Handler.Enabled(ctx, l)
}
func (w warnings) WithAttrs(a []slog.Attr) slog.Handler { return warnings{w.Handler.WithAttrs(a)} }
func (w warnings) WithGroup(n string) slog.Handler      { return warnings{w.Handler.WithGroup(n)} }

// discovery is the provider's description (OpenID Connect Discovery 4, with
// RFC 9207 3 and Back-Channel Logout 2.1).
func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	scopes := []string{"openid", "email", "profile", "offline_access"}
	at := func(path string) string { return p.cfg.Issuer + path }
	writeJSON(w, map[string]any{
		"issuer":                                         p.cfg.Issuer,
		"authorization_endpoint":                         at(pathAuthorize),
		"token_endpoint":                                 at(pathExchange),
		"userinfo_endpoint":                              at(pathUserinfo),
		"revocation_endpoint":                            at(pathRevoke),
		"end_session_endpoint":                           at(pathLogout),
		"jwks_uri":                                       at(pathKeys),
		"scopes_supported":                               append(scopes, strings.Fields(auth.AllScopes.String())...),
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{"ES256"},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"prompt_values_supported":                        []string{"none", "login", "select_account"},
		"ui_locales_supported":                           []string{"de", "en"},
		"claims_supported":                               []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "sid", "amr", "name", "email"},
		"authorization_response_iss_parameter_supported": true,
		"backchannel_logout_supported":                   true,
		"backchannel_logout_session_supported":           true,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
	})
}
