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
	patience time.Duration

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
	looking chan struct{} // closed when the look that is under way ends; nil: none is
	failed  error         // of the last look

	last, bytes int64 // under Directory.mu
}

// How long a look at a tenant's people may take, and for how long a reader waits for it
// who could have what was true a moment ago.
const (
	lookTime = time.Minute
	patience = 200 * time.Millisecond
)

// NewDirectory makes one. interval is for how long an answer of people.Version is taken
// for true; 0 means one second. now nil means the time of day.
func NewDirectory(people People, interval time.Duration, now func() time.Time) *Directory {
	if interval <= 0 {
		interval = time.Second
	}
	if now == nil {
		now = time.Now
	}
	return &Directory{people: people, interval: interval, now: now, patience: patience, tenants: map[int64]*roll{}}
}

// State answers a tenant's directory as it is now. Where a large one has just changed
// the one before is answered until the new one is made.
func (d *Directory) State(ctx context.Context, tenant int64) (*State, error) {
	r := d.enter(tenant)
	r.mu.Lock()
	old := r.current
	if old != nil && d.now().Sub(r.asked) < d.interval {
		r.mu.Unlock()
		return old, nil
	}
	if r.looking == nil {
		r.looking = make(chan struct{})
		go d.look(context.WithoutCancel(ctx), tenant, r)
	}
	looking := r.looking
	r.mu.Unlock()

	var enough <-chan time.Time
	if old != nil {
		timer := time.NewTimer(d.patience)
		defer timer.Stop()
		enough = timer.C
	}
	select {
	case <-looking:
	case <-enough:
		return old, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current, r.failed
}

// look brings r up to date.
func (d *Directory) look(ctx context.Context, tenant int64, r *roll) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	r.mu.Lock()
	old, version := r.current, r.version
	r.mu.Unlock()
	asked := d.now()
	next, version, err := d.read(ctx, tenant, old, version)
	r.mu.Lock()
	if r.failed = err; err == nil {
		r.current, r.version, r.asked = next, version, asked
	}
	close(r.looking)
	r.looking = nil
	r.mu.Unlock()
	if err == nil {
		d.weigh(tenant, r, next)
	}
}

// read answers old where nothing changed since version.
func (d *Directory) read(ctx context.Context, tenant int64, old *State, version string) (*State, string, error) {
	now, err := d.people.Version(ctx, tenant)
	if err != nil || old != nil && now == version {
		return old, version, err
	}
	// Read after the version: what comes in between is read again the next time.
	organization, list, err := d.people.People(ctx, tenant)
	if err != nil {
		return nil, "", err
	}
	next := newState(tenant, organization, list, old)
	if old != nil {
		next.warm(&old.columns)
	}
	return next, now, nil
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
func (d *Directory) weigh(tenant int64, r *roll, s *State) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r.bytes = s.bytes()
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
