package auth_test

import (
	"context"
	"maps"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/authtest"
)

const (
	dora    = "dora@nachbarstadt.example"
	portalA = "https://portal.example"
)

// towns is an installation with an issuer and two tenants: Musterstadt (1), bound to
// it, and Nachbarstadt (2), which has its own. Anna is sub-1 at the first, dora sub-1
// at the second.
type towns struct {
	*authtest.Memory
	*auth.Authenticator
	rp           *auth.RelyingParty
	providers    *auth.Providers
	ours, theirs *authtest.Issuer
	anna, dora   auth.AccountRef
	count        *asking
	directory    *directory
	shift        atomic.Int64 // of the clock, in nanoseconds
}

func (s *towns) now() time.Time { return time.Now().Add(time.Duration(s.shift.Load())) }

// later lets time pass; what the directory says is asked for again.
func (s *towns) later(d time.Duration) { s.shift.Add(int64(d)) }

// directory does not answer while it is away.
type directory struct {
	*authtest.Memory
	away atomic.Bool
}

func (d *directory) Bindings(ctx context.Context) (auth.Bindings, error) {
	if d.away.Load() {
		return auth.Bindings{}, auth.ErrUnavailable
	}
	return d.Memory.Bindings(ctx)
}

// asking is people and app passwords, with each question noted.
type asking struct {
	*authtest.Memory
	mu    sync.Mutex
	asked []string
}

func (c *asking) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, what)
}

// questions gives what was asked since the last time.
func (c *asking) questions() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() { c.asked = nil }()
	return c.asked
}

func (c *asking) PersonByAddress(ctx context.Context, address string) (auth.Person, error) {
	c.note("address")
	return c.Memory.PersonByAddress(ctx, address)
}

func (c *asking) PersonBySubject(ctx context.Context, issuer, sub string) (auth.Person, error) {
	c.note("subject")
	return c.Memory.PersonBySubject(ctx, issuer, sub)
}

func (c *asking) PersonIn(ctx context.Context, tenant int64, issuer, sub string) (auth.Person, error) {
	c.note("subject in a tenant")
	return c.Memory.PersonIn(ctx, tenant, issuer, sub)
}

func (c *asking) MayUse(ctx context.Context, ref auth.AccountRef, address string) (bool, error) {
	c.note("may use")
	return c.Memory.MayUse(ctx, ref, address)
}

func (c *asking) AppPasswords(ctx context.Context, ref auth.AccountRef) ([]auth.AppPassword, error) {
	c.note("app passwords")
	return c.Memory.AppPasswords(ctx, ref)
}

func openTowns(t *testing.T) *towns {
	t.Helper()
	s := &towns{Memory: authtest.NewMemory(), ours: authtest.NewIssuer(t), theirs: authtest.NewIssuer(t)}
	s.Memory.Now = s.now
	s.directory = &directory{Memory: s.Memory}
	s.count = &asking{Memory: s.Memory}
	s.anna, s.dora = s.AddPersonIn(1, anna), s.AddPersonIn(2, dora)
	s.Bind(s.anna, s.ours.URL, "sub-1")
	s.Bind(s.dora, s.theirs.URL, "sub-1")
	s.bind()
	providers, err := auth.NewProviders(auth.ProvidersConfig{
		Installation: auth.IssuerBinding{
			BearerIssuer: auth.BearerIssuer{URL: s.ours.URL, Audience: resource}, ClientID: "portal", GroupsClaim: "groups",
			OperatorGroup: "operators", AdminGroup: "admins of {tenant}", PrivacyGroup: "privacy of {tenant}", MailClient: "mail",
		},
		Directory: s.directory, Now: s.now, TenantHTTP: auth.OutsideClient([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, nil),
	})
	must(t, err)
	s.providers = providers
	s.Authenticator, err = auth.New(auth.Config{
		People: s.count, AppPasswords: s.count, Changes: s.Memory, HashKeys: oneKey, Providers: providers, Groups: s.Memory,
		Throttle: auth.NewThrottle(auth.ThrottleLimits{PerNetwork: 100_000}, nil), Now: s.now,
	})
	must(t, err)
	t.Cleanup(s.Close)
	s.rp, err = auth.NewRelyingParty(auth.RPConfig{
		Providers: providers, RedirectURI: portalA + "/login/callback", IssuerRedirectURI: portalA + "/oidc/callback/",
		People: s.count, Sessions: s.Memory, Tickets: s.Memory, Groups: s.Memory, Subjects: s.Memory, Now: s.now,
	})
	must(t, err)
	return s
}

// own is how Nachbarstadt's issuer is bound to it.
func (s *towns) own() auth.IssuerBinding {
	return auth.IssuerBinding{
		Tenant: 2, BearerIssuer: auth.BearerIssuer{URL: s.theirs.URL, Audience: resource}, ClientID: "portal",
		GroupsClaim: "roles", AdminGroup: "chiefs", PrivacyGroup: "officers", OperatorGroup: "operators",
	}
}

// bind puts the two tenants and their issuers into the directory, and what is given.
func (s *towns) bind(more ...auth.IssuerBinding) {
	s.SetBindings(auth.Bindings{
		Issuers: append([]auth.IssuerBinding{{Tenant: 1, Installation: true}, s.own()}, more...),
		Tenants: map[int64]string{1: "Musterstadt", 2: "Nachbarstadt", 3: "Drittstadt"},
		Domains: map[string]int64{"musterstadt.example": 1, "nachbarstadt.example": 2, "drittstadt.example": 3, "xn--mller-kva.example": 2},
	})
}

// signIn goes through a sign-in: the browser is sent where opts lead, and the issuer
// there answers with a good ID token, but for some claims.
func (s *towns) signIn(t *testing.T, at *authtest.Issuer, opts auth.StartOptions, change map[string]any) (*auth.Finished, error) {
	t.Helper()
	to, state, err := s.rp.Start(t.Context(), "/", opts)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(to)
	must(t, err)
	asked := u.Query()
	if want := at.URL + "/authorize"; u.Scheme+"://"+u.Host+u.Path != want {
		t.Fatalf("the browser is sent to %s, want %s", to, want)
	}
	back, err := url.Parse(asked.Get("redirect_uri"))
	must(t, err)
	at.Token = answering(at, s.now(), asked.Get("nonce"), change)
	defer func() { at.Token = nil }()
	return s.rp.Finish(t.Context(), nameIn(back.Path), url.Values{"state": {asked.Get("state")}, "code": {"code"}}, state, opts.Session, "Firefox")
}

// nameIn is the client's name in the path of a redirect URI.
func nameIn(path string) string {
	const own = "/oidc/callback/"
	if len(path) > len(own) && path[:len(own)] == own {
		return path[len(own):]
	}
	return ""
}

// answering is a token endpoint that gives an ID token for sub-1, but for some claims.
func answering(at *authtest.Issuer, now time.Time, nonce string, change map[string]any) func(url.Values) map[string]any {
	return func(url.Values) map[string]any {
		claims := map[string]any{
			"iss": at.URL, "sub": "sub-1", "aud": "portal", "nonce": nonce,
			"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix(), "sid": "sid-1",
		}
		maps.Copy(claims, change)
		return map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": at.Sign("JWT", claims)}
	}
}

// made are the times of a token made now, by the shifted clock.
func (s *towns) made(more map[string]any) map[string]any {
	now := s.now()
	claims := map[string]any{"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
	maps.Copy(claims, more)
	return claims
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
