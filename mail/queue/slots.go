package queue

import (
	"slices"
	"sync"
)

// maxWaiting is of how many messages of one tenant a queue holds the leases in memory
// while they wait for their turns. More would only wait longer under a lease.
const maxWaiting = 100

// slots bound how many attempts are under way at a time. Tenants take turns: whoever
// has many messages waiting gets no more than one who has a few, as long as those wait.
type slots struct {
	mu      sync.Mutex
	free    int
	waiting map[int64][]*turn // by tenant, in the order in which they asked
	order   []int64           // tenants of whom some wait; the first is next
}

// turn is one message's: its channel is closed when it has come.
type turn struct {
	slots  *slots
	tenant int64
	come   chan struct{}
	has    bool // guarded by slots.mu
}

func newSlots(n int) *slots { return &slots{free: n, waiting: map[int64][]*turn{}} }

// ask puts a message of a tenant into the line. Its turn must be ended, whether it came
// or not.
func (s *slots) ask(tenant int64) *turn {
	t := &turn{slots: s, tenant: tenant, come: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting[tenant]) == 0 {
		s.order = append(s.order, tenant)
	}
	s.waiting[tenant] = append(s.waiting[tenant], t)
	s.give()
	return t
}

// give hands free slots out, one to each tenant in turn.
func (s *slots) give() {
	for s.free > 0 && len(s.order) > 0 {
		tenant := s.order[0]
		line := s.waiting[tenant]
		t := line[0]
		s.order = s.order[1:]
		s.keep(tenant, line[1:])
		if len(line) > 1 {
			s.order = append(s.order, tenant)
		}
		s.free--
		t.has = true
		close(t.come)
	}
}

func (s *slots) keep(tenant int64, line []*turn) {
	if len(line) == 0 {
		delete(s.waiting, tenant)
		return
	}
	s.waiting[tenant] = line
}

// end gives the slot back or, where the turn has not come, leaves the line.
func (t *turn) end() {
	s := t.slots
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.has {
		s.free++
		s.give()
		return
	}
	line := slices.DeleteFunc(s.waiting[t.tenant], func(other *turn) bool { return other == t })
	s.keep(t.tenant, line)
	if len(line) == 0 {
		s.order = slices.DeleteFunc(s.order, func(tenant int64) bool { return tenant == t.tenant })
	}
}

// full lists the tenants of whom enough waits.
func (s *slots) full() (tenants []int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for tenant, line := range s.waiting {
		if len(line) >= maxWaiting {
			tenants = append(tenants, tenant)
		}
	}
	return tenants
}
