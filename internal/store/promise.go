package store

import (
	"context"

	"fachwerk/internal/store/meta"
)

// mostPromised is of how many accounts a change of rights is remembered at once.
const mostPromised = 100

// promise has this process remember what accounts have come to: a database that takes
// over and knows less of them is not used, so that no right comes back that was taken,
// and no old password. Where it cannot be asked, the change itself stands.
func (s *Store) promise(ctx context.Context, keys ...Key) {
	if len(keys) > 0 {
		s.promiseAt(ctx, s.at(ctx, keys[0].Tenant), keys)
	}
}

func (s *Store) promiseAt(ctx context.Context, at *site, keys []Key) {
	if _, err := at.db.AccountModSeqs(ctx, keys[:min(len(keys), mostPromised)]); err != nil {
		s.log.Debug("a change of rights is not remembered", "err", err)
	}
}

// changeLogin changes how a person signs in, which is remembered as rights are.
func (s *Store) changeLogin(ctx context.Context, person Key, change func(tx meta.Tx) error) error {
	err := s.at(ctx, person.Tenant).update(ctx, func(tx meta.Tx) error {
		if err := touched(ctx, tx, person); err != nil {
			return err
		}
		return change(tx)
	})
	if err == nil {
		s.promise(ctx, person)
		s.announce(person)
	}
	return err
}
