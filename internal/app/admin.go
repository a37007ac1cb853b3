package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fachwerk/admin"
	"fachwerk/internal/store"
	"fachwerk/location"
)

// What the command line shows is what the control API answers.
type (
	Tenant        = admin.Tenant
	NewTenant     = admin.NewTenant
	TenantChange  = admin.TenantChange
	Domain        = admin.Domain
	Issuer        = admin.Issuer
	IssuerBinding = admin.IssuerBinding
	Account       = admin.Account
	NewAccount    = admin.NewAccount
	AccountChange = admin.AccountChange
	Alias         = admin.Alias
	Grant         = admin.Grant
	Site          = admin.Site
	Whereabouts   = admin.Whereabouts
)

// refuse is a refusal that operators are told, with its cause if there is one.
func refuse(kind admin.Kind, cause error, format string, args ...any) error {
	return &admin.Error{Kind: kind, Sentence: fmt.Sprintf(format, args...), Err: cause}
}

// refusals are the errors of the packages below that an operator can do something
// about. Of those without a sentence the error's own text is told: it repeats what was
// asked for and says what is wrong with it.
var refusals = []struct {
	is       error
	kind     admin.Kind
	sentence string
}{
	{store.ErrNotFound, admin.NotFound, "There is nothing here by this name."},
	{store.ErrExists, admin.Exists, "The name is taken: choose another."},
	{store.ErrSetting, admin.Invalid, ""},
	{store.ErrAddress, admin.Invalid, ""},
	{store.ErrGrant, admin.Invalid, "Rights go from a shared account (function, team, room, resource) to a person of the same tenant, or to a group."},
	{store.ErrQuota, admin.QuotaReached, "The tenant has as much as it may have: raise its quota, or remove something."},
	{store.ErrBusy, admin.InUse, "Something still uses it: remove that first."},
	{location.ErrElsewhere, admin.Elsewhere, "The tenant's policy or the configuration forbids that its data lie there: allow its site in the policy first."},
	{location.ErrMismatch, admin.Elsewhere, "The tenant's site is not seen to be as declared, and its policy refuses writes until it is: GET /v1/sites and `fachwerk location verify` say what differs."},
	{store.ErrFull, admin.Unavailable, "A disk or a quota is full where a database or an object store keeps its data: make room there, and then try again."},
	{store.ErrTemporary, admin.Unavailable, "A database or an object store does not answer; try again."},
	{store.ErrUnavailable, admin.Unavailable, "A database or an object store does not answer; try again."},
	{context.DeadlineExceeded, admin.Unavailable, "A database or an object store does not answer in time; try again."},
}

// told turns an error into one that the control API may tell.
func told(err error) error {
	var is *admin.Error
	if err == nil || errors.As(err, &is) {
		return err
	}
	for _, r := range refusals {
		if errors.Is(err, r.is) {
			sentence := r.sentence
			if sentence == "" {
				sentence = strings.TrimPrefix(err.Error(), "store: ")
			}
			return &admin.Error{Kind: r.kind, Sentence: sentence, Err: err}
		}
	}
	return err
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
	return Tenant{
		ID: fmt.Sprint(t.ID), Name: t.Name, Site: t.HomeSite, Created: t.Created, Settings: admin.Settings(t.Settings),
		Policy: admin.Policy{Sites: append([]string{}, t.Policy.Sites...), RefuseOnMismatch: t.Policy.RefuseOnMismatch},
		Quota:  admin.Quota(t.Quota),
		Used:   admin.Quota{Bytes: t.UsedBytes, Items: t.UsedItems, Accounts: t.UsedAccounts},
	}
}

func accountOf(a store.Account) Account {
	return Account{
		ID: fmt.Sprint(a.Key.Account), Address: a.Address, Name: a.DisplayName, Kind: kindName(a.Kind), State: stateName(a.State),
		UsedBytes: a.UsedBytes, QuotaBytes: a.QuotaBytes, UsedItems: a.UsedItems, QuotaItems: a.QuotaItems,
		Created: time.UnixMicro(a.CreatedAt).UTC(),
	}
}

// tenant finds one by name; "" stands for the only one there is. Those that are being
// removed count as gone.
func (in *Installation) tenant(ctx context.Context, name string) (store.Tenant, error) {
	t, err := in.anyTenant(ctx, name)
	if err == nil && t.Removing {
		return store.Tenant{}, refuse(admin.NotFound, store.ErrNotFound, "tenant %q is being removed", t.Name)
	}
	return t, err
}

// anyTenant finds also one that is being removed.
func (in *Installation) anyTenant(ctx context.Context, name string) (store.Tenant, error) {
	if name != "" {
		t, err := in.store.TenantByName(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return t, refuse(admin.NotFound, err, "there is no tenant %q; `fachwerk tenant list` shows them", name)
		}
		return t, err
	}
	list, err := in.store.Tenants(ctx)
	list = slices.DeleteFunc(list, func(t store.Tenant) bool { return t.Removing })
	switch {
	case err != nil:
		return store.Tenant{}, err
	case len(list) == 0:
		return store.Tenant{}, refuse(admin.NotFound, store.ErrNotFound, "there is no tenant yet; make one with `fachwerk tenant create NAME`")
	case len(list) > 1:
		return store.Tenant{}, refuse(admin.Invalid, nil, "there are several tenants: name the one that is meant (--tenant NAME); `fachwerk tenant list` shows them")
	}
	return list[0], nil
}

// account finds one by any of its addresses.
func (in *Installation) account(ctx context.Context, address string) (store.Account, error) {
	a, err := in.store.Resolve(ctx, address)
	switch {
	case errors.Is(err, store.ErrAddress):
		return a, refuse(admin.Invalid, err, "%.100q is no mail address: write it as NAME@DOMAIN; `fachwerk account list` shows them", address)
	case errors.Is(err, store.ErrNotFound):
		return a, refuse(admin.NotFound, err, "there is no account %s; `fachwerk account list` shows them", address)
	}
	return a, err
}
