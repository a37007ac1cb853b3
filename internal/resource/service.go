package resource

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"fachwerk/auth"
	"fachwerk/internal/budget"
	"fachwerk/internal/store"
)

// Options are what a Service stands on.
type Options struct {
	Store *store.Store
	// Keep is how long what is in the trash stays there; 0 means 30 days.
	Keep time.Duration
	// MaxLock is the longest time a lock is granted for; 0 means one hour.
	MaxLock time.Duration
	Log     *slog.Logger
}

// Service is safe for concurrent use.
type Service struct {
	o      Options
	memory *budget.Budget

	properties propertyCache
}

// New makes a Service.
func New(o Options) *Service {
	if o.Keep == 0 {
		o.Keep = 30 * 24 * time.Hour
	}
	if o.MaxLock == 0 {
		o.MaxLock = time.Hour
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{o: o, memory: budget.New(defaultMemory, personsMemory, Small)}
}

// allRights are those of who owns an account.
const allRights = Read | Write | Manage | SendAs

func account(a store.Account, p *auth.Principal, r Rights) Account {
	return Account{Key: a.Key, Kind: a.Kind, Address: a.Address, DisplayName: a.DisplayName, Rights: r,
		Person: p.Account, PersonName: p.Address}
}

// Accounts lists what a person may read: their own account first, then those
// granted, by address.
func (s *Service) Accounts(ctx context.Context, p *auth.Principal) ([]Account, error) {
	person := store.Key{Tenant: p.Tenant, Account: p.Account}
	own, err := s.o.Store.Account(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	grants, err := s.o.Store.GrantsOf(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	list := []Account{account(own, p, allRights)}
	for _, g := range grants {
		if Rights(g.Rights)&Read != 0 {
			list = append(list, account(store.Account{Key: g.Account, Kind: g.Kind, Address: g.Address, DisplayName: g.DisplayName},
				p, Rights(g.Rights)))
		}
	}
	return list, nil
}

// Account finds one of those by any of its addresses; ErrNotFound alike for an
// address that is nobody's and one that is not granted.
func (s *Service) Account(ctx context.Context, p *auth.Principal, address string) (Account, error) {
	found, err := s.o.Store.ResolveIn(ctx, p.Tenant, address)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Account{}, fmt.Errorf("account: %w", err)
	}
	if err == nil && found.Key == (store.Key{Tenant: p.Tenant, Account: p.Account}) {
		return account(found, p, allRights), nil
	}
	// Asked of an address that is nobody's too, so that both take as long.
	granted, grantErr := s.o.Store.RightsOf(ctx, store.Key{Tenant: p.Tenant, Account: found.Key.Account}, p.Account)
	if grantErr != nil && !errors.Is(grantErr, ErrNotFound) {
		return Account{}, fmt.Errorf("account: %w", grantErr)
	}
	if err != nil || grantErr != nil || Rights(granted)&Read == 0 {
		return Account{}, fmt.Errorf("account: %w", ErrNotFound)
	}
	return account(found, p, Rights(granted)), nil
}

// may checks a right against the grants of now.
func (s *Service) may(ctx context.Context, a Account, r Rights) error {
	if a.Key == (store.Key{}) {
		return ErrNotFound
	}
	if a.Own() {
		return nil
	}
	now, err := s.o.Store.RightsOf(ctx, a.Key, a.Person)
	if err != nil {
		return err
	}
	switch {
	case Rights(now)&Read == 0:
		return ErrNotFound
	case Rights(now)&r != r:
		return ErrDenied
	}
	return nil
}

// Collections lists an account's collections of a kind, by name.
func (s *Service) Collections(ctx context.Context, a Account, kind Kind) ([]Collection, error) {
	if err := s.may(ctx, a, Read); err != nil {
		return nil, err
	}
	rows, err := s.o.Store.Collections(ctx, a.Key, kind)
	if err != nil {
		return nil, err
	}
	list := make([]Collection, len(rows))
	for i, r := range rows {
		list[i] = s.collection(a, r)
	}
	return list, nil
}

// Collection finds one by its name.
func (s *Service) Collection(ctx context.Context, a Account, kind Kind, name string) (Collection, error) {
	if err := s.may(ctx, a, Read); err != nil {
		return Collection{}, err
	}
	row, err := s.o.Store.CollectionByName(ctx, a.Key, kind, name)
	if err != nil {
		return Collection{}, err
	}
	return s.collection(a, row), nil
}

func (s *Service) collection(a Account, c store.Collection) Collection {
	generation := s.o.Store.Generation(a.Key.Tenant)
	return Collection{Account: a, ID: c.ID, Kind: c.Kind, Name: c.Name,
		CTag:   fmt.Sprintf("%d-%d-%d", generation, c.ModSeq, c.SelfModSeq),
		Token:  token{generation, c.ID, store.At(c.ModSeq)}.String(),
		ModSeq: c.ModSeq, Items: c.Items, Bytes: c.Bytes, Created: store.Time(c.CreatedAt), self: c.SelfModSeq}
}

// MaxCollections is how many collections of a kind an account may have, about: a home
// is listed whole, and the quota does not count them.
const MaxCollections = 500

// CreateCollection makes one with its properties, all or nothing; ErrExists, ErrTooMany.
func (s *Service) CreateCollection(ctx context.Context, a Account, kind Kind, name string, properties []Property) (Collection, error) {
	have, err := s.Collections(ctx, a, kind)
	if err == nil {
		err = s.may(ctx, a, Manage)
	}
	if err != nil {
		return Collection{}, err
	}
	if len(have) >= MaxCollections && !slices.ContainsFunc(have, func(c Collection) bool { return c.Name == name }) {
		return Collection{}, fmt.Errorf("collection %q: %w", name, ErrTooMany)
	}
	return s.create(ctx, a, kind, name, properties)
}

func (s *Service) create(ctx context.Context, a Account, kind Kind, name string, properties []Property) (Collection, error) {
	if !usable(name) {
		return Collection{}, fmt.Errorf("collection %q: %w", name, ErrName)
	}
	row, err := s.o.Store.CreateCollectionWith(ctx, a.Key, kind, name, plain(properties))
	if err != nil {
		return Collection{}, err
	}
	return s.collection(a, row), nil
}

// EnsureCollection answers the collection, made with these properties if it was not
// there. Who may read may have it made: it is what every account has.
func (s *Service) EnsureCollection(ctx context.Context, a Account, kind Kind, name string, properties []Property) (Collection, error) {
	c, err := s.Collection(ctx, a, kind, name)
	if !errors.Is(err, ErrNotFound) {
		return c, err
	}
	if err := s.may(ctx, a, Read); err != nil {
		return Collection{}, err
	}
	if c, err = s.create(ctx, a, kind, name, properties); !errors.Is(err, ErrExists) {
		return c, err
	}
	return s.Collection(ctx, a, kind, name) // another was faster
}

// RemoveCollection takes a collection away with all that is in it; its rows go in
// the background. Locks inside whose tokens are not in g stop it.
func (s *Service) RemoveCollection(ctx context.Context, c Collection, g Guard) error {
	if err := s.may(ctx, c.Account, Manage); err != nil {
		return err
	}
	return fail(s.o.Store.RemoveCollection(ctx, c.Account.Key, c.ID, guard(c, g)))
}

// ItemCost is what each resource takes of the quota besides its content, bytes: empty
// files and folders are rows too. Properties take their size.
const ItemCost = store.ItemCost

// Usage is the account's quota (RFC 4331), bytes; quota 0 means no limit.
func (s *Service) Usage(ctx context.Context, a Account) (used, quota int64, err error) {
	if err := s.may(ctx, a, Read); err != nil {
		return 0, 0, err
	}
	u, err := s.o.Store.Usage(ctx, a.Key)
	return u.Bytes, u.QuotaBytes, err
}

// maxName is the longest name of a resource, in bytes.
const maxName = 1000

// usable reports whether a name can be a segment of an href at all; heads may know
// more rules.
func usable(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxName && utf8.ValidString(name) &&
		!strings.ContainsAny(name, "/\x00")
}

// guard is g for the store. Seen without a collection is of any of the write's.
func guard(c Collection, g Guard) store.Guard {
	out := store.Guard{Tokens: g.Tokens, Person: c.Account.Person}
	for _, seen := range g.Seen {
		out.Seen = append(out.Seen, store.Seen(seen))
	}
	for _, l := range g.Locks {
		out.Locks = append(out.Locks, store.LockSeen(l))
	}
	return out
}

// item is a row as readers of this package see it.
func (s *Service) item(c Collection, i store.Item) Item {
	out := Item{ID: i.ID, UID: i.UID, Parent: i.ParentID, Name: i.Name, Folder: i.Flags&store.FlagFolder != 0, Size: i.Size,
		Modified: store.Time(i.InternalDate), Created: store.Time(i.SaveDate), ModSeq: i.ModSeq, content: i.Content, object: i.ObjectID}
	if out.Folder {
		out.below = i.SubtreeModSeq
		out.ETag = fmt.Sprintf("%d-%d", s.o.Store.Generation(c.Account.Key.Tenant), i.SubtreeModSeq)
	} else {
		out.ETag = hex.EncodeToString(i.Digest[:])
	}
	return out
}

func (s *Service) items(c Collection, rows []store.Item) []Item {
	list := make([]Item, len(rows))
	for n := range rows {
		list[n] = s.item(c, rows[n])
	}
	return list
}

// row is what the store needs to know of an item again.
func row(i Item) store.Item {
	r := store.Item{ID: i.ID, UID: i.UID, ParentID: i.Parent, Name: i.Name, Size: i.Size, Content: i.content, ObjectID: i.object,
		InternalDate: i.Modified.UnixMicro(), ModSeq: i.ModSeq}
	if i.Folder {
		r.Flags = store.FlagFolder
	}
	return r
}
