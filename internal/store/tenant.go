package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// Tenant is an administration whose data lies apart from all others'.
type Tenant struct {
	ID       int64
	Name     string
	HomeSite string
	Epoch    int64
	Removing bool
	Created  time.Time

	Settings TenantSettings
	Policy   TenantPolicy
	Quota    TenantQuota
	// What is used, summed over its accounts in the background: as of a moment ago.
	UsedBytes, UsedItems, UsedAccounts int64
}

// subject is what the placement function must know of a tenant.
func (t Tenant) subject() location.Subject {
	return location.Subject{Home: t.HomeSite, Sites: t.Policy.Sites, RefuseOnMismatch: t.Policy.RefuseOnMismatch}
}

// ErrBusy says that something still stands in the way of a removal.
var ErrBusy = errors.New("still in use")

// newID is a random positive 63-bit number: unique across sites without a
// counter that sites would have to share.
func newID() int64 {
	for {
		var b [8]byte
		rand.Read(b[:])
		if id := int64(binary.LittleEndian.Uint64(b[:]) >> 1); id != 0 {
			return id
		}
	}
}

// CreateTenant makes a tenant whose home is site, with its key in the key
// directory and its hidden queue account. It is in the directory only once its home
// knows it.
func (s *Store) CreateTenant(ctx context.Context, name, site string) (Tenant, error) {
	name, err := tenantName(name)
	if err != nil {
		return Tenant{}, err
	}
	home := s.siteNamed(site)
	if home.Name == "" {
		return Tenant{}, fmt.Errorf("store: tenant %q: site %q is not declared: %w", name, site, location.ErrElsewhere)
	}
	if err := s.o.Placement(home.Name, location.Subject{Home: site}, location.Metadata); err != nil {
		return Tenant{}, err
	}
	if _, err := s.TenantByName(ctx, name); err == nil {
		return Tenant{}, fmt.Errorf("store: tenant %q: %w", name, ErrExists)
	} else if !isNotFound(err) {
		return Tenant{}, err
	}
	if home != s.directory {
		if err := s.freeName(ctx, home, name); err != nil {
			return Tenant{}, err
		}
	}
	id, queue := newID(), newID()
	// The key first: a tenant row without its key could take no byte, a key
	// without a row harms nobody.
	if err := s.keys.CreateTenantKey(id); err != nil {
		return Tenant{}, fmt.Errorf("store: tenant %q: %w", name, err)
	}
	wrapped, err := s.keys.NewAccountKey(id, queue)
	if err != nil {
		return Tenant{}, fmt.Errorf("store: tenant %q: %w", name, err)
	}
	var b meta.Batch
	insertTenant(&b, id, name, site)
	insertAccount(&b, Account{Key: Key{Tenant: id, Account: queue}, Kind: QueueAccount, WrappedKey: wrapped})
	err = home.changeAll(ctx, &b)
	if err == nil && home != s.directory {
		var b meta.Batch
		insertTenant(&b, id, name, site)
		if err = s.directory.changeAll(ctx, &b); err != nil {
			err = s.unmade(context.WithoutCancel(ctx), home, id, err)
		}
	}
	if err != nil {
		return Tenant{}, fmt.Errorf("store: tenant %q: %w", name, err)
	}
	return s.Tenant(ctx, id)
}

func insertTenant(b *meta.Batch, id int64, name, site string) {
	b.Exec(`INSERT INTO tenant (tenant_id, name, home_site, created_at) VALUES ($1, $2, $3, {now})`, id, name, site)
}

// unmade ends the making of a tenant that the directory has failed to take. Only where
// it says that it knows nothing of it the tenant goes from its home: an answer to COMMIT
// may have been lost. What stays is found by freeName.
func (s *Store) unmade(ctx context.Context, home *site, id int64, failed error) error {
	_, err := s.Tenant(ctx, id)
	switch {
	case err == nil:
		return nil
	case isNotFound(err):
		return errors.Join(failed, home.forgetTenant(ctx, id))
	}
	return failed
}

// halfMadeFor is how long a tenant that its home alone knows may be one that is being
// made now.
const halfMadeFor = 5 * time.Minute

// freeName makes a name free at a home that the directory does not know there: it is of
// a tenant whose making, or whose change of name, was broken off between the two. One
// that has an account of anybody is never touched: a directory that was restored may
// have forgotten it.
func (s *Store) freeName(ctx context.Context, home *site, name string) error {
	var id, young, accounts int64
	err := home.one(ctx, []any{&id, &young, &accounts}, `SELECT t.tenant_id, CASE WHEN t.created_at > {now} - $2 THEN 1 ELSE 0 END,
		(SELECT count(*) FROM account a WHERE a.tenant_id = t.tenant_id AND a.kind <> 6) FROM tenant t WHERE t.name = $1`,
		name, halfMadeFor.Microseconds())
	if err != nil {
		if isNotFound(err) {
			return nil
		}
		return err
	}
	known, err := s.Tenant(ctx, id)
	switch {
	case err == nil && known.Name != name:
		_, err = home.changeExec(ctx, `UPDATE tenant SET name = $1 WHERE tenant_id = $2`, known.Name, id)
		return err
	case err == nil:
		return fmt.Errorf("store: tenant %q: %w", name, ErrExists)
	case !isNotFound(err):
		return err
	case young != 0:
		return fmt.Errorf("store: tenant %q is being made at site %s, or its making was broken off; try again in %s: %w", name, home.Name, halfMadeFor, ErrBusy)
	case accounts > 0:
		return fmt.Errorf("store: tenant %q has accounts at site %s, but the directory does not know it: %w", name, home.Name, ErrBusy)
	}
	return home.forgetTenant(ctx, id)
}

// forgetTenant takes back what CreateTenant wrote.
func (at *site) forgetTenant(ctx context.Context, id int64) error {
	var b meta.Batch
	b.Exec(`DELETE FROM account WHERE tenant_id = $1`, id)
	b.Exec(`DELETE FROM tenant WHERE tenant_id = $1`, id)
	return at.changeAll(ctx, &b)
}

const tenantColumns = `SELECT tenant_id, name, home_site, epoch, state, created_at, settings, policy,
	quota_bytes, quota_items, quota_accounts, used_bytes, used_items, used_accounts FROM tenant`

func scanTenant(list *[]Tenant) func(meta.Rows) error {
	return func(r meta.Rows) error {
		var t Tenant
		var state, created int64
		var settings, policy string
		if err := r.Scan(&t.ID, &t.Name, &t.HomeSite, &t.Epoch, &state, &created, &settings, &policy, &t.Quota.Bytes,
			&t.Quota.Items, &t.Quota.Accounts, &t.UsedBytes, &t.UsedItems, &t.UsedAccounts); err != nil {
			return err
		}
		t.Removing, t.Created = state != 0, timeOf(created)
		if err := errors.Join(json.Unmarshal([]byte(settings), &t.Settings), json.Unmarshal([]byte(policy), &t.Policy)); err != nil {
			return fmt.Errorf("tenant %d: %w", t.ID, err)
		}
		*list = append(*list, t)
		return nil
	}
}

// Tenants lists all, by name.
func (s *Store) Tenants(ctx context.Context) ([]Tenant, error) { return s.directory.tenants(ctx) }

// tenants are those that a database knows: at the directory's site all, elsewhere
// those that live there.
func (at *site) tenants(ctx context.Context) (list []Tenant, err error) {
	err = at.view(ctx, scanTenant(&list), tenantColumns+` ORDER BY name`)
	return list, err
}

// Tenant finds one by id.
func (s *Store) Tenant(ctx context.Context, id int64) (Tenant, error) {
	return s.tenant(ctx, tenantColumns+` WHERE tenant_id = $1`, id)
}

// TenantByName finds one by name.
func (s *Store) TenantByName(ctx context.Context, name string) (Tenant, error) {
	return s.tenant(ctx, tenantColumns+` WHERE name = $1`, name)
}

func (s *Store) tenant(ctx context.Context, sql string, arg any) (Tenant, error) {
	var list []Tenant
	if err := s.directory.view(ctx, scanTenant(&list), sql, arg); err != nil {
		return Tenant{}, err
	}
	if len(list) == 0 {
		return Tenant{}, fmt.Errorf("tenant: %w", ErrNotFound)
	}
	return list[0], nil
}

// RemoveTenant marks a tenant and all its accounts for removal and destroys its
// key, which makes all its content unreadable at once. It cannot be undone. Where it
// fails half-way it is called again.
func (s *Store) RemoveTenant(ctx context.Context, id int64) error {
	t, err := s.Tenant(ctx, id)
	if err != nil {
		return err
	}
	home := s.siteNamed(t.HomeSite)
	if home != s.directory { // first of all nobody is led there any more
		var b meta.Batch
		b.Exec(`UPDATE tenant SET state = 1, epoch = epoch + 1 WHERE tenant_id = $1 AND state = 0`, id)
		b.Exec(`DELETE FROM domain WHERE tenant_id = $1`, id)
		if err := s.directory.changeAll(ctx, &b); err != nil {
			return err
		}
	}
	var b meta.Batch
	b.Exec(`UPDATE tenant SET state = 1, epoch = epoch + 1 WHERE tenant_id = $1 AND state = 0`, id)
	b.Exec(`DELETE FROM domain WHERE tenant_id = $1`, id)
	b.Exec(`DELETE FROM address WHERE tenant_id = $1`, id)
	b.Exec(`UPDATE account SET state = 2, modseq = modseq + 1 WHERE tenant_id = $1`, id)
	if err := home.changeAll(ctx, &b); err != nil {
		return err
	}
	s.tenants.forget(id)
	s.sealers.forgetTenant(id)
	s.removalsSeen()
	s.announceDirectory()
	return s.keys.DestroyTenantKey(id)
}

// admit is the one place every write passes first: it knows the tenant and asks
// the placement function. Quota is checked under the account's lock.
func (s *Store) admit(ctx context.Context, tenant int64, kind location.Kind) error {
	t, err := s.cachedTenant(ctx, tenant)
	if err != nil {
		return err
	}
	if t.Removing {
		return fmt.Errorf("tenant is being removed: %w", ErrNotFound)
	}
	return s.o.Placement(s.at(ctx, tenant).Name, t.subject(), kind)
}

// admitContent is admit for content of so many bytes in so many items, which the
// tenant's quota has room for as far as is known: its sums are a moment old.
func (s *Store) admitContent(ctx context.Context, tenant, bytes, items int64) error {
	if err := s.admit(ctx, tenant, location.Content); err != nil {
		return err
	}
	t, err := s.cachedTenant(ctx, tenant)
	if err != nil {
		return err
	}
	if t.Quota.Bytes > 0 && t.UsedBytes+bytes > t.Quota.Bytes || t.Quota.Items > 0 && t.UsedItems+items > t.Quota.Items {
		return fmt.Errorf("tenant %s: %w", t.Name, ErrTenantQuota)
	}
	return nil
}
