package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
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
// directory and its hidden queue account.
func (s *Store) CreateTenant(ctx context.Context, name, site string) (Tenant, error) {
	if name = strings.TrimSpace(name); name == "" || len(name) > 200 {
		return Tenant{}, errors.New("store: a tenant needs a name of at most 200 bytes")
	}
	if err := s.o.Placement(site, location.Metadata); err != nil {
		return Tenant{}, err
	}
	if _, err := s.TenantByName(ctx, name); err == nil {
		return Tenant{}, fmt.Errorf("store: tenant %q: %w", name, ErrExists)
	} else if !isNotFound(err) {
		return Tenant{}, err
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
	err = s.update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec(`INSERT INTO tenant (tenant_id, name, home_site, created_at) VALUES ($1, $2, $3, {now})`, id, name, site)
		insertAccount(&b, Account{Key: Key{Tenant: id, Account: queue}, Kind: QueueAccount, WrappedKey: wrapped})
		return tx.Run(ctx, &b)
	})
	if err != nil {
		return Tenant{}, fmt.Errorf("store: tenant %q: %w", name, err)
	}
	return s.Tenant(ctx, id)
}

const tenantColumns = `SELECT tenant_id, name, home_site, epoch, state, created_at FROM tenant`

func scanTenant(list *[]Tenant) func(meta.Rows) error {
	return func(r meta.Rows) error {
		var t Tenant
		var state, created int64
		if err := r.Scan(&t.ID, &t.Name, &t.HomeSite, &t.Epoch, &state, &created); err != nil {
			return err
		}
		t.Removing, t.Created = state != 0, timeOf(created)
		*list = append(*list, t)
		return nil
	}
}

// Tenants lists all, by name.
func (s *Store) Tenants(ctx context.Context) (list []Tenant, err error) {
	err = s.view(ctx, scanTenant(&list), tenantColumns+` ORDER BY name`)
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
	if err := s.view(ctx, scanTenant(&list), sql, arg); err != nil {
		return Tenant{}, err
	}
	if len(list) == 0 {
		return Tenant{}, fmt.Errorf("tenant: %w", ErrNotFound)
	}
	return list[0], nil
}

// RemoveTenant marks a tenant and all its accounts for removal and destroys its
// key, which makes all its content unreadable at once. It cannot be undone.
func (s *Store) RemoveTenant(ctx context.Context, id int64) error {
	err := s.update(ctx, func(tx meta.Tx) error {
		var b meta.Batch
		b.Exec(`UPDATE tenant SET state = 1, epoch = epoch + 1 WHERE tenant_id = $1`, id)
		b.Exec(`DELETE FROM domain WHERE tenant_id = $1`, id)
		b.Exec(`DELETE FROM address WHERE tenant_id = $1`, id)
		b.Exec(`UPDATE account SET state = 2, modseq = modseq + 1 WHERE tenant_id = $1`, id)
		return tx.Run(ctx, &b)
	})
	if err != nil {
		return err
	}
	s.tenants.forget(id)
	s.sealers.forgetTenant(id)
	return s.keys.DestroyTenantKey(id)
}

// tenantCache keeps tenants' homes, so that a write needs no look-up. What it
// holds is a few seconds old at most; the epoch in the account row decides.
type tenantCache struct {
	mu   sync.Mutex
	byID map[int64]cachedTenant
}

type cachedTenant struct {
	Tenant
	until time.Time
}

const tenantCacheFor = 5 * time.Second

func (c *tenantCache) get(id int64) (Tenant, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.byID[id]
	return t.Tenant, ok && time.Now().Before(t.until)
}

func (c *tenantCache) put(t Tenant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || len(c.byID) > 10_000 {
		c.byID = make(map[int64]cachedTenant)
	}
	c.byID[t.ID] = cachedTenant{Tenant: t, until: time.Now().Add(tenantCacheFor)}
}

func (c *tenantCache) forget(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
}

// admit is the one place every write passes first: it knows the tenant and asks
// the placement function. Quota is checked under the account's lock.
func (s *Store) admit(ctx context.Context, tenant int64, kind location.Kind) error {
	t, ok := s.tenants.get(tenant)
	if !ok {
		var err error
		if t, err = s.Tenant(ctx, tenant); err != nil {
			return err
		}
		s.tenants.put(t)
		s.db.SetEpoch(tenant, t.Epoch)
	}
	if t.Removing {
		return fmt.Errorf("tenant is being removed: %w", ErrNotFound)
	}
	return s.o.Placement(t.HomeSite, kind)
}
