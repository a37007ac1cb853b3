package store

import (
	"context"
	"strings"
	"time"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// sweepEvery is how long what was deleted may wait for the next round of maintenance,
// for telling by when it is erased.
const sweepEvery = time.Hour

// countDeleted counts what was deleted by people and still lies there, of one account
// or, with account 0, of a tenant: contents that nothing names any more, collections and
// accounts whose rows are being removed, and objects whose retention has not passed. No
// item is looked at; contents are, by the keys alone of those that items name.
func (at *site) countDeleted(ctx context.Context, key Key, retention time.Duration) ([]Count, error) {
	d := deleted{tenant: key.Tenant, retention: retention}
	const object = `CASE WHEN c.object_key = '' THEN 0 ELSE 1 END`
	mine, args := ".tenant_id = $1", []any{key.Tenant}
	if key.Account != 0 { // said so that the keys' order serves it
		mine, args = mine+" AND %s.account_id = $2", append(args, key.Account)
	}
	of := func(alias string) string { return alias + strings.ReplaceAll(mine, "%s", alias) }
	var b meta.Batch
	b.Query(d.read, `SELECT c.account_id, coalesce(a.address, ''), 0, CAST(sum(c.items - c.folders - c.object_items) AS BIGINT),
		CAST(sum(c.bytes - c.object_bytes) AS BIGINT), {now}, {now}
		FROM collection c JOIN account a ON a.tenant_id = c.tenant_id AND a.account_id = c.account_id
		WHERE `+of("c")+` AND (c.state <> 0 OR a.state = 2)
		GROUP BY c.account_id, a.address`, args...)
	b.Query(d.read, `SELECT c.account_id, coalesce(a.address, ''), 1, CAST(sum(c.object_items) AS BIGINT), CAST(sum(c.object_bytes) AS BIGINT), {now}, {now}
		FROM collection c JOIN account a ON a.tenant_id = c.tenant_id AND a.account_id = c.account_id
		WHERE `+of("c")+` AND (c.state <> 0 OR a.state = 2)
		GROUP BY c.account_id, a.address`, args...)
	b.Query(d.read, `WITH unnamed AS MATERIALIZED (SELECT tenant_id, account_id, content_id FROM content x WHERE `+of("x")+`
			AND NOT EXISTS (SELECT 1 FROM item i WHERE i.tenant_id = x.tenant_id AND i.account_id = x.account_id AND i.content_id = x.content_id)
			AND NOT EXISTS (SELECT 1 FROM queue_message q WHERE q.tenant_id = x.tenant_id AND q.account_id = x.account_id AND q.content_id = x.content_id))
		SELECT c.account_id, coalesce(a.address, ''), `+object+`, count(*), CAST(sum(c.size) AS BIGINT), max(c.created_at), {now}
		FROM unnamed u JOIN content c ON c.tenant_id = u.tenant_id AND c.account_id = u.account_id AND c.content_id = u.content_id
		LEFT JOIN account a ON a.tenant_id = c.tenant_id AND a.account_id = c.account_id
		GROUP BY c.account_id, a.address, `+object, args...)
	b.Query(d.readDue, `SELECT c.account_id, coalesce(a.address, ''), count(*), CAST(sum(c.size) AS BIGINT), max(c.due_at)
		FROM content_delete c LEFT JOIN account a ON a.tenant_id = c.tenant_id AND a.account_id = c.account_id
		WHERE `+of("c")+` GROUP BY c.account_id, a.address`, args...)
	err := outer(at.db.Read(ctx, &b))
	return d.list, err
}

// deleted gathers what was deleted, of one account and part once.
type deleted struct {
	tenant    int64
	retention time.Duration
	list      []Count
}

func (d *deleted) read(rows meta.Rows) error {
	return eachRow(func(r meta.Rows) error {
		c := Count{}
		var object, created, now int64
		if err := r.Scan(&c.Account.Account, &c.Address, &object, &c.Items, &c.Bytes, &created, &now); err != nil {
			return err
		}
		c.Store, c.Until = inDatabase, timeOf(created).Add(orphanAge)
		if next := timeOf(now).Add(sweepEvery); c.Until.Before(next) {
			c.Until = next
		}
		if object != 0 {
			c.Store, c.Until = inObjects, c.Until.Add(d.retention)
		}
		d.add(c)
		return nil
	})(rows)
}

func (d *deleted) readDue(rows meta.Rows) error {
	return eachRow(func(r meta.Rows) error {
		c := Count{Store: inObjects}
		var due int64
		err := r.Scan(&c.Account.Account, &c.Address, &c.Items, &c.Bytes, &due)
		c.Until = timeOf(due).Add(sweepEvery)
		d.add(c)
		return err
	})(rows)
}

func (d *deleted) add(c Count) {
	if c.Items <= 0 {
		return
	}
	c.Account.Tenant, c.Kind = d.tenant, location.KindDeleted
	for i := range d.list {
		if l := &d.list[i]; l.Account == c.Account && l.Store == c.Store {
			l.Items += c.Items
			l.Bytes += c.Bytes
			if c.Until.After(l.Until) {
				l.Until = c.Until
			}
			return
		}
	}
	d.list = append(d.list, c)
}

// countDirectory counts what the directory of tenants has of one, which lies at the
// directory's site whichever site the tenant has: its name, contact, settings, logo and
// login providers, and its domains. Of persons it has nothing. A report is made without
// it where the directory does not answer in time.
func (s *Store) countDirectory(ctx context.Context, tenant int64) (list []location.Count, err error) {
	ctx, cancel := context.WithTimeout(ctx, directoryPatience)
	defer cancel()
	at := s.directory
	read := func(kind string) func(meta.Rows) error {
		return eachRow(func(r meta.Rows) error {
			c := location.Count{Kind: kind, Site: at.Name, Part: location.Database, Store: at.nameOf(inDatabase)}
			err := r.Scan(&c.Items, &c.Bytes)
			if c.Items > 0 {
				list = append(list, c)
			}
			return err
		})
	}
	var b meta.Batch
	b.Query(read(location.KindTenant), `SELECT CAST(sum(n) AS BIGINT), CAST(sum(size) AS BIGINT) FROM (
		SELECT 1 AS n, length(name) + length(settings) + length(policy) AS size FROM tenant WHERE tenant_id = $1
		UNION ALL SELECT 1, length(image) FROM tenant_logo WHERE tenant_id = $1
		UNION ALL SELECT 1, length(url) + coalesce(length(sealed), 0) FROM issuer WHERE tenant_id = $1
		UNION ALL SELECT 0, 0) held`, tenant)
	b.Query(read(location.KindDomains), `SELECT count(*), CAST(coalesce(sum(length(name)), 0) AS BIGINT) FROM domain WHERE tenant_id = $1`, tenant)
	if err := outer(at.db.Read(ctx, &b)); err != nil {
		return nil, err
	}
	return list, nil
}
