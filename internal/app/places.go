package app

import (
	"context"

	"fachwerk/auth"
	"fachwerk/internal/store"
	"fachwerk/portal"
)

// places tells the portal where a person's data lies.
type places struct{ store *store.Store }

// Places looks into the person's own account and those shared with them.
func (p places) Places(ctx context.Context, person auth.AccountRef) ([]portal.Place, error) {
	own, err := p.store.PersonByRef(ctx, person)
	if err != nil {
		return nil, err
	}
	key := store.Key{Tenant: person.Tenant, Account: person.Account}
	out, err := p.account(ctx, nil, key, own.Address)
	if err != nil {
		return nil, err
	}
	grants, err := p.store.GrantsOf(ctx, key)
	if err != nil {
		return nil, err
	}
	for _, g := range grants {
		if g.Rights&store.RightRead == 0 {
			continue
		}
		if out, err = p.account(ctx, out, g.Account, g.Address); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p places) account(ctx context.Context, out []portal.Place, key store.Key, address string) ([]portal.Place, error) {
	list, err := p.store.Placed(ctx, key)
	if err != nil {
		return nil, err
	}
	for _, one := range list {
		out = append(out, portal.Place{
			Account: address, Kind: collectionKind(one.Kind), Store: one.Store,
			Site: one.Site.Name, Operator: one.Site.Operator, City: one.Site.Place, Country: one.Site.Country,
			Items: one.Items, Bytes: one.Bytes,
		})
	}
	return out, nil
}

func collectionKind(k store.CollectionKind) string {
	switch k {
	case store.Calendar:
		return "calendar"
	case store.AddressBook:
		return "contacts"
	case store.Drive:
		return "files"
	}
	return "mail"
}
