package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"fachwerk/admin"
	"fachwerk/internal/store"
)

// AddTenant makes a tenant of which nothing but name and site is set.
func (in *Installation) AddTenant(ctx context.Context, name, site string) (Tenant, error) {
	return in.CreateTenant(ctx, NewTenant{Name: name, Site: site})
}

// CreateTenant makes a tenant at a declared site, which may be left out where there is
// one alone: no site is a default. People of the installation's issuer may sign in to
// it. Where it cannot be made whole it is not made.
func (in *Installation) CreateTenant(ctx context.Context, n NewTenant) (Tenant, error) {
	if n.Site == "" {
		if len(in.sites) > 1 {
			return Tenant{}, refuse(admin.Invalid, nil, "where shall the tenant's data lie? Name its site (--site): %s", siteNames(in.cfg))
		}
		n.Site = in.sites[0].Name
	}
	if !in.declares(n.Site) {
		return Tenant{}, refuse(admin.Invalid, nil, "site %q is not declared; declared are %s", n.Site, siteNames(in.cfg))
	}
	if err := in.checkPolicy(n.Site, n.Policy); err != nil {
		return Tenant{}, err
	}
	all := TenantChange{Name: &n.Name, Settings: &n.Settings, Policy: &n.Policy, Quota: &n.Quota}
	if err := setOf(all).Check(); err != nil {
		return Tenant{}, err
	}
	if n.Domain != "" {
		if _, err := in.store.DomainTenant(ctx, n.Domain); err == nil {
			return Tenant{}, in.domainTaken(ctx, n.Domain, store.ErrExists)
		} else if !errors.Is(err, store.ErrNotFound) {
			return Tenant{}, err
		}
	}
	t, err := in.store.CreateTenant(ctx, n.Name, n.Site)
	if errors.Is(err, store.ErrExists) {
		return Tenant{}, refuse(admin.Exists, err, "there is a tenant %q already, or one is still being removed", n.Name)
	} else if err != nil {
		return Tenant{}, err
	}
	if t, err = in.complete(ctx, t, n); err != nil {
		if undo := in.store.RemoveTenant(context.WithoutCancel(ctx), t.ID); undo != nil {
			in.log.Warn("a tenant that could not be made whole is left over; remove it", "tenant", t.ID, "err", undo)
		}
		return Tenant{}, err
	}
	return tenantOf(t), nil
}

// complete gives a new tenant what it is to have.
func (in *Installation) complete(ctx context.Context, t store.Tenant, n NewTenant) (store.Tenant, error) {
	if err := in.store.BindIssuer(ctx, store.Issuer{Tenant: t.ID, URL: in.cfg.OIDC.Issuer}); err != nil {
		return t, fmt.Errorf("bind the issuer to tenant %q: %w", t.Name, err)
	}
	if n.Domain != "" {
		if err := in.store.AddDomain(ctx, t.ID, n.Domain); err != nil {
			return t, err
		}
	}
	made, err := in.updateTenant(ctx, t, TenantChange{Settings: &n.Settings, Policy: &n.Policy, Quota: &n.Quota}, nil)
	made.ID = t.ID
	return made, err
}

func (in *Installation) declares(site string) bool {
	return slices.ContainsFunc(in.sites, func(s openSite) bool { return s.Name == site })
}

// checkPolicy refuses one by which nothing could be written.
func (in *Installation) checkPolicy(home string, p admin.Policy) error {
	if err := in.declaredIn(p); err != nil {
		return err
	}
	if leavesOut(p, home) {
		return refuse(admin.Invalid, nil, "the policy has to allow %s, where the tenant's data lies: nothing could be written otherwise", home)
	}
	return nil
}

// leavesOut tells whether a policy stops all writes of tenants at a site.
func leavesOut(p admin.Policy, home string) bool {
	return len(p.Sites) > 0 && !slices.Contains(p.Sites, home)
}

func (in *Installation) declaredIn(p admin.Policy) error {
	for _, site := range p.Sites {
		if !in.declares(site) {
			return refuse(admin.Invalid, nil, "the policy allows site %q, which is not declared; declared are %s", site, siteNames(in.cfg))
		}
	}
	return nil
}

// changePolicy looks at a policy for a tenant that is there: stops says that it is meant
// to stop all its writes.
func (in *Installation) changePolicy(home string, p admin.Policy, stops bool) error {
	if err := in.declaredIn(p); err != nil {
		return err
	}
	switch without := leavesOut(p, home); {
	case without && !stops:
		return refuse(admin.Invalid, nil, "the policy has to allow %s, where the tenant's data lies: nothing could be written otherwise, and a policy moves no data. "+
			"If all writes of the tenant shall stop, say so (--stop-writes; stop_writes)", home)
	case stops && !without:
		return refuse(admin.Invalid, nil, "a policy that allows %s stops no writes: name other sites alone, or leave out that writes shall stop", home)
	}
	return nil
}

// updateTenant changes what c names, unless check refuses what the tenant is then.
func (in *Installation) updateTenant(ctx context.Context, t store.Tenant, c TenantChange, check func(Tenant) error) (store.Tenant, error) {
	switch {
	case c.Policy != nil:
		if err := in.changePolicy(t.HomeSite, *c.Policy, c.StopWrites); err != nil {
			return t, err
		}
	case c.StopWrites:
		return t, refuse(admin.Invalid, nil, "writes stop by a policy that leaves out %s, where the tenant's data lies: name the sites that it allows", t.HomeSite)
	}
	set := setOf(c)
	if check != nil {
		set.If = func(now store.Tenant) error { return check(tenantOf(now)) }
	}
	changed, err := in.store.UpdateTenant(ctx, t.ID, set)
	if errors.Is(err, store.ErrExists) {
		err = refuse(admin.Exists, err, "there is a tenant %q already, or one is still being removed", *c.Name)
	}
	return changed, err
}

func setOf(c TenantChange) store.TenantSet {
	set := store.TenantSet{Name: c.Name}
	if c.Settings != nil {
		settings := store.TenantSettings(*c.Settings)
		set.Settings = &settings
	}
	if c.Policy != nil {
		set.Policy = &store.TenantPolicy{Sites: c.Policy.Sites, RefuseOnMismatch: c.Policy.RefuseOnMismatch}
	}
	if c.Quota != nil {
		quota := store.TenantQuota(*c.Quota)
		set.Quota = &quota
	}
	return set
}

// Tenants lists all. away names the sites that do not answer: what is used there is as it
// was, and where it is the directory's the list too.
func (in *Installation) Tenants(ctx context.Context) (list []Tenant, away []string, err error) {
	known, directory, err := in.store.TenantsKnown(ctx)
	if err != nil {
		return nil, nil, err
	}
	known = slices.DeleteFunc(known, func(t store.Tenant) bool { return t.Removing })
	away = in.store.SumUsage(ctx, known)
	if directory != "" && !slices.Contains(away, directory) {
		away = append(away, directory)
	}
	list = []Tenant{}
	for _, t := range known {
		list = append(list, in.tenantNow(t, away))
	}
	return list, away, nil
}

// tenantNow is a tenant while some sites do not answer.
func (in *Installation) tenantNow(t store.Tenant, away []string) Tenant {
	out := tenantOf(t)
	out.Unavailable = slices.Contains(away, t.HomeSite)
	return out
}

// Tenant shows one by name; "" is the only one.
func (in *Installation) Tenant(ctx context.Context, name string) (Tenant, error) {
	t, err := in.tenant(ctx, name)
	if err != nil {
		return Tenant{}, err
	}
	return in.summedUp(ctx, t), nil
}

// summedUp is a tenant with what it uses now.
func (in *Installation) summedUp(ctx context.Context, t store.Tenant) Tenant {
	list := []store.Tenant{t}
	away := in.store.SumUsage(ctx, list)
	return in.tenantNow(list[0], away)
}

// edits bounds how often SetTenant reads again what others change meanwhile.
const edits = 10

// SetTenant changes one as edit does with what it is now; stops says that a policy is
// meant to stop all writes. What edit leaves as it is is not written: somebody else may
// be changing it.
func (in *Installation) SetTenant(ctx context.Context, name string, edit func(*Tenant), stops bool) (Tenant, error) {
	var err error
	for range edits {
		var t store.Tenant
		if t, err = in.tenant(ctx, name); err != nil {
			return Tenant{}, err
		}
		was, to := tenantOf(t), tenantOf(t)
		edit(&to)
		c := changeOf(was, to)
		if c.StopWrites = stops; stops {
			c.Policy = &to.Policy // also one that it has
		}
		t, err = in.updateTenant(ctx, t, c, func(now Tenant) error {
			if !reflect.DeepEqual(changeOf(now, was), TenantChange{}) {
				return errMeanwhile
			}
			return nil
		})
		if !errors.Is(err, errMeanwhile) {
			return tenantOf(t), err
		}
	}
	return Tenant{}, err
}

var errMeanwhile = refuse(admin.Changed, nil, "somebody else is changing this tenant all the time; try again")

// changeOf is what differs between two states of a tenant.
func changeOf(was, to Tenant) (c TenantChange) {
	if to.Name != was.Name {
		c.Name = &to.Name
	}
	if to.Settings != was.Settings {
		c.Settings = &to.Settings
	}
	if to.Policy.RefuseOnMismatch != was.Policy.RefuseOnMismatch || !slices.Equal(to.Policy.Sites, was.Policy.Sites) {
		c.Policy = &to.Policy
	}
	if to.Quota != was.Quota {
		c.Quota = &to.Quota
	}
	return c
}

// RemoveTenant destroys a tenant's key and marks all its data for removal. It
// cannot be undone. Where it has failed half-way it is called again.
func (in *Installation) RemoveTenant(ctx context.Context, name string) error {
	t, err := in.anyTenant(ctx, name)
	if err != nil {
		return err
	}
	return in.store.RemoveTenant(ctx, t.ID)
}

// SetTenantLogo keeps the image that a tenant's pages show; none takes it away.
func (in *Installation) SetTenantLogo(ctx context.Context, name string, image []byte) error {
	t, err := in.tenant(ctx, name)
	if err != nil {
		return err
	}
	return in.store.SetTenantLogo(ctx, t.ID, http.DetectContentType(image), image)
}

// TenantLogo reads it.
func (in *Installation) TenantLogo(ctx context.Context, name string) ([]byte, error) {
	t, err := in.tenant(ctx, name)
	if err != nil {
		return nil, err
	}
	_, image, err := in.store.TenantLogo(ctx, t.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, refuse(admin.NotFound, err, "tenant %q has no logo", t.Name)
	}
	return image, err
}

// AddDomain gives a tenant a mail domain.
func (in *Installation) AddDomain(ctx context.Context, tenant, domain string) error {
	t, err := in.tenant(ctx, tenant)
	if err != nil {
		return err
	}
	return in.addDomain(ctx, t, domain)
}

func (in *Installation) addDomain(ctx context.Context, t store.Tenant, domain string) error {
	err := in.store.AddDomain(ctx, t.ID, domain)
	if errors.Is(err, store.ErrExists) {
		return in.domainTaken(ctx, domain, err)
	}
	return err
}

// domainTaken says whose a domain is that somebody else is to have.
func (in *Installation) domainTaken(ctx context.Context, domain string, cause error) error {
	whose := "a tenant"
	if id, err := in.store.DomainTenant(ctx, domain); err == nil {
		if t, err := in.store.TenantKnown(ctx, id); err == nil {
			whose = fmt.Sprintf("tenant %q", t.Name)
		}
	}
	return refuse(admin.Exists, cause, "the domain %s belongs to %s already; it has to be removed there first", domain, whose)
}

// Domains lists a tenant's, or with "" all.
func (in *Installation) Domains(ctx context.Context, tenant string) ([]Domain, error) {
	names := map[int64]string{}
	tenants, err := in.store.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	var only int64
	for _, t := range tenants {
		names[t.ID] = t.Name
		if t.Name == tenant {
			only = t.ID
		}
	}
	if tenant != "" && only == 0 {
		return nil, refuse(admin.NotFound, store.ErrNotFound, "there is no tenant %q; `fachwerk tenant list` shows them", tenant)
	}
	list, err := in.store.Domains(ctx, only)
	out := []Domain{}
	for _, d := range list {
		out = append(out, Domain{Name: d.Name, Tenant: names[d.Tenant]})
	}
	return out, err
}

// RemoveDomain takes one away that no account or alias uses.
func (in *Installation) RemoveDomain(ctx context.Context, domain string) error {
	tenant, err := in.store.DomainTenant(ctx, domain)
	if errors.Is(err, store.ErrNotFound) {
		return refuse(admin.NotFound, err, "the domain %s is no tenant's; `fachwerk domain list` shows them", domain)
	}
	if err != nil {
		return err
	}
	return in.removeDomain(ctx, tenant, domain)
}

func (in *Installation) removeDomain(ctx context.Context, tenant int64, domain string) error {
	err := in.store.RemoveDomain(ctx, tenant, domain)
	if errors.Is(err, store.ErrBusy) {
		return refuse(admin.InUse, err, "addresses end in @%s: remove those accounts and aliases first", strings.ToLower(domain))
	}
	return err
}
