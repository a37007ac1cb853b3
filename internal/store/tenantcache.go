package store

import (
	"cmp"
	"slices"
	"sync"
	"time"
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
