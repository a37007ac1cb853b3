package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
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

	version int64     // of the directory, when it was read whole
	valid   time.Time // until then everything kept is what the directory says
	away    time.Time // until then the directory need not be asked again: it has just not answered
}

// most is how many of each are kept.
const most = 50_000

// settles reports whether what is kept until a time is to be used without asking:
// the directory was seen unchanged a moment ago, or does not answer.
func (c *tenantCache) settles(until time.Time) bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Before(until) || now.Before(c.valid) || now.Before(c.away)
}

// confirm notes that the directory still has the version that is kept; false where it
// has another.
func (c *tenantCache) confirm(version int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = time.Time{}
	if version != c.version || c.byID == nil {
		return false
	}
	c.valid = time.Now().Add(tenantCacheFor)
	return true
}

func (c *tenantCache) unreachable() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = time.Now().Add(tenantCacheFor)
}

// replace puts in place what the directory said of everyone when it had a version.
func (c *tenantCache) replace(version int64, tenants []Tenant, domains []Domain) {
	until := time.Now().Add(tenantCacheFor)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.byID, c.domains = make(map[int64]cached[Tenant], len(tenants)), make(map[string]cached[int64], len(domains))
	for _, t := range tenants {
		c.byID[t.ID] = cached[Tenant]{t, until}
	}
	for _, d := range domains {
		c.domains[d.Name] = cached[int64]{d.Tenant, until}
	}
	c.version, c.valid, c.away = version, until, time.Time{}
}

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

// known are all tenants that are kept, by id.
func (c *tenantCache) known() []Tenant {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Tenant, 0, len(c.byID))
	for _, t := range c.byID {
		list = append(list, t.value)
	}
	slices.SortFunc(list, func(a, b Tenant) int { return cmp.Compare(a.ID, b.ID) })
	return list
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
	if ok && s.tenants.settles(kept.until) {
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
	if s.only == nil && ok && s.tenants.settles(kept.until) {
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
	version, err := s.directoryVersion(ctx) // first: what changes meanwhile is read again
	if err != nil {
		return err
	}
	tenants, err := s.Tenants(ctx)
	if err != nil {
		return err
	}
	domains, err := s.Domains(ctx, 0)
	if err != nil {
		return err
	}
	s.tenants.replace(version, tenants, domains)
	for _, t := range tenants {
		if t.Removing {
			s.sealers.forgetTenant(t.ID)
			s.removalsSeen()
		}
		s.siteNamed(t.HomeSite).db.SetEpoch(t.ID, t.Epoch)
	}
	return nil
}

func (s *Store) directoryVersion(ctx context.Context) (version int64, err error) {
	err = s.directory.one(ctx, []any{&version}, `SELECT directory FROM installation`)
	return version, err
}

// directoryChanged is the statement by which other processes notice.
func directoryChanged(b *meta.Batch) { b.Exec(`UPDATE installation SET directory = directory + 1`) }

// followDirectory reads the directory anew when it has changed, until ctx ends: a new
// tenant is known everywhere and a removed one forgotten within seconds.
func (s *Store) followDirectory(ctx context.Context, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	away := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := s.followOnce(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			s.tenants.unreachable()
		}
		if now := err != nil; now != away {
			away = now
			if away {
				s.log.Warn("the directory database does not answer; tenants are served as they were last known", "site", s.directory.Name, "err", err)
			} else {
				s.log.Info("the directory database answers again", "site", s.directory.Name)
			}
		}
	}
}

func (s *Store) followOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, directoryPatience)
	defer cancel()
	version, err := s.directoryVersion(ctx)
	if err != nil || s.tenants.confirm(version) {
		return err
	}
	return s.LoadDirectory(ctx)
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
	directoryChanged(b) // at the home it says nothing, and harms nobody
	if home != s.directory {
		if err := s.directory.run(ctx, b); err != nil {
			return fmt.Errorf("directory database: %w", err)
		}
	}
	return home.run(ctx, b)
}

// directoryExec runs one statement in the directory alone, and says there that it has
// changed where that changed a row.
func (s *Store) directoryExec(ctx context.Context, sql string, args ...any) (n int64, err error) {
	err = s.directory.update(ctx, func(tx meta.Tx) error {
		if n, err = execIn(ctx, tx, sql, args...); err != nil || n == 0 {
			return err
		}
		var b meta.Batch
		directoryChanged(&b)
		return tx.Run(ctx, &b)
	})
	return n, err
}

// run sends b in one transaction that locks no account.
func (at *site) run(ctx context.Context, b *meta.Batch) error {
	return at.update(ctx, func(tx meta.Tx) error { return tx.Run(ctx, b) })
}
