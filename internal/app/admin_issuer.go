package app

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"fachwerk/admin"
	"fachwerk/auth"
	"fachwerk/internal/store"
)

// BindIssuer lets people of an issuer sign in to a tenant, or changes how. An own
// issuer whose secret is not named keeps the one it has.
func (in *Installation) BindIssuer(ctx context.Context, tenant string, b IssuerBinding) (Issuer, error) {
	t, err := in.tenant(ctx, tenant)
	if err != nil {
		return Issuer{}, err
	}
	return in.bind(ctx, t.ID, b, nil)
}

// bind binds one, unless check refuses how it is bound then.
func (in *Installation) bind(ctx context.Context, tenant int64, b IssuerBinding, check func(*Issuer) error) (Issuer, error) {
	if !b.Own {
		if b.ClientID+b.Audience+b.GroupsClaim+b.AdminGroup+b.PrivacyGroup != "" || len(b.Scopes) > 0 || b.ClientSecret != nil {
			return Issuer{}, refuse(admin.Invalid, nil, "client, audience, scopes and groups are those of the configuration, unless the issuer is the tenant's own")
		}
		b.URL = cmp.Or(b.URL, in.cfg.OIDC.Issuer)
		if b.URL != in.cfg.OIDC.Issuer {
			return Issuer{}, refuse(admin.Invalid, nil, "%s is not the installation's issuer (%s): bind it as the tenant's own", b.URL, in.cfg.OIDC.Issuer)
		}
	}
	i := store.Issuer{
		Tenant: tenant, URL: b.URL, Own: b.Own, ClientID: b.ClientID, Audience: b.Audience, Scopes: b.Scopes,
		GroupsClaim: b.GroupsClaim, AdminGroup: b.AdminGroup, PrivacyGroup: b.PrivacyGroup,
	}
	terms := store.IssuerTerms{KeepSecret: b.ClientSecret == nil}
	if b.Own {
		if err := in.checkOwn(i); err != nil {
			return Issuer{}, err
		}
		if b.ClientSecret != nil {
			i.Secret = *b.ClientSecret
		}
	}
	if check != nil {
		terms.If = func(now *store.Issuer) error {
			if now == nil {
				return check(nil)
			}
			known := in.issuerOf(*now)
			return check(&known)
		}
	}
	i, err := in.store.BindIssuerIf(ctx, i, terms)
	return in.issuerOf(i), err
}

// checkOwn refuses what would open no login.
func (in *Installation) checkOwn(i store.Issuer) error {
	switch {
	case i.URL == "":
		return refuse(admin.Invalid, nil, "which issuer? Name its URL")
	case i.URL == in.cfg.OIDC.Issuer:
		return refuse(admin.Invalid, nil, "%s is the installation's issuer and cannot be a tenant's own", i.URL)
	case i.ClientID == "" && i.Audience == "":
		return refuse(admin.Invalid, nil, "an issuer needs a client id, for the portal, or an audience, for access tokens, or both")
	case unknownScope(i.Scopes) != "":
		return refuse(admin.Invalid, nil, "%q is no scope of ours that the issuer could have a name for; known are %s", unknownScope(i.Scopes), strings.Join(ourScopes(), ", "))
	case i.ClientID == i.Audience:
		return refuse(admin.Invalid, nil, "the audience is the name of a resource, never a client id: an ID token would open accounts")
	}
	return nil
}

// ourScopes are the names of scopes that an issuer may have names of its own for.
func ourScopes() []string {
	return append(strings.Fields(strings.ReplaceAll(auth.AllScopes.String(), ".", "_")), "groups")
}

// unknownScope finds one that is misspelt: its name would silently do nothing.
func unknownScope(scopes map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(scopes)) {
		if !slices.Contains(ourScopes(), name) {
			return name
		}
	}
	return ""
}

func (in *Installation) issuerOf(i store.Issuer) Issuer {
	out := Issuer{
		ID: admin.IssuerID(i.URL), URL: i.URL, Own: i.Own, ClientID: i.ClientID, HasSecret: i.Mark != "", Mark: i.Mark, Audience: i.Audience,
		Scopes: i.Scopes, GroupsClaim: i.GroupsClaim, AdminGroup: i.AdminGroup, PrivacyGroup: i.PrivacyGroup,
	}
	if out.Scopes == nil {
		out.Scopes = map[string]string{}
	}
	if i.Own && i.ClientID != "" {
		out.RedirectURI, out.PostLogoutURI, out.BackChannel = in.IssuerURIs(i.URL, i.ClientID)
	}
	return out
}

// Issuers lists what is bound to a tenant; "" is the only one.
func (in *Installation) Issuers(ctx context.Context, tenant string) ([]Issuer, error) {
	t, err := in.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return in.issuersOf(ctx, t.ID)
}

func (in *Installation) issuersOf(ctx context.Context, tenant int64) ([]Issuer, error) {
	list, err := in.store.Issuers(ctx, tenant)
	out := []Issuer{}
	for _, i := range list {
		out = append(out, in.issuerOf(i))
	}
	return out, err
}

// UnbindIssuer ends that people of an issuer sign in to a tenant.
func (in *Installation) UnbindIssuer(ctx context.Context, tenant, url string) error {
	t, err := in.tenant(ctx, tenant)
	if err != nil {
		return err
	}
	err = in.store.UnbindIssuer(ctx, t.ID, url)
	if errors.Is(err, store.ErrNotFound) {
		return refuse(admin.NotFound, err, "issuer %s is not bound to tenant %q; `fachwerk issuer list` shows those that are", url, t.Name)
	}
	return err
}

// bindOurs binds the installation's issuer to a tenant that was made when it had
// another. One that is a tenant's own has to be bound with all that belongs to it.
func (in *Installation) bindOurs(ctx context.Context, tenant int64, url string) error {
	bound, err := in.store.Issuers(ctx, tenant)
	switch {
	case err != nil || slices.ContainsFunc(bound, func(i store.Issuer) bool { return i.URL == url }):
		return err
	case url != in.cfg.OIDC.Issuer:
		return refuse(admin.Invalid, nil, "issuer %s is not bound to the person's tenant: bind it first, with `fachwerk issuer bind`", url)
	}
	return in.store.BindIssuer(ctx, store.Issuer{Tenant: tenant, URL: url})
}

// BindSubject says who a person is at an issuer that is bound to their tenant.
func (in *Installation) BindSubject(ctx context.Context, address, issuer, subject string) error {
	ref, err := in.person(ctx, address)
	if err != nil {
		return err
	}
	return in.bindSubject(ctx, ref, issuer, subject)
}

func (in *Installation) bindSubject(ctx context.Context, ref auth.AccountRef, issuer, subject string) error {
	if issuer == "" || subject == "" {
		return refuse(admin.Invalid, nil, "a person is known by an issuer and by a subject there: name both")
	}
	known, err := in.store.PersonIn(ctx, ref.Tenant, issuer, subject)
	if err == nil && known.AccountRef == ref {
		return nil
	}
	tell := in.newSignIn(ctx, ref)
	err = in.store.BindSubject(ctx, keyOf(ref), issuer, subject)
	switch {
	case errors.Is(err, store.ErrExists):
		return refuse(admin.Exists, err, "that subject of the issuer is another person here already")
	case errors.Is(err, store.ErrNotFound):
		return refuse(admin.Invalid, err, "issuer %s is not bound to the person's tenant: bind it first", issuer)
	case err == nil:
		tell()
	}
	return err
}
