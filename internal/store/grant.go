package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// Rights say what a person may do with a shared account.
type Rights int64

// The rights of a grant. Manage is to create, rename and delete collections.
const (
	RightRead Rights = 1 << iota
	RightWrite
	RightManage
	RightSendAs

	AllRights = RightRead | RightWrite | RightManage | RightSendAs
)

var rightNames = []struct {
	right Rights
	name  string
}{{RightRead, "read"}, {RightWrite, "write"}, {RightManage, "manage"}, {RightSendAs, "send-as"}}

// String names the rights, joined by commas.
func (r Rights) String() string {
	var names []string
	for _, n := range rightNames {
		if r&n.right != 0 {
			names = append(names, n.name)
		}
	}
	return strings.Join(names, ",")
}

// ParseRights reads names joined by commas.
func ParseRights(text string) (r Rights, err error) {
next:
	for name := range strings.SplitSeq(text, ",") {
		for _, n := range rightNames {
			if n.name == strings.TrimSpace(name) {
				r |= n.right
				continue next
			}
		}
		return 0, fmt.Errorf("unknown right %q; known are read, write, manage, send-as", name)
	}
	return r, nil
}

// Grant is what a person may do with a shared account.
type Grant struct {
	Account     Key
	Person      Key
	Rights      Rights
	Address     string // the shared account's
	DisplayName string // the shared account's
	PersonName  string // the person's address
	Kind        AccountKind
	Created     time.Time
}

// ErrGrant says that a grant between these two accounts makes no sense.
var ErrGrant = errors.New("grants go from a shared account to a person of the same tenant")

// AddGrant gives a person rights on a shared account, in place of earlier ones.
func (s *Store) AddGrant(ctx context.Context, account, person Key, r Rights) error {
	if account.Tenant != person.Tenant || r&^AllRights != 0 || r == 0 {
		return ErrGrant
	}
	if err := s.admit(ctx, account.Tenant, location.Metadata); err != nil {
		return err
	}
	shared, err := s.Account(ctx, account)
	if err != nil {
		return err
	}
	who, err := s.Account(ctx, person)
	if err != nil {
		return err
	}
	if shared.Kind == Person || shared.Kind == QueueAccount || who.Kind != Person { // nobody needs a grant to themselves
		return ErrGrant
	}
	return s.changeGrant(ctx, account, person, `INSERT INTO account_grant (tenant_id, account_id, person_id, rights, created_at)
		VALUES ($1, $2, $3, $4, {now})
		ON CONFLICT (tenant_id, account_id, person_id) DO UPDATE SET rights = excluded.rights`,
		account.Tenant, account.Account, person.Account, int64(r))
}

// RemoveGrant takes all rights on a shared account from a person, except those that
// the person has as a member of a group. ErrNotFound where there was no grant.
func (s *Store) RemoveGrant(ctx context.Context, account, person Key) error {
	return s.changeGrant(ctx, account, person, `DELETE FROM account_grant WHERE tenant_id = $1 AND account_id = $2 AND person_id = $3`,
		account.Tenant, account.Account, person.Account)
}

// changeGrant runs sql and tells both.
func (s *Store) changeGrant(ctx context.Context, account, person Key, sql string, args ...any) error {
	err := s.at(ctx, account.Tenant).update(ctx, func(tx meta.Tx) error {
		if err := errNothing(execIn(ctx, tx, sql, args...)); err != nil {
			return err
		}
		return touched(ctx, tx, account, person)
	})
	if err == nil {
		s.promise(ctx, account, person)
		s.announceAll([]Key{account, person})
	}
	return err
}

// rightsNow are the rights that persons have: the one place that says what a grant to
// a person and those to the person's groups come to. where restricts it, by
// g.tenant_id, g.account_id and {person}.
func rightsNow(where string) string {
	return `(SELECT u.tenant_id, u.account_id, u.person_id, min(u.created_at) AS created_at,
		max(u.rights & 1) + max(u.rights & 2) + max(u.rights & 4) + max(u.rights & 8) AS rights FROM (
		SELECT g.tenant_id, g.account_id, g.person_id, g.rights, g.created_at FROM account_grant g
			WHERE ` + strings.ReplaceAll(where, "{person}", "g.person_id") + `
		UNION ALL SELECT g.tenant_id, g.account_id, m.account_id, g.rights, g.created_at FROM group_grant g
			JOIN person_group m ON m.tenant_id = g.tenant_id AND m.group_name = g.group_name
			WHERE ` + strings.ReplaceAll(where, "{person}", "m.account_id") + `
		) u GROUP BY u.tenant_id, u.account_id, u.person_id) g`
}

// grants lists g, a table of grants, with the names of both sides.
func (at *site) grants(ctx context.Context, g, where string, args ...any) (list []Grant, err error) {
	err = at.view(ctx, func(r meta.Rows) error {
		var g Grant
		var rights, created, kind int64
		err := r.Scan(&g.Account.Tenant, &g.Account.Account, &g.Person.Account, &rights, &created,
			&g.Address, &g.DisplayName, &kind, &g.PersonName)
		g.Person.Tenant, g.Rights, g.Created, g.Kind = g.Account.Tenant, Rights(rights), timeOf(created), AccountKind(kind)
		list = append(list, g)
		return err
	}, `SELECT g.tenant_id, g.account_id, g.person_id, g.rights, g.created_at, a.address, a.display_name, a.kind, p.address FROM `+g+`
		JOIN account a ON a.tenant_id = g.tenant_id AND a.account_id = g.account_id
		JOIN account p ON p.tenant_id = g.tenant_id AND p.account_id = g.person_id
		WHERE a.state = 0 AND p.state <> 2`+where+` ORDER BY a.address, p.address`, args...)
	return list, err
}

// GrantsOf lists what a person may use: by grants of their own and of their groups,
// one line an account.
func (s *Store) GrantsOf(ctx context.Context, person Key) ([]Grant, error) {
	return s.at(ctx, person.Tenant).grants(ctx, rightsNow("g.tenant_id = $1 AND {person} = $2"), "", person.Tenant, person.Account)
}

// GrantsOn lists who may use a shared account, by grants to themselves and to their
// groups, one line a person.
func (s *Store) GrantsOn(ctx context.Context, account Key) ([]Grant, error) {
	return s.at(ctx, account.Tenant).grants(ctx, rightsNow("g.tenant_id = $1 AND g.account_id = $2"), "", account.Tenant, account.Account)
}

// RightsOf answers what a person may do now with an account that is not their own;
// ErrNotFound where nothing, be the account there or not.
func (s *Store) RightsOf(ctx context.Context, account Key, person int64) (Rights, error) {
	var r int64
	err := s.at(ctx, account.Tenant).one(ctx, []any{&r}, `SELECT g.rights FROM `+
		rightsNow("g.tenant_id = $1 AND g.account_id = $2 AND {person} = $3")+`
		JOIN account a ON a.tenant_id = g.tenant_id AND a.account_id = g.account_id WHERE a.state = 0`,
		account.Tenant, account.Account, person)
	return Rights(r), err
}

// Grants lists the grants to persons, those to groups left out, of a tenant or with
// tenant 0 everyone's.
func (s *Store) Grants(ctx context.Context, tenant int64) (list []Grant, err error) {
	for _, at := range s.among(ctx, tenant) {
		part, failed := at.grants(ctx, "account_grant g", ` AND (g.tenant_id = $1 OR $1 = 0)`, tenant)
		list, err = append(list, part...), errors.Join(err, failed)
	}
	return list, err
}
