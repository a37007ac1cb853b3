package app

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"fachwerk/admin"
	"fachwerk/internal/store"
	"fachwerk/location"
)

// overviewPatience bounds how long one site is waited for where others answer too.
const overviewPatience = 5 * time.Second

// Queue implements admin.Overview.
func (c control) Queue(ctx context.Context) (n admin.QueueLength, err error) {
	n.Messages, n.Recipients, n.Unavailable, err = c.in.store.QueueSum(ctx)
	return n, told(err)
}

// Where implements admin.Overview.
func (c control) Where(ctx context.Context, tenant, account string) ([]Whereabouts, error) {
	t, err := c.tenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	of := location.Of{Tenant: t.ID}
	address := ""
	if account != "" {
		a, err := c.account(ctx, tenant, account)
		if err != nil {
			return nil, err
		}
		of.Person, address = a.Key.Account, a.Address
	}
	list, err := c.in.whereabouts(ctx, t, of, address)
	return list, c.told(ctx, t.ID, err)
}

// Where tells where the data of an address or of a tenant, by name, lies. Nothing is
// signed or kept.
func (in *Installation) Where(ctx context.Context, name string) ([]Whereabouts, error) {
	if !strings.Contains(name, "@") {
		t, err := in.tenant(ctx, name)
		if err != nil {
			return nil, err
		}
		return in.whereabouts(ctx, t, location.Of{Tenant: t.ID}, "")
	}
	a, err := in.account(ctx, name)
	if unanswered(err) { // of whom it is is known, and where that lies
		tenant, failed := in.store.DomainTenant(ctx, name[strings.LastIndexByte(name, '@')+1:])
		if failed != nil {
			return nil, err
		}
		a.Tenant = tenant
	} else if err != nil {
		return nil, err
	}
	t, failed := in.store.TenantKnown(ctx, a.Tenant)
	switch {
	case failed != nil:
		return nil, failed
	case err != nil:
		return []Whereabouts{in.unavailable(t, name)}, nil
	}
	return in.whereabouts(ctx, t, location.Of{Tenant: a.Tenant, Person: a.Key.Account}, a.Address)
}

// unanswered tells whether a database or an object store did not answer.
func unanswered(err error) bool {
	return errors.Is(err, store.ErrTemporary) || errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded)
}

// whereabouts counts what a tenant, or with address one account of it, has.
func (in *Installation) whereabouts(ctx context.Context, t store.Tenant, of location.Of, address string) ([]Whereabouts, error) {
	ask, cancel := context.WithTimeout(ctx, overviewPatience)
	defer cancel()
	counted, err := in.store.Count(ask, of)
	if unanswered(err) && ctx.Err() == nil {
		return []Whereabouts{in.unavailable(t, address)}, nil
	}
	if err != nil {
		return nil, err
	}
	var seen []location.Observation
	for _, run := range in.lastSeen(ctx) {
		seen = append(seen, run...)
	}
	out := []Whereabouts{}
	for _, r := range location.Compose(in.guard.Sites(), counted, seen).Rows {
		w := Whereabouts{
			Account: r.Account, Kind: r.Kind, Items: r.Items, Bytes: r.Bytes, Store: r.Store, Site: r.Site, Operator: r.Operator,
			Country: r.Country, Place: r.Place, Seen: "declared, not observed", Copies: []string{},
		}
		switch r.State {
		case location.Matches:
			w.Seen = "observed " + r.EvidenceAt.Format("2006-01-02 15:04 MST")
		case location.Differs:
			w.Seen = "differs: `fachwerk location verify` says what"
		}
		for _, c := range r.Copies {
			if c.State == location.Differs {
				w.Seen = "differs: `fachwerk location verify` says what"
			}
			w.Copies = append(w.Copies, strings.Join([]string{c.What, c.Name, c.Operator, c.Country, c.Place, string(c.State)}, " "))
		}
		out = append(out, w)
	}
	return out, nil
}

// unavailable stands for all that lies at a tenant's site, which does not answer.
func (in *Installation) unavailable(t store.Tenant, address string) Whereabouts {
	w := Whereabouts{
		Account: address, Kind: "all", Site: t.HomeSite, Copies: []string{}, Unavailable: true,
		Seen: "the site does not answer: declared, and not counted",
	}
	if i := slices.IndexFunc(in.sites, func(s openSite) bool { return s.Name == t.HomeSite }); i >= 0 {
		w.Operator, w.Country, w.Place = in.sites[i].Operator, in.sites[i].Country, in.sites[i].Place
	}
	return w
}

// lastSeen is what was seen of each site last. Of one that does not answer nothing is
// known.
func (in *Installation) lastSeen(ctx context.Context) map[string][]location.Observation {
	var mu sync.Mutex
	var all sync.WaitGroup
	runs := map[string][]location.Observation{}
	for _, s := range in.sites {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, overviewPatience)
			defer cancel()
			run, err := in.store.LastObservations(ctx, s.Name)
			if err != nil {
				in.log.Debug("what was seen of a site last is not known", "site", s.Name, "err", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			runs[s.Name] = run
		})
	}
	all.Wait()
	return runs
}

// of finds what a report is about: the person, or shared account, of an address, or
// a tenant by its name.
func (in *Installation) of(ctx context.Context, name string) (location.Of, error) {
	if strings.Contains(name, "@") {
		a, err := in.account(ctx, name)
		return location.Of{Tenant: a.Tenant, Person: a.Key.Account}, err
	}
	t, err := in.tenant(ctx, name)
	return location.Of{Tenant: t.ID}, err
}

// Sites implements admin.Overview.
func (c control) Sites(ctx context.Context) ([]Site, error) {
	list, err := c.in.Sites(ctx)
	return list, told(err)
}

// Sites lists those that are declared, with what was seen of them last, and whether they
// answer now.
func (in *Installation) Sites(ctx context.Context) ([]Site, error) {
	tenants, _, err := in.store.TenantsKnown(ctx)
	if err != nil && !unanswered(err) {
		return nil, err
	}
	var away []string
	var runs map[string][]location.Observation
	var both sync.WaitGroup
	both.Go(func() { away = in.store.SitesAway(ctx) })
	both.Go(func() { runs = in.lastSeen(ctx) })
	both.Wait()
	out := []Site{}
	for _, s := range in.sites {
		one := Site{
			Name: s.Name, Operator: s.Operator, Country: s.Country, Place: s.Place, Networks: texts(s.Networks), Standbys: []admin.Standby{},
			Database: s.dsn, Objects: s.blobsURL, Directory: s.Name == in.cfg.DirectorySite(), Differences: []string{},
			Unavailable: slices.Contains(away, s.Name),
		}
		for _, b := range s.Standbys {
			one.Standbys = append(one.Standbys, admin.Standby{
				Name: b.Name, Operator: b.Operator, Country: b.Country, Place: b.Place, Networks: texts(b.Networks),
			})
		}
		for _, t := range tenants {
			if t.HomeSite == s.Name && !t.Removing {
				one.Tenants++
			}
		}
		seen(&one, runs[s.Name])
		out = append(out, one)
	}
	return out, nil
}

// seen sums up what was seen of a site.
func seen(s *Site, run []location.Observation) {
	s.State = string(location.NotObserved)
	var last time.Time
	for _, o := range run {
		if o.At.After(last) {
			last = o.At
		}
		switch {
		case o.State == location.Differs:
			s.State = string(location.Differs)
			s.Differences = append(s.Differences, o.Sentence("en"))
		case o.State == location.Matches && s.State != string(location.Differs):
			s.State = string(location.Matches)
		}
	}
	if !last.IsZero() {
		s.Observed = &last
	}
}

func texts(list []netip.Prefix) []string {
	out := make([]string, 0, len(list))
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}

// notAnswering is the refusal where one of the sites that are named does not answer.
func notAnswering(cause error, sites ...string) error {
	slices.Sort(sites)
	sites = slices.Compact(slices.DeleteFunc(sites, func(s string) bool { return s == "" }))
	return refuse(admin.Unavailable, cause,
		"Site %s does not answer: its database or its object store. Try again when it does (GET /v1/sites shows it); to do it again is harmless.",
		strings.Join(sites, " or site "))
}

// Explain names the sites that do not answer, where that is why something failed.
func (in *Installation) Explain(ctx context.Context, err error) error {
	var is *admin.Error
	if !unanswered(err) || ctx.Err() != nil || errors.As(err, &is) && is.Kind != admin.Unavailable ||
		errors.Is(err, location.ErrElsewhere) || errors.Is(err, location.ErrMismatch) {
		return err
	}
	if away := in.store.SitesAway(ctx); len(away) > 0 {
		return fmt.Errorf("site %s does not answer, its database or its object store (`fachwerk location sites` shows it): %w", strings.Join(away, " and site "), err)
	}
	return err
}
