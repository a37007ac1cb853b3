package mail

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"fachwerk/internal/store"
)

// Subscriptions lists the names a person subscribed to in an account, sorted by
// bytes; names of mailboxes that are gone stay (RFC 9051 6.3.7). RightRead.
func (s *Service) Subscriptions(ctx context.Context, a Access) ([]string, error) {
	if err := s.allow(ctx, a, RightRead); err != nil {
		return nil, err
	}
	return s.subscriptions(ctx, a)
}

func (s *Service) subscriptions(ctx context.Context, a Access) ([]string, error) {
	names, err := s.store.Subscriptions(ctx, a.key(), a.Person, store.Mailbox)
	if err != nil {
		return nil, wrap(err, "subscriptions in %s", a.Address)
	}
	slices.Sort(names)
	if i, ok := slices.BinarySearch(names, introduced); ok {
		return slices.Delete(names, i, i+1), nil
	}
	if a.Own || a.Person == a.Account {
		return names, nil
	}
	return s.introduce(ctx, a, names), nil
}

// introduced is subscribed to by whoever has been introduced to a shared account. No
// mailbox has this name.
const introduced = ""

// introduce subscribes a person to a shared account's INBOX when they first meet it, by
// whichever grant they may read it: most mail programs show only what is subscribed,
// and a mailbox that nobody sees helps nobody. It is done once: who unsubscribes is not
// subscribed again. What cannot be written now, such as while a policy stops writes, is
// for the next time.
func (s *Service) introduce(ctx context.Context, a Access, names []string) []string {
	for _, name := range []string{Inbox, introduced} {
		if err := s.store.Subscribe(ctx, a.key(), a.Person, store.Mailbox, name, true); err != nil {
			return names
		}
	}
	if i, ok := slices.BinarySearch(names, Inbox); !ok {
		names = slices.Insert(names, i, Inbox)
	}
	return names
}

// Subscribe adds or removes a subscription of the person; RightRead, for it
// changes nobody else's. Adding asks for a mailbox of that name; removing does
// not (RFC 9051 6.3.7, 6.3.8).
func (s *Service) Subscribe(ctx context.Context, a Access, name string, on bool) error {
	if err := s.allow(ctx, a, RightRead); err != nil {
		return err
	}
	normal, err := normalizeName(name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	if on {
		if _, err := s.byName(ctx, a.key(), normal); err != nil {
			return wrap(err, "subscribe")
		}
	}
	err = s.store.Subscribe(ctx, a.key(), a.Person, store.Mailbox, normal, on)
	if !on && errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return wrap(err, "subscribe")
}
