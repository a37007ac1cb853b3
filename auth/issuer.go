package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/time/rate"
)

// algorithms are those whose signatures are believed: never none, and no
// HS*, whose key would be one that the provider publishes.
var algorithms = []string{oidc.RS256, oidc.PS256, oidc.ES256, oidc.EdDSA}

const (
	documentMax  = 1 << 20          // bytes of a discovery document or key set
	documentFor  = time.Hour        // how long what was fetched is taken as current
	fetchTimeout = 10 * time.Second // of one request
	firstPause   = time.Second
	longestPause = time.Minute
)

// issuer is a pinned OpenID provider: its discovery document and its keys,
// fetched when first needed, again every hour, and when a token names a key
// that is not known (at a bounded rate). A provider that is down does not
// matter until someone needs it, and then is asked again after a pause.
type issuer struct {
	url  string
	http *http.Client
	now  func() time.Time

	// fetching is held by the one who asks the provider; a channel, so that
	// waiting for it can be given up. Those who find what they need in the
	// cache do not wait for it.
	fetching chan struct{}
	unknown  *rate.Limiter // fetches because of unknown keys

	mu      sync.Mutex // guards what follows; never held during a request
	meta    *metadata
	metaAt  time.Time
	keys    []jose.JSONWebKey
	keysAt  time.Time
	pause   time.Duration
	retryAt time.Time
}

// metadata is what of the discovery document matters here.
type metadata struct {
	Issuer                string `json:"issuer"`
	AuthorizationEndpoint string `json:"authorization_endpoint"`
	TokenEndpoint         string `json:"token_endpoint"`
	JWKSURI               string `json:"jwks_uri"`
	EndSessionEndpoint    string `json:"end_session_endpoint"`
	IssParameter          bool   `json:"authorization_response_iss_parameter_supported"` // RFC 9207
}

func newIssuerOf(issuerURL string, client *http.Client, now func() time.Time) (*issuer, error) {
	if err := checkOutside(issuerURL); err != nil {
		return nil, err
	}
	c := *client
	// A provider that redirects its keys elsewhere is not the pinned one.
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &issuer{
		url: issuerURL, http: &c, now: now,
		fetching: make(chan struct{}, 1),
		unknown:  rate.NewLimiter(rate.Every(10*time.Second), 5),
	}, nil
}

// checkOutside lets only https pass, and http on loopback for the demo.
func checkOutside(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.Host == "" || u.User != nil || u.Fragment != "":
		return errors.New("is not a plain URL with a host")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return errors.New("must be https (http is for loopback only)")
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

func (i *issuer) acquire(ctx context.Context) error {
	select {
	case i.fetching <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrUnavailable, ctx.Err())
	}
}

func (i *issuer) release() { <-i.fetching }

// metadata gives the discovery document.
func (i *issuer) metadata(ctx context.Context) (*metadata, error) {
	if m, current := i.knownMetadata(); current {
		return m, nil
	}
	if err := i.acquire(ctx); err != nil {
		return nil, err
	}
	defer i.release()
	return i.discover(ctx)
}

// knownMetadata gives what was fetched last, and whether it is to be taken:
// because it is young, or because the provider is not to be asked yet.
func (i *issuer) knownMetadata() (m *metadata, current bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	return i.meta, i.meta != nil && (now.Sub(i.metaAt) < documentFor || now.Before(i.retryAt))
}

// discover fetches the document if need be, by the holder of fetching.
func (i *issuer) discover(ctx context.Context) (*metadata, error) {
	known, current := i.knownMetadata()
	if current {
		return known, nil
	}
	if i.pausing() {
		return nil, fmt.Errorf("%w: the provider did not answer a moment ago", ErrUnavailable)
	}
	var m metadata
	err := i.fetch(ctx, strings.TrimSuffix(i.url, "/")+"/.well-known/openid-configuration", &m)
	if err == nil {
		err = m.check(i.url)
	}
	i.settle(err)
	if err != nil {
		if known != nil {
			return known, nil
		}
		return nil, fmt.Errorf("%w: discovery: %w", ErrUnavailable, err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.meta, i.metaAt = &m, i.now()
	return i.meta, nil
}

func (m *metadata) check(issuerURL string) error {
	if m.Issuer != issuerURL {
		return fmt.Errorf("the document names the issuer %q", m.Issuer)
	}
	endpoints := []string{m.AuthorizationEndpoint, m.TokenEndpoint, m.JWKSURI}
	if m.EndSessionEndpoint != "" {
		endpoints = append(endpoints, m.EndSessionEndpoint)
	}
	for _, e := range endpoints {
		if err := checkOutside(e); err != nil {
			return fmt.Errorf("the endpoint %q %w", e, err)
		}
		// A provider elsewhere does not send us to listeners of this machine.
		if onLoopback(e) && !onLoopback(issuerURL) {
			return fmt.Errorf("the endpoint %q is on this machine, the issuer is not", e)
		}
	}
	return nil
}

func onLoopback(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && loopback(u.Hostname())
}

// settle sets the pause before the next attempt, doubling it with each failure.
func (i *issuer) settle(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err == nil {
		i.pause, i.retryAt = 0, time.Time{}
		return
	}
	i.pause = min(max(2*i.pause, firstPause), longestPause)
	i.retryAt = i.now().Add(i.pause)
}

func (i *issuer) pausing() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.now().Before(i.retryAt)
}

// fetch reads one JSON document. Its time does not depend on the one who
// happens to wait for it.
func (i *issuer) fetch(ctx context.Context, from string, into any) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := i.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: status %d", from, resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, documentMax+1))
	if err != nil {
		return err
	}
	if len(body) > documentMax {
		return errors.New("the document is too large")
	}
	return json.Unmarshal(body, into)
}

// keySet gives the keys that may have made a signature under kid; kid empty
// means any. An unknown kid makes the set be fetched again, for that is how a
// provider rotates (OpenID Connect Core 10.1.1): but not for a slow network, which
// would use up what the provider is asked; there it gives ErrThrottled.
func (i *issuer) keySet(ctx context.Context, kid string, slow bool) ([]jose.JSONWebKey, error) {
	found, fetched := i.knownKeys(kid)
	young := !fetched.IsZero() && i.now().Sub(fetched) < documentFor
	switch {
	case len(found) > 0 && young:
		return found, nil
	case slow && young:
		return nil, ErrThrottled
	}
	if err := i.acquire(ctx); err != nil {
		return nil, err
	}
	defer i.release()
	// Another may have fetched while we waited.
	found, again := i.knownKeys(kid)
	switch {
	case len(found) > 0 && (i.now().Sub(again) < documentFor || again.After(fetched)):
		return found, nil
	case i.pausing():
		return i.orUnavailable(found, errors.New("it did not answer a moment ago"))
	case len(found) == 0 && !again.IsZero() && !i.unknown.AllowN(i.now(), 1):
		return nil, nil
	}
	m, err := i.discover(ctx)
	if err != nil {
		return i.orUnavailable(found, err)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	err = i.fetch(ctx, m.JWKSURI, &set)
	i.settle(err)
	if err != nil {
		return i.orUnavailable(found, err)
	}
	i.mu.Lock()
	i.keys, i.keysAt = usable(set.Keys), i.now()
	i.mu.Unlock()
	found, _ = i.knownKeys(kid)
	return found, nil
}

func (i *issuer) knownKeys(kid string) ([]jose.JSONWebKey, time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return byID(i.keys, kid), i.keysAt
}

// orUnavailable goes on with known keys while the provider is away.
func (i *issuer) orUnavailable(found []jose.JSONWebKey, why error) ([]jose.JSONWebKey, error) {
	if len(found) > 0 {
		return found, nil
	}
	return nil, fmt.Errorf("%w: the provider's keys cannot be fetched: %w", ErrUnavailable, why)
}

// verifier checks signature and issuer of one token; what it needs beside is
// in cfg. go-oidc drops the cause of a failure, so that why tells whether the
// keys could not be had at all: that is not the token's fault.
func (i *issuer) verifier(cfg oidc.Config, slow bool) (v *oidc.IDTokenVerifier, why func(error) error) {
	run := &keyRun{issuer: i, slow: slow}
	cfg.SupportedSigningAlgs = algorithms
	cfg.Now = i.now
	return oidc.NewVerifier(i.url, run, &cfg), func(err error) error {
		if err != nil && run.err != nil {
			return run.err
		}
		return err
	}
}

// keyRun is the key set as one verification sees it.
type keyRun struct {
	*issuer
	slow bool  // the network that the token comes from has failed too often
	err  error // the provider's keys could not be had, or are not asked for: ErrThrottled
}

// VerifySignature is oidc.KeySet's.
func (i *keyRun) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	jws, err := parseToken(token)
	if err != nil {
		return nil, err
	}
	head := jws.Signatures[0].Header
	keys, err := i.keySet(ctx, head.KeyID, i.slow)
	if err != nil {
		i.err = err
		return nil, err
	}
	for _, k := range fitting(keys, head.Algorithm) {
		if payload, err := jws.Verify(k); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("no key of the issuer made this signature")
}

// tokenType is the header's typ in short form (RFC 7515 4.1.9), lower case.
func tokenType(token string) string {
	jws, err := parseToken(token)
	if err != nil {
		return ""
	}
	typ, _ := jws.Signatures[0].Header.ExtraHeaders[jose.HeaderType].(string)
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}
