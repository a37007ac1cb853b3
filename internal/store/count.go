package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"fachwerk/internal/store/meta"
	"fachwerk/location"
)

// Count is how much of one kind of data of an account lies in one part of its site.
type Count struct {
	Account      Key
	Address      string
	Kind         string    // "mail", "calendar", "contacts", "files", "queue", "login", "deleted"
	Store        string    // "database" or "objects"
	Items, Bytes int64     // Bytes before compression and sealing; 0 of "login". Folders are no items here
	Until        time.Time // of "deleted": when the last of it is due to be erased
}

// The parts of a site that a Count names.
const (
	inDatabase = string(location.Database)
	inObjects  = string(location.Objects)
)

// counted is a Count with the kind of its collections.
type counted struct {
	Count
	kind CollectionKind
}

func kindOf(k CollectionKind) string {
	switch k {
	case Calendar:
		return "calendar"
	case AddressBook:
		return "contacts"
	case Drive:
		return "files"
	}
	return "mail"
}

// nameOf is what people call a part.
func (at *site) nameOf(part string) string {
	if part == inObjects {
		return at.blobsName
	}
	return at.metadataName
}

// Counts tells what a tenant has, by account, kind and part of its site. What is in
// the trash counts where it was before. Collections are told by counters that the
// transactions keep which write items, so that a million items take no longer than
// ten; the queue, which is short, and logins are counted when asked for.
func (s *Store) Counts(ctx context.Context, tenant int64) (list []Count, err error) {
	at := s.at(ctx, tenant)
	collections, err := at.countCollections(ctx, Key{Tenant: tenant})
	if err != nil {
		return nil, err
	}
	for _, c := range collections {
		list = append(list, c.Count)
	}
	more, err := at.countRest(ctx, Key{Tenant: tenant})
	if err != nil {
		return nil, err
	}
	gone, err := at.countDeleted(ctx, Key{Tenant: tenant}, s.o.Retention)
	return slices.Concat(list, more, gone), err
}

// countCollections counts by the counters of collections, of one account or, with
// account 0, of a tenant.
func (at *site) countCollections(ctx context.Context, key Key) (list []counted, err error) {
	err = at.view(ctx, func(r meta.Rows) error {
		var kind, items, bytes, objects, objectBytes int64
		c := counted{Count: Count{Account: Key{Tenant: key.Tenant}}}
		if err := r.Scan(&c.Account.Account, &c.Address, &kind, &items, &bytes, &objects, &objectBytes); err != nil {
			return err
		}
		c.kind = CollectionKind(kind)
		c.Kind = kindOf(c.kind)
		c.Store, c.Items, c.Bytes = inDatabase, items-objects, bytes-objectBytes
		if c.Items > 0 {
			list = append(list, c)
		}
		c.Store, c.Items, c.Bytes = inObjects, objects, objectBytes
		if c.Items > 0 {
			list = append(list, c)
		}
		return nil
	}, `SELECT c.account_id, a.address, c.kind, CAST(sum(c.items - c.folders) AS BIGINT), CAST(sum(c.bytes) AS BIGINT),
		CAST(sum(c.object_items) AS BIGINT), CAST(sum(c.object_bytes) AS BIGINT)
		FROM collection c JOIN account a ON a.tenant_id = c.tenant_id AND a.account_id = c.account_id
		WHERE c.tenant_id = $1 AND (c.account_id = $2 OR $2 = 0) AND c.state = 0 AND a.state <> 2
		GROUP BY c.account_id, a.address, c.kind ORDER BY a.address, c.account_id, c.kind`, key.Tenant, key.Account)
	return list, err
}

// countRest counts what lies in no collection.
func (at *site) countRest(ctx context.Context, key Key) (list []Count, err error) {
	read := func(kind string) func(meta.Rows) error {
		return eachRow(func(r meta.Rows) error {
			c := Count{Account: Key{Tenant: key.Tenant}, Kind: kind, Store: inDatabase}
			var object int64
			err := r.Scan(&c.Account.Account, &c.Address, &object, &c.Items, &c.Bytes)
			if object != 0 {
				c.Store = inObjects
			}
			list = append(list, c)
			return err
		})
	}
	const object = `CASE WHEN c.object_key = '' THEN 0 ELSE 1 END`
	const mine = ` WHERE tenant_id = $1 AND (account_id = $2 OR $2 = 0)`
	var b meta.Batch
	b.Query(read("queue"), `SELECT q.account_id, '', `+object+`, count(*), CAST(sum(q.size) AS BIGINT) FROM queue_message q
		JOIN content c ON c.tenant_id = q.tenant_id AND c.account_id = q.account_id AND c.content_id = q.content_id
		WHERE q.tenant_id = $1 AND (q.account_id = $2 OR $2 = 0) GROUP BY q.account_id, `+object+` ORDER BY 1, 3`, key.Tenant, key.Account)
	b.Query(read("login"), `SELECT a.account_id, a.address, 0, count(*), 0 FROM account a JOIN (
		SELECT tenant_id, account_id FROM subject`+mine+` UNION ALL SELECT tenant_id, account_id FROM password`+mine+`
		UNION ALL SELECT tenant_id, account_id FROM app_password`+mine+` UNION ALL SELECT tenant_id, account_id FROM portal_session`+mine+`
		) l ON l.tenant_id = a.tenant_id AND l.account_id = a.account_id WHERE a.tenant_id = $1 AND a.state <> 2
		GROUP BY a.account_id, a.address ORDER BY a.address`, key.Tenant, key.Account)
	err = outer(at.db.Read(ctx, &b))
	return list, err
}

var _ location.Counter = (*Store)(nil)

// Count implements location.Counter: for a tenant summed over its accounts, for a
// person by account, their own and those that they may read.
func (s *Store) Count(ctx context.Context, of location.Of) (location.Counted, error) {
	t, err := s.Tenant(ctx, of.Tenant)
	if err != nil {
		return location.Counted{}, err
	}
	out := location.Counted{Tenant: t.Name}
	at := s.at(ctx, of.Tenant)
	if of.Person == 0 {
		counts, err := s.Counts(ctx, of.Tenant)
		if err != nil {
			return location.Counted{}, err
		}
		listed, err := s.countDirectory(ctx, of.Tenant)
		if err != nil && ctx.Err() == nil { // what lies at the tenant's home is told nevertheless
			s.log.Warn("what the directory has of a tenant was not counted", "tenant", of.Tenant, "err", err)
			out.Notes = append(out.Notes, location.NoteDirectory)
		}
		out.Counts = append(at.told(counts, false), listed...)
		return out, ctx.Err()
	}
	key := Key{Tenant: of.Tenant, Account: of.Person}
	own, err := s.Account(ctx, key)
	if err != nil {
		return location.Counted{}, err
	}
	out.Person = own.Address
	grants, err := s.GrantsOf(ctx, key)
	if err != nil {
		return location.Counted{}, err
	}
	keys := []Key{key}
	for _, g := range grants {
		if g.Rights&RightRead != 0 {
			keys = append(keys, g.Account)
		}
	}
	for n, key := range keys {
		var counts []Count
		collections, err := at.countCollections(ctx, key)
		if err != nil {
			return location.Counted{}, err
		}
		for _, c := range collections {
			counts = append(counts, c.Count)
		}
		gone, err := at.countDeleted(ctx, key, s.o.Retention)
		if err != nil {
			return location.Counted{}, err
		}
		counts = append(counts, gone...)
		if n == 0 { // how others sign in is theirs
			more, err := at.countRest(ctx, key)
			if err != nil {
				return location.Counted{}, err
			}
			counts = append(counts, more...)
		}
		out.Counts = append(out.Counts, at.told(counts, true)...)
	}
	return out, nil
}

// told puts counts into a report's words, by account or summed over accounts.
func (at *site) told(counts []Count, byAccount bool) (list []location.Count) {
	for _, c := range counts {
		one := location.Count{Kind: c.Kind, Items: c.Items, Bytes: c.Bytes, Site: at.Name, Part: location.Part(c.Store), Store: at.nameOf(c.Store), Until: c.Until}
		if byAccount {
			one.Account = c.Address
		}
		i := slices.IndexFunc(list, func(l location.Count) bool {
			return l.Account == one.Account && l.Kind == one.Kind && l.Part == one.Part
		})
		if i < 0 {
			list = append(list, one)
			continue
		}
		list[i].Items += one.Items
		list[i].Bytes += one.Bytes
		if one.Until.After(list[i].Until) {
			list[i].Until = one.Until
		}
	}
	slices.SortStableFunc(list, func(a, b location.Count) int {
		if a.Account != b.Account {
			return strings.Compare(a.Account, b.Account)
		}
		return strings.Compare(a.Kind+string(a.Part), b.Kind+string(b.Part))
	})
	return list
}
