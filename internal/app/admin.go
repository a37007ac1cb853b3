package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/mail"
)

// Tenant is one administration, as the command line shows it.
type Tenant struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Site    string    `json:"site"`
	Created time.Time `json:"created"`
}

// Domain is one of a tenant's.
type Domain struct {
	Name   string `json:"name"`
	Tenant string `json:"tenant"`
}

// Account is one as the command line shows it.
type Account struct {
	ID         string    `json:"id"`
	Address    string    `json:"address"`
	Name       string    `json:"name"`
	Kind       string    `json:"kind"`
	State      string    `json:"state"`
	UsedBytes  int64     `json:"used_bytes"`
	QuotaBytes int64     `json:"quota_bytes"` // 0: none
	UsedItems  int64     `json:"used_items"`
	QuotaItems int64     `json:"quota_items"` // 0: none
	Created    time.Time `json:"created"`
}

// Alias is a further address of an account.
type Alias struct {
	Address string `json:"address"`
	Account string `json:"account"`
}

// Grant is a person's right to a shared account.
type Grant struct {
	Account string `json:"account"`
	Person  string `json:"person"`
	Rights  string `json:"rights"`
}

// kinds are the accounts an admin makes, by the name the command line has.
var kinds = map[string]store.AccountKind{
	"person": store.Person, "function": store.Function, "team": store.Team, "room": store.Room, "resource": store.Resource,
}

func kindName(k store.AccountKind) string {
	for name, kind := range kinds {
		if kind == k {
			return name
		}
	}
	return "other"
}

func stateName(s store.AccountState) string {
	switch s {
	case store.Active:
		return "active"
	case store.Disabled:
		return "disabled"
	}
	return "removing"
}

func tenantOf(t store.Tenant) Tenant {
	return Tenant{ID: fmt.Sprint(t.ID), Name: t.Name, Site: t.HomeSite, Created: t.Created}
}

func accountOf(a store.Account) Account {
	return Account{
		ID: fmt.Sprint(a.Key.Account), Address: a.Address, Name: a.DisplayName, Kind: kindName(a.Kind), State: stateName(a.State),
		UsedBytes: a.UsedBytes, QuotaBytes: a.QuotaBytes, UsedItems: a.UsedItems, QuotaItems: a.QuotaItems,
		Created: time.UnixMicro(a.CreatedAt).UTC(),
	}
}

// AddTenant makes a tenant at a declared site, which may be left out where there is
// one alone: no site is a default.
func (in *Installation) AddTenant(ctx context.Context, name, site string) (Tenant, error) {
	if site == "" {
		if len(in.sites) > 1 {
			return Tenant{}, fmt.Errorf("where shall the tenant's data lie? Name its site by --site: %s", siteNames(in.cfg))
		}
		site = in.sites[0].Name
	}
	t, err := in.store.CreateTenant(ctx, name, site)
	if err != nil {
		return Tenant{}, err
	}
	if err := in.store.BindIssuer(ctx, store.Issuer{Tenant: t.ID, URL: in.cfg.OIDC.Issuer}); err != nil {
		return Tenant{}, fmt.Errorf("bind the issuer to tenant %q: %w", name, err)
	}
	return tenantOf(t), nil
}

// Tenants lists all.
func (in *Installation) Tenants(ctx context.Context) ([]Tenant, error) {
	list, err := in.store.Tenants(ctx)
	out := []Tenant{}
	for _, t := range list {
		if !t.Removing {
			out = append(out, tenantOf(t))
		}
	}
	return out, err
}

// RemoveTenant destroys a tenant's key and marks all its data for removal. It
// cannot be undone.
func (in *Installation) RemoveTenant(ctx context.Context, name string) error {
	t, err := in.tenant(ctx, name)
	if err != nil {
		return err
	}
	return in.store.RemoveTenant(ctx, t.ID)
}

// tenant finds one by name; "" stands for the only one there is.
func (in *Installation) tenant(ctx context.Context, name string) (store.Tenant, error) {
	if name != "" {
		t, err := in.store.TenantByName(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return t, fmt.Errorf("there is no tenant %q; `fachwerk tenant list` shows them", name)
		}
		return t, err
	}
	list, err := in.store.Tenants(ctx)
	switch {
	case err != nil:
		return store.Tenant{}, err
	case len(list) == 0:
		return store.Tenant{}, errors.New("there is no tenant yet; make one with `fachwerk tenant add NAME`")
	case len(list) > 1:
		return store.Tenant{}, errors.New("there are several tenants: name one by --tenant")
	}
	return list[0], nil
}

// AddDomain gives a tenant a mail domain.
func (in *Installation) AddDomain(ctx context.Context, tenant, domain string) error {
	t, err := in.tenant(ctx, tenant)
	if err != nil {
		return err
	}
	return in.store.AddDomain(ctx, t.ID, domain)
}

// Domains lists a tenant's, or with "" all.
func (in *Installation) Domains(ctx context.Context, tenant string) ([]Domain, error) {
	names := map[int64]string{}
	tenants, err := in.store.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	var only int64
	for _, t := range tenants {
		names[t.ID] = t.Name
		if t.Name == tenant {
			only = t.ID
		}
	}
	if tenant != "" && only == 0 {
		return nil, fmt.Errorf("there is no tenant %q", tenant)
	}
	list, err := in.store.Domains(ctx, only)
	out := []Domain{}
	for _, d := range list {
		out = append(out, Domain{Name: d.Name, Tenant: names[d.Tenant]})
	}
	return out, err
}

// RemoveDomain takes one away that no account or alias uses.
func (in *Installation) RemoveDomain(ctx context.Context, domain string) error {
	tenant, err := in.store.DomainTenant(ctx, domain)
	if err != nil {
		return fmt.Errorf("domain %s: %w", domain, err)
	}
	return in.store.RemoveDomain(ctx, tenant, domain)
}

// NewAccount says what account to make. Quotas: nil takes the configuration's.
type NewAccount struct {
	Address, Name, Kind string
	QuotaBytes          *int64
	QuotaItems          *int64
	Issuer, Subject     string
}

// AddAccount makes an account in the tenant that has the address's domain.
func (in *Installation) AddAccount(ctx context.Context, n NewAccount) (Account, error) {
	kind, ok := kinds[n.Kind]
	if !ok {
		return Account{}, fmt.Errorf("%q is no kind of account: person, function, team, room or resource", n.Kind)
	}
	if (n.Issuer == "") != (n.Subject == "") {
		return Account{}, errors.New("--issuer and --subject belong together")
	}
	if n.Issuer != "" && kind != store.Person {
		return Account{}, errors.New("only a person has an issuer and a subject")
	}
	tenant, err := in.store.DomainTenant(ctx, n.Address[strings.LastIndexByte(n.Address, '@')+1:])
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, fmt.Errorf("the domain of %s belongs to no tenant; add it with `fachwerk domain add`", n.Address)
	} else if err != nil {
		return Account{}, err
	}
	made := store.NewAccount{
		Tenant: tenant, Kind: kind, Address: n.Address, DisplayName: n.Name, Issuer: n.Issuer, Subject: n.Subject,
		QuotaBytes: int64(in.cfg.Quota.Shared), QuotaItems: in.cfg.Quota.Items,
	}
	if kind == store.Person {
		made.QuotaBytes = int64(in.cfg.Quota.Person)
	}
	if n.QuotaBytes != nil {
		made.QuotaBytes = *n.QuotaBytes
	}
	if n.QuotaItems != nil {
		made.QuotaItems = *n.QuotaItems
	}
	if n.Issuer != "" {
		if err := in.bindIssuer(ctx, tenant, n.Issuer); err != nil {
			return Account{}, fmt.Errorf("bind the issuer to the tenant: %w", err)
		}
	}
	a, err := in.store.CreateAccount(ctx, made)
	if err != nil {
		return Account{}, fmt.Errorf("account %s: %w", n.Address, err)
	}
	return accountOf(a), nil
}

// bindIssuer binds an issuer to a tenant, unless it is bound already, in whichever way.
func (in *Installation) bindIssuer(ctx context.Context, tenant int64, url string) error {
	bound, err := in.store.Issuers(ctx, tenant)
	if err != nil || slices.ContainsFunc(bound, func(i store.Issuer) bool { return i.URL == url }) {
		return err
	}
	return in.store.BindIssuer(ctx, store.Issuer{Tenant: tenant, URL: url})
}

// Accounts lists a tenant's, or with "" all.
func (in *Installation) Accounts(ctx context.Context, tenant string) ([]Account, error) {
	var id int64
	if tenant != "" {
		t, err := in.tenant(ctx, tenant)
		if err != nil {
			return nil, err
		}
		id = t.ID
	}
	list, err := in.store.Accounts(ctx, id)
	out := []Account{}
	for _, a := range list {
		out = append(out, accountOf(a))
	}
	return out, err
}

func (in *Installation) account(ctx context.Context, address string) (store.Account, error) {
	a, err := in.store.Resolve(ctx, address)
	if errors.Is(err, store.ErrNotFound) {
		return a, fmt.Errorf("there is no account %s; `fachwerk account list` shows them", address)
	}
	return a, err
}

// SetDisabled forbids a person to sign in, or allows it again. Their mail goes
// on arriving.
func (in *Installation) SetDisabled(ctx context.Context, address string, disabled bool) error {
	a, err := in.account(ctx, address)
	if err != nil {
		return err
	}
	if err := in.store.SetDisabled(ctx, a.Key, disabled); err != nil || !disabled {
		return err
	}
	return in.endSessions(ctx, auth.AccountRef(a.Key))
}

// SetQuota changes an account's limits; 0 means none.
func (in *Installation) SetQuota(ctx context.Context, address string, bytes, items int64) error {
	a, err := in.account(ctx, address)
	if err != nil {
		return err
	}
	return in.store.SetQuota(ctx, a.Key, bytes, items)
}

// RemoveAccount removes an account with all its data.
func (in *Installation) RemoveAccount(ctx context.Context, address string) error {
	a, err := in.account(ctx, address)
	if err != nil {
		return err
	}
	return in.store.RemoveAccount(ctx, a.Key)
}

// AddAlias gives an account a further address.
func (in *Installation) AddAlias(ctx context.Context, alias, address string) error {
	a, err := in.account(ctx, address)
	if err != nil {
		return err
	}
	return in.store.AddAlias(ctx, a.Key, alias)
}

// Aliases lists a tenant's, or with "" the only tenant's.
func (in *Installation) Aliases(ctx context.Context, tenant string) ([]Alias, error) {
	t, err := in.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	list, err := in.store.Aliases(ctx, t.ID)
	out := []Alias{}
	for _, a := range list {
		out = append(out, Alias{Address: a.Address, Account: a.Target})
	}
	return out, err
}

// RemoveAlias takes a further address away.
func (in *Installation) RemoveAlias(ctx context.Context, alias string) error {
	a, err := in.account(ctx, alias)
	if err != nil {
		return err
	}
	return in.store.RemoveAlias(ctx, a.Tenant, alias)
}

// AddGrant lets a person use a shared account.
func (in *Installation) AddGrant(ctx context.Context, account, person, rights string) error {
	r, err := store.ParseRights(rights)
	if err != nil {
		return err
	}
	a, p, err := in.pair(ctx, account, person)
	if err != nil {
		return err
	}
	if err := in.store.AddGrant(ctx, a.Key, p.Key, r); err != nil {
		return err
	}
	if r&store.RightRead == 0 {
		return nil
	}
	return in.subscribeTo(ctx, a, p)
}

// subscribeTo subscribes a person to a shared account's INBOX: most mail programs
// show only what is subscribed, and a mailbox that nobody sees helps nobody.
func (in *Installation) subscribeTo(ctx context.Context, shared, person store.Account) error {
	m := in.mailService()
	defer m.Close()
	all, err := m.Accounts(ctx, &auth.Principal{Tenant: person.Tenant, Account: person.Key.Account, Address: person.Address})
	if errors.Is(err, mail.ErrDisabled) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.Account != shared.Key.Account {
			continue
		}
		if _, err := m.Mailboxes(ctx, a); err != nil { // makes INBOX at first use
			return err
		}
		return m.Subscribe(ctx, a, "INBOX", true)
	}
	return nil
}

// RemoveGrant ends a person's rights to a shared account.
func (in *Installation) RemoveGrant(ctx context.Context, account, person string) error {
	a, p, err := in.pair(ctx, account, person)
	if err != nil {
		return err
	}
	return in.store.RemoveGrant(ctx, a.Key, p.Key)
}

func (in *Installation) pair(ctx context.Context, account, person string) (a, p store.Account, err error) {
	if a, err = in.account(ctx, account); err != nil {
		return a, p, err
	}
	p, err = in.account(ctx, person)
	return a, p, err
}

// Grants lists those on one account, or with "" all of the only tenant's.
func (in *Installation) Grants(ctx context.Context, account, tenant string) ([]Grant, error) {
	var list []store.Grant
	if account != "" {
		a, err := in.account(ctx, account)
		if err != nil {
			return nil, err
		}
		if list, err = in.store.GrantsOn(ctx, a.Key); err != nil {
			return nil, err
		}
	} else {
		t, err := in.tenant(ctx, tenant)
		if err != nil {
			return nil, err
		}
		if list, err = in.store.Grants(ctx, t.ID); err != nil {
			return nil, err
		}
	}
	out := []Grant{}
	for _, g := range list {
		out = append(out, Grant{Account: g.Address, Person: g.PersonName, Rights: g.Rights.String()})
	}
	return out, nil
}
