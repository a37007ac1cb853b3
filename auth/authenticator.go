package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
)

// Config is what an Authenticator stands on.
type Config struct {
	People       People
	AppPasswords AppPasswords
	Changes      Changes
	HashKeys     HashKeys

	// Providers are the issuers whose access tokens are accepted. Where there is no
	// directory, Issuers are, for every tenant in which the store knows the subject.
	// Neither: no bearer tokens.
	Providers *Providers
	Issuers   []BearerIssuer
	// Groups keeps what tokens say of groups. Nil: they are not kept, and count for the
	// token's own login alone.
	Groups Groups
	// HTTP fetches the issuers' discovery documents and keys. Nil takes a
	// client with a timeout of ten seconds.
	HTTP *http.Client

	// Throttle is shared with the embedded provider. Nil makes one with the
	// default limits.
	Throttle *Throttle
	// Notifier hears of new app passwords. Nil: nobody does.
	Notifier Notifier
	// Now is the clock; nil takes time.Now.
	Now func() time.Time
	// Hashed is called for each hash of a secret that somebody sent, so that a test can
	// count them. Nil: nobody is told.
	Hashed func()
	// Log takes refusals and faults, without secrets. Nil discards.
	Log *slog.Logger
}

// Notifier tells a person that an app password was made for them.
type Notifier interface {
	AppPasswordMade(ctx context.Context, p Person, made AppPassword) error
}

// Authenticator decides who is asking. It is safe for use by many
// goroutines; Close ends its background work.
type Authenticator struct {
	cfg      Config
	now      func() time.Time
	log      *slog.Logger
	throttle *Throttle
	recent   *recent
	touches  *touches
	watches  *watches
	// providers is nil where no tokens are taken.
	providers *Providers
	groups    *groupBook
}

// New checks the configuration and starts the background work.
func New(cfg Config) (*Authenticator, error) {
	if cfg.People == nil || cfg.AppPasswords == nil || cfg.Changes == nil {
		return nil, errors.New("auth: People, AppPasswords and Changes are needed")
	}
	if err := cfg.HashKeys.check(); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Hashed == nil {
		cfg.Hashed = func() {}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Throttle == nil {
		cfg.Throttle = NewThrottle(ThrottleLimits{}, cfg.Now)
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	a := &Authenticator{cfg: cfg, now: cfg.Now, log: cfg.Log, throttle: cfg.Throttle}
	if a.providers = cfg.Providers; a.providers == nil && len(cfg.Issuers) > 0 {
		var bindings []IssuerBinding
		for _, i := range cfg.Issuers {
			if i.Audience == "" {
				return nil, fmt.Errorf("auth: issuer %s: a resource name (audience) is needed", i.URL)
			}
			bindings = append(bindings, IssuerBinding{BearerIssuer: i})
		}
		var err error
		if a.providers, err = fixedProviders(ProvidersConfig{HTTP: cfg.HTTP, Now: cfg.Now, Log: cfg.Log}, bindings...); err != nil {
			return nil, err
		}
	}
	a.groups = newGroupBook(cfg.Groups, cfg.Now, cfg.Log)
	a.recent = newRecent(cfg.Now)
	a.touches = newTouches(cfg.AppPasswords, cfg.Now, cfg.Log)
	var bindings func(context.Context) (*bound, error)
	if a.providers != nil {
		bindings = a.providers.current
	}
	a.watches = newWatches(cfg.Changes, bindings, cfg.Now, cfg.Log)
	return a, nil
}

// Close ends the background work; last-used times still waiting are written.
// Watches made before are not told of anything any more.
func (a *Authenticator) Close() {
	a.watches.close()
	a.touches.close()
}

// Password checks an app password for the service that at names. Errors are
// ErrDenied, ErrThrottled, ErrScope (right password, wrong service) or one
// that wraps ErrUnavailable.
func (a *Authenticator) Password(ctx context.Context, at Attempt, password string) (*Principal, error) {
	network := Network(at.Remote)
	key := a.recent.key(at.Username, password)
	if hit, ok := a.recent.get(key); ok {
		return a.admit(at, network, hit)
	}
	// A flood from one network is turned away before it costs a read of the
	// store. A budget of the account does not bar an app password: it has
	// 120 bits, so that guessing is hopeless, and its owner must get in:
	// always, from where the account has signed in before.
	if a.throttle.Judge(at.Username, network) == SlowSource && !a.throttle.Knows(at.Username, network) {
		return nil, ErrThrottled
	}
	epoch := a.recent.epoch()
	hit, err := a.checkPassword(ctx, at.Username, password)
	switch {
	case errors.Is(err, ErrDenied):
		a.throttle.Failed(at.Username, network)
		a.log.Info("login refused", "protocol", at.Protocol, "network", network, "by", ByAppPassword)
		if a.throttle.Judge(at.Username, network) != Free {
			return nil, ErrThrottled
		}
		return nil, ErrDenied
	case err != nil:
		a.log.Warn("login could not be checked", "protocol", at.Protocol, "err", err)
		return nil, unavailable(err)
	}
	a.recent.put(key, hit, epoch)
	return a.admit(at, network, hit)
}

// verified is a login whose secret was right.
type verified struct {
	person   Person
	password AppPassword
}

// checkPassword does the same work for unknown names: one read of passwords
// (of no account) and the same number of hashes and comparisons.
func (a *Authenticator) checkPassword(ctx context.Context, username, typed string) (verified, error) {
	if len(username) > usernameMax {
		username = "" // nobody's
	}
	person, err := a.cfg.People.PersonByAddress(ctx, username)
	known := err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return verified{}, err
	}
	list, err := a.cfg.AppPasswords.AppPasswords(ctx, person.AccountRef)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return verified{}, err
	}
	secret, ok := canonical(typed)
	p, matches := a.cfg.HashKeys.match(person.AccountRef, list, secret, a.cfg.Hashed)
	if !known || !ok || !matches || person.Disabled {
		return verified{}, ErrDenied
	}
	if !p.Expires.IsZero() && !a.now().Before(p.Expires) {
		return verified{}, ErrDenied
	}
	return verified{person, p}, nil
}

// admit is the end of every right password.
func (a *Authenticator) admit(at Attempt, network string, v verified) (*Principal, error) {
	a.throttle.Succeeded(at.Username, network)
	if v.password.Scopes&at.Scope != at.Scope {
		return nil, ErrScope
	}
	a.touches.note(v.password.AccountRef, v.password.ID, at.Protocol+" "+network)
	return &Principal{
		Tenant: v.person.Tenant, Account: v.person.Account,
		Address: v.person.Address, DisplayName: v.person.DisplayName,
		Scopes: v.password.Scopes, Method: ByAppPassword,
		AppPassword: v.password.ID, Expires: v.password.Expires,
	}, nil
}

// unavailable makes sure that a fault of the store says so, and that nobody
// outside sees which.
func unavailable(err error) error {
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Ended is a hint from the same process that a login may have ended: an app
// password was revoked or, with appPassword 0, the person was disabled.
func (a *Authenticator) Ended(ref AccountRef, appPassword int64) {
	a.recent.forget(ref, appPassword)
	a.watches.hint(ref, appPassword)
}
