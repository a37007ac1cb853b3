package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"fachwerk/auth"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

var _ interface {
	auth.People
	auth.Passwords
	auth.AppPasswords
	auth.Sessions
	auth.Tickets
	auth.Changes
} = (*Store)(nil)

// loginError puts a store's error into auth's terms.
func loginError(err error) error {
	if refusedPlace(err) {
		err = fmt.Errorf("%w: %w", auth.ErrHeld, err)
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("%w: %w", auth.ErrNotFound, err)
	case errors.Is(outer(err), ErrTemporary):
		return fmt.Errorf("%w: %w", auth.ErrUnavailable, err)
	}
	return err
}

func refOf(key Key) auth.AccountRef { return auth.AccountRef{Tenant: key.Tenant, Account: key.Account} }

func keyOf(ref auth.AccountRef) Key { return Key{Tenant: ref.Tenant, Account: ref.Account} }

func personOf(a Account, err error) (auth.Person, error) {
	if err == nil && (a.Kind != Person || a.State == Removing) {
		err = ErrNotFound
	}
	if err != nil {
		return auth.Person{}, loginError(err)
	}
	return auth.Person{
		AccountRef: refOf(a.Key), Address: a.Address, DisplayName: a.DisplayName, Disabled: a.State != Active,
	}, nil
}

// PersonByAddress implements auth.People.
func (s *Store) PersonByAddress(ctx context.Context, address string) (auth.Person, error) {
	p, err := personOf(s.Resolve(ctx, address))
	if errors.Is(err, auth.ErrNotFound) {
		p.Tenant = s.addressTenant(ctx, address)
	}
	return p, err
}

// addressTenant is the tenant of an address's domain, 0 for none. What a login then asks
// of nobody is asked at the site where that tenant's people are: the work does not tell
// who is among them.
func (s *Store) addressTenant(ctx context.Context, address string) int64 {
	if s.only != nil { // everything is asked there
		return 0
	}
	address, err := NormalizeAddress(address)
	if err != nil {
		return 0
	}
	tenant, err := s.domainTenant(ctx, address[strings.LastIndexByte(address, '@')+1:])
	if err != nil {
		return 0
	}
	return tenant
}

// subjectPatience is how long a site is waited for that may know a subject, where there
// are others.
const subjectPatience = 3 * time.Second

// PersonBySubject implements auth.People. All sites are asked at the same time. One that
// is away keeps nobody from signing in who is found at another; of whom nothing is found,
// nothing is known then.
func (s *Store) PersonBySubject(ctx context.Context, issuer, sub string) (auth.Person, error) {
	if len(s.sites) > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, subjectPatience)
		defer cancel()
	}
	accounts, errs := make([]Account, len(s.sites)), make([]error, len(s.sites))
	var all sync.WaitGroup
	for i, at := range s.sites {
		all.Go(func() {
			accounts[i], errs[i] = at.account(ctx, ` JOIN subject j ON j.tenant_id = a.tenant_id AND j.account_id = a.account_id
				JOIN issuer i ON i.tenant_id = j.tenant_id AND i.url = j.issuer
				WHERE j.issuer = $1 AND j.sub = $2`, issuer, sub)
		})
	}
	all.Wait()
	found, err := Account{}, ErrNotFound
	var away error
	for i, failed := range errs {
		switch {
		case isNotFound(failed):
		case errors.Is(failed, ErrBusy):
			return auth.Person{}, loginError(failed)
		case failed != nil:
			away = errors.Join(away, failed)
		case err == nil: // a login must never open one of several by chance
			return auth.Person{}, fmt.Errorf("the subject is known at two sites: %w", ErrBusy)
		default:
			found, err = accounts[i], nil
		}
	}
	if err != nil && away != nil {
		return auth.Person{}, loginError(away)
	}
	return personOf(found, err)
}

// PersonByRef implements auth.People.
func (s *Store) PersonByRef(ctx context.Context, ref auth.AccountRef) (auth.Person, error) {
	return personOf(s.Account(ctx, keyOf(ref)))
}

// MayUse implements auth.People.
func (s *Store) MayUse(ctx context.Context, person auth.AccountRef, address string) (bool, error) {
	a, err := s.ResolveIn(ctx, person.Tenant, address)
	switch {
	case isNotFound(err):
		return false, nil
	case err != nil:
		return false, loginError(err)
	case a.Key == keyOf(person):
		return true, nil
	}
	rights, err := s.RightsOf(ctx, a.Key, person.Account)
	if isNotFound(err) {
		return false, nil
	}
	return rights != 0, loginError(err)
}

// BindSubject makes a person known to an issuer under a subject; ErrNotFound if the
// issuer is not bound to the tenant, ErrExists if that is somebody else already.
func (s *Store) BindSubject(ctx context.Context, key Key, issuer, sub string) error {
	if err := s.admit(ctx, key.Tenant, location.Login); err != nil {
		return err
	}
	return s.at(ctx, key.Tenant).update(ctx, func(tx meta.Tx) error {
		return bindSubject(ctx, tx, key, issuer, sub)
	})
}

// PasswordHash implements auth.Passwords.
func (s *Store) PasswordHash(ctx context.Context, ref auth.AccountRef) (phc string, err error) {
	err = s.at(ctx, ref.Tenant).one(ctx, []any{&phc}, `SELECT hash FROM password WHERE tenant_id = $1 AND account_id = $2`, ref.Tenant, ref.Account)
	return phc, loginError(err)
}

// SetPasswordHash implements auth.Passwords.
func (s *Store) SetPasswordHash(ctx context.Context, ref auth.AccountRef, phc string) error {
	if err := s.admit(ctx, ref.Tenant, location.Login); err != nil {
		return loginError(err)
	}
	return loginError(s.changeLogin(ctx, keyOf(ref), func(tx meta.Tx) error {
		_, err := execIn(ctx, tx, `INSERT INTO password (tenant_id, account_id, hash, changed_at) VALUES ($1, $2, $3, {now})
			ON CONFLICT (tenant_id, account_id) DO UPDATE SET hash = excluded.hash, changed_at = excluded.changed_at`,
			ref.Tenant, ref.Account, phc)
		return err
	}))
}

// AppPasswords implements auth.AppPasswords.
func (s *Store) AppPasswords(ctx context.Context, ref auth.AccountRef) (list []auth.AppPassword, err error) {
	err = s.at(ctx, ref.Tenant).view(ctx, func(r meta.Rows) error {
		p := auth.AppPassword{AccountRef: ref}
		var scopes string
		var hashKey, created, expires, used int64
		err := r.Scan(&p.ID, &p.Name, &scopes, &hashKey, &p.Hash, &created, &expires, &used, &p.LastUsedBy)
		p.Scopes, p.HashKey = scopesOf(scopes), int16(hashKey)
		p.Created, p.Expires, p.LastUsed = timeOf(created), timeOf(expires), timeOf(used)
		list = append(list, p)
		return err
	}, `SELECT app_password_id, name, services, hash_key, hash, created_at, expires_at, last_used_at, last_used_by
		FROM app_password WHERE tenant_id = $1 AND account_id = $2 ORDER BY app_password_id`, ref.Tenant, ref.Account)
	return list, loginError(err)
}

// AddAppPassword implements auth.AppPasswords. The account's lock makes the limit
// hold under concurrency.
func (s *Store) AddAppPassword(ctx context.Context, p auth.AppPassword, limit int) (auth.AppPassword, error) {
	if err := s.admit(ctx, p.Tenant, location.Login); err != nil {
		return p, loginError(err)
	}
	err := s.at(ctx, p.Tenant).db.Write(ctx, keyOf(p.AccountRef), &addAppPassword{p: &p, limit: int64(limit)})
	if err != nil {
		return p, loginError(err)
	}
	list, err := s.AppPasswords(ctx, p.AccountRef)
	for _, stored := range list {
		if stored.ID == p.ID {
			return stored, nil
		}
	}
	return p, err
}

type addAppPassword struct {
	p     *auth.AppPassword
	limit int64
	there int64
}

func (j *addAppPassword) Read(a *meta.Account, b *meta.Batch) error {
	b.Query(func(r meta.Rows) error {
		for r.Next() {
			if err := r.Scan(&j.there); err != nil {
				return err
			}
		}
		return r.Err()
	}, `SELECT count(*) FROM app_password WHERE tenant_id = $1 AND account_id = $2`, a.Tenant, a.Key.Account)
	return nil
}

func (j *addAppPassword) Write(a *meta.Account, b *meta.Batch) error {
	if j.there >= j.limit {
		return auth.ErrTooMany
	}
	j.p.ID = a.NextID
	a.NextID++
	b.Exec(`INSERT INTO app_password (tenant_id, account_id, app_password_id, name, services, hash_key, hash, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, {now}, $8)`, a.Tenant, a.Key.Account, j.p.ID, j.p.Name,
		j.p.Scopes.String(), int64(j.p.HashKey), j.p.Hash, microsOf(j.p.Expires))
	return nil
}

// RevokeAppPassword implements auth.AppPasswords.
func (s *Store) RevokeAppPassword(ctx context.Context, ref auth.AccountRef, id int64) error {
	return loginError(s.changeLogin(ctx, keyOf(ref), func(tx meta.Tx) error {
		return errNothing(execIn(ctx, tx, `DELETE FROM app_password WHERE tenant_id = $1 AND account_id = $2 AND app_password_id = $3`,
			ref.Tenant, ref.Account, id))
	}))
}

// TouchAppPassword implements auth.AppPasswords.
func (s *Store) TouchAppPassword(ctx context.Context, ref auth.AccountRef, id int64, by string) error {
	if err := s.admit(ctx, ref.Tenant, location.Login); err != nil {
		return loginError(err)
	}
	_, err := s.at(ctx, ref.Tenant).exec(ctx, `UPDATE app_password SET last_used_at = {now}, last_used_by = $1
		WHERE tenant_id = $2 AND account_id = $3 AND app_password_id = $4`, by, ref.Tenant, ref.Account, id)
	return loginError(err)
}

// Alive implements auth.Changes.
func (s *Store) Alive(ctx context.Context, ref auth.AccountRef, appPassword int64) (alive bool, err error) {
	var there int64
	err = s.at(ctx, ref.Tenant).one(ctx, []any{&there}, `SELECT CASE WHEN CAST($1 AS BIGINT) = 0 THEN 1 ELSE (SELECT count(*) FROM app_password p
			WHERE p.tenant_id = a.tenant_id AND p.account_id = a.account_id AND p.app_password_id = CAST($1 AS BIGINT)
			AND (p.expires_at = 0 OR p.expires_at > {now})) END
		FROM account a WHERE a.tenant_id = $2 AND a.account_id = $3 AND a.state = 0`,
		appPassword, ref.Tenant, ref.Account)
	if isNotFound(err) {
		return false, nil
	}
	return there > 0, loginError(err)
}

// scopesOf reads what auth.Scope.String wrote; a name it does not know gives no
// right.
func scopesOf(text string) (s auth.Scope) {
	for name := range strings.FieldsSeq(text) {
		if one, err := auth.ParseScopes(name); err == nil {
			s |= one
		}
	}
	return s
}
