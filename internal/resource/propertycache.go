package resource

import (
	"slices"
	"sync"

	"fachwerk/internal/store"
)

// A collection's own properties are asked for at every PUT of an event or a card, and
// hardly ever change: they are kept under the modseq that a change of them raises, which
// a Collection as it was read brings along.
const (
	keptCollections = 2048
	keptProperties  = 4 << 10 // bytes of one collection's values; larger ones are read each time
)

type propertyKey struct {
	account    store.Key
	collection int64
	self       int64
	generation int64
}

type propertyCache struct {
	mu   sync.Mutex
	kept map[propertyKey][]Property
}

func (s *Service) propertyKey(c Collection) propertyKey {
	return propertyKey{c.Account.Key, c.ID, c.self, s.o.Store.Generation(c.Account.Key.Tenant)}
}

func (p *propertyCache) get(key propertyKey) ([]Property, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	list, ok := p.kept[key]
	return slices.Clone(list), ok
}

func (p *propertyCache) put(key propertyKey, list []Property) {
	size := 0
	for _, one := range list {
		size += len(one.Name.Space) + len(one.Name.Local) + len(one.Value)
	}
	if size > keptProperties || key.self == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil || len(p.kept) >= keptCollections {
		p.kept = make(map[propertyKey][]Property) // costs each one read more
	}
	p.kept[key] = slices.Clone(list)
}

// forget is for a change by this process: what was read before it may be used after it.
func (p *propertyCache) forget(key propertyKey) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.kept, key)
}
