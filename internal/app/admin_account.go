package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"fachwerk/admin"
	"fachwerk/auth"
	"fachwerk/internal/store"
)

// AddAccount makes an account in the tenant that has the address's domain.
func (in *Installation) AddAccount(ctx context.Context, n NewAccount) (Account, error) {
	if _, ok := kinds[n.Kind]; !ok { // before anything is said of the address
		return Account{}, errKind(n.Kind)
	}
	if _, err := store.NormalizeAddress(n.Address); err != nil {
		return Account{}, err
	}
	tenant, err := in.store.DomainTenant(ctx, n.Address[strings.LastIndexByte(n.Address, '@')+1:])
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, refuse(admin.Invalid, err, "the domain of %s belongs to no tenant; add it with `fachwerk domain add`", n.Address)
	} else if err != nil {
		return Account{}, err
	}
	if n.Issuer != "" && n.Subject != "" {
		if err := in.bindOurs(ctx, tenant, n.Issuer); err != nil {
			return Account{}, err
		}
	}
	a, err := in.createAccount(ctx, tenant, n)
	return accountOf(a), err
}

func errKind(kind string) error {
	return refuse(admin.Invalid, nil, "%q is no kind of account: person, function, team, room or resource", kind)
}

// createAccount makes an account of a tenant.
func (in *Installation) createAccount(ctx context.Context, tenant int64, n NewAccount) (store.Account, error) {
	kind, ok := kinds[n.Kind]
	switch {
	case !ok:
		return store.Account{}, errKind(n.Kind)
	case (n.Issuer == "") != (n.Subject == ""):
		return store.Account{}, refuse(admin.Invalid, nil, "issuer and subject (--issuer, --subject) belong together")
	case n.Issuer != "" && kind != store.Person:
		return store.Account{}, refuse(admin.Invalid, nil, "only a person has an issuer and a subject")
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
	if err := noQuota(made.QuotaBytes, made.QuotaItems); err != nil {
		return store.Account{}, err
	}
	if n.Issuer != "" {
		p, err := in.store.PersonIn(ctx, tenant, n.Issuer, n.Subject)
		switch {
		case err == nil:
			return store.Account{}, refuse(admin.Exists, store.ErrExists, "that subject of the issuer is %s already", p.Address)
		case !errors.Is(err, auth.ErrNotFound):
			return store.Account{}, err
		}
	}
	a, err := in.store.CreateAccount(ctx, made)
	switch {
	case errors.Is(err, store.ErrExists):
		return a, in.addressTaken(ctx, tenant, n.Address, err)
	case errors.Is(err, store.ErrQuota):
		return a, refuse(admin.QuotaReached, err, "the tenant has as many accounts as its quota allows")
	case errors.Is(err, store.ErrNotFound):
		return a, refuse(admin.Invalid, err, "the domain of %s is not one of the tenant's, or the issuer is not bound to it", n.Address)
	}
	return a, err
}

// addressTaken says by which account of the same tenant.
func (in *Installation) addressTaken(ctx context.Context, tenant int64, address string, cause error) error {
	by := "another account"
	if a, err := in.store.ResolveIn(ctx, tenant, address); err == nil {
		by = fmt.Sprintf("%s, a %s account", a.Address, kindName(a.Kind))
	}
	return refuse(admin.Exists, cause, "the address %s is taken, by %s", address, by)
}

func noQuota(bytes, items int64) error {
	if bytes < 0 || items < 0 {
		return refuse(admin.Invalid, nil, "a quota is not negative; 0 means none")
	}
	return nil
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
	return in.accountsOf(ctx, id)
}

func (in *Installation) accountsOf(ctx context.Context, tenant int64) ([]Account, error) {
	list, err := in.store.Accounts(ctx, tenant)
	out := []Account{}
	for _, a := range list {
		out = append(out, accountOf(a))
	}
	return out, err
}

// Account shows one, and who a person is at login providers.
func (in *Installation) Account(ctx context.Context, address string) (Account, error) {
	a, err := in.account(ctx, address)
	if err != nil {
		return Account{}, err
	}
	out := accountOf(a)
	subjects, err := in.store.Subjects(ctx, a.Key)
	for _, s := range subjects {
		out.Subjects = append(out.Subjects, admin.Subject{Issuer: s.Issuer, Subject: s.Subject})
	}
	return out, err
}

// SetAccount changes what c names.
func (in *Installation) SetAccount(ctx context.Context, address string, c AccountChange) (Account, error) {
	a, err := in.account(ctx, address)
	if err != nil {
		return Account{}, err
	}
	a, err = in.updateAccount(ctx, a, c, nil)
	return accountOf(a), err
}

// updateAccount changes what c names, unless check refuses what the account is then.
func (in *Installation) updateAccount(ctx context.Context, a store.Account, c AccountChange, check func(Account) error) (store.Account, error) {
	if c.State != nil && *c.State != "active" && *c.State != "disabled" {
		return a, refuse(admin.Invalid, nil, "the state of an account is active or disabled, not %.20q", *c.State)
	}
	set := store.AccountSet{Name: c.Name, QuotaBytes: c.QuotaBytes, QuotaItems: c.QuotaItems}
	if c.State != nil {
		disabled := *c.State == "disabled"
		set.Disabled = &disabled
	}
	if check != nil {
		set.If = func(now store.Account) error { return check(accountOf(now)) }
	}
	changed, err := in.store.UpdateAccount(ctx, a.Key, set)
	if err == nil && changed.State == store.Disabled && c.State != nil {
		err = in.endSessions(ctx, auth.AccountRef(a.Key))
	}
	return changed, err
}

// SetDisabled forbids a person to sign in, or allows it again. Their mail goes
// on arriving.
func (in *Installation) SetDisabled(ctx context.Context, address string, disabled bool) error {
	state := "active"
	if disabled {
		state = "disabled"
	}
	_, err := in.SetAccount(ctx, address, AccountChange{State: &state})
	return err
}

// SetQuota changes an account's limits; 0 means none.
func (in *Installation) SetQuota(ctx context.Context, address string, bytes, items int64) error {
	_, err := in.SetAccount(ctx, address, AccountChange{QuotaBytes: &bytes, QuotaItems: &items})
	return err
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
	return in.addAlias(ctx, a.Key, alias)
}

func (in *Installation) addAlias(ctx context.Context, key store.Key, alias string) error {
	err := in.store.AddAlias(ctx, key, alias)
	switch {
	case errors.Is(err, store.ErrExists):
		return in.addressTaken(ctx, key.Tenant, alias, err)
	case errors.Is(err, store.ErrNotFound):
		return refuse(admin.Invalid, err, "the domain of %s is not one of the tenant's; add it first", alias)
	}
	return err
}

// Aliases lists a tenant's, or with "" the only tenant's.
func (in *Installation) Aliases(ctx context.Context, tenant string) ([]Alias, error) {
	t, err := in.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return in.aliasesOf(ctx, t.ID, 0)
}

// aliasesOf lists a tenant's aliases, or those of one account.
func (in *Installation) aliasesOf(ctx context.Context, tenant, account int64) ([]Alias, error) {
	list, err := in.store.Aliases(ctx, tenant)
	out := []Alias{}
	for _, a := range list {
		if cmp.Or(account, a.Account) == a.Account {
			out = append(out, Alias{Address: a.Address, Account: a.Target})
		}
	}
	return out, err
}

// RemoveAlias takes a further address away.
func (in *Installation) RemoveAlias(ctx context.Context, alias string) error {
	a, err := in.account(ctx, alias)
	if errors.Is(err, store.ErrNotFound) {
		return refuse(admin.NotFound, err, "there is no alias %s; `fachwerk alias list` shows them", alias)
	}
	if err != nil {
		return err
	}
	return in.removeAlias(ctx, a, alias)
}

func (in *Installation) removeAlias(ctx context.Context, a store.Account, alias string) error {
	if address, err := store.NormalizeAddress(alias); err == nil && address == a.Address {
		return refuse(admin.Invalid, nil, "%s is the account's own address, not a further one; it goes with the account alone", address)
	}
	return in.store.RemoveAlias(ctx, a.Tenant, alias)
}
