package contacts

import (
	"context"
	"sync"
	"time"

	"fachwerk/internal/resource"
)

// DirectoryName is the segment of the directory's href.
const DirectoryName = "directory"

// DirectoryMemory is how many bytes of directories are kept in memory: a tenant of
// 100,000 takes about 40 MB while it is used.
const DirectoryMemory = 64 << 20

// Directory makes the people of each tenant an address book. It keeps in memory those of
// the tenants that ask, and looks at most every interval whether they changed. It is
// safe for concurrent use.
type Directory struct {
	people   People
	interval time.Duration
	now      func() time.Time

	mu      sync.Mutex
	tenants map[int64]*roll
	uses    int64
}

// roll is one tenant's directory, as it is and as it came to be.
type roll struct {
	mu      sync.Mutex
	current *State
	version string
	asked   time.Time
	last    int64 // under Directory.mu
	bytes   int64
}

// NewDirectory makes one. interval is for how long an answer of people.Version is taken
// for true; 0 means one second. now nil means the time of day.
func NewDirectory(people People, interval time.Duration, now func() time.Time) *Directory {
	if interval <= 0 {
		interval = time.Second
	}
	if now == nil {
		now = time.Now
	}
	return &Directory{people: people, interval: interval, now: now, tenants: map[int64]*roll{}}
}

// State answers a tenant's directory as it is now.
func (d *Directory) State(ctx context.Context, tenant int64) (*State, error) {
	r := d.enter(tenant)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil && d.now().Sub(r.asked) < d.interval {
		return r.current, nil
	}
	version, err := d.people.Version(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if r.current == nil || version != r.version {
		// Read after the version: what comes in between is read again the next time.
		organization, list, err := d.people.People(ctx, tenant)
		if err != nil {
			return nil, err
		}
		r.current = newState(tenant, organization, list, r.current)
		r.version = version
	}
	r.asked = d.now()
	d.weigh(tenant, r)
	return r.current, nil
}

func (d *Directory) enter(tenant int64) *roll {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := d.tenants[tenant]
	if r == nil {
		r = &roll{}
		d.tenants[tenant] = r
	}
	d.uses++
	r.last = d.uses
	return r
}

// weigh lets go of the directories longest unused.
func (d *Directory) weigh(tenant int64, r *roll) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.bytes = r.current.bytes()
	var sum int64
	for _, o := range d.tenants {
		sum += o.bytes
	}
	for sum > DirectoryMemory && len(d.tenants) > 1 {
		oldest, last := tenant, d.uses+1
		for t, o := range d.tenants {
			if t != tenant && o.last < last {
				oldest, last = t, o.last
			}
		}
		sum -= d.tenants[oldest].bytes
		delete(d.tenants, oldest)
	}
}

// Collection is the directory as a person sees it.
func (s *State) Collection(a resource.Account) resource.Collection {
	return resource.Collection{
		Account: a, Kind: resource.AddressBook, Name: DirectoryName,
		CTag: s.digest, Token: s.digest, Items: int64(len(s.entries)), Created: s.oldest,
	}
}
