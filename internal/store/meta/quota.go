package meta

import (
	"context"
	"fmt"
	"unicode/utf8"
)

// What a named resource takes of the quota besides its content, so that nobody fills
// the database with empty files, folders or properties. Both are about what the rows
// take with their indexes (measured in SQLite: an empty file 524 bytes, a folder 290).
// Messages cost what their content has: that is the sum which IMAP tells (RFC 9208
// section 5.1), and none of them is empty.
const (
	// ItemCost is that of a file, folder, calendar object or card, bytes.
	ItemCost = 512
	// PropertyCost is that of a property besides its name and sealed value, bytes.
	PropertyCost = 128
)

// freeProperties is what a new collection may bring, bytes, where the quota is passed
// already: everyone has a first calendar, however much mail there is.
const freeProperties = 4 << 10

// sumOfProperties is what properties cost, in SQL; see Property.cost.
const sumOfProperties = "CAST(coalesce(sum(128 + length(space) + length(local) + length(sealed)), 0) AS BIGINT)"

// cost is what the property takes of the quota. Names count by characters, as SQL's
// length does.
func (p *Property) cost() int64 { return propertyCost(p.Space, p.Local, int64(len(p.Sealed))) }

func propertyCost(space, local string, sealed int64) int64 {
	return PropertyCost + int64(utf8.RuneCountInString(space)+utf8.RuneCountInString(local)) + sealed
}

func costOf(list []Property) (sum int64) {
	for i := range list {
		sum += list[i].cost()
	}
	return sum
}

// cost is what n items of a collection take besides their content.
func (c *Collection) cost(n int64) int64 {
	if c.Kind == Mailbox {
		return 0
	}
	return n * ItemCost
}

// taken is what a collection takes of its account's quota.
func (c *Collection) taken() int64 { return c.Bytes + c.cost(c.Items) + c.PropertyBytes }

var selectPropertyCosts = newList("SELECT item_id, "+sumOfProperties+" FROM property"+inCollection+" AND item_id", " GROUP BY item_id", 3)

// wantPropertyCosts has read what the properties of items cost, which must be known
// before they are copied or go.
func (w *work) wantPropertyCosts(collection int64, items ...int64) {
	selectPropertyCosts.query(&w.reads, w.readPropertyCosts(collection), ascending(items), w.account.Tenant, w.account.Account, collection)
}

// wantPropertyCostsOf is the same of the items that a subquery answers; its first
// three parameters are the collection's key.
func (w *work) wantPropertyCostsOf(collection int64, items string, args ...any) {
	w.reads.Query(w.readPropertyCosts(collection), "SELECT item_id, "+sumOfProperties+" FROM property"+inCollection+
		" AND item_id IN ("+items+") GROUP BY item_id", append([]any{w.account.Tenant, w.account.Account, collection}, args...)...)
}

func (w *work) readPropertyCosts(collection int64) func(Rows) error {
	return each(func(scan func(...any) error) error {
		var id, cost int64
		err := scan(&id, &cost)
		w.propertyCosts[itemKey{collection, id}] = cost
		return err
	})
}

// costOfItem is the last column of what readItemsWithCosts reads of item i.
const costOfItem = ", (SELECT " + sumOfProperties + ` FROM property p WHERE p.tenant_id = $1 AND p.account_id = $2 AND p.collection_id = $3
	AND p.item_id = i.item_id)`

// readItemsWithCosts reads items each with what its properties cost.
func (w *work) readItemsWithCosts(r Rows) error {
	for r.Next() {
		var i itemRow
		var cost int64
		if err := i.scan(func(dest ...any) error { return r.Scan(append(dest, &cost)...) }); err != nil {
			return err
		}
		w.items[itemKey{i.Collection, i.UID}] = &i
		w.propertyCosts[itemKey{i.Collection, i.ID}] = cost
	}
	return r.Err()
}

// charge counts what an item's properties, or with item 0 those of the collection,
// cost more than before.
func (w *work) charge(c *collectionRow, item, more int64) {
	if more == 0 {
		return
	}
	w.propertyCosts[itemKey{c.ID, item}] += more
	c.PropertyBytes += more
	c.changed = true
	w.account.UsedBytes += more
}

// discharge counts the properties of an item no more.
func (w *work) discharge(c *collectionRow, item int64) {
	w.charge(c, item, -w.propertyCosts[itemKey{c.ID, item}])
}

const (
	wrongProperties = `SELECT count(*) FROM collection c LEFT JOIN
		(SELECT collection_id, ` + sumOfProperties + ` AS n FROM property WHERE tenant_id = $1 AND account_id = $2 GROUP BY collection_id) s
		ON s.collection_id = c.collection_id
		WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.state = 0 AND c.property_bytes <> coalesce(s.n, 0)`
	wrongUsage = `SELECT count(*) FROM account a,
		(SELECT CAST(coalesce(sum(` + takenInSQL + `), 0) AS BIGINT) AS n FROM collection WHERE tenant_id = $1 AND account_id = $2 AND state = 0) s
		WHERE a.tenant_id = $1 AND a.account_id = $2 AND a.used_bytes <> s.n`
	countProperties = `UPDATE collection SET property_bytes = (SELECT ` + sumOfProperties + ` FROM property p WHERE p.tenant_id = $1
		AND p.account_id = $2 AND p.collection_id = collection.collection_id) WHERE tenant_id = $1 AND account_id = $2 AND state = 0`
	countUsage = `UPDATE account SET used_bytes = (SELECT CAST(coalesce(sum(` + takenInSQL + `), 0) AS BIGINT) FROM collection c
		WHERE c.tenant_id = $1 AND c.account_id = $2 AND c.state = 0) WHERE tenant_id = $1 AND account_id = $2`
	// takenInSQL is Collection.taken.
	takenInSQL = "bytes + property_bytes + CASE WHEN kind = 1 THEN 0 ELSE 512 * items END"
)

// Recount puts an account's used bytes right where they are not, and reports whether
// they were not: while an installation is being upgraded, replicas of the version
// before count contents alone.
func (db *DB) Recount(ctx context.Context, key Key) (wrong bool, err error) {
	var properties, usage int64
	b := &Batch{}
	b.Query(one(&properties), wrongProperties, key.Tenant, key.Account)
	b.Query(one(&usage), wrongUsage, key.Tenant, key.Account)
	if err = db.engine.Read(ctx, b); err == nil && properties+usage > 0 {
		wrong, err = true, db.Write(ctx, key, recount{})
	}
	if err != nil {
		return false, fmt.Errorf("recount: %w", err)
	}
	return wrong, nil
}

// recount is alone in its transaction, whose other jobs would write what they have
// counted.
type recount struct{}

// Read queues nothing.
func (recount) Read(*Account, *Batch) error { return nil }

// Write queues the statements.
func (recount) Write(a *Account, b *Batch) error {
	b.Exec(countProperties, a.Tenant, a.Key.Account)
	b.Exec(countUsage, a.Tenant, a.Key.Account)
	return nil
}
