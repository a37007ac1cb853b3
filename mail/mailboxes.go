package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"fachwerk/internal/store"
)

// defaults are made at first use, INBOX last: where it is, the others were made.
// They have English names; clients show special uses in the user's language.
var defaults = []struct{ name, use string }{
	{"Sent", Sent}, {"Drafts", Drafts}, {"Trash", Trash}, {"Junk", Junk}, {"Archive", Archive}, {Inbox, ""},
}

// makeDefaults makes them, subscribed by their owner: clients show what is
// subscribed. Those of a shared account are for each person to subscribe (introduce). All
// but INBOX are made at the same time, so that they share commits.
func (s *Service) makeDefaults(ctx context.Context, key store.Key) error {
	account, err := s.store.Account(ctx, key)
	if err != nil {
		return wrap(err, "make mailboxes")
	}
	var together errgroup.Group
	for _, d := range defaults {
		if account.Kind == store.Person {
			together.Go(func() error { return s.store.Subscribe(ctx, key, key.Account, store.Mailbox, d.name, true) })
		}
		if d.name != Inbox {
			together.Go(func() error { return s.makeDefault(ctx, key, d.name, d.use) })
		}
	}
	if err := together.Wait(); err != nil {
		return wrap(err, "make mailboxes")
	}
	return wrap(s.makeDefault(ctx, key, Inbox, ""), "make INBOX")
}

func (s *Service) makeDefault(ctx context.Context, key store.Key, name, use string) error {
	_, err := s.store.CreateCollection(ctx, key, store.Mailbox, name, use, store.CollectionOptions{})
	if errors.Is(err, store.ErrExists) {
		return nil // by somebody else, just now
	}
	return err
}

// Mailboxes lists an account's mailboxes, INBOX first, then by name; RightRead.
// At first use INBOX is made together with Sent, Drafts, Trash, Junk and Archive.
func (s *Service) Mailboxes(ctx context.Context, a Access) ([]Mailbox, error) {
	if err := s.allow(ctx, a, RightRead); err != nil {
		return nil, err
	}
	list, err := s.collections(ctx, a)
	if err != nil {
		return nil, err
	}
	subscribed, err := s.subscriptions(ctx, a)
	if err != nil {
		return nil, err
	}
	boxes := make([]Mailbox, len(list))
	for i := range list {
		boxes[i] = mailboxOf(&list[i])
		_, boxes[i].Subscribed = slices.BinarySearch(subscribed, boxes[i].Name)
	}
	slices.SortFunc(boxes, func(x, y Mailbox) int { return compareNames(x.Name, y.Name) })
	return boxes, nil
}

// collections lists the account's mailboxes, made if there are none.
func (s *Service) collections(ctx context.Context, a Access) ([]store.Collection, error) {
	for made := false; ; made = true {
		list, err := s.store.Collections(ctx, a.key(), store.Mailbox)
		if err != nil {
			return nil, wrap(err, "mailboxes of %s", a.Address)
		}
		if made || slices.ContainsFunc(list, func(c store.Collection) bool { return c.Name == Inbox }) {
			return list, nil
		}
		if err := s.makeDefaults(ctx, a.key()); err != nil {
			return nil, err
		}
	}
}

func mailboxOf(c *store.Collection) Mailbox {
	return Mailbox{
		ID: c.ID, Name: c.Name, SpecialUse: c.SpecialUse,
		UIDValidity: uint32(c.UIDValidity), UIDNext: uint32(c.UIDNext), HighestModSeq: uint64(max(c.ModSeq, 1)),
		Messages: uint32(c.Items), Unseen: uint32(c.Unseen), Deleted: uint32(c.DeletedItems), Size: c.Bytes,
	}
}

// Mailbox finds one by name, INBOX in any case; RightRead. ErrNotFound.
func (s *Service) Mailbox(ctx context.Context, a Access, name string) (Mailbox, error) {
	if err := s.allow(ctx, a, RightRead); err != nil {
		return Mailbox{}, err
	}
	c, err := s.byName(ctx, a.key(), name)
	if err != nil {
		return Mailbox{}, wrap(err, "find mailbox")
	}
	m := mailboxOf(&c)
	names, err := s.subscriptions(ctx, a)
	_, m.Subscribed = slices.BinarySearch(names, m.Name)
	return m, err
}

// Target finds by name the mailbox that messages are to go into, and what its account
// uses, in one round trip; RightRead. Subscribed is left out. The quota is advice: what
// counts is decided when they are added. ErrNotFound.
func (s *Service) Target(ctx context.Context, a Access, name string) (Mailbox, Quota, error) {
	if err := s.allow(ctx, a, RightRead); err != nil {
		return Mailbox{}, Quota{}, err
	}
	name, err := normalizeName(name)
	if err != nil {
		return Mailbox{}, Quota{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	account, c, err := s.store.AccountWithCollection(ctx, a.key(), store.Mailbox, name)
	if name == Inbox && errors.Is(err, store.ErrNotFound) {
		if err := s.makeDefaults(ctx, a.key()); err != nil {
			return Mailbox{}, Quota{}, err
		}
		account, c, err = s.store.AccountWithCollection(ctx, a.key(), store.Mailbox, name)
	}
	if err != nil {
		return Mailbox{}, Quota{}, wrap(err, "find mailbox")
	}
	return mailboxOf(&c), quotaOf(&account), nil
}

// Status reads a mailbox's counters anew; Subscribed is left out. RightRead.
func (s *Service) Status(ctx context.Context, a Access, mailbox int64) (Mailbox, error) {
	if err := s.allow(ctx, a, RightRead); err != nil {
		return Mailbox{}, err
	}
	c, err := s.byID(ctx, a.key(), mailbox)
	if err != nil {
		return Mailbox{}, wrap(err, "mailbox %d", mailbox)
	}
	return mailboxOf(&c), nil
}

// byID reads a mailbox that is there.
func (s *Service) byID(ctx context.Context, key store.Key, id int64) (store.Collection, error) {
	c, err := s.store.Collection(ctx, key, id)
	if err == nil && (c.Deleted || c.Kind != store.Mailbox) {
		err = ErrNotFound
	}
	return c, err
}

// byName finds a mailbox; a name that cannot be one is not found. INBOX is made
// if missing.
func (s *Service) byName(ctx context.Context, key store.Key, name string) (store.Collection, error) {
	name, err := normalizeName(name)
	if err != nil {
		return store.Collection{}, fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	c, err := s.store.CollectionByName(ctx, key, store.Mailbox, name)
	if name == Inbox && errors.Is(err, store.ErrNotFound) {
		if err := s.makeDefaults(ctx, key); err != nil {
			return store.Collection{}, err
		}
		c, err = s.store.CollectionByName(ctx, key, store.Mailbox, name)
	}
	return c, err
}

// Create makes a mailbox and the levels above it (RFC 9051 6.3.4); RightManage.
// specialUse may be empty; a use that another mailbox has is refused
// (RFC 6154 3). ErrExists, ErrName, ErrInbox, ErrSpecialUse, ErrTooMany.
func (s *Service) Create(ctx context.Context, a Access, name, specialUse string) (Mailbox, error) {
	if err := s.allow(ctx, a, RightManage); err != nil {
		return Mailbox{}, err
	}
	// A separator at the end only announces inferiors (RFC 9051 6.3.4).
	name, err := normalizeName(strings.TrimSuffix(name, Separator))
	if err != nil {
		return Mailbox{}, err
	}
	if name == Inbox {
		return Mailbox{}, ErrInbox
	}
	list, err := s.collections(ctx, a)
	if err != nil {
		return Mailbox{}, err
	}
	if err := s.mayCreate(list, name, specialUse); err != nil {
		return Mailbox{}, wrap(err, "create mailbox")
	}
	if err := s.makeParents(ctx, a.key(), list, name); err != nil {
		return Mailbox{}, err
	}
	c, err := s.store.CreateCollection(ctx, a.key(), store.Mailbox, name, specialUse, store.CollectionOptions{})
	if err != nil {
		return Mailbox{}, wrap(err, "create mailbox")
	}
	return mailboxOf(&c), nil
}

func (s *Service) mayCreate(list []store.Collection, name, specialUse string) error {
	if len(list)+1+strings.Count(name, Separator) > s.o.Limits.MaxMailboxes {
		return ErrTooMany
	}
	if specialUse != "" && !slices.ContainsFunc(defaults, func(d struct{ name, use string }) bool { return d.use == specialUse }) {
		return ErrSpecialUse
	}
	for i := range list {
		if list[i].Name == name {
			return ErrExists
		}
		if specialUse != "" && list[i].SpecialUse == specialUse {
			return ErrSpecialUse
		}
	}
	return nil
}

// makeParents makes the levels above name that are missing.
func (s *Service) makeParents(ctx context.Context, key store.Key, list []store.Collection, name string) error {
	for _, above := range parents(name) {
		if slices.ContainsFunc(list, func(c store.Collection) bool { return c.Name == above }) {
			continue
		}
		_, err := s.store.CreateCollection(ctx, key, store.Mailbox, above, "", store.CollectionOptions{})
		if err != nil && !errors.Is(err, store.ErrExists) {
			return wrap(err, "create mailbox")
		}
	}
	return nil
}

// Delete removes a mailbox with its messages; RightManage. One with inferiors
// is refused with ErrHasChildren (RFC 9051 6.3.5 lets a server choose: nothing
// is left behind that has a name and cannot be opened), INBOX with ErrInbox.
func (s *Service) Delete(ctx context.Context, a Access, name string) error {
	if err := s.allow(ctx, a, RightManage); err != nil {
		return err
	}
	name, err := normalizeName(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if name == Inbox {
		return ErrInbox
	}
	list, err := s.collections(ctx, a)
	if err != nil {
		return err
	}
	id := int64(0)
	for i := range list {
		if list[i].Name == name {
			id = list[i].ID
		}
		if below(list[i].Name, name) {
			return wrap(ErrHasChildren, "delete mailbox")
		}
	}
	if id == 0 {
		return wrap(ErrNotFound, "delete mailbox")
	}
	return wrap(s.store.DeleteCollection(ctx, a.key(), id), "delete mailbox")
}

// Quota reads what the account uses; RightRead.
func (s *Service) Quota(ctx context.Context, a Access) (Quota, error) {
	if err := s.allow(ctx, a, RightRead); err != nil {
		return Quota{}, err
	}
	account, err := s.store.Account(ctx, a.key())
	if err != nil {
		return Quota{}, wrap(err, "quota of %s", a.Address)
	}
	return quotaOf(&account), nil
}

func quotaOf(a *store.Account) Quota {
	return Quota{UsedBytes: a.UsedBytes, LimitBytes: a.QuotaBytes, UsedMessages: a.UsedItems, LimitMessages: a.QuotaItems}
}

// inboxCache remembers INBOX's ids, which never change: INBOX cannot be
// deleted, and RENAME leaves it in its place.
type inboxCache struct {
	mu  sync.Mutex
	ids map[store.Key]int64
}

func (c *inboxCache) get(key store.Key) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ids[key]
}

func (c *inboxCache) put(key store.Key, id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ids == nil || len(c.ids) > 100_000 {
		c.ids = make(map[store.Key]int64)
	}
	c.ids[key] = id
}

func (c *inboxCache) forget(key store.Key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.ids, key)
}
