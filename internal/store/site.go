package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"fachwerk/internal/store/blob"
	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// Site is one declared place with its engines. Each tenant lives at one.
type Site struct {
	location.Site
	DB    *meta.DB
	Blobs blob.Store

	// InlineLimit is the largest sealed size, in bytes, that is kept in the
	// database's row; 0 means 64 KiB. The PostgreSQL default is set by the
	// caller (DESIGN: 8 to 16 KiB).
	InlineLimit int64
	// Kept, if not nil, is called for each object whose time had come and that could
	// not be deleted.
	Kept func()
	// Foreign, if not nil, is told whenever it was looked at whether the objects are those of
	// another database than this; while they are, none is deleted.
	Foreign func(bool)
	// Engines name where rows and objects lie, for people: "SQLite", "S3".
	MetadataName, BlobsName string
}

// site is one with what the store keeps beside its engines.
type site struct {
	location.Site
	db                      *meta.DB
	blobs                   blob.Store
	inline                  int64
	metadataName, blobsName string
	carried                 *carried // what to tell other processes by its database
	rooms                   rooms

	turns turns        // who is next in its queue
	rests atomic.Int64 // until when nobody claims of its queue, Unix nanoseconds

	maintaining sync.Mutex    // one round at a time
	daily       time.Time     // when what is done once a day was done; under maintaining
	copied      copiedUpTo    // up to what repairCopies has looked; under maintaining
	removals    chan struct{} // that tenants are being removed
	kept        func()        // an object could not be deleted; may be nil
	foreign     func(bool)    // whether the objects are another's; may be nil

	marking sync.Mutex    // one look at the mark at a time
	marked  map[Key]int64 // what accounts had come to when it was written last; under marking
}

func newSite(o Site) (*site, error) {
	if o.DB == nil || o.Blobs == nil {
		return nil, fmt.Errorf("store: site %q: database and blobs are both needed", o.Name)
	}
	if o.InlineLimit == 0 {
		o.InlineLimit = 64 << 10
	}
	return &site{
		Site: o.Site, db: o.DB, blobs: o.Blobs, inline: o.InlineLimit,
		metadataName: o.MetadataName, blobsName: o.BlobsName, carried: newCarried(),
		removals: make(chan struct{}, 1), kept: o.Kept, foreign: o.Foreign,
	}, nil
}

// nowhere is where a tenant lies that cannot be found: everything fails with err.
func nowhere(err error) *site {
	return &site{db: meta.Absent(err), blobs: blob.Absent(err)}
}

// at is the site where a tenant lives. It is never nil: where there is no such
// tenant, or its home cannot be learnt now, every use of it fails and says so, the
// latter as temporary: mail for a tenant whose home is not known must wait and not
// be refused.
func (s *Store) at(ctx context.Context, tenant int64) *site {
	if s.only != nil { // no look-up decides anything
		return s.only
	}
	t, err := s.cachedTenant(ctx, tenant)
	if err != nil {
		return nowhere(err)
	}
	return s.siteNamed(t.HomeSite)
}

// near is the site of a tenant that this process has to do with already; nil if it is
// not known without asking.
func (s *Store) near(tenant int64) *site {
	if s.only != nil {
		return s.only
	}
	kept, ok := s.tenants.tenant(tenant)
	if !ok {
		return nil
	}
	for _, at := range s.sites {
		if at.Name == kept.value.HomeSite {
			return at
		}
	}
	return nil
}

// siteNamed finds a site of this configuration. A tenant whose home is not among
// them is unavailable, not unknown.
func (s *Store) siteNamed(name string) *site {
	for _, at := range s.sites {
		if at.Name == name {
			return at
		}
	}
	return nowhere(fmt.Errorf("%w: site %q is not declared in this server's configuration", ErrTemporary, name))
}

// home is the site of an address's domain.
func (s *Store) home(ctx context.Context, domain string) *site {
	if s.only != nil {
		return s.only
	}
	tenant, err := s.DomainTenant(ctx, domain)
	if err != nil {
		return nowhere(err)
	}
	return s.at(ctx, tenant)
}

// among is the sites where rows of a tenant may lie: its own, or all with tenant 0.
func (s *Store) among(ctx context.Context, tenant int64) []*site {
	if tenant == 0 {
		return s.sites
	}
	return []*site{s.at(ctx, tenant)}
}

// SiteOf is where a tenant's data lies.
func (s *Store) SiteOf(ctx context.Context, tenant int64) (location.Site, error) {
	at := s.at(ctx, tenant)
	if at.Name == "" {
		return location.Site{}, outer(at.db.Ping(ctx))
	}
	return at.Site, nil
}

// Check reports whether databases and blob stores answer, for readiness. One site
// that is away does not keep the others' people from being served, so only the
// absence of all is an error; what is away is told by CheckSites.
func (s *Store) Check(ctx context.Context) error {
	var errs []error
	for name, err := range s.CheckSites(ctx) {
		if err != nil {
			errs = append(errs, fmt.Errorf("site %s: %w", name, err))
		}
	}
	if len(errs) < len(s.sites) {
		return nil
	}
	return errors.Join(errs...)
}

// CheckSites asks every site's database and blob store at the same time, and tells
// by site.
func (s *Store) CheckSites(ctx context.Context) map[string]error {
	answers := make([]error, len(s.sites))
	var all sync.WaitGroup
	for i, at := range s.sites {
		all.Go(func() { answers[i] = at.check(ctx) })
	}
	all.Wait()
	found := make(map[string]error, len(s.sites))
	for i, at := range s.sites {
		found[at.Name] = answers[i]
	}
	return found
}

func (at *site) check(ctx context.Context) error {
	if _, err := at.db.Now(ctx); err != nil {
		return fmt.Errorf("metadata database: %w", outer(err))
	}
	if err := at.db.Damaged(); err != nil {
		return fmt.Errorf("metadata database: %w", outer(err))
	}
	if err := at.blobs.Check(ctx); err != nil {
		return fmt.Errorf("blob store: %w", outer(err))
	}
	return nil
}

// now is the clock of a site's database.
func (at *site) now(ctx context.Context) (time.Time, error) {
	us, err := at.db.Now(ctx)
	return timeOf(us), outer(err)
}

// Clock is that of the directory's database, for comparing this machine's with it.
func (s *Store) Clock(ctx context.Context) (time.Time, error) { return s.directory.now(ctx) }
