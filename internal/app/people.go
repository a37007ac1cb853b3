package app

import (
	"context"
	"slices"
	"sync"

	"fachwerk/auth"
	"fachwerk/contacts"
	"fachwerk/dav"
	"fachwerk/internal/resource"
	"fachwerk/internal/store"
)

// people tells DAV's principals and the directory address book who belongs to a
// tenant. It keeps each tenant's list as it was last read; the store's version
// says whether that is still right.
type people struct {
	store *store.Store

	mu      sync.Mutex
	tenants map[int64]*roll
}

// maxRolls bounds how many tenants' lists are kept.
const maxRolls = 1000

// roll is a tenant's people, by primary address.
type roll struct {
	version string
	name    string // the tenant's
	list    []contacts.Person
}

func newPeople(s *store.Store) *people { return &people{store: s, tenants: map[int64]*roll{}} }

// Version implements contacts.People.
func (p *people) Version(ctx context.Context, tenant int64) (string, error) {
	return p.store.PeopleVersion(ctx, tenant)
}

// People implements contacts.People.
func (p *people) People(ctx context.Context, tenant int64) (string, []contacts.Person, error) {
	r, err := p.roll(ctx, tenant)
	if err != nil {
		return "", nil, err
	}
	return r.name, slices.Clone(r.list), nil
}

func (p *people) roll(ctx context.Context, tenant int64) (*roll, error) {
	// Asked before the list is read: a change meanwhile makes it be read again.
	version, err := p.store.PeopleVersion(ctx, tenant)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	r := p.tenants[tenant]
	p.mu.Unlock()
	if r != nil && r.version == version {
		return r, nil
	}
	if r, err = p.read(ctx, tenant); err != nil {
		return nil, err
	}
	r.version = version
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.tenants) >= maxRolls {
		clear(p.tenants)
	}
	p.tenants[tenant] = r
	return r, nil
}

func (p *people) read(ctx context.Context, tenant int64) (*roll, error) {
	t, err := p.store.Tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	accounts, err := p.store.Accounts(ctx, tenant)
	if err != nil {
		return nil, err
	}
	aliases, err := p.store.Aliases(ctx, tenant)
	if err != nil {
		return nil, err
	}
	more := map[int64][]string{}
	for _, a := range aliases {
		more[a.Account] = append(more[a.Account], a.Address)
	}
	r := &roll{name: t.Name, list: make([]contacts.Person, 0, len(accounts))}
	for _, a := range accounts {
		if a.State != store.Active {
			continue
		}
		r.list = append(r.list, contacts.Person{
			Account: a.Key.Account, Kind: personKind(a.Kind), Address: a.Address, Aliases: more[a.Key.Account],
			DisplayName: a.DisplayName, Changed: store.Time(a.CreatedAt),
		})
	}
	return r, nil
}

func personKind(k store.AccountKind) contacts.PersonKind {
	switch k {
	case store.Function:
		return contacts.Function
	case store.Team:
		return contacts.Team
	case store.Room:
		return contacts.Room
	case store.Resource:
		return contacts.Equipment
	}
	return contacts.Individual
}

// principals is people as DAV asks for them.
type principals struct{ *people }

// Principal implements dav.People.
func (p principals) Principal(ctx context.Context, who *auth.Principal, address string) (dav.Person, error) {
	address, err := store.NormalizeAddress(address)
	if err != nil {
		return dav.Person{}, resource.ErrNotFound
	}
	r, err := p.roll(ctx, who.Tenant)
	if err != nil {
		return dav.Person{}, err
	}
	for i := range r.list {
		if one := &r.list[i]; one.Address == address || slices.Contains(one.Aliases, address) {
			return davPerson(one), nil
		}
	}
	return dav.Person{}, resource.ErrNotFound
}

// Search implements dav.People.
func (p principals) Search(ctx context.Context, who *auth.Principal, q dav.PeopleQuery, limit int) (found []dav.Person, more bool, err error) {
	r, err := p.roll(ctx, who.Tenant)
	if err != nil {
		return nil, false, err
	}
	for i := range r.list {
		one := davPerson(&r.list[i])
		if !q.Match(&one) {
			continue
		}
		if len(found) == limit {
			return found, true, nil
		}
		found = append(found, one)
	}
	return found, false, nil
}

func davPerson(p *contacts.Person) dav.Person {
	kind := dav.Individual
	switch p.Kind {
	case contacts.Function, contacts.Team: // several people are behind it
		kind = dav.Group
	case contacts.Room:
		kind = dav.Room
	case contacts.Equipment:
		kind = dav.Resource
	}
	return dav.Person{Account: p.Account, Address: p.Address, DisplayName: p.DisplayName, Aliases: p.Aliases, Type: kind}
}
