package store

import (
	"context"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"fachwerk/auth"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// Limits of what an issuer may say of groups.
const (
	MaxGroups    = 200 // a person
	MaxGroupName = 200 // bytes
)

// GroupGrant is what the members of a group may do with a shared account. Members are
// those persons of the tenant of whom a bound issuer last said so.
type GroupGrant struct {
	Account     Key
	Group       string
	Rights      Rights
	Address     string // the shared account's
	DisplayName string // likewise
	Kind        AccountKind
	Created     time.Time
}

func groupName(name string) error {
	if name == "" || len(name) > MaxGroupName || !utf8.ValidString(name) {
		return fmt.Errorf("%w: a group has a name of at most %d bytes", ErrSetting, MaxGroupName)
	}
	return nil
}

// AddGroupGrant gives the members of a group rights on a shared account, in place of
// earlier ones of that group.
func (s *Store) AddGroupGrant(ctx context.Context, account Key, group string, r Rights) error {
	if r&^AllRights != 0 || r == 0 {
		return ErrGrant
	}
	if err := groupName(group); err != nil {
		return err
	}
	if err := s.admit(ctx, account.Tenant, location.Metadata); err != nil {
		return err
	}
	shared, err := s.Account(ctx, account)
	if err != nil {
		return err
	}
	if shared.Kind == Person || shared.Kind == QueueAccount {
		return ErrGrant
	}
	return s.changeGroupGrant(ctx, account, group, `INSERT INTO group_grant (tenant_id, account_id, group_name, rights, created_at)
		VALUES ($1, $2, $3, $4, {now})
		ON CONFLICT (tenant_id, account_id, group_name) DO UPDATE SET rights = excluded.rights`,
		account.Tenant, account.Account, group, int64(r))
}

// RemoveGroupGrant takes all rights on a shared account from a group; ErrNotFound
// where it has none.
func (s *Store) RemoveGroupGrant(ctx context.Context, account Key, group string) error {
	return s.changeGroupGrant(ctx, account, group, `DELETE FROM group_grant WHERE tenant_id = $1 AND account_id = $2 AND group_name = $3`,
		account.Tenant, account.Account, group)
}

// changeGroupGrant runs sql and tells the account and every member of the group.
func (s *Store) changeGroupGrant(ctx context.Context, account Key, group, sql string, args ...any) error {
	var told []Key
	err := s.at(ctx, account.Tenant).update(ctx, func(tx meta.Tx) (err error) {
		if err := errNothing(execIn(ctx, tx, sql, args...)); err != nil {
			return err
		}
		told, err = touchedWithGroup(ctx, tx, account, group)
		return err
	})
	if err == nil {
		s.promise(ctx, told...)
		s.announceAll(told)
	}
	return err
}

// touchedWithGroup is touched for an account and all members of a group, however many,
// in one statement, which locks in the order of the ids.
func touchedWithGroup(ctx context.Context, tx meta.Tx, account Key, group string) (told []Key, err error) {
	there := false
	err = query(ctx, tx, func(r meta.Rows) error {
		k := Key{Tenant: account.Tenant}
		err := r.Scan(&k.Account)
		there = there || k == account
		told = append(told, k)
		return err
	}, `WITH concerned (id) AS MATERIALIZED (SELECT a.account_id FROM account a
			WHERE a.tenant_id = $1 AND a.state <> 2 AND (a.account_id = $2 OR a.account_id IN (
				SELECT p.account_id FROM person_group p WHERE p.tenant_id = $1 AND p.group_name = $3))
			ORDER BY a.account_id {lock})
		UPDATE account SET modseq = modseq + 1 FROM concerned
		WHERE account.tenant_id = $1 AND account.account_id = concerned.id RETURNING account_id`,
		account.Tenant, account.Account, group)
	if err == nil && !there {
		err = fmt.Errorf("account %d: %w", account.Account, ErrNotFound)
	}
	return told, err
}

// GroupGrants lists a tenant's, or everyone's with tenant 0, by account and group.
func (s *Store) GroupGrants(ctx context.Context, tenant int64) (list []GroupGrant, err error) {
	for _, at := range s.among(ctx, tenant) {
		err := at.view(ctx, func(r meta.Rows) error {
			var g GroupGrant
			var rights, kind, created int64
			err := r.Scan(&g.Account.Tenant, &g.Account.Account, &g.Group, &rights, &created, &g.Address, &g.DisplayName, &kind)
			g.Rights, g.Kind, g.Created = Rights(rights), AccountKind(kind), timeOf(created)
			list = append(list, g)
			return err
		}, `SELECT g.tenant_id, g.account_id, g.group_name, g.rights, g.created_at, a.address, a.display_name, a.kind
			FROM group_grant g JOIN account a ON a.tenant_id = g.tenant_id AND a.account_id = g.account_id
			WHERE (g.tenant_id = $1 OR $1 = 0) AND a.state = 0 ORDER BY a.address, g.group_name`, tenant)
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// SetGroups keeps which groups an issuer says that a person is in, in place of what it
// said before, and as if at the same time. Errors are those of ChangeWord.
func (s *Store) SetGroups(ctx context.Context, person Key, issuer string, groups []string) error {
	_, err := s.ChangeWord(ctx, auth.AccountRef(person), issuer, func(last auth.Word) (auth.Word, error) {
		return auth.Word{Groups: groups, At: last.At}, nil
	})
	return err
}

// GroupsOf lists the groups that a person is in by what all bound issuers say.
func (s *Store) GroupsOf(ctx context.Context, person Key) (groups []string, err error) {
	err = s.at(ctx, person.Tenant).view(ctx, func(r meta.Rows) error {
		var name string
		err := r.Scan(&name)
		groups = append(groups, name)
		return err
	}, `SELECT DISTINCT group_name FROM person_group WHERE tenant_id = $1 AND account_id = $2 ORDER BY group_name`,
		person.Tenant, person.Account)
	return groups, err
}

// touched raises the modseq of accounts of which rights have changed: so other
// processes find it by polling too. Locks are taken in the order of the ids.
func touched(ctx context.Context, tx meta.Tx, keys ...Key) error {
	keys = slices.Clone(keys)
	slices.SortFunc(keys, Key.Compare)
	for _, key := range slices.Compact(keys) {
		n, err := execIn(ctx, tx, `UPDATE account SET modseq = modseq + 1 WHERE tenant_id = $1 AND account_id = $2 AND state <> 2`,
			key.Tenant, key.Account)
		if err := errNothing(n, err); err != nil {
			return fmt.Errorf("account %d: %w", key.Account, err)
		}
	}
	return nil
}

// Watchers of many accounts are told some at a time: each will ask the database.
const (
	toldAtOnce = 500
	toldPause  = 10 * time.Millisecond
)

func (s *Store) announceAll(keys []Key) {
	told := 0
	for _, key := range keys {
		if told += s.announce(key); told >= toldAtOnce {
			told = 0
			time.Sleep(toldPause)
		}
	}
}
