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
	return names, nil
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
