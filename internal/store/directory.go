package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"fachwerk/internal/store/meta"
)

// tenantCacheFor is how long the directory is not asked again.
const tenantCacheFor = 5 * time.Second

// directoryPatience bounds how long a request waits for the directory of which a
// copy is kept.
const directoryPatience = 2 * time.Second

// cached is something that the directory said, and when it is to be asked again. It
// is kept beyond that: while the directory is away, what it last said holds.
type cached[T any] struct {
	value T
	until time.Time
}

// tenantCache keeps tenants and domains, so that neither a write nor a delivery
// needs a look-up, and a replica goes on serving while the directory is away. What
// it holds may be stale; the epoch in the account row decides.
type tenantCache struct {
	mu      sync.Mutex
	byID    map[int64]cached[Tenant]
	domains map[string]cached[int64]
}

// most is how many of each are kept.
const most = 50_000

func (c *tenantCache) tenant(id int64) (cached[Tenant], bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, ok := c.byID[id]
	return t, ok
}

func (c *tenantCache) putTenant(t Tenant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || len(c.byID) > most {
		c.byID = make(map[int64]cached[Tenant])
	}
	c.byID[t.ID] = cached[Tenant]{t, time.Now().Add(tenantCacheFor)}
}

func (c *tenantCache) domain(name string) (cached[int64], bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.domains[name]
	return d, ok
}

func (c *tenantCache) putDomain(name string, tenant int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.domains == nil || len(c.domains) > most {
		c.domains = make(map[string]cached[int64])
	}
	c.domains[name] = cached[int64]{tenant, time.Now().Add(tenantCacheFor)}
}

func (c *tenantCache) forget(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
	for name, d := range c.domains {
		if d.value == id {
			delete(c.domains, name)
		}
	}
}

func (c *tenantCache) forgetDomain(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.domains, name)
}

// cachedTenant finds a tenant, asking the directory every few seconds.
func (s *Store) cachedTenant(ctx context.Context, id int64) (Tenant, error) {
	kept, ok := s.tenants.tenant(id)
	if ok && time.Now().Before(kept.until) {
		return kept.value, nil
	}
	ask, cancel := patient(ctx, ok)
	defer cancel()
	t, err := s.Tenant(ask, id)
	switch {
	case err == nil:
		s.tenants.putTenant(t)
		s.siteNamed(t.HomeSite).db.SetEpoch(id, t.Epoch)
		return t, nil
	case isNotFound(err):
		s.tenants.forget(id)
		return Tenant{}, err
	case ok && ctx.Err() == nil: // the directory is away
		s.tenants.putTenant(kept.value)
		return kept.value, nil
	}
	return Tenant{}, outer(err)
}

// patient bounds the question to the directory where there is an answer to fall
// back to.
func patient(ctx context.Context, fallback bool) (context.Context, context.CancelFunc) {
	if fallback {
		return context.WithTimeout(ctx, directoryPatience)
	}
	return ctx, func() {}
}

// domainTenant finds a domain's tenant in the same way.
func (s *Store) domainTenant(ctx context.Context, name string) (tenant int64, err error) {
	kept, ok := s.tenants.domain(name)
	if s.only == nil && ok && time.Now().Before(kept.until) {
		return kept.value, nil
	}
	ask, cancel := patient(ctx, ok)
	defer cancel()
	err = s.directory.one(ask, []any{&tenant}, `SELECT tenant_id FROM domain WHERE name = $1`, name)
	switch {
	case err == nil:
		s.tenants.putDomain(name, tenant)
		return tenant, nil
	case isNotFound(err):
		s.tenants.forgetDomain(name)
		return 0, err
	case s.only == nil && ok && ctx.Err() == nil:
		s.tenants.putDomain(name, kept.value)
		return kept.value, nil
	}
	return 0, outer(err)
}

// LoadDirectory learns all tenants and domains at once, as a server does when it
// starts: should the directory go away afterwards, it knows whom it serves.
func (s *Store) LoadDirectory(ctx context.Context) error {
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return err
	}
	for _, t := range tenants {
		s.tenants.putTenant(t)
	}
	domains, err := s.Domains(ctx, 0)
	for _, d := range domains {
		s.tenants.putDomain(d.Name, d.Tenant)
	}
	return err
}

// both runs the same statements in the directory and at a tenant's home, in this
// order, once where they are one database. Repeating them must be harmless: what
// stops half-way is done again.
func (s *Store) both(ctx context.Context, tenant int64, b *meta.Batch) error {
	t, err := s.Tenant(ctx, tenant)
	if err != nil {
		return err
	}
	home := s.siteNamed(t.HomeSite)
	if home != s.directory {
		if err := s.directory.run(ctx, b); err != nil {
			return fmt.Errorf("directory database: %w", err)
		}
	}
	return home.run(ctx, b)
}

// run sends b in one transaction that locks no account.
func (at *site) run(ctx context.Context, b *meta.Batch) error {
	return at.update(ctx, func(tx meta.Tx) error { return tx.Run(ctx, b) })
}
