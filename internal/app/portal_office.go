package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/location"
	"fachwerk/portal"
)

// office is what tenant admins manage on the portal, by the functions that operators
// use too. Each method stays inside the tenant that it is told: the portal takes that
// from the session.
type office struct{ in *Installation }

// officeErrors are those that a person can do something about.
var officeErrors = []struct{ from, to error }{
	{location.ErrElsewhere, portal.ErrElsewhere}, // before what may work later by itself
	{location.ErrMismatch, portal.ErrElsewhere},
	{store.ErrNotFound, auth.ErrNotFound},
	{store.ErrExists, portal.ErrTaken},
	{store.ErrAddress, portal.ErrAddress},
	{store.ErrQuota, portal.ErrFull},
	{store.ErrSetting, portal.ErrSetting},
	{store.ErrGrant, portal.ErrSetting},
	{store.ErrTemporary, auth.ErrUnavailable},
	{store.ErrUnavailable, auth.ErrUnavailable},
}

// officeError puts an error into the portal's words.
func officeError(err error) error {
	for _, e := range officeErrors {
		if errors.Is(err, e.from) {
			return fmt.Errorf("%w: %w", e.to, err)
		}
	}
	return err
}

// Tenant implements portal.Tenants.
func (o office) Tenant(ctx context.Context, tenant int64) (portal.Tenant, error) {
	t, err := o.in.store.Tenant(ctx, tenant)
	if err == nil && t.Removing {
		err = store.ErrNotFound
	}
	if err != nil {
		return portal.Tenant{}, officeError(err)
	}
	return portal.Tenant{
		Name: t.Name, Look: portal.Look(t.Settings), Site: t.HomeSite, Quota: portal.Amounts(t.Quota), Policy: portal.Policy(t.Policy),
		Used: portal.Amounts{Bytes: t.UsedBytes, Items: t.UsedItems, Accounts: t.UsedAccounts},
	}, nil
}

// Domains implements portal.Tenants.
func (o office) Domains(ctx context.Context, tenant int64) (names []string, err error) {
	list, err := o.in.store.Domains(ctx, tenant)
	for _, d := range list {
		names = append(names, d.Name)
	}
	return names, officeError(err)
}

// SetLook implements portal.Tenants.
func (o office) SetLook(ctx context.Context, tenant int64, l portal.Look) error {
	settings := store.TenantSettings(l)
	_, err := o.in.store.UpdateTenant(ctx, tenant, store.TenantSet{Settings: &settings})
	return officeError(err)
}

// Logo implements portal.Tenants.
func (o office) Logo(ctx context.Context, tenant int64) (string, []byte, error) {
	mediaType, image, err := o.in.store.TenantLogo(ctx, tenant)
	return mediaType, image, officeError(err)
}

// SetLogo implements portal.Tenants.
func (o office) SetLogo(ctx context.Context, tenant int64, image []byte) error {
	err := o.in.store.SetTenantLogo(ctx, tenant, http.DetectContentType(image), image)
	if errors.Is(err, store.ErrSetting) {
		return fmt.Errorf("%w: %w", portal.ErrImage, err)
	}
	return officeError(err)
}

func officeAccount(a store.Account) portal.Account {
	return portal.Account{
		ID: a.Key.Account, Kind: kindName(a.Kind), Address: a.Address, Name: a.DisplayName, Disabled: a.State == store.Disabled,
		UsedBytes: a.UsedBytes, QuotaBytes: a.QuotaBytes, Items: a.UsedItems,
	}
}

// Accounts implements portal.Accounts.
func (o office) Accounts(ctx context.Context, tenant int64) (out []portal.Account, err error) {
	list, err := o.in.store.Accounts(ctx, tenant)
	for _, a := range list {
		out = append(out, officeAccount(a))
	}
	return out, officeError(err)
}

func (o office) find(ctx context.Context, ref auth.AccountRef) (store.Account, error) {
	a, err := o.in.store.Account(ctx, keyOf(ref))
	if err == nil && (a.State == store.Removing || a.Kind == store.QueueAccount) {
		err = store.ErrNotFound
	}
	return a, officeError(err)
}

// Account implements portal.Accounts.
func (o office) Account(ctx context.Context, ref auth.AccountRef) (portal.Account, error) {
	a, err := o.find(ctx, ref)
	return officeAccount(a), err
}

// Add implements portal.Accounts.
func (o office) Add(ctx context.Context, tenant int64, n portal.NewAccount) (portal.Account, error) {
	a, err := o.in.createAccount(ctx, tenant, NewAccount{Address: n.Address, Name: n.Name, Kind: n.Kind, QuotaBytes: &n.QuotaBytes})
	return officeAccount(a), addressError(err)
}

// addressError is officeError where what is not found is the address's domain.
func addressError(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %w", portal.ErrAddress, err)
	}
	return officeError(err)
}

// Change implements portal.Accounts.
func (o office) Change(ctx context.Context, ref auth.AccountRef, c portal.AccountChange) error {
	a, err := o.find(ctx, ref)
	if err != nil {
		return err
	}
	change := AccountChange{Name: c.Name, QuotaBytes: c.QuotaBytes}
	if c.Disabled != nil {
		if err := o.noOperator(ctx, a); err != nil {
			return err
		}
		state := stateName(store.Active)
		if *c.Disabled {
			state = stateName(store.Disabled)
		}
		change.State = &state
	}
	_, err = o.in.updateAccount(ctx, a, change, nil)
	return officeError(err)
}

// Remove implements portal.Accounts.
func (o office) Remove(ctx context.Context, ref auth.AccountRef) error {
	a, err := o.find(ctx, ref)
	if err == nil {
		err = o.noOperator(ctx, a)
	}
	if err != nil {
		return err
	}
	return officeError(o.in.store.RemoveAccount(ctx, keyOf(ref)))
}

// Aliases implements portal.Accounts.
func (o office) Aliases(ctx context.Context, ref auth.AccountRef) (out []string, err error) {
	list, err := o.in.aliasesOf(ctx, ref.Tenant, ref.Account)
	for _, a := range list {
		out = append(out, a.Address)
	}
	return out, officeError(err)
}

// AddAlias implements portal.Accounts.
func (o office) AddAlias(ctx context.Context, ref auth.AccountRef, address string) error {
	return addressError(o.in.addAlias(ctx, keyOf(ref), address))
}

// RemoveAlias implements portal.Accounts.
func (o office) RemoveAlias(ctx context.Context, ref auth.AccountRef, address string) error {
	a, err := o.find(ctx, ref)
	if err != nil {
		return err
	}
	return officeError(o.in.removeAlias(ctx, a, address))
}

// FirstLogin implements portal.Accounts: by a password where the embedded provider is
// the tenant's, else by an invitation.
func (o office) FirstLogin(ctx context.Context, ref auth.AccountRef) (portal.FirstLogin, error) {
	a, err := o.find(ctx, ref)
	if err != nil {
		return portal.FirstLogin{}, err
	}
	if _, err := personOf(a); err != nil {
		return portal.FirstLogin{}, fmt.Errorf("%w: %w", portal.ErrSetting, err)
	}
	// Who opens the account has its roles, and its mail, in which new passwords of other
	// providers arrive: a tenant admin would be operator too.
	if err := o.noOperator(ctx, a); err != nil {
		return portal.FirstLogin{}, err
	}
	bound, err := o.in.store.Issuers(ctx, ref.Tenant)
	if err != nil {
		return portal.FirstLogin{}, officeError(err)
	}
	own := "" // the tenant's, which comes before the installation's
	for _, i := range bound {
		if i.Own {
			own = i.URL
		}
	}
	if own == "" && o.in.cfg.OIDC.Embedded {
		password := newPassword()
		return portal.FirstLogin{Password: password}, officeError(o.in.setPassword(ctx, ref, password))
	}
	link, err := o.in.invite(ctx, ref, own)
	return portal.FirstLogin{Link: link}, officeError(err)
}

// noOperator refuses what a tenant admin may not do to who operates the installation, by
// the last word of its issuer: who shuts them out shuts out the operator of all tenants.
func (o office) noOperator(ctx context.Context, a store.Account) error {
	group := o.in.cfg.OIDC.OperatorGroup
	if group == "" || a.Kind != store.Person {
		return nil
	}
	groups, err := o.in.store.GroupsSaid(ctx, a.Key, o.in.cfg.OIDC.Issuer)
	if err != nil {
		return officeError(err)
	}
	if slices.Contains(groups, group) {
		return portal.ErrOperator
	}
	return nil
}

// newPassword makes one of 100 random bits that can be read out and typed.
func newPassword() string {
	text := strings.ToLower(rand.Text()) // base32: no 0, 1, 8 and 9
	return strings.Join([]string{text[:5], text[5:10], text[10:15], text[15:20]}, "-")
}

// On implements portal.Grants.
func (o office) On(ctx context.Context, account auth.AccountRef) (out []portal.Grant, err error) {
	list, err := o.in.grantsOf(ctx, account.Tenant, account.Account)
	for _, g := range list {
		out = append(out, portal.Grant{
			Account: account, Address: g.Account, To: portal.Grantee{Person: g.Person, Group: g.Group}, Rights: strings.Split(g.Rights, ","),
		})
	}
	return out, officeError(err)
}

// Of implements portal.Grants.
func (o office) Of(ctx context.Context, person auth.AccountRef) (out []portal.Grant, err error) {
	list, err := o.in.store.GrantsOf(ctx, keyOf(person))
	for _, g := range list {
		out = append(out, portal.Grant{
			Account: auth.AccountRef(g.Account), Address: g.Address, To: portal.Grantee{Person: g.PersonName}, Rights: strings.Split(g.Rights.String(), ","),
		})
	}
	return out, officeError(err)
}

// Set implements portal.Grants.
func (o office) Set(ctx context.Context, account auth.AccountRef, to portal.Grantee, rights []string) error {
	shared, err := o.find(ctx, account)
	if err != nil {
		return err
	}
	names := strings.Join(rights, ",")
	if to.Group != "" {
		return officeError(o.in.grantGroup(ctx, shared, to.Group, names))
	}
	person, err := control(o).member(ctx, account.Tenant, to.Person)
	if err != nil {
		return officeError(err)
	}
	return officeError(o.in.grant(ctx, shared, person, names))
}

// End implements portal.Grants.
func (o office) End(ctx context.Context, account auth.AccountRef, to portal.Grantee) error {
	shared, err := o.find(ctx, account)
	if err != nil {
		return err
	}
	if to.Group != "" {
		return officeError(o.in.revokeGroup(ctx, shared, to.Group))
	}
	person, err := control(o).member(ctx, account.Tenant, to.Person)
	if err != nil {
		return officeError(err)
	}
	return officeError(o.in.revoke(ctx, shared, person))
}
