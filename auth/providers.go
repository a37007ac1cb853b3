package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/idna"
)

// bindingsFor is how long the directory is not asked again: a new issuer is known,
// and one that was unbound is refused, after that time at the latest.
const bindingsFor = 3 * time.Second

// bindingsPatience bounds how long a login waits for the directory where an earlier
// answer is known.
const bindingsPatience = 2 * time.Second

// ProvidersConfig is what [Providers] stand on.
type ProvidersConfig struct {
	// Installation is the issuer of the configuration. It serves those tenants to
	// which it is bound.
	Installation IssuerBinding
	Directory    Directory
	// HTTP talks to the installation's issuer, which the operator has named. Nil takes a
	// client with a timeout of ten seconds.
	HTTP *http.Client
	// TenantHTTP talks to issuers that tenants have for their own. Nil takes
	// [OutsideClient] with no network allowed that is not the Internet.
	TenantHTTP *http.Client
	Now        func() time.Time
	Log        *slog.Logger
}

// Providers are the issuers in use, as the directory has them: it is asked again
// every few seconds, and while it is away what it last said holds. Authenticator and
// relying party share one.
type Providers struct {
	cfg ProvidersConfig
	now func() time.Time
	log *slog.Logger

	// asking is held by the one who asks the directory.
	asking chan struct{}

	mu      sync.Mutex // guards what follows; never held during a question
	bound   *bound
	askedAt time.Time
}

// bound is the bindings at one moment, for looking up. It is not changed.
type bound struct {
	byIssuer map[string][]IssuerBinding
	byTenant map[int64][]IssuerBinding
	clients  map[string]*client
	issuers  map[string]*issuer
	names    map[string]int64
	domains  map[string]int64
	fixed    bool // no directory: the store alone knows who is whose
}

// client is the portal at one issuer: it has a redirect URI of its own.
type client struct {
	// id is opaque and the same as long as issuer and client id are; "" is the
	// configuration's.
	id       string
	binding  IssuerBinding // of any of its tenants
	issuer   *issuer
	tenants  []int64
	anywhere bool // fixed: of every tenant
}

func (c *client) serves(tenant int64) bool { return c.anywhere || slices.Contains(c.tenants, tenant) }

// NewProviders checks the configuration. Nobody is asked yet.
func NewProviders(cfg ProvidersConfig) (*Providers, error) {
	if cfg.Directory == nil {
		return nil, errors.New("auth: providers need a directory")
	}
	p := newProviders(cfg)
	cfg.Installation.Installation = true
	if err := checkBinding(cfg.Installation); err != nil {
		return nil, fmt.Errorf("auth: issuer %q %w", cfg.Installation.URL, err)
	}
	return p, nil
}

// fixedProviders are those of a configuration without a directory.
func fixedProviders(cfg ProvidersConfig, bindings ...IssuerBinding) (*Providers, error) {
	p := newProviders(cfg)
	for _, b := range bindings {
		if err := checkBinding(b); err != nil {
			return nil, fmt.Errorf("auth: issuer %q %w", b.URL, err)
		}
	}
	p.bound = p.arrange(Bindings{Issuers: bindings})
	p.bound.fixed = true
	return p, nil
}

func newProviders(cfg ProvidersConfig) *Providers {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: fetchTimeout}
	}
	if cfg.TenantHTTP == nil {
		cfg.TenantHTTP = OutsideClient(nil, nil)
	}
	return &Providers{
		cfg: cfg, now: cfg.Now, log: cfg.Log,
		asking: make(chan struct{}, 1),
	}
}

// checkBinding refuses what could never be used safely.
func checkBinding(b IssuerBinding) error {
	if err := checkOutside(b.URL); err != nil {
		return err
	}
	switch {
	case b.Audience == "" && b.ClientID == "":
		return errors.New("has neither a resource name (audience) nor a client id")
	case b.Audience != "" && b.Audience == b.ClientID:
		// An ID token names the client: were that our resource, a mix-up of the two
		// would open accounts.
		return errors.New("has its client id for a resource name (audience)")
	}
	return nil
}

// current gives the bindings, not older than bindingsFor unless the directory is away.
func (p *Providers) current(ctx context.Context) (*bound, error) {
	known, young := p.known()
	if young {
		return known, nil
	}
	select {
	case p.asking <- struct{}{}:
		defer func() { <-p.asking }()
	case <-ctx.Done():
		if known != nil {
			return known, nil
		}
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
	if known, young = p.known(); young {
		return known, nil
	}
	if known != nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, bindingsPatience)
		defer cancel()
	}
	all, err := p.cfg.Directory.Bindings(ctx)
	if err != nil {
		if known == nil {
			return nil, fmt.Errorf("%w: the directory: %w", ErrUnavailable, err)
		}
		p.log.Warn("the directory cannot be asked for issuers; what it said last holds", "err", err)
	} else {
		known = p.arrange(all)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bound, p.askedAt = known, p.now()
	return known, nil
}

func (p *Providers) known() (b *bound, young bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	age := p.now().Sub(p.askedAt)
	return p.bound, p.bound != nil && (p.bound.fixed || age >= 0 && age < bindingsFor)
}

// arrange leaves out what cannot be used; one bad binding bars nobody else's login.
func (p *Providers) arrange(all Bindings) *bound {
	b := &bound{
		byIssuer: map[string][]IssuerBinding{}, byTenant: map[int64][]IssuerBinding{},
		clients: map[string]*client{}, issuers: map[string]*issuer{}, names: make(map[string]int64, len(all.Tenants)), domains: all.Domains,
	}
	for id, name := range all.Tenants {
		b.names[name] = id
	}
	for _, i := range all.Issuers {
		i = p.completed(i, all.Tenants[i.Tenant])
		if err := checkBinding(i); err != nil {
			p.log.Warn("an issuer cannot be used", "issuer", i.URL, "tenant", i.Tenant, "err", err)
			continue
		}
		at, err := p.pin(b, i.URL)
		if err != nil {
			p.log.Warn("an issuer cannot be used", "issuer", i.URL, "tenant", i.Tenant, "err", err)
			continue
		}
		b.byIssuer[i.URL] = append(b.byIssuer[i.URL], i)
		b.byTenant[i.Tenant] = append(b.byTenant[i.Tenant], i)
		b.addClient(i, at)
	}
	for _, list := range b.byTenant { // a tenant's own issuer comes before the installation's
		slices.SortStableFunc(list, func(x, y IssuerBinding) int {
			switch {
			case x.Installation == y.Installation:
				return strings.Compare(x.URL, y.URL)
			case x.Installation:
				return 1
			}
			return -1
		})
	}
	// The issuer of the configuration is there even before it is bound to a tenant.
	if of := p.cfg.Installation; p.cfg.Directory != nil {
		of.Installation = true
		if at, err := p.pin(b, of.URL); err == nil && b.clients[""] == nil && of.ClientID != "" {
			b.clients[""] = &client{binding: of, issuer: at}
		}
	}
	return b
}

// completed takes from the configuration what is its to say, and keeps from others
// what is not theirs.
func (p *Providers) completed(i IssuerBinding, tenant string) IssuerBinding {
	if p.cfg.Directory == nil {
		return i
	}
	if !i.Installation {
		i.OperatorGroup, i.OperatorScope, i.MailClient = "", "", ""
		return i
	}
	of := p.cfg.Installation
	of.Tenant, of.Installation = i.Tenant, true
	of.AdminGroup = strings.ReplaceAll(of.AdminGroup, "{tenant}", tenant)
	of.PrivacyGroup = strings.ReplaceAll(of.PrivacyGroup, "{tenant}", tenant)
	return of
}

// pin finds the provider as it was kept, with its document and keys, or begins to
// keep it.
func (p *Providers) pin(b *bound, url string) (*issuer, error) {
	if i := b.issuers[url]; i != nil {
		return i, nil
	}
	var i *issuer
	if before, _ := p.known(); before != nil {
		i = before.issuers[url]
	}
	if i == nil {
		var err error
		client := p.cfg.TenantHTTP
		if p.cfg.Directory == nil || url == p.cfg.Installation.URL {
			client = p.cfg.HTTP
		}
		if i, err = newIssuerOf(url, client, p.now); err != nil {
			return nil, err
		}
	}
	b.issuers[url] = i
	return i, nil
}

func (b *bound) addClient(i IssuerBinding, at *issuer) {
	if i.ClientID == "" {
		return
	}
	id := clientName(i)
	c := b.clients[id]
	if c == nil {
		c = &client{id: id, binding: i, issuer: at, anywhere: i.Tenant == 0}
		b.clients[id] = c
	}
	c.tenants = append(c.tenants, i.Tenant)
}

// clientName is the opaque name of the portal at an issuer, in its redirect URI. Two
// tenants with clients of their own at one issuer have two.
func clientName(i IssuerBinding) string {
	if i.Installation || i.Tenant == 0 {
		return ""
	}
	sum := sha256.Sum256([]byte("fachwerk client\x00" + i.URL + "\x00" + i.ClientID))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// ClientName is what stands in the portal's redirect URI and back-channel logout URI
// at an issuer that a tenant has for its own: those URIs end in it, and have to be
// entered at the issuer.
func ClientName(issuerURL, clientID string) string {
	return clientName(IssuerBinding{Tenant: 1, BearerIssuer: BearerIssuer{URL: issuerURL}, ClientID: clientID})
}

// tenantOf is the tenant of an address's domain, 0 if it is nobody's.
func (b *bound) tenantOf(address string) int64 {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || len(address) > usernameMax {
		return 0
	}
	domain, err := idna.Lookup.ToASCII(strings.TrimSuffix(address[at+1:], "."))
	if err != nil {
		return 0
	}
	return b.domains[strings.ToLower(domain)]
}

// binding is how an issuer is bound to a tenant.
func (b *bound) binding(issuerURL string, tenant int64) (IssuerBinding, bool) {
	list := b.byIssuer[issuerURL]
	if !servedBy(list, tenant) {
		return IssuerBinding{}, false
	}
	return bindingOf(list, tenant), true
}

func servedBy(list []IssuerBinding, tenant int64) bool {
	return slices.ContainsFunc(list, func(i IssuerBinding) bool { return i.Tenant == tenant || i.Tenant == 0 })
}

// bindingOf is a tenant's, of which there is one.
func bindingOf(list []IssuerBinding, tenant int64) IssuerBinding {
	return list[slices.IndexFunc(list, func(i IssuerBinding) bool { return i.Tenant == tenant || i.Tenant == 0 })]
}

// lead is where to look first for whose subject it is.
type lead struct {
	// named says that a tenant or an address was named; tenant is whose it is, 0 if
	// nobody's.
	named  bool
	tenant int64
}

// leadBy is what a typed name says.
func (b *bound) leadBy(typed string) lead { return lead{typed != "", b.tenantOf(typed)} }

// person finds whose subject it is, among the tenants of one issuer's bindings. Where
// there are several, the lead says where to look first; it selects nobody, for issuer
// and subject have to be that tenant's person. A name in another tenant costs the same
// steps as one in no tenant. ErrSeveral where nothing decides.
func (b *bound) person(ctx context.Context, people People, meant []IssuerBinding, sub string, l lead) (Person, error) {
	url := meant[0].URL
	switch {
	case b.fixed:
		return people.PersonBySubject(ctx, url, sub)
	case len(meant) == 1:
		return people.PersonIn(ctx, meant[0].Tenant, url, sub)
	}
	if l.named {
		likely := servedBy(meant, l.tenant)
		if !likely {
			l.tenant = meant[0].Tenant
		}
		p, err := people.PersonIn(ctx, l.tenant, url, sub)
		if likely && !errors.Is(err, ErrNotFound) {
			return p, err
		}
	}
	p, err := people.PersonBySubject(ctx, url, sub)
	if err == nil && !servedBy(meant, p.Tenant) {
		return Person{}, ErrNotFound
	}
	return p, err
}

// clientAt is the client by which people of a tenant sign in at an issuer; nil if none.
func (b *bound) clientAt(issuerURL string, tenant int64) *client {
	if i, ok := b.binding(issuerURL, tenant); ok {
		return b.clients[clientName(i)]
	}
	return nil
}

// clientFor is where people of a tenant sign in; the configuration's where there is
// no such tenant, or none of its own.
func (b *bound) clientFor(tenant int64) *client {
	for _, i := range b.byTenant[tenant] {
		if c := b.clients[clientName(i)]; c != nil {
			return c
		}
	}
	return b.clients[""]
}

// Several reports whether people of this installation sign in at different providers,
// so that the portal must ask whose people they are.
func (p *Providers) Several(ctx context.Context) (bool, error) {
	b, err := p.current(ctx)
	if err != nil {
		return false, err
	}
	n := 0
	for _, c := range b.clients {
		if c.anywhere || len(c.tenants) > 0 {
			n++
		}
	}
	return n > 1, nil
}

// tellable is the issuer that a stranger may be told of: the only one of a fixed
// configuration, or the installation's. Whose another is would tell of a tenant.
func (p *Providers) tellable() string {
	b, _ := p.known()
	switch {
	case p.cfg.Directory != nil:
		return p.cfg.Installation.URL
	case b != nil && len(b.issuers) == 1:
		for url := range b.issuers {
			return url
		}
	}
	return ""
}
