package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// Observations lie in the database of the site that they are about, reports at the
// home of their tenant.
var _ location.Ledger = (*Store)(nil)

// SaveObservations implements location.Ledger.
func (s *Store) SaveObservations(ctx context.Context, site string, run []location.Observation) error {
	err := s.siteNamed(site).update(ctx, func(tx meta.Tx) error {
		kept, err := lockObservations(ctx, tx, site)
		if err != nil {
			return err
		}
		all := location.Standing(kept, run)
		if all == nil {
			all = []location.Observation{}
		}
		text, err := json.Marshal(all)
		if err != nil {
			return err
		}
		var b meta.Batch
		b.Exec(`UPDATE location_site SET run = $2 WHERE tenant_id = 0 AND site = $1`, site, string(text))
		for _, o := range run {
			if !o.New() {
				continue
			}
			one, err := json.Marshal(o)
			if err != nil {
				return err
			}
			b.Exec(`UPDATE location_site SET entries = entries + 1 WHERE tenant_id = 0 AND site = $1`, site)
			b.Exec(`INSERT INTO location_history (tenant_id, site, at, entry, thing, observation)
				SELECT 0, site, CAST($2 AS BIGINT), entries, $3, $4 FROM location_site WHERE tenant_id = 0 AND site = $1
				ON CONFLICT (tenant_id, site, at, thing) DO NOTHING`, site, o.At.UnixMicro(),
				strings.Join([]string{string(o.Part), string(o.Check), o.Subject}, "\n"), string(one))
		}
		return tx.Run(ctx, &b)
	})
	if err != nil {
		return fmt.Errorf("observations of site %s: %w", site, err)
	}
	return nil
}

// lockObservations makes those who save at the same time wait for each other, and
// answers what was saved last.
func lockObservations(ctx context.Context, tx meta.Tx, site string) (kept []location.Observation, err error) {
	var b meta.Batch
	b.Query(eachRow(func(r meta.Rows) error {
		var text string
		if err := r.Scan(&text); err != nil {
			return err
		}
		kept, err = readRun(text)
		return err
	}), `INSERT INTO location_site (tenant_id, site, entries, run) VALUES (0, $1, 0, '[]')
		ON CONFLICT (tenant_id, site) DO UPDATE SET entries = location_site.entries RETURNING run`, site)
	err = tx.Run(ctx, &b)
	return kept, err
}

// readRun reads a run as it was kept. Where the machine's clock was ahead that kept it, it
// is as of now: nothing is seen in the future, and what is seen later is not older.
func readRun(text string) (run []location.Observation, err error) {
	err = json.Unmarshal([]byte(text), &run)
	now := time.Now()
	for i := range run {
		if run[i].At.After(now) {
			run[i].At = now
		}
		if run[i].Tried.After(now) {
			run[i].Tried = now
		}
	}
	return run, err
}

// LastObservations implements location.Ledger.
func (s *Store) LastObservations(ctx context.Context, site string) (run []location.Observation, err error) {
	var text string
	err = s.siteNamed(site).one(ctx, []any{&text}, `SELECT run FROM location_site WHERE tenant_id = 0 AND site = $1`, site)
	if isNotFound(err) {
		return nil, nil
	}
	if err == nil {
		run, err = readRun(text)
	}
	if err != nil {
		return nil, fmt.Errorf("observations of site %s: %w", site, err)
	}
	return run, nil
}

// History implements location.Ledger.
func (s *Store) History(ctx context.Context, site string, before time.Time, limit int) (list []location.Observation, err error) {
	err = s.siteNamed(site).view(ctx, func(r meta.Rows) error {
		var text string
		if err := r.Scan(&text); err != nil {
			return err
		}
		var o location.Observation
		err := json.Unmarshal([]byte(text), &o)
		list = append(list, o)
		return err
	}, `SELECT observation FROM location_history WHERE tenant_id = 0 AND site = $1 AND at < $2 ORDER BY at DESC, entry DESC LIMIT $3`,
		site, before.UnixMicro(), int64(limit))
	return list, err
}

// SaveReport implements location.Ledger.
func (s *Store) SaveReport(ctx context.Context, of location.Of, r location.Kept) error {
	if err := s.admit(ctx, of.Tenant, location.Metadata); err != nil {
		return err
	}
	return s.at(ctx, of.Tenant).update(ctx, func(tx meta.Tx) error {
		n, err := execIn(ctx, tx, `INSERT INTO location_report (tenant_id, account_id, number, at, jws)
			SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS BIGINT), CAST($4 AS BIGINT), $5
			WHERE (SELECT coalesce(max(number), 0) + 1 FROM location_report WHERE tenant_id = $1 AND account_id = $2) = $3
			ON CONFLICT DO NOTHING`, of.Tenant, of.Person, r.Number, r.At.UnixMicro(), r.JWS)
		if err == nil && n == 0 {
			return location.ErrOutdated
		}
		return err
	})
}

// LastReport implements location.Ledger.
func (s *Store) LastReport(ctx context.Context, of location.Of) (location.Kept, error) {
	list, err := s.Reports(ctx, of, 0, 1)
	if err == nil && len(list) == 0 {
		err = location.ErrNoReport
	}
	if err != nil {
		return location.Kept{}, err
	}
	return list[0], nil
}

// Reports implements location.Ledger.
func (s *Store) Reports(ctx context.Context, of location.Of, before int64, limit int) (list []location.Kept, err error) {
	err = s.at(ctx, of.Tenant).view(ctx, func(r meta.Rows) error {
		var k location.Kept
		var at int64
		err := r.Scan(&k.Number, &at, &k.JWS)
		k.At = timeOf(at)
		list = append(list, k)
		return err
	}, `SELECT number, at, jws FROM location_report WHERE tenant_id = $1 AND account_id = $2 AND ($3 = 0 OR number < $3)
		ORDER BY number DESC LIMIT $4`, of.Tenant, of.Person, before, int64(limit))
	return list, err
}
