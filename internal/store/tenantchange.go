package store

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// UpdateTenant changes what set names and answers the tenant as it is then. Errors:
// ErrNotFound, ErrSetting, ErrExists for a name that another tenant has, and that of
// set.If. All processes hear of it within seconds.
func (s *Store) UpdateTenant(ctx context.Context, id int64, set TenantSet) (Tenant, error) {
	if err := set.Check(); err != nil {
		return Tenant{}, err
	}
	if set.Policy != nil {
		if err := s.declared(set.Policy.Sites); err != nil {
			return Tenant{}, err
		}
	}
	if set.Name != nil {
		name, _ := tenantName(*set.Name) // Check has looked at it
		if other, err := s.TenantByName(ctx, name); err == nil && other.ID != id {
			return Tenant{}, fmt.Errorf("tenant %q: %w", name, ErrExists)
		} else if err != nil && !isNotFound(err) {
			return Tenant{}, err
		}
	}
	err := s.directory.change(ctx, func(tx meta.Tx, changed func(*meta.Batch)) error {
		t, err := lockedTenant(ctx, tx, id)
		if err != nil {
			return err
		}
		if set.If != nil {
			if err := set.If(t); err != nil {
				return err
			}
		}
		if err := s.admitSettings(t, set); err != nil {
			return err
		}
		var b meta.Batch
		set.write(&b, id)
		changed(&b)
		return tx.Run(ctx, &b)
	})
	if err != nil {
		return Tenant{}, err
	}
	if err := s.copyHome(ctx, id); err != nil {
		return Tenant{}, err
	}
	t, err := s.Tenant(ctx, id)
	if err == nil {
		s.tenants.putTenant(t)
	}
	return t, err
}

// declared refuses the names of sites that this configuration does not have.
func (s *Store) declared(sites []string) error {
	for _, name := range sites {
		if s.siteNamed(name).Name == "" {
			return fmt.Errorf("%w: the policy allows site %q, which is not declared", ErrSetting, name)
		}
	}
	return nil
}

// lockedTenant reads a tenant of which nobody else changes anything until the
// transaction ends.
func lockedTenant(ctx context.Context, tx meta.Tx, id int64) (Tenant, error) {
	if err := errNothing(execIn(ctx, tx, `UPDATE tenant SET state = state WHERE tenant_id = $1`, id)); err != nil {
		return Tenant{}, fmt.Errorf("tenant: %w", err)
	}
	var list []Tenant
	if err := query(ctx, tx, scanTenant(&list), tenantColumns+` WHERE tenant_id = $1`, id); err != nil {
		return Tenant{}, err
	}
	return list[0], nil
}

// write adds the statements that change what is named.
func (set TenantSet) write(b *meta.Batch, id int64) {
	if set.Name != nil {
		name, _ := tenantName(*set.Name) // Check has looked at it
		b.Exec(`UPDATE tenant SET name = $1 WHERE tenant_id = $2`, name, id)
	}
	if set.Settings != nil {
		text, _ := json.Marshal(set.Settings)
		b.Exec(`UPDATE tenant SET settings = $1 WHERE tenant_id = $2`, string(text), id)
	}
	if set.Policy != nil {
		text, _ := json.Marshal(set.Policy)
		b.Exec(`UPDATE tenant SET policy = $1 WHERE tenant_id = $2`, string(text), id)
	}
	if q := set.Quota; q != nil {
		b.Exec(`UPDATE tenant SET quota_bytes = $1, quota_items = $2, quota_accounts = $3 WHERE tenant_id = $4`,
			q.Bytes, q.Items, q.Accounts, id)
	}
}

// admitSettings asks for the placement of what a tenant says of itself, under the
// policy that it has or is to have. Policy, quota and name are the operator's word:
// they may be what ends a refusal, and are never refused.
func (s *Store) admitSettings(t Tenant, set TenantSet) error {
	if set.Settings == nil || t.Settings == *set.Settings {
		return nil
	}
	err := s.o.Placement(t.HomeSite, t.subject(), location.Metadata)
	if err != nil && set.Policy != nil {
		t.Policy = *set.Policy
		err = s.o.Placement(t.HomeSite, t.subject(), location.Metadata)
	}
	return err
}

// copied is what the directory says of a tenant and its home keeps too.
type copied struct {
	home    string
	tenant  [6]any // name, settings, policy and quotas, as their columns are
	issuers []issuerRow
}

// copies bounds how often copyHome looks again.
const copies = 20

// copyHome brings a tenant's home up to what the directory says of it: whoever changes
// the directory calls it afterwards. Of two who do so at the same time the one who
// writes last has seen after it that the directory says the same.
func (s *Store) copyHome(ctx context.Context, id int64) error {
	said, err := s.directory.said(ctx, id)
	if err != nil {
		return err
	}
	home := s.siteNamed(said.home)
	if home == s.directory {
		return nil
	}
	for range copies {
		err := home.change(ctx, func(tx meta.Tx, changed func(*meta.Batch)) error { return said.write(ctx, tx, changed, id) })
		if err != nil {
			return fmt.Errorf("the directory has it, site %s does not yet: %w", said.home, err)
		}
		again, err := s.directory.said(ctx, id)
		if err != nil || reflect.DeepEqual(again, said) {
			return err
		}
		said = again
	}
	return fmt.Errorf("tenant %d is being changed all the time: %w", id, ErrTemporary)
}

// copiedUpTo is a version of the directory, in a generation of a home.
type copiedUpTo struct{ version, generation int64 }

// repairCopies brings a home up to what the directory says of its tenants: it may have
// been away when that was said, or have lost it. It looks when the directory has changed
// since, or the home has begun a new generation.
func (s *Store) repairCopies(ctx context.Context, at *site) error {
	if at == s.directory {
		return nil
	}
	version, err := s.directoryVersion(ctx)
	upTo := copiedUpTo{version, at.db.Generation()}
	if err != nil || upTo == at.copied {
		return err
	}
	for _, t := range s.tenants.known() {
		if t.HomeSite != at.Name || t.Removing {
			continue
		}
		said, err := s.directory.said(ctx, t.ID)
		if isNotFound(err) { // removed meanwhile
			continue
		}
		if err != nil {
			return err
		}
		kept, err := at.said(ctx, t.ID)
		if isNotFound(err) || err == nil && reflect.DeepEqual(kept, said) {
			continue
		}
		if err != nil {
			return err
		}
		if err := s.copyHome(ctx, t.ID); err != nil {
			return err
		}
		s.log.Info("a tenant's home has heard what was said of the tenant while it was away", "site", at.Name, "tenant", t.ID)
	}
	at.copied = upTo
	return nil
}

// said reads what a site's database says of a tenant.
func (at *site) said(ctx context.Context, id int64) (c copied, err error) {
	var b meta.Batch
	found := false
	var name, settings, policy string
	var quota [3]int64
	b.Query(eachRow(firstRow(&found, []any{&c.home, &name, &settings, &policy, &quota[0], &quota[1], &quota[2]})),
		`SELECT home_site, name, settings, policy, quota_bytes, quota_items, quota_accounts FROM tenant WHERE tenant_id = $1`, id)
	b.Query(eachRow(scanIssuerRow(&c.issuers)), issuerRows, id)
	if err := outer(at.db.Read(ctx, &b)); err != nil {
		return c, err
	}
	if !found {
		return c, fmt.Errorf("tenant: %w", ErrNotFound)
	}
	c.tenant = [6]any{name, settings, policy, quota[0], quota[1], quota[2]}
	return c, nil
}

func (c *copied) write(ctx context.Context, tx meta.Tx, changed func(*meta.Batch), id int64) error {
	var there []issuerRow
	if err := query(ctx, tx, scanIssuerRow(&there), issuerRows, id); err != nil {
		return err
	}
	var b meta.Batch
	b.Exec(`UPDATE tenant SET name = $1, settings = $2, policy = $3, quota_bytes = $4, quota_items = $5, quota_accounts = $6
		WHERE tenant_id = $7`, append(c.tenant[:], id)...)
	for _, i := range c.issuers {
		i.write(&b, id)
	}
	for _, i := range there {
		if !slices.ContainsFunc(c.issuers, func(one issuerRow) bool { return one.url == i.url }) {
			unbind(&b, id, i.url)
		}
	}
	changed(&b)
	return tx.Run(ctx, &b)
}
