package mail

import (
	"context"
	"sync"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store"
)

// Rights say what may be done in an account, as a set of bits.
type Rights uint8

// The bits are those of the store's grants.
const (
	RightRead   Rights = 1 << iota // see mailboxes and messages
	RightWrite                     // change flags, add, move and expunge messages
	RightManage                    // create, rename and delete mailboxes
	RightSendAs                    // send from the account's addresses

	allRights = RightRead | RightWrite | RightManage | RightSendAs
)

// Access is an account as one principal may use it. The zero value opens
// nothing.
type Access struct {
	Tenant, Account int64
	Address         string // primary address of the account
	DisplayName     string
	Rights          Rights
	Own             bool  // the principal's own account
	Person          int64 // account id of the principal
}

// May reports whether all of r is granted. It is what a head shows (MYRIGHTS,
// read-only SELECT); every method of this package checks for itself, and
// against the grants of now.
func (a Access) May(r Rights) bool { return a.Rights&r == r }

func (a Access) key() store.Key { return store.Key{Tenant: a.Tenant, Account: a.Account} }

// Accounts lists what a principal may open: the own account first, then those
// granted with at least RightRead, by address. ErrDisabled when the person is.
func (s *Service) Accounts(ctx context.Context, p *auth.Principal) ([]Access, error) {
	person := store.Key{Tenant: p.Tenant, Account: p.Account}
	own, err := s.store.Account(ctx, person)
	if err != nil {
		return nil, wrap(err, "account %s", p.Address)
	}
	if own.State != store.Active {
		return nil, wrap(ErrDisabled, "account %s", own.Address)
	}
	list := []Access{{
		Tenant: own.Tenant, Account: own.Key.Account, Address: own.Address, DisplayName: own.DisplayName,
		Rights: allRights, Own: true, Person: p.Account,
	}}
	grants, err := s.store.GrantsOf(ctx, person)
	if err != nil {
		return nil, wrap(err, "grants of %s", p.Address)
	}
	s.rights.put(person, rightsOf(grants), s.o.Clock().Add(rightsFor)) // what is listed may be used at once
	for _, g := range grants {
		a := Access{
			Tenant: g.Account.Tenant, Account: g.Account.Account, Address: g.Address, DisplayName: g.DisplayName,
			Rights: Rights(g.Rights) & allRights, Person: p.Account,
		}
		if a.May(RightRead) {
			list = append(list, a)
		}
	}
	return list, nil
}

// allow is what every method asks first. An Access to a shared account is as
// old as its session, so it is compared with the grants of now, or of a few
// seconds ago.
func (s *Service) allow(ctx context.Context, a Access, r Rights) error {
	denied := wrap(ErrDenied, "account %s", a.Address)
	switch {
	case !a.May(r) || a.Account == 0:
		return denied
	case a.Own:
		if a.Account != a.Person {
			return denied
		}
		return nil
	}
	granted, err := s.granted(ctx, a)
	if err != nil {
		return err
	}
	if granted&r != r {
		return denied
	}
	return nil
}

// rightsFor is how long a withdrawn grant may go on working.
const rightsFor = 3 * time.Second

func (s *Service) granted(ctx context.Context, a Access) (Rights, error) {
	person := store.Key{Tenant: a.Tenant, Account: a.Person}
	now := s.o.Clock()
	if all, ok := s.rights.get(person, now); ok {
		return all[a.Account], nil
	}
	grants, err := s.store.GrantsOf(ctx, person)
	if err != nil {
		return 0, wrap(err, "grants on %s", a.Address)
	}
	all := rightsOf(grants)
	s.rights.put(person, all, now.Add(rightsFor))
	return all[a.Account], nil
}

func rightsOf(grants []store.Grant) map[int64]Rights {
	all := make(map[int64]Rights, len(grants))
	for _, g := range grants {
		all[g.Account.Account] = Rights(g.Rights) & allRights
	}
	return all
}

// rightsCache keeps what was granted to persons for a moment.
type rightsCache struct {
	mu       sync.Mutex
	byPerson map[store.Key]grantedRights
}

type grantedRights struct {
	byAccount map[int64]Rights
	until     time.Time
}

func (c *rightsCache) get(person store.Key, now time.Time) (map[int64]Rights, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	g, ok := c.byPerson[person]
	return g.byAccount, ok && now.Before(g.until)
}

func (c *rightsCache) put(person store.Key, all map[int64]Rights, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byPerson == nil || len(c.byPerson) > 10_000 {
		c.byPerson = make(map[store.Key]grantedRights)
	}
	c.byPerson[person] = grantedRights{byAccount: all, until: until}
}

// forget has the grants read anew.
func (c *rightsCache) forget(person store.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byPerson, person)
}

// OwnerAccess opens an account for the operator, who imports into it: with all
// rights, as its owner has them.
func OwnerAccess(a store.Account) Access {
	return Access{
		Tenant: a.Tenant, Account: a.Key.Account, Address: a.Address, DisplayName: a.DisplayName,
		Rights: allRights, Own: true, Person: a.Key.Account,
	}
}
