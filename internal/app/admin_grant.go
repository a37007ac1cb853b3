package app

import (
	"context"
	"errors"

	"fachwerk/admin"
	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/mail"
)

// AddGrant lets a person use a shared account.
func (in *Installation) AddGrant(ctx context.Context, account, person, rights string) error {
	a, p, err := in.pair(ctx, account, person)
	if err != nil {
		return err
	}
	return in.grant(ctx, a, p, rights)
}

func parseRights(rights string) (store.Rights, error) {
	r, err := store.ParseRights(rights)
	if err != nil {
		return 0, refuse(admin.Invalid, err, "%s", err)
	}
	return r, nil
}

func (in *Installation) grant(ctx context.Context, shared, person store.Account, rights string) error {
	r, err := parseRights(rights)
	if err != nil {
		return err
	}
	err = in.store.AddGrant(ctx, shared.Key, person.Key, r)
	if errors.Is(err, store.ErrGrant) {
		return refuse(admin.Invalid, err, "rights go from a shared account to a person of the same tenant: %s is a %s account, %s a %s account",
			shared.Address, kindName(shared.Kind), person.Address, kindName(person.Kind))
	}
	if err != nil || r&store.RightRead == 0 {
		return err
	}
	return in.subscribeTo(ctx, shared, person)
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

// RemoveGrant ends a person's own rights to a shared account.
func (in *Installation) RemoveGrant(ctx context.Context, account, person string) error {
	a, p, err := in.pair(ctx, account, person)
	if err != nil {
		return err
	}
	return in.revoke(ctx, a, p)
}

func (in *Installation) revoke(ctx context.Context, shared, person store.Account) error {
	err := in.store.RemoveGrant(ctx, shared.Key, person.Key)
	if errors.Is(err, store.ErrNotFound) {
		return refuse(admin.NotFound, err, "%s has no right of their own to %s", person.Address, shared.Address)
	}
	return err
}

func (in *Installation) pair(ctx context.Context, account, person string) (a, p store.Account, err error) {
	if a, err = in.account(ctx, account); err != nil {
		return a, p, err
	}
	p, err = in.account(ctx, person)
	return a, p, err
}

// AddGroupGrant lets the members of a group use a shared account: those whom the
// tenant's providers say to be in it.
func (in *Installation) AddGroupGrant(ctx context.Context, account, group, rights string) error {
	a, err := in.account(ctx, account)
	if err != nil {
		return err
	}
	return in.grantGroup(ctx, a, group, rights)
}

func (in *Installation) grantGroup(ctx context.Context, shared store.Account, group, rights string) error {
	r, err := parseRights(rights)
	if err != nil {
		return err
	}
	if group == "" {
		return refuse(admin.Invalid, nil, "which group? Name it as the provider does")
	}
	err = in.store.AddGroupGrant(ctx, shared.Key, group, r)
	if errors.Is(err, store.ErrGrant) {
		return refuse(admin.Invalid, err, "rights are given on shared accounts: %s is a %s account", shared.Address, kindName(shared.Kind))
	}
	return err
}

// RemoveGroupGrant ends that.
func (in *Installation) RemoveGroupGrant(ctx context.Context, account, group string) error {
	a, err := in.account(ctx, account)
	if err != nil {
		return err
	}
	return in.revokeGroup(ctx, a, group)
}

func (in *Installation) revokeGroup(ctx context.Context, shared store.Account, group string) error {
	err := in.store.RemoveGroupGrant(ctx, shared.Key, group)
	if errors.Is(err, store.ErrNotFound) {
		return refuse(admin.NotFound, err, "the group %.200q has no right to %s", group, shared.Address)
	}
	return err
}

// Grants lists those on one account, or with "" all of a tenant's, as they were given
// to persons and to groups.
func (in *Installation) Grants(ctx context.Context, account, tenant string) ([]Grant, error) {
	if account != "" {
		a, err := in.account(ctx, account)
		if err != nil {
			return nil, err
		}
		return in.grantsOf(ctx, a.Tenant, a.Key.Account)
	}
	t, err := in.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	return in.grantsOf(ctx, t.ID, 0)
}

// grantsOf lists a tenant's, or those on one account.
func (in *Installation) grantsOf(ctx context.Context, tenant, account int64) ([]Grant, error) {
	out := []Grant{}
	persons, err := in.store.Grants(ctx, tenant)
	if err != nil {
		return nil, err
	}
	for _, g := range persons {
		if account == 0 || g.Account.Account == account {
			out = append(out, Grant{Account: g.Address, Person: g.PersonName, Rights: g.Rights.String()})
		}
	}
	groups, err := in.store.GroupGrants(ctx, tenant)
	for _, g := range groups {
		if account == 0 || g.Account.Account == account {
			out = append(out, Grant{Account: g.Address, Group: g.Group, Rights: g.Rights.String()})
		}
	}
	return out, err
}
