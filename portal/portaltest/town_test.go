package portaltest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fachwerk/auth"
	"fachwerk/auth/idp"
	"fachwerk/internal/store"
	"fachwerk/internal/store/storetest"
	"fachwerk/location"
	"fachwerk/portal"
)

// town is what tenant admins manage, on the real store.
type town struct{ *storetest.Parts }

func keyOf(ref auth.AccountRef) store.Key {
	return store.Key{Tenant: ref.Tenant, Account: ref.Account}
}

// officeError says an error of the store in the portal's words.
func officeError(err error) error {
	for _, e := range []struct{ from, to error }{
		{location.ErrElsewhere, portal.ErrElsewhere}, {store.ErrNotFound, auth.ErrNotFound}, {store.ErrExists, portal.ErrTaken},
		{store.ErrAddress, portal.ErrAddress}, {store.ErrQuota, portal.ErrFull}, {store.ErrSetting, portal.ErrSetting}, {store.ErrGrant, portal.ErrSetting},
	} {
		if errors.Is(err, e.from) {
			return fmt.Errorf("%w: %w", e.to, err)
		}
	}
	return err
}

func (o town) Tenant(ctx context.Context, tenant int64) (portal.Tenant, error) {
	t, err := o.Store.Tenant(ctx, tenant)
	return portal.Tenant{
		Name: t.Name, Look: portal.Look(t.Settings), Site: t.HomeSite, Quota: portal.Amounts(t.Quota), Policy: portal.Policy(t.Policy),
		Used: portal.Amounts{Bytes: t.UsedBytes, Items: t.UsedItems, Accounts: t.UsedAccounts},
	}, officeError(err)
}

func (o town) Domains(ctx context.Context, tenant int64) (names []string, err error) {
	list, err := o.Store.Domains(ctx, tenant)
	for _, d := range list {
		names = append(names, d.Name)
	}
	return names, err
}

func (o town) SetLook(ctx context.Context, tenant int64, l portal.Look) error {
	settings := store.TenantSettings(l)
	_, err := o.UpdateTenant(ctx, tenant, store.TenantSet{Settings: &settings})
	return officeError(err)
}

func (o town) Logo(ctx context.Context, tenant int64) (string, []byte, error) {
	mediaType, image, err := o.TenantLogo(ctx, tenant)
	return mediaType, image, officeError(err)
}

func (o town) SetLogo(ctx context.Context, tenant int64, image []byte) error {
	err := o.SetTenantLogo(ctx, tenant, http.DetectContentType(image), image)
	if errors.Is(err, store.ErrSetting) {
		return portal.ErrImage
	}
	return officeError(err)
}

// accountKinds are the kinds of accounts in the portal's words.
var accountKinds = []struct {
	name string
	kind store.AccountKind
}{{"person", store.Person}, {"function", store.Function}, {"team", store.Team}, {"room", store.Room}, {"resource", store.Resource}}

func officeAccount(a store.Account) portal.Account {
	out := portal.Account{
		ID: a.Key.Account, Address: a.Address, Name: a.DisplayName, Disabled: a.State == store.Disabled,
		UsedBytes: a.UsedBytes, QuotaBytes: a.QuotaBytes, Items: a.UsedItems,
	}
	for _, k := range accountKinds {
		if k.kind == a.Kind {
			out.Kind = k.name
		}
	}
	return out
}

func (o town) Accounts(ctx context.Context, tenant int64) (out []portal.Account, err error) {
	list, err := o.Store.Accounts(ctx, tenant)
	for _, a := range list {
		out = append(out, officeAccount(a))
	}
	return out, err
}

func (o town) Account(ctx context.Context, ref auth.AccountRef) (portal.Account, error) {
	a, err := o.Store.Account(ctx, keyOf(ref))
	if err == nil && a.State == store.Removing {
		err = store.ErrNotFound
	}
	return officeAccount(a), officeError(err)
}

func (o town) Add(ctx context.Context, tenant int64, n portal.NewAccount) (portal.Account, error) {
	made := store.NewAccount{Tenant: tenant, Address: n.Address, DisplayName: n.Name, QuotaBytes: n.QuotaBytes}
	for _, k := range accountKinds {
		if k.name == n.Kind {
			made.Kind = k.kind
		}
	}
	a, err := o.CreateAccount(ctx, made)
	return officeAccount(a), addressError(err)
}

func addressError(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return portal.ErrAddress
	}
	return officeError(err)
}

func (o town) Change(ctx context.Context, ref auth.AccountRef, c portal.AccountChange) (err error) {
	if c.Name != nil {
		err = o.SetDisplayName(ctx, keyOf(ref), *c.Name)
	}
	if c.QuotaBytes != nil && err == nil {
		err = o.SetQuota(ctx, keyOf(ref), *c.QuotaBytes, 0)
	}
	if c.Disabled != nil && err == nil {
		err = o.SetDisabled(ctx, keyOf(ref), *c.Disabled)
	}
	return officeError(err)
}

func (o town) Remove(ctx context.Context, ref auth.AccountRef) error {
	return officeError(o.RemoveAccount(ctx, keyOf(ref)))
}

func (o town) Aliases(ctx context.Context, ref auth.AccountRef) ([]string, error) {
	list, err := o.Addresses(ctx, keyOf(ref))
	return list[min(len(list), 1):], err
}

func (o town) AddAlias(ctx context.Context, ref auth.AccountRef, address string) error {
	return addressError(o.Store.AddAlias(ctx, keyOf(ref), address))
}

func (o town) RemoveAlias(ctx context.Context, ref auth.AccountRef, address string) error {
	return officeError(o.Store.RemoveAlias(ctx, ref.Tenant, address))
}

// newPassword is what FirstLogin gives everybody.
const newPassword = "abcde-fghij-klmno-pqrst"

func (o town) FirstLogin(ctx context.Context, ref auth.AccountRef) (portal.FirstLogin, error) {
	phc, err := idp.HashPassword(newPassword)
	if err == nil {
		err = o.SetPasswordHash(ctx, ref, phc)
	}
	return portal.FirstLogin{Password: newPassword}, officeError(err)
}

func (o town) On(ctx context.Context, account auth.AccountRef) (out []portal.Grant, err error) {
	persons, err := o.Store.Grants(ctx, account.Tenant)
	if err != nil {
		return nil, err
	}
	for _, g := range persons {
		if g.Account == keyOf(account) {
			out = append(out, portal.Grant{Account: account, Address: g.Address, To: portal.Grantee{Person: g.PersonName}, Rights: strings.Split(g.Rights.String(), ",")})
		}
	}
	groups, err := o.GroupGrants(ctx, account.Tenant)
	for _, g := range groups {
		if g.Account == keyOf(account) {
			out = append(out, portal.Grant{Account: account, Address: g.Address, To: portal.Grantee{Group: g.Group}, Rights: strings.Split(g.Rights.String(), ",")})
		}
	}
	return out, err
}

func (o town) Of(ctx context.Context, person auth.AccountRef) (out []portal.Grant, err error) {
	list, err := o.GrantsOf(ctx, keyOf(person))
	for _, g := range list {
		out = append(out, portal.Grant{Account: auth.AccountRef(g.Account), Address: g.Address, Rights: strings.Split(g.Rights.String(), ",")})
	}
	return out, err
}

// member is a person of the tenant.
func (o town) member(ctx context.Context, tenant int64, address string) (store.Account, error) {
	a, err := o.Resolve(ctx, address)
	if err == nil && a.Tenant != tenant {
		err = store.ErrNotFound
	}
	return a, officeError(err)
}

func (o town) Set(ctx context.Context, account auth.AccountRef, to portal.Grantee, rights []string) error {
	r, err := store.ParseRights(strings.Join(rights, ","))
	if err != nil {
		return err
	}
	if to.Group != "" {
		return officeError(o.AddGroupGrant(ctx, keyOf(account), to.Group, r))
	}
	who, err := o.member(ctx, account.Tenant, to.Person)
	if err != nil {
		return err
	}
	return officeError(o.AddGrant(ctx, keyOf(account), who.Key, r))
}

func (o town) End(ctx context.Context, account auth.AccountRef, to portal.Grantee) error {
	if to.Group != "" {
		return officeError(o.RemoveGroupGrant(ctx, keyOf(account), to.Group))
	}
	who, err := o.member(ctx, account.Tenant, to.Person)
	if err != nil {
		return err
	}
	return officeError(o.RemoveGrant(ctx, keyOf(account), who.Key))
}

// reporter makes reports of the real store, with a key of its own.
func (h *house) reporter(t *testing.T) *location.Reporter {
	t.Helper()
	guard, err := location.New([]location.Site{site})
	must(t, err)
	signer, err := location.NewSigner(ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize))))
	must(t, err)
	return &location.Reporter{Issuer: "portal.musterstadt.example", Guard: guard, Ledger: h.Store, Counter: h.Store, Signer: signer, Now: h.clock.now}
}

// site is the test store's, with a declared standby.
var site = func() location.Site {
	s := storetest.Site
	s.Standbys = []location.Standby{{Name: "zweite", Operator: "Kommunale IT Nachbarland", Country: "AT", Place: "Nachbarstadt", Networks: s.Networks}}
	return s
}()

// directory tells the portal which tenants there are. All sign in at the same issuer but
// those that have another, which nobody answers for.
type directory struct{ h *house }

func (d directory) Bindings(ctx context.Context) (auth.Bindings, error) {
	b := auth.Bindings{Tenants: map[int64]string{}, Domains: map[string]int64{}}
	tenants, err := d.h.Tenants(ctx)
	if err != nil {
		return b, err
	}
	for _, t := range tenants {
		b.Tenants[t.ID] = t.Name
		if _, other := d.h.others.Load(t.ID); other {
			b.Issuers = append(b.Issuers, auth.IssuerBinding{Tenant: t.ID, BearerIssuer: auth.BearerIssuer{URL: "https://anmeldung.example"}, ClientID: "portal"})
			continue
		}
		b.Issuers = append(b.Issuers, auth.IssuerBinding{Tenant: t.ID, Installation: true})
	}
	domains, err := d.h.Domains(ctx, 0)
	for _, one := range domains {
		b.Domains[one.Name] = one.Tenant
	}
	return b, err
}
