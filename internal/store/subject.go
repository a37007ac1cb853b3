package store

import (
	"context"
	"fmt"

	"fachwerk/auth"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// ReplaceSubject makes a person known to an issuer under a subject and under no other:
// earlier ones of theirs are nobody's, and the portal sessions that those opened are over.
// Errors are BindSubject's.
func (s *Store) ReplaceSubject(ctx context.Context, key Key, issuer, sub string) error {
	if err := s.admit(ctx, key.Tenant, location.Login); err != nil {
		return err
	}
	return s.changeLogin(ctx, key, func(tx meta.Tx) error {
		if err := bindSubject(ctx, tx, key, issuer, sub); err != nil {
			return err
		}
		var b meta.Batch
		for _, table := range []string{"subject", "portal_session"} {
			b.Exec(`DELETE FROM `+table+` WHERE tenant_id = $1 AND account_id = $2 AND issuer = $3 AND sub <> $4`,
				key.Tenant, key.Account, issuer, sub)
		}
		return tx.Run(ctx, &b)
	})
}

func bindSubject(ctx context.Context, tx meta.Tx, key Key, issuer, sub string) error {
	if err := bound(ctx, tx, key.Tenant, issuer); err != nil {
		return err
	}
	var b meta.Batch
	b.Exec(`INSERT INTO subject (tenant_id, issuer, sub, account_id) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant_id, issuer, sub) DO NOTHING`, key.Tenant, issuer, sub, key.Account)
	if err := tx.Run(ctx, &b); err != nil {
		return err
	}
	var bound int64
	err := oneIn(ctx, tx, []any{&bound}, `SELECT account_id FROM subject WHERE tenant_id = $1 AND issuer = $2 AND sub = $3`,
		key.Tenant, issuer, sub)
	if err == nil && bound != key.Account {
		return fmt.Errorf("the subject belongs to another account: %w", ErrExists)
	}
	return err
}

// Subject is who a person is at an issuer.
type Subject struct{ Issuer, Subject string }

// Subjects lists who a person is, by issuer.
func (s *Store) Subjects(ctx context.Context, key Key) (list []Subject, err error) {
	err = s.at(ctx, key.Tenant).view(ctx, func(r meta.Rows) error {
		var one Subject
		err := r.Scan(&one.Issuer, &one.Subject)
		list = append(list, one)
		return err
	}, `SELECT issuer, sub FROM subject WHERE tenant_id = $1 AND account_id = $2 ORDER BY issuer, sub`, key.Tenant, key.Account)
	return list, err
}

// SignsIn reports whether a person has a way to sign in: an issuer knows them, or they have
// a password.
func (s *Store) SignsIn(ctx context.Context, ref auth.AccountRef) (bool, error) {
	var ways int64
	err := s.at(ctx, ref.Tenant).one(ctx, []any{&ways}, `SELECT (SELECT count(*) FROM subject WHERE tenant_id = $1 AND account_id = $2)
		+ (SELECT count(*) FROM password WHERE tenant_id = $1 AND account_id = $2)`, ref.Tenant, ref.Account)
	return ways > 0, loginError(err)
}
