package portaltest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/idp"
	"fachwerk/files"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
	"fachwerk/internal/testenv/child"
	"fachwerk/portal"
)

const (
	anna     = "anna@musterstadt.example"
	bert     = "bert@musterstadt.example"
	password = "Fachwerkhaus im Regen"
)

// passwordHash is made once: a hash takes a tenth of a second.
var passwordHash = sync.OnceValues(func() (string, error) { return idp.HashPassword(password) })

// clock runs with the wall's, plus what a test moves it ahead.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// people is the real store, which can be made to say that it is away, and to
// know nobody.
type people struct {
	*storetest.Parts
	down      atomic.Bool
	strangers atomic.Bool
	created   sync.Map // times by session, as the clock of the test has them
}

// AddSession notes when the session began by the test's clock: the store has its own.
func (p *people) AddSession(ctx context.Context, s auth.Session) error {
	p.created.Store(string(s.ID), s.Created)
	return p.Store.AddSession(ctx, s)
}

func (p *people) Session(ctx context.Context, id []byte) (auth.Session, error) {
	if p.down.Load() {
		return auth.Session{}, fmt.Errorf("reading a session: %w", auth.ErrUnavailable)
	}
	s, err := p.Store.Session(ctx, id)
	if at, ok := p.created.Load(string(id)); ok && err == nil {
		s.Created = at.(time.Time)
	}
	return s, err
}

func (p *people) PersonByRef(ctx context.Context, ref auth.AccountRef) (auth.Person, error) {
	if p.strangers.Load() {
		return auth.Person{}, auth.ErrNotFound
	}
	return p.Store.PersonByRef(ctx, ref)
}

// house is a portal with all that it stands on.
type house struct {
	*people
	clock  *clock
	auth   *auth.Authenticator
	idp    *idp.Provider
	portal string // origins
	issuer string
	log    *child.Said
	anna   auth.AccountRef
	bert   auth.AccountRef
	away   atomic.Bool // the provider answers nothing
	others sync.Map    // ids of tenants with a provider of their own
	front  http.Handler

	resources *resource.Service
	files     *files.Service
}

// trash is the portal's, on the real drives.
func (h *house) trash() trash { return trash{h.files, h} }

func newHouse(t *testing.T, change ...func(*portal.Config)) *house {
	t.Helper()
	h := &house{people: &people{Parts: storetest.Open(t, storetest.Embedded, nil)}, clock: &clock{}, log: &child.Said{}}
	h.resources = resource.New(resource.Options{Store: h.Store})
	h.files = files.New(h.resources)
	h.anna, h.bert = h.person(t, "anna", "Anna Muster"), h.person(t, "bert", "Bert Beispiel")
	h.portal = serve(t, "127.0.0.1", func() http.Handler { return h.front })
	h.issuer = serve(t, "127.0.0.2", func() http.Handler {
		if h.away.Load() {
			return http.NotFoundHandler()
		}
		return h.idp
	})
	must(t, h.BindIssuer(t.Context(), store.Issuer{Tenant: h.Tenant.ID, URL: h.issuer}))
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	h.idp, err = idp.New(idp.Config{
		Issuer: h.issuer, Resource: "https://mail.musterstadt.example", People: h, Passwords: h, Tickets: h, Now: h.clock.now, Log: log,
		Groups: func(ctx context.Context, ref auth.AccountRef) ([]string, error) {
			return h.GroupsSaid(ctx, keyOf(ref), h.issuer)
		},
		Clients: []idp.Client{{
			ID: "portal", Secret: "a secret of the portal", RedirectURIs: []string{h.portal + portal.CallbackPath},
			PostLogoutRedirectURIs: []string{h.portal + "/"}, BackChannelLogoutURI: h.portal + portal.BackChannelPath,
		}, {
			ID: "mail", Native: true, Refresh: true, RedirectURIs: []string{"http://127.0.0.1/"}, Scopes: strings.Fields(auth.AllScopes.String()),
		}},
	})
	must(t, err)
	t.Cleanup(h.idp.Close)
	h.front = h.newPortal(t, h.issuer, "a secret of the portal", idp.WithSubjects(h, h.issuer), log, change...)
	return h
}

// newPortal makes a portal that signs in at an issuer.
func (h *house) newPortal(t *testing.T, issuer, secret string, who auth.People, log *slog.Logger, change ...func(*portal.Config)) *portal.Portal {
	t.Helper()
	var err error
	h.auth, err = auth.New(auth.Config{
		People: who, AppPasswords: h, Changes: h, Now: h.clock.now, Log: log,
		HashKeys: auth.HashKeys{Current: 1, Keys: map[int16][]byte{1: bytes.Repeat([]byte{7}, 32)}},
	})
	must(t, err)
	t.Cleanup(h.auth.Close)
	providers, err := auth.NewProviders(auth.ProvidersConfig{
		Installation: auth.IssuerBinding{
			BearerIssuer: auth.BearerIssuer{URL: issuer, Audience: "https://mail.musterstadt.example"}, ClientID: "portal", ClientSecret: secret,
			GroupsClaim: "groups", AdminGroup: "{tenant}-verwalten", PrivacyGroup: "{tenant}-datenschutz",
		},
		Directory: directory{h}, Now: h.clock.now, Log: log,
	})
	must(t, err)
	party, err := auth.NewRelyingParty(auth.RPConfig{
		Providers: providers, Groups: h,
		RedirectURI: h.portal + portal.CallbackPath, IssuerRedirectURI: h.portal + portal.IssuerCallbackPath, PostLogoutRedirectURI: h.portal + "/",
		People: who, Sessions: h, Tickets: h, Now: h.clock.now, Log: log,
	})
	must(t, err)
	config := portal.Config{
		URL: h.portal, RelyingParty: party, Authenticator: h.auth, AppPasswords: h, Sessions: h, Tickets: h,
		Reporter: h.reporter(t), Tenants: town{h.Parts}, Accounts: town{h.Parts}, Grants: town{h.Parts}, PersonQuota: 5e9, SharedQuota: 20e9,
		IMAP:               portal.Server{Host: "imap.musterstadt.example", Port: 993, TLS: true},
		Submissions:        portal.Server{Host: "smtp.musterstadt.example", Port: 465, TLS: true},
		SubmissionStartTLS: portal.Server{Host: "smtp.musterstadt.example", Port: 587},
		DAV:                dav, Trash: h.trash(), Programs: idp.Programs{Tickets: h},
		Secret: bytes.Repeat([]byte{9}, 32), Zone: time.UTC, Now: h.clock.now, Log: log,
	}
	for _, c := range change {
		c(&config)
	}
	p, err := portal.New(config)
	must(t, err)
	return p
}

// role puts a person into a group that gives a role in their tenant, as the provider
// says at the next sign-in: "verwalten" or "datenschutz".
func (h *house) role(t *testing.T, ref auth.AccountRef, role string) {
	t.Helper()
	tenant, err := h.Store.Tenant(t.Context(), ref.Tenant)
	must(t, err)
	must(t, h.SetGroups(t.Context(), keyOf(ref), h.issuer, []string{tenant.Name + "-" + role}))
}

// person makes one who can sign in at the provider.
func (h *house) person(t *testing.T, local, name string) auth.AccountRef {
	t.Helper()
	a, err := h.CreateAccount(t.Context(), store.NewAccount{
		Tenant: h.Tenant.ID, Kind: store.Person, Address: local + "@musterstadt.example", DisplayName: name,
	})
	must(t, err)
	ref := auth.AccountRef{Tenant: a.Tenant, Account: a.Account}
	phc, err := passwordHash()
	must(t, err)
	must(t, h.SetPasswordHash(t.Context(), ref, phc))
	return ref
}

// accepts asks the authenticator whether an app password opens a service.
func (h *house) accepts(t *testing.T, address, secret string, scope auth.Scope) error {
	t.Helper()
	protocol := "imap"
	switch {
	case scope == auth.MailSend:
		protocol = "submission"
	case scope&(auth.MailRead|auth.MailSend) == 0:
		protocol = "dav"
	}
	_, err := h.auth.Password(t.Context(), auth.Attempt{
		Username: address, Scope: scope, Remote: netip.MustParseAddr("192.0.2.7"), Protocol: protocol,
	}, secret)
	return err
}

// serve listens at an address and serves what handler gives later.
func serve(t *testing.T, ip string, handler func() http.Handler) (origin string) {
	t.Helper()
	l, err := net.Listen("tcp", ip+":0")
	must(t, err)
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler().ServeHTTP(w, r)
	})}}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
