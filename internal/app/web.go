package app

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/idp"
	"fachwerk/portal"
)

// mailClientID is the public client that mail programs use at the embedded
// provider (RFC 8252: loopback redirect, PKCE, no secret).
const mailClientID = "fachwerk-mail"

// adminClientID is the public client with which operators get tokens for the control API
// from the embedded provider: short ones, of its own scope, and none to refresh.
const (
	adminClientID  = "fachwerk-admin"
	adminTokensFor = 10 * time.Minute
)

// loopback is where native clients of the embedded provider get their answers, at any port.
var loopback = []string{"http://127.0.0.1/", "http://[::1]/", "http://localhost/"}

// buildWeb builds the embedded provider, the portal and the control API.
func (s *Server) buildWeb(secure *tls.Config, throttle *auth.Throttle, tell notifier) error {
	if !s.in.cfg.TLS.Web {
		secure = nil
	}
	if s.in.cfg.OIDC.Embedded {
		provider, err := s.in.provider(throttle, tell)
		if err != nil {
			return err
		}
		s.closers = append(s.closers, func() error { provider.Close(); return nil })
		s.serveHTTP("issuer", provider, secure)
	}
	if s.listeners.Has("portal") {
		pages, err := s.portal()
		if err != nil {
			return err
		}
		s.serveHTTP("portal", davRedirect(pages, s.davOrigin()), secure)
	}
	return s.buildAdmin(secure)
}

// portal is the pages for people, a relying party of the issuers.
func (s *Server) portal() (*portal.Portal, error) {
	c := s.in.cfg
	rp, err := s.in.relyingParty()
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	reporter, err := s.in.reporter()
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	town := office{s.in}
	var zone *time.Location // nil: the machine's
	if c.TimeZone != "" {
		var err error
		if zone, err = time.LoadLocation(c.TimeZone); err != nil {
			return nil, fmt.Errorf("time_zone: %w", err)
		}
	}
	var programs portal.Programs
	if c.OIDC.Embedded {
		programs = idp.Programs{Tickets: s.in.store}
	}
	return portal.New(portal.Config{
		Zone:         zone,
		URL:          c.Public.Portal,
		RelyingParty: rp, Authenticator: s.auth, AppPasswords: s.in.store, Sessions: s.in.store, Tickets: s.in.store, Programs: programs,
		Reporter: reporter, Tenants: town, Accounts: town, Grants: town,
		PersonQuota: int64(c.Quota.Person), SharedQuota: int64(c.Quota.Shared),
		Trash: trash{s.in, s.services}, DAV: s.davOrigin(),
		IMAP:               s.mailServer("imaps", c.Public.Ports.IMAPS, true),
		IMAPStartTLS:       s.mailServer("imap", c.Public.Ports.IMAP, false),
		Submissions:        s.mailServer("submissions", c.Public.Ports.Submissions, true),
		SubmissionStartTLS: s.mailServer("submission", c.Public.Ports.Submission, false),
		Remote:             s.in.remote, Secret: s.in.keys.Derive("portal-forms/1"), Log: s.log,
	})
}

// provider is the embedded OpenID provider.
func (in *Installation) provider(throttle *auth.Throttle, tell idp.Notifier) (*idp.Provider, error) {
	secret, err := in.clientSecret()
	if err != nil {
		return nil, err
	}
	origin := in.cfg.Public.Portal
	scopes := strings.Fields(auth.AllScopes.String())
	return idp.New(idp.Config{
		Issuer: in.cfg.OIDC.Issuer, Resource: in.cfg.OIDC.Audience,
		People: in.store, Passwords: in.store, Tickets: in.store, Throttle: throttle, Notifier: tell,
		Groups: func(ctx context.Context, ref auth.AccountRef) ([]string, error) {
			return in.store.GroupsSaid(ctx, keyOf(ref), in.cfg.OIDC.Issuer)
		},
		Remote: in.remote, Log: in.log, HTTP: in.httpClient(), Hashed: in.trace.Hash,
		Clients: []idp.Client{
			{
				ID: in.cfg.OIDC.ClientID, Secret: secret, RedirectURIs: []string{origin + portal.CallbackPath},
				PostLogoutRedirectURIs: []string{origin + "/"}, BackChannelLogoutURI: origin + portal.BackChannelPath,
			},
			{
				ID: mailClientID, Native: true, Refresh: true, Scopes: scopes,
				RedirectURIs: loopback,
			},
			{
				ID: adminClientID, Native: true, Scopes: []string{idp.ScopeAdmin}, AccessFor: adminTokensFor,
				RedirectURIs: loopback,
			},
		},
	})
}

// clientSecret is the portal's at the provider. The embedded provider and its
// portal share one that only the key directory knows, unless one is configured.
func (in *Installation) clientSecret() (string, error) {
	secret, err := in.cfg.OIDC.ClientSecret.Read()
	if err != nil {
		return "", fmt.Errorf("oidc.client_secret_file: %w", err)
	}
	if secret == "" && in.cfg.OIDC.Embedded {
		return hex.EncodeToString(in.keys.Derive("portal-client/1")), nil
	}
	return secret, nil
}

// people are who an issuer's tokens may name: those bound in the store, and the
// embedded provider's own.
func (in *Installation) people() auth.People {
	if in.cfg.OIDC.Embedded {
		return idp.WithSubjects(persons{in.store}, in.cfg.OIDC.Issuer)
	}
	return persons{in.store}
}

// remote tells who asks by HTTP: the connection's address or, if that is a
// configured proxy, the last address in X-Forwarded-For that is none.
func (in *Installation) remote(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	client := at.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && in.isProxy(client); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		client = next.Unmap()
	}
	return client
}

func (in *Installation) isProxy(a netip.Addr) bool {
	for _, p := range in.cfg.HTTP.Proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// davOrigin is where calendars, contacts and files are, "" where nobody serves them.
func (s *Server) davOrigin() string {
	if !s.in.cfg.Listen.Has("http") {
		return ""
	}
	return s.in.cfg.Public.HTTP
}
