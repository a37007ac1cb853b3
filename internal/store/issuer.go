package store

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"fachwerk/auth"
	"fachwerk/internal/store/meta"
)

// Issuer is an OpenID provider whose people may sign in to a tenant. The operator
// alone binds one; what an issuer claims never does.
type Issuer struct {
	Tenant int64
	URL    string
	// Own says that the tenant has its own provider, which the fields below
	// describe. Else it is the installation's, and the configuration does.
	Own                      bool
	ClientID, Secret         string // Secret is kept sealed under the operator's key
	Audience                 string
	Scopes                   map[string]string // our name of a scope, such as "mail_read", to the issuer's
	GroupsClaim              string            // empty: "groups"
	AdminGroup, PrivacyGroup string            // whose members are tenant admins, and data protection officers

	// Mark is another one each time a secret is kept, "" without one; it tells nothing
	// of the secret.
	Mark string
}

const secretPurpose = "issuer-secret"

// sealedFor binds an issuer's secret to its row.
func (i *Issuer) sealedFor() []byte {
	return []byte(strconv.FormatInt(i.Tenant, 10) + " " + i.URL)
}

func (i *Issuer) check() error {
	u, err := url.Parse(i.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || len(i.URL) > 1000 {
		return fmt.Errorf("%w: %.100q is not the URL of an issuer", ErrSetting, i.URL)
	}
	for _, text := range []string{i.ClientID, i.Secret, i.Audience, i.GroupsClaim, i.AdminGroup, i.PrivacyGroup} {
		if len(text) > maxSetting {
			return fmt.Errorf("%w: of an issuer, longer than %d bytes", ErrSetting, maxSetting)
		}
	}
	if len(i.Scopes) > 50 {
		return fmt.Errorf("%w: of an issuer, more than 50 names of scopes", ErrSetting)
	}
	return nil
}

// BindIssuer lets an issuer's people sign in to a tenant, or changes how.
func (s *Store) BindIssuer(ctx context.Context, i Issuer) error {
	_, err := s.BindIssuerIf(ctx, i, IssuerTerms{})
	return err
}

// IssuerTerms say how BindIssuerIf changes a binding.
type IssuerTerms struct {
	// KeepSecret leaves the secret of a binding that is there as it is.
	KeepSecret bool
	// If, where it is set, is told in the transaction that decides how the issuer is
	// bound then, without its secret, or nil; its error ends the change. It may be
	// asked more than once.
	If func(*Issuer) error
}

// BindIssuerIf is BindIssuer on terms, and answers the binding as it is then, without
// its secret.
func (s *Store) BindIssuerIf(ctx context.Context, i Issuer, terms IssuerTerms) (Issuer, error) {
	if err := i.check(); err != nil {
		return Issuer{}, err
	}
	row := s.rowOf(i)
	var bound Issuer
	err := s.directory.change(ctx, func(tx meta.Tx, changed func(*meta.Batch)) error {
		if _, err := lockedTenant(ctx, tx, i.Tenant); err != nil {
			return err
		}
		var there []issuerRow
		if err := query(ctx, tx, scanIssuerRow(&there), issuerRows, i.Tenant); err != nil {
			return err
		}
		var before *Issuer
		to := row
		for _, r := range there {
			if r.url != i.URL {
				continue
			}
			one, err := r.issuer(i.Tenant)
			if err != nil {
				return err
			}
			before = &one
			if terms.KeepSecret && i.Own {
				to.sealed = r.sealed
			}
		}
		if terms.If != nil {
			if err := terms.If(before); err != nil {
				return err
			}
		}
		var b meta.Batch
		to.write(&b, i.Tenant)
		changed(&b)
		if err := tx.Run(ctx, &b); err != nil {
			return err
		}
		var err error
		bound, err = to.issuer(i.Tenant)
		return err
	})
	if err != nil {
		return Issuer{}, err
	}
	return bound, s.copyHome(ctx, i.Tenant)
}

// UnbindIssuer ends that: nobody signs in by it any more, its sessions end, and what
// it said of groups is forgotten. Who was bound to it stays so for another binding.
// ErrNotFound where it was not bound.
func (s *Store) UnbindIssuer(ctx context.Context, tenant int64, issuer string) error {
	const here = `SELECT count(*) FROM issuer WHERE tenant_id = $1 AND url = $2`
	var bound, copied int64
	if err := s.directory.one(ctx, []any{&bound}, here, tenant, issuer); err != nil {
		return err
	}
	// One that stopped half-way has left the copy at the tenant's home.
	if err := s.at(ctx, tenant).one(ctx, []any{&copied}, here, tenant, issuer); err != nil {
		return err
	}
	if bound+copied == 0 {
		return fmt.Errorf("issuer %s: %w", issuer, ErrNotFound)
	}
	var b meta.Batch
	unbind(&b, tenant, issuer)
	// Its home first, where it opens accounts: what stops half-way is still listed as
	// bound, and is done again.
	if home := s.at(ctx, tenant); home != s.directory {
		if err := home.changeAll(ctx, &b); err != nil {
			return err
		}
	}
	if err := s.directory.changeAll(ctx, &b); err != nil {
		return err
	}
	return s.copyHome(ctx, tenant) // another change may have brought it back there meanwhile
}

// unbind adds the statements that end a binding in one database.
func unbind(b *meta.Batch, tenant int64, issuer string) {
	b.Exec(`DELETE FROM issuer WHERE tenant_id = $1 AND url = $2`, tenant, issuer)
	b.Exec(`DELETE FROM portal_session WHERE tenant_id = $1 AND issuer = $2`, tenant, issuer)
	b.Exec(`UPDATE account SET modseq = modseq + 1 WHERE tenant_id = $1 AND account_id IN
		(SELECT account_id FROM person_group WHERE tenant_id = $1 AND issuer = $2)`, tenant, issuer)
	b.Exec(`DELETE FROM person_group WHERE tenant_id = $1 AND issuer = $2`, tenant, issuer)
}

// Issuers lists what is bound to a tenant, or everything with tenant 0, secrets
// opened. A tenant that is being removed has none.
func (s *Store) Issuers(ctx context.Context, tenant int64) (list []Issuer, err error) {
	err = s.directory.view(ctx, func(r meta.Rows) error {
		var tenantOf int64
		row, err := scanIssuer(r, &tenantOf)
		if err != nil {
			return err
		}
		i, err := row.issuer(tenantOf)
		if err != nil {
			return err
		}
		if len(row.sealed) > 0 {
			plain, err := s.keys.OpenSmall(secretPurpose, i.sealedFor(), row.sealed)
			if err != nil && tenant == 0 { // one keeps nobody else's people from signing in
				s.log.Error("the secret of an issuer does not open; it is passed over", "issuer", i.URL, "tenant", i.Tenant, "err", err)
				return nil
			}
			if err != nil {
				return fmt.Errorf("the secret of issuer %s does not open: %w", i.URL, err)
			}
			i.Secret = string(plain)
		}
		list = append(list, i)
		return nil
	}, `SELECT i.tenant_id, `+issuerColumns+`
		FROM issuer i JOIN tenant t ON t.tenant_id = i.tenant_id WHERE (i.tenant_id = $1 OR $1 = 0) AND t.state = 0
		ORDER BY i.tenant_id, i.url`, tenant)
	return list, err
}

// bound says in a transaction at the tenant's home that an issuer is bound to it.
func bound(ctx context.Context, tx meta.Tx, tenant int64, issuer string) error {
	var found int64
	err := oneIn(ctx, tx, []any{&found}, `SELECT tenant_id FROM issuer WHERE tenant_id = $1 AND url = $2`, tenant, issuer)
	if isNotFound(err) {
		return fmt.Errorf("issuer %s is not bound to this tenant: %w", issuer, ErrNotFound)
	}
	return err
}

// PersonIn implements auth.People: the person whom an issuer bound to the tenant
// knows by a subject.
func (s *Store) PersonIn(ctx context.Context, tenant int64, issuer, sub string) (auth.Person, error) {
	return personOf(s.at(ctx, tenant).account(ctx, ` JOIN subject j ON j.tenant_id = a.tenant_id AND j.account_id = a.account_id
		JOIN issuer i ON i.tenant_id = j.tenant_id AND i.url = j.issuer
		WHERE j.tenant_id = $1 AND j.issuer = $2 AND j.sub = $3`, tenant, issuer, sub))
}
