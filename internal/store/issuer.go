package store

import (
	"context"
	"encoding/json"
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
	if err := i.check(); err != nil {
		return err
	}
	var own int64
	var sealed any
	if i.Own {
		own = 1
		if i.Secret != "" {
			sealed = s.keys.SealSmall(secretPurpose, i.sealedFor(), []byte(i.Secret))
		}
	} else {
		i = Issuer{Tenant: i.Tenant, URL: i.URL}
	}
	scopes, _ := json.Marshal(i.Scopes)
	var b meta.Batch
	b.Exec(`INSERT INTO issuer (tenant_id, url, own, client_id, sealed, audience, scopes, groups_claim, admin_group, privacy_group)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant_id, url) DO UPDATE SET own = excluded.own,
		client_id = excluded.client_id, sealed = excluded.sealed, audience = excluded.audience, scopes = excluded.scopes,
		groups_claim = excluded.groups_claim, admin_group = excluded.admin_group, privacy_group = excluded.privacy_group`,
		i.Tenant, i.URL, own, i.ClientID, sealed, i.Audience, string(scopes), i.GroupsClaim, i.AdminGroup, i.PrivacyGroup)
	return s.both(ctx, i.Tenant, &b)
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
	b.Exec(`DELETE FROM issuer WHERE tenant_id = $1 AND url = $2`, tenant, issuer)
	b.Exec(`DELETE FROM portal_session WHERE tenant_id = $1 AND issuer = $2`, tenant, issuer)
	b.Exec(`UPDATE account SET modseq = modseq + 1 WHERE tenant_id = $1 AND account_id IN
		(SELECT account_id FROM person_group WHERE tenant_id = $1 AND issuer = $2)`, tenant, issuer)
	b.Exec(`DELETE FROM person_group WHERE tenant_id = $1 AND issuer = $2`, tenant, issuer)
	directoryChanged(&b)
	// Its home first, where it opens accounts: what stops half-way is still listed as
	// bound, and is done again.
	if home := s.at(ctx, tenant); home != s.directory {
		if err := home.run(ctx, &b); err != nil {
			return err
		}
	}
	return s.directory.run(ctx, &b)
}

// Issuers lists what is bound to a tenant, or everything with tenant 0, secrets
// opened. A tenant that is being removed has none.
func (s *Store) Issuers(ctx context.Context, tenant int64) (list []Issuer, err error) {
	err = s.directory.view(ctx, func(r meta.Rows) error {
		var i Issuer
		var own int64
		var sealed []byte
		var scopes string
		err := r.Scan(&i.Tenant, &i.URL, &own, &i.ClientID, &sealed, &i.Audience, &scopes, &i.GroupsClaim, &i.AdminGroup, &i.PrivacyGroup)
		if err != nil {
			return err
		}
		i.Own = own != 0
		if err := json.Unmarshal([]byte(scopes), &i.Scopes); err != nil {
			return fmt.Errorf("issuer %s: %w", i.URL, err)
		}
		if len(sealed) > 0 {
			plain, err := s.keys.OpenSmall(secretPurpose, i.sealedFor(), sealed)
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
	}, `SELECT i.tenant_id, i.url, i.own, i.client_id, i.sealed, i.audience, i.scopes, i.groups_claim, i.admin_group, i.privacy_group
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
