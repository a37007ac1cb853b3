package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fachwerk/auth"
	"fachwerk/auth/idp"
	"fachwerk/internal/store"
	"fachwerk/portal"
)

// providers are the issuers at which people sign in: the configuration's, and those
// that tenants have for their own.
func (in *Installation) providers() (*auth.Providers, error) {
	in.providersOnce.Do(func() {
		c := in.cfg.OIDC
		secret, err := in.clientSecret()
		if err != nil {
			in.providersErr = err
			return
		}
		in.providersAre, in.providersErr = auth.NewProviders(auth.ProvidersConfig{
			Installation: auth.IssuerBinding{
				BearerIssuer: in.bearerIssuer(), ClientID: c.ClientID, ClientSecret: secret, GroupsClaim: c.GroupsClaim, GroupsScope: c.Scopes.Groups,
				OperatorGroup: c.OperatorGroup, AdminGroup: c.AdminGroup, PrivacyGroup: c.PrivacyGroup,
				OperatorScope: in.operatorScope(), MailClient: mailClientID,
			},
			Directory: directory{in}, HTTP: in.httpClient(), Log: in.log,
			TenantHTTP: auth.OutsideClient(c.InternalNetworks, outgoingTLS(in.roots)),
		})
	})
	return in.providersAre, in.providersErr
}

// directory is auth.Directory on the store.
type directory struct{ in *Installation }

// Bindings implements auth.Directory.
func (d directory) Bindings(ctx context.Context) (b auth.Bindings, err error) {
	issuers, err := d.in.store.Issuers(ctx, 0)
	if err != nil {
		return b, err
	}
	tenants, err := d.in.store.Tenants(ctx)
	if err != nil {
		return b, err
	}
	domains, err := d.in.store.Domains(ctx, 0)
	if err != nil {
		return b, err
	}
	b.Tenants, b.Domains = make(map[int64]string, len(tenants)), make(map[string]int64, len(domains))
	for _, t := range tenants {
		if !t.Removing {
			b.Tenants[t.ID] = t.Name
		}
	}
	for _, one := range domains {
		b.Domains[one.Name] = one.Tenant
	}
	has := map[int64]bool{} // the installation's
	for _, i := range issuers {
		switch {
		case i.Own:
			b.Issuers = append(b.Issuers, ownIssuer(i))
		case !has[i.Tenant] && d.in.isOurs(i.URL):
			has[i.Tenant] = true
			b.Issuers = append(b.Issuers, auth.IssuerBinding{Tenant: i.Tenant, Installation: true})
		}
	}
	return b, nil
}

// isOurs says whether a binding to the installation's issuer, made under that URL,
// still counts. The embedded provider stays the same when its address changes: its
// subjects are the accounts themselves. Another one does not.
func (in *Installation) isOurs(url string) bool {
	return in.cfg.OIDC.Embedded || url == in.cfg.OIDC.Issuer
}

// noGroups in place of the name of a claim: the issuer has no say in groups.
const noGroups = "-"

// ownIssuer is a tenant's own. Scopes are ours unless it has names of its own for them.
func ownIssuer(i store.Issuer) auth.IssuerBinding {
	b := auth.IssuerBinding{
		Tenant: i.Tenant, BearerIssuer: auth.BearerIssuer{URL: i.URL, Audience: i.Audience, Scopes: map[string]auth.Scope{}},
		ClientID: i.ClientID, ClientSecret: i.Secret,
		GroupsClaim: i.GroupsClaim, GroupsScope: i.Scopes["groups"], AdminGroup: i.AdminGroup, PrivacyGroup: i.PrivacyGroup,
	}
	switch b.GroupsClaim {
	case "":
		b.GroupsClaim = "groups"
	case noGroups:
		b.GroupsClaim = ""
	}
	for name := range strings.FieldsSeq(auth.AllScopes.String()) {
		scope, _ := auth.ParseScopes(name) // our own names
		theirs := i.Scopes[strings.ReplaceAll(name, ".", "_")]
		if theirs == "" {
			theirs = name
		}
		b.Scopes[theirs] |= scope
	}
	return b
}

// persons is auth.People on the store.
type persons struct{ *store.Store }

// PersonBySubject implements auth.People.
func (p persons) PersonBySubject(ctx context.Context, issuer, sub string) (auth.Person, error) {
	who, err := p.Store.PersonBySubject(ctx, issuer, sub)
	if errors.Is(err, store.ErrBusy) {
		return who, fmt.Errorf("%w: %w", auth.ErrSeveral, err)
	}
	return who, err
}

func keyOf(ref auth.AccountRef) store.Key {
	return store.Key{Tenant: ref.Tenant, Account: ref.Account}
}

// subjects is auth.Subjects on the store.
type subjects struct{ *store.Store }

// ReplaceSubject implements auth.Subjects.
func (s subjects) ReplaceSubject(ctx context.Context, ref auth.AccountRef, issuer, sub string) error {
	err := s.Store.ReplaceSubject(ctx, keyOf(ref), issuer, sub)
	switch {
	case errors.Is(err, store.ErrExists):
		return fmt.Errorf("%w: %w", auth.ErrTaken, err)
	case errors.Is(err, store.ErrNotFound):
		return fmt.Errorf("%w: %w", auth.ErrNotFound, err)
	}
	return err
}

// operatorScope is what tokens for the control API must be made for; "" where the provider
// of the configuration has no scope for that.
func (in *Installation) operatorScope() string {
	if in.cfg.OIDC.Embedded {
		return idp.ScopeAdmin
	}
	return in.cfg.OIDC.OperatorScope
}

// newSignIn is asked before somebody who manages the installation or a tenant makes a new
// way to sign in as a person; tell, called when it is made, writes that to the person. Who
// had none before signs in for the first time, and need not be told. What is made stands
// whether the message can be delivered or not.
func (in *Installation) newSignIn(ctx context.Context, ref auth.AccountRef) (tell func()) {
	before, err := in.store.SignsIn(ctx, ref)
	return func() {
		if err == nil && before {
			err = in.signInMade(ctx, ref)
		}
		if err != nil {
			in.log.Error("a new way to sign in was made, its owner could not be told", "tenant", ref.Tenant, "account", ref.Account, "err", err)
		}
	}
}

func (in *Installation) signInMade(ctx context.Context, ref auth.AccountRef) error {
	a, err := in.store.Account(ctx, keyOf(ref))
	if err != nil {
		return err
	}
	m := in.mailService()
	defer m.Close()
	return notifier{mail: m, host: in.cfg.Public.Name, now: time.Now}.signInMade(ctx, a)
}

// relyingParty is the portal at all issuers.
func (in *Installation) relyingParty() (*auth.RelyingParty, error) {
	providers, err := in.providers()
	if err != nil {
		return nil, err
	}
	return auth.NewRelyingParty(auth.RPConfig{
		Providers:   providers,
		RedirectURI: in.cfg.Public.Portal + portal.CallbackPath, IssuerRedirectURI: in.cfg.Public.Portal + portal.IssuerCallbackPath,
		PostLogoutRedirectURI: in.cfg.Public.Portal + "/",
		People:                in.people(), Sessions: in.store, Tickets: in.store, Groups: in.store, Subjects: subjects{in.store}, Log: in.log,
	})
}

// IssuerURIs are what has to be entered at an issuer that a tenant has for its own,
// for the portal's client there.
func (in *Installation) IssuerURIs(issuer, clientID string) (redirect, postLogout, backChannel string) {
	name, origin := auth.ClientName(issuer, clientID), in.cfg.Public.Portal
	return origin + portal.IssuerCallbackPath + name, origin + "/", origin + portal.IssuerBackChannelPath + name
}

// Invite makes a link with which a person signs in for the first time with an account
// that their tenant's provider has for them: once, within seven days. issuer may be
// empty where the tenant has one.
func (in *Installation) Invite(ctx context.Context, address, issuer string) (link string, err error) {
	ref, err := in.person(ctx, address)
	if err != nil {
		return "", err
	}
	link, err = in.invite(ctx, ref, issuer)
	if errors.Is(err, auth.ErrNotFound) {
		err = fmt.Errorf("%s cannot be invited: they are disabled, or their tenant has not exactly that one provider (`fachwerk issuer list`): %w", address, err)
	}
	return link, err
}

func (in *Installation) invite(ctx context.Context, ref auth.AccountRef, issuer string) (link string, err error) {
	rp, err := in.relyingParty()
	if err != nil {
		return "", err
	}
	tell := in.newSignIn(ctx, ref)
	code, err := rp.Invite(ctx, ref, issuer)
	if err != nil {
		return "", err
	}
	tell()
	return in.cfg.Public.Portal + "/login?invitation=" + code, nil
}

// LoginGroups lists the groups that a person is in, as their provider last said.
func (in *Installation) LoginGroups(ctx context.Context, address string) ([]string, error) {
	ref, err := in.person(ctx, address)
	if err != nil {
		return nil, err
	}
	return in.store.GroupsOf(ctx, keyOf(ref))
}

// ChangeLoginGroups puts a person of the embedded provider into groups and takes them
// out of others. Outside providers keep their own.
func (in *Installation) ChangeLoginGroups(ctx context.Context, address string, add, remove []string) error {
	if !in.cfg.OIDC.Embedded {
		return fmt.Errorf("groups are the configured provider's (%s, oidc.embedded is false): change them there", in.cfg.OIDC.Issuer)
	}
	ref, err := in.person(ctx, address)
	if err != nil {
		return err
	}
	now, err := in.store.Now(ctx, ref.Tenant)
	if err != nil {
		return err
	}
	return auth.KeepGroups(ctx, in.store, ref, in.cfg.OIDC.Issuer, add, remove, now)
}
