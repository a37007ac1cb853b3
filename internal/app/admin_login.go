package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fachwerk/admin"
	"fachwerk/auth"
	"fachwerk/auth/idp"
	"fachwerk/internal/store"
)

// AppPassword is one as the command line shows it.
type AppPassword struct {
	ID       int64      `json:"id"`
	Name     string     `json:"name"`
	Scopes   string     `json:"scopes"`
	Created  time.Time  `json:"created"`
	Expires  *time.Time `json:"expires,omitempty"`
	LastUsed *time.Time `json:"last_used,omitempty"`
	UsedBy   string     `json:"last_used_by,omitempty"`
	// Secret is shown when it is made and never again.
	Secret string `json:"secret,omitempty"`
}

func appPasswordOf(p auth.AppPassword) AppPassword {
	optional := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	return AppPassword{
		ID: p.ID, Name: p.Name, Scopes: p.Scopes.String(), Created: p.Created,
		Expires: optional(p.Expires), LastUsed: optional(p.LastUsed), UsedBy: p.LastUsedBy,
	}
}

// person finds one by any of their addresses, in whatever tenant. It is for the command
// line alone: who has found an account within a tenant goes on by its reference, for its
// address may have become another tenant's.
func (in *Installation) person(ctx context.Context, address string) (auth.AccountRef, error) {
	a, err := in.account(ctx, address)
	if err != nil {
		return auth.AccountRef{}, err
	}
	return personOf(a)
}

// personOf refuses accounts that nobody signs in to.
func personOf(a store.Account) (auth.AccountRef, error) {
	if a.Kind != store.Person {
		return auth.AccountRef{}, refuse(admin.Invalid, nil, "%s is a %s account: only persons sign in, and use it by a grant.", a.Address, kindName(a.Kind))
	}
	return auth.AccountRef(a.Key), nil
}

// AddAppPassword makes one for a person. scopes are names with commas between,
// "" for all; expires after so long, 0 for never.
func (in *Installation) AddAppPassword(ctx context.Context, address, name, scopes string, expires time.Duration) (AppPassword, error) {
	ref, err := in.person(ctx, address)
	if err != nil {
		return AppPassword{}, err
	}
	allowed := auth.AllScopes
	if scopes != "" {
		if allowed, err = auth.ParseScopes(scopes); err != nil {
			return AppPassword{}, refuse(admin.Invalid, err, "%s; known are %s", err, strings.ReplaceAll(auth.AllScopes.String(), " ", ", "))
		}
	}
	var until time.Time
	if expires > 0 {
		now, err := in.store.Now(ctx, ref.Tenant)
		if err != nil {
			return AppPassword{}, err
		}
		until = now.Add(expires)
	}
	a, err := in.authenticator(nil, nil)
	if err != nil {
		return AppPassword{}, err
	}
	defer a.Close()
	made, secret, err := a.NewAppPasswordByOperator(ctx, ref, name, allowed, until)
	if errors.Is(err, auth.ErrTooMany) {
		return AppPassword{}, fmt.Errorf("%s has %d app passwords already: revoke one first", address, auth.MaxAppPasswords)
	}
	if err != nil {
		return AppPassword{}, fmt.Errorf("app password for %s: %w", address, err)
	}
	out := appPasswordOf(made)
	out.Secret = secret
	return out, nil
}

// AppPasswords lists a person's.
func (in *Installation) AppPasswords(ctx context.Context, address string) ([]AppPassword, error) {
	ref, err := in.person(ctx, address)
	if err != nil {
		return nil, err
	}
	list, err := in.store.AppPasswords(ctx, ref)
	out := []AppPassword{}
	for _, p := range list {
		out = append(out, appPasswordOf(p))
	}
	return out, err
}

// RevokeAppPassword ends one; a running server closes its connections within
// five seconds.
func (in *Installation) RevokeAppPassword(ctx context.Context, address string, id int64) error {
	ref, err := in.person(ctx, address)
	if err != nil {
		return err
	}
	err = in.store.RevokeAppPassword(ctx, ref, id)
	if errors.Is(err, auth.ErrNotFound) || errors.Is(err, store.ErrNotFound) {
		return refuse(admin.NotFound, err, "%s has no app password %d; `fachwerk app-password list %[1]s` shows them", address, id)
	}
	return err
}

// SetPassword sets a person's own password at the embedded provider.
func (in *Installation) SetPassword(ctx context.Context, address, password string) error {
	if err := in.ownPasswords(); err != nil {
		return err
	}
	ref, err := in.person(ctx, address)
	if err != nil {
		return err
	}
	return in.setPassword(ctx, ref, password)
}

// ownPasswords refuses where passwords are an outside provider's.
func (in *Installation) ownPasswords() error {
	if !in.cfg.OIDC.Embedded {
		return refuse(admin.Invalid, nil, "passwords are the configured provider's (%s, oidc.embedded is false): set them there", in.cfg.OIDC.Issuer)
	}
	return nil
}

func (in *Installation) setPassword(ctx context.Context, ref auth.AccountRef, password string) error {
	if err := in.ownPasswords(); err != nil {
		return err
	}
	phc, err := idp.HashPassword(password)
	if err != nil {
		return err
	}
	tell := in.newSignIn(ctx, ref)
	if err := in.store.SetPasswordHash(ctx, ref, phc); err != nil {
		return err
	}
	tell()
	return in.endSessions(ctx, ref)
}

// endSessions ends a person's sessions at the portal and at the embedded
// provider: who changes a password wants to be alone with it.
func (in *Installation) endSessions(ctx context.Context, ref auth.AccountRef) error {
	sessions, err := in.store.SessionsOf(ctx, ref)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if err := in.store.EndSession(ctx, ref, s.ID); err != nil && !errors.Is(err, auth.ErrNotFound) {
			return err
		}
	}
	if !in.cfg.OIDC.Embedded {
		return nil
	}
	return idp.Forget(ctx, in.store, ref)
}
