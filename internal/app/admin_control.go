package app

import (
	"context"
	"crypto/tls"
	"errors"
	"strconv"

	"fachwerk/admin"
	"fachwerk/auth"
	"fachwerk/internal/store"
)

// buildAdmin builds the control API, where it has a listener.
func (s *Server) buildAdmin(secure *tls.Config) error {
	if !s.listeners.Has("admin") {
		return nil
	}
	if s.in.cfg.OIDC.OperatorGroup == "" {
		s.log.Warn("listen.admin is set but oidc.operator_group is not: the control API refuses everybody")
	}
	api, err := admin.New(admin.Config{
		Backend: control{s.in}, Operator: s.auth.Operator, Remote: s.in.remote, Log: s.log,
	})
	if err != nil {
		return err
	}
	s.serveHTTP("admin", api, secure)
	return nil
}

// control is admin.Backend on an installation: by ids what the command line does by
// names.
type control struct{ in *Installation }

var _ admin.Backend = control{}

func errNone() error {
	return refuse(admin.NotFound, store.ErrNotFound, "There is nothing here by this name.")
}

// told turns an error into one that may be told. Where a site does not answer it is the
// directory's, or the home of the tenant.
func (c control) told(ctx context.Context, tenant int64, err error) error {
	err = told(err)
	var is *admin.Error
	if !errors.As(err, &is) || is.Kind != admin.Unavailable || errors.Is(err, store.ErrFull) {
		return err
	}
	t, _ := c.in.store.TenantKnown(ctx, tenant)
	return notAnswering(err, c.in.cfg.DirectorySite(), t.HomeSite)
}

// tenant finds one that is not being removed.
func (c control) tenant(ctx context.Context, id string) (store.Tenant, error) {
	t, err := c.anyTenant(ctx, id)
	if err == nil && t.Removing {
		return store.Tenant{}, errNone()
	}
	return t, err
}

func (c control) anyTenant(ctx context.Context, id string) (store.Tenant, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 {
		return store.Tenant{}, errNone()
	}
	t, err := c.in.store.TenantKnown(ctx, n)
	return t, c.told(ctx, 0, err)
}

// account finds one of a tenant.
func (c control) account(ctx context.Context, tenant, id string) (store.Account, error) {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return store.Account{}, err
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil || n <= 0 {
		return store.Account{}, errNone()
	}
	a, err := c.in.store.Account(ctx, store.Key{Tenant: t.ID, Account: n})
	if err == nil && (a.State == store.Removing || a.Kind == store.QueueAccount) {
		err = store.ErrNotFound
	}
	return a, c.told(ctx, t.ID, err)
}

func (c control) person(ctx context.Context, tenant, id string) (store.Account, error) {
	a, err := c.account(ctx, tenant, id)
	if err == nil {
		_, err = personOf(a)
	}
	return a, err
}

// member finds a tenant's account by address; another tenant's is not there.
func (c control) member(ctx context.Context, tenant int64, address string) (store.Account, error) {
	a, err := c.in.store.ResolveIn(ctx, tenant, address)
	if errors.Is(err, store.ErrNotFound) {
		return a, refuse(admin.NotFound, store.ErrNotFound, "There is no person %.320s in this tenant.", address)
	}
	return a, c.told(ctx, tenant, err)
}

// Tenants implements admin.Tenants.
func (c control) Tenants(ctx context.Context) ([]Tenant, []string, error) {
	list, away, err := c.in.Tenants(ctx)
	return list, away, told(err)
}

// Tenant implements admin.Tenants.
func (c control) Tenant(ctx context.Context, id string) (Tenant, error) {
	t, err := c.tenant(ctx, id)
	if err != nil {
		return Tenant{}, err
	}
	return c.in.summedUp(ctx, t), nil
}

// CreateTenant implements admin.Tenants.
func (c control) CreateTenant(ctx context.Context, n NewTenant) (Tenant, error) {
	t, err := c.in.CreateTenant(ctx, n)
	return t, told(err)
}

// UpdateTenant implements admin.Tenants.
func (c control) UpdateTenant(ctx context.Context, id string, change TenantChange, check func(Tenant) error) (Tenant, error) {
	t, err := c.tenant(ctx, id)
	if err != nil {
		return Tenant{}, err
	}
	t, err = c.in.updateTenant(ctx, t, change, check)
	return tenantOf(t), c.told(ctx, t.ID, err)
}

// RemoveTenant implements admin.Tenants.
func (c control) RemoveTenant(ctx context.Context, id, name string) error {
	t, err := c.anyTenant(ctx, id)
	if err == nil && t.Name != name {
		return refuse(admin.Unconfirmed, nil, "This destroys all data of the tenant and cannot be undone. If it is meant, repeat its name as the parameter confirm.")
	}
	if err == nil {
		err = c.in.store.RemoveTenant(ctx, t.ID)
	}
	return c.told(ctx, t.ID, err)
}

// Logo implements admin.Tenants.
func (c control) Logo(ctx context.Context, tenant string) (string, []byte, error) {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return "", nil, err
	}
	kind, image, err := c.in.store.TenantLogo(ctx, t.ID)
	return kind, image, c.told(ctx, t.ID, err)
}

// SetLogo implements admin.Tenants.
func (c control) SetLogo(ctx context.Context, tenant, mediaType string, image []byte) error {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return err
	}
	return c.told(ctx, t.ID, c.in.store.SetTenantLogo(ctx, t.ID, mediaType, image))
}

// Domains implements admin.Domains.
func (c control) Domains(ctx context.Context, tenant string) ([]Domain, error) {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	list, err := c.in.store.Domains(ctx, t.ID)
	out := []Domain{}
	for _, d := range list {
		out = append(out, Domain{Name: d.Name, Tenant: t.Name})
	}
	return out, c.told(ctx, t.ID, err)
}

// AddDomain implements admin.Domains.
func (c control) AddDomain(ctx context.Context, tenant, domain string) (Domain, error) {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return Domain{}, err
	}
	name, err := store.NormalizeDomain(domain)
	if err != nil {
		return Domain{}, c.told(ctx, t.ID, err)
	}
	err = c.in.addDomain(ctx, t, name)
	if errors.Is(err, store.ErrExists) {
		if owner, asked := c.in.store.DomainTenant(ctx, name); asked == nil && owner == t.ID {
			err = nil
		}
	}
	return Domain{Name: name, Tenant: t.Name}, c.told(ctx, t.ID, err)
}

// RemoveDomain implements admin.Domains.
func (c control) RemoveDomain(ctx context.Context, tenant, domain string) error {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return err
	}
	return c.told(ctx, t.ID, c.in.removeDomain(ctx, t.ID, domain))
}

// Issuers implements admin.Issuers.
func (c control) Issuers(ctx context.Context, tenant string) ([]Issuer, error) {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	list, err := c.in.issuersOf(ctx, t.ID)
	return list, c.told(ctx, t.ID, err)
}

// BindIssuer implements admin.Issuers.
func (c control) BindIssuer(ctx context.Context, tenant string, b IssuerBinding, check func(*Issuer) error) (Issuer, error) {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return Issuer{}, err
	}
	i, err := c.in.bind(ctx, t.ID, b, check)
	return i, c.told(ctx, t.ID, err)
}

// UnbindIssuer implements admin.Issuers.
func (c control) UnbindIssuer(ctx context.Context, tenant, url string) error {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return err
	}
	return c.told(ctx, t.ID, c.in.store.UnbindIssuer(ctx, t.ID, url))
}

// Accounts implements admin.Accounts.
func (c control) Accounts(ctx context.Context, tenant string) ([]Account, error) {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	list, err := c.in.accountsOf(ctx, t.ID)
	return list, c.told(ctx, t.ID, err)
}

// Account implements admin.Accounts.
func (c control) Account(ctx context.Context, tenant, id string) (Account, error) {
	a, err := c.account(ctx, tenant, id)
	return accountOf(a), err
}

// CreateAccount implements admin.Accounts.
func (c control) CreateAccount(ctx context.Context, tenant string, n NewAccount) (Account, error) {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return Account{}, err
	}
	a, err := c.in.createAccount(ctx, t.ID, n)
	return accountOf(a), c.told(ctx, t.ID, err)
}

// UpdateAccount implements admin.Accounts.
func (c control) UpdateAccount(ctx context.Context, tenant, id string, change AccountChange, check func(Account) error) (Account, error) {
	a, err := c.account(ctx, tenant, id)
	if err != nil {
		return Account{}, err
	}
	a, err = c.in.updateAccount(ctx, a, change, check)
	return accountOf(a), c.told(ctx, a.Tenant, err)
}

// RemoveAccount implements admin.Accounts.
func (c control) RemoveAccount(ctx context.Context, tenant, id string) error {
	a, err := c.account(ctx, tenant, id)
	if err != nil {
		return err
	}
	return c.told(ctx, a.Tenant, c.in.store.RemoveAccount(ctx, a.Key))
}

// Aliases implements admin.Accounts.
func (c control) Aliases(ctx context.Context, tenant, account string) ([]Alias, error) {
	a, err := c.account(ctx, tenant, account)
	if err != nil {
		return nil, err
	}
	list, err := c.in.aliasesOf(ctx, a.Tenant, a.Key.Account)
	return list, c.told(ctx, a.Tenant, err)
}

// AddAlias implements admin.Accounts.
func (c control) AddAlias(ctx context.Context, tenant, account, address string) (Alias, error) {
	a, err := c.account(ctx, tenant, account)
	if err != nil {
		return Alias{}, err
	}
	kept, err := store.NormalizeAddress(address)
	if err != nil {
		return Alias{}, c.told(ctx, a.Tenant, err)
	}
	err = c.in.addAlias(ctx, a.Key, kept)
	if errors.Is(err, store.ErrExists) && kept != a.Address {
		if owner, asked := c.in.store.Resolve(ctx, kept); asked == nil && owner.Key == a.Key {
			err = nil
		}
	}
	return Alias{Address: kept, Account: a.Address}, c.told(ctx, a.Tenant, err)
}

// RemoveAlias implements admin.Accounts.
func (c control) RemoveAlias(ctx context.Context, tenant, account, address string) error {
	a, err := c.account(ctx, tenant, account)
	if err != nil {
		return err
	}
	if owner, err := c.member(ctx, a.Tenant, address); err != nil || owner.Key != a.Key {
		if err == nil {
			err = errNone()
		}
		return err
	}
	return c.told(ctx, a.Tenant, c.in.removeAlias(ctx, a, address))
}

// BindSubject implements admin.Persons.
func (c control) BindSubject(ctx context.Context, tenant, account string, s admin.Subject) error {
	a, err := c.person(ctx, tenant, account)
	if err != nil {
		return err
	}
	return c.told(ctx, a.Tenant, c.in.bindSubject(ctx, auth.AccountRef(a.Key), s.Issuer, s.Subject))
}

// Invite implements admin.Persons.
func (c control) Invite(ctx context.Context, tenant, account, issuer string) (admin.Invitation, error) {
	a, err := c.person(ctx, tenant, account)
	if err != nil {
		return admin.Invitation{}, err
	}
	link, err := c.in.invite(ctx, auth.AccountRef(a.Key), issuer)
	if errors.Is(err, auth.ErrNotFound) {
		err = refuse(admin.Invalid, err, "The person is disabled, or the tenant has not exactly that one provider.")
	}
	return admin.Invitation{Link: link}, c.told(ctx, a.Tenant, err)
}

// Groups implements admin.Persons.
func (c control) Groups(ctx context.Context, tenant, account string) ([]string, error) {
	a, err := c.person(ctx, tenant, account)
	if err != nil {
		return nil, err
	}
	list, err := c.in.store.GroupsOf(ctx, a.Key)
	return list, c.told(ctx, a.Tenant, err)
}

// Grants implements admin.Grants.
func (c control) Grants(ctx context.Context, tenant, account string) ([]Grant, error) {
	a, err := c.account(ctx, tenant, account)
	if err != nil {
		return nil, err
	}
	list, err := c.in.grantsOf(ctx, a.Tenant, a.Key.Account)
	return list, c.told(ctx, a.Tenant, err)
}

// SetGrant implements admin.Grants.
func (c control) SetGrant(ctx context.Context, tenant, account string, g Grant) (Grant, error) {
	a, err := c.account(ctx, tenant, account)
	if err != nil {
		return g, err
	}
	r, err := parseRights(g.Rights)
	if err != nil {
		return g, err
	}
	g.Account, g.Rights = a.Address, r.String()
	if g.Group != "" {
		return g, c.told(ctx, a.Tenant, c.in.grantGroup(ctx, a, g.Group, g.Rights))
	}
	p, err := c.member(ctx, a.Tenant, g.Person)
	if err != nil {
		return g, err
	}
	g.Person = p.Address
	return g, c.told(ctx, a.Tenant, c.in.grant(ctx, a, p, g.Rights))
}

// RemoveGrant implements admin.Grants.
func (c control) RemoveGrant(ctx context.Context, tenant, account string, g Grant) error {
	a, err := c.account(ctx, tenant, account)
	if err != nil {
		return err
	}
	if g.Group != "" {
		return c.told(ctx, a.Tenant, c.in.revokeGroup(ctx, a, g.Group))
	}
	p, err := c.member(ctx, a.Tenant, g.Person)
	if err != nil {
		return err
	}
	return c.told(ctx, a.Tenant, c.in.revoke(ctx, a, p))
}
