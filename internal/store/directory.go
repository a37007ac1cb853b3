package store

import (
	"context"
	"slices"
	"time"

	"fachwerk/internal/store/meta"
)

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
	living := make(map[int64]bool, len(tenants))
	for _, t := range tenants {
		if living[t.ID] = !t.Removing; t.Removing {
			s.removalsSeen()
		}
		s.siteNamed(t.HomeSite).db.SetEpoch(t.ID, t.Epoch)
	}
	// What others destroyed opens nothing here any more.
	keep := func(tenant int64) bool { return living[tenant] }
	s.keys.Retain(keep) // first, for the others are made of these
	s.sealers.retain(keep)
	return nil
}

// directoryVersion is another one whenever the directory has changed.
func (s *Store) directoryVersion(ctx context.Context) (int64, error) {
	version, err := s.directory.db.Directory(ctx)
	return version, outer(err)
}

// announceDirectory has other processes notice at once, after COMMIT, that the directory
// has changed.
func (s *Store) announceDirectory() { s.directory.carried.addDirectory() }

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
		case <-s.changed:
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

// directoryExec is changeExec in the directory alone, which others hear of at once.
func (s *Store) directoryExec(ctx context.Context, sql string, args ...any) (n int64, err error) {
	n, err = s.directory.changeExec(ctx, sql, args...)
	if n > 0 {
		s.announceDirectory()
	}
	return n, err
}

// change is update for what a database says of tenants, domains, issuers and addresses, be
// it the directory's or a tenant's home. f calls changed with the last batch that it runs,
// where it changes anything: it adds the statement by which other processes notice, and
// by which a database is known that has lost the change.
func (at *site) change(ctx context.Context, f func(tx meta.Tx, changed func(*meta.Batch)) error) error {
	return outer(at.db.UpdateDirectory(ctx, f))
}

// changeAll is change by the statements of b.
func (at *site) changeAll(ctx context.Context, b *meta.Batch) error {
	return at.change(ctx, func(tx meta.Tx, changed func(*meta.Batch)) error {
		all := meta.Batch{Statements: slices.Clone(b.Statements)}
		changed(&all)
		return tx.Run(ctx, &all)
	})
}

// changeExec is change by one statement, and reports how many rows it changed.
func (at *site) changeExec(ctx context.Context, sql string, args ...any) (n int64, err error) {
	err = at.change(ctx, func(tx meta.Tx, changed func(*meta.Batch)) error {
		if n, err = execIn(ctx, tx, sql, args...); err != nil || n == 0 {
			return err
		}
		var b meta.Batch
		changed(&b)
		return tx.Run(ctx, &b)
	})
	return n, err
}

// run sends b in one transaction that locks no account.
func (at *site) run(ctx context.Context, b *meta.Batch) error {
	return at.update(ctx, func(tx meta.Tx) error { return tx.Run(ctx, b) })
}
