package meta

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

func sortTrash(list []Trashed) {
	slices.SortFunc(list, func(a, b Trashed) int {
		return cmp.Or(cmp.Compare(b.DeletedAt, a.DeletedAt), cmp.Compare(a.Item.ID, b.Item.ID))
	})
}

// WalkNames follows names from a folder down; it stops where one leads nowhere.
func (db *DB) WalkNames(ctx context.Context, key Key, collection, root int64, names []string) ([]Item, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return db.items(ctx, key, collection, make([]Item, 0, len(names)), func(b *Batch, read func(Rows) error) {
		if len(names) == 1 {
			b.Query(read, fromItemNamed, key.Tenant, key.Account, collection, root, names[0])
			return
		}
		args := []any{key.Tenant, key.Account, collection, root}
		var list strings.Builder
		for n, name := range names {
			if n > 0 {
				list.WriteString(", ")
			}
			args = append(args, name)
			list.WriteString("(" + strconv.Itoa(n) + ", CAST($" + strconv.Itoa(n+5) + " AS TEXT))")
		}
		b.Query(read, `WITH RECURSIVE names (n, name) AS (VALUES `+list.String()+`), walk (n, id) AS (
			SELECT 0, item_id FROM item`+inCollection+` AND parent_id = $4 AND name = $5 AND name <> ''
			UNION ALL
			SELECT w.n + 1, i.item_id FROM walk w CROSS JOIN names x CROSS JOIN item i /*by item_name*/
			WHERE x.n = w.n + 1 AND i.parent_id = w.id AND i.name = x.name AND i.tenant_id = $1 AND i.account_id = $2 AND i.collection_id = $3 AND i.name <> '')
			SELECT `+itemColumns+` FROM walk w CROSS JOIN item i /*by item_named*/
			WHERE i.item_id = w.id AND i.tenant_id = $1 AND i.account_id = $2 AND i.collection_id = $3 AND i.name <> '' ORDER BY w.n`, args...)
	})
}

// listColumns are the columns that a listing needs: of thousands of rows every one counts.
// Kept out is what only messages have, where contents lie, and when they were made and
// moved there.
const listColumns = "uid, item_id, object_id, modseq, flags, size, internal_date, save_date, content_id, name, subtree_modseq, digest"

// readListed appends the rows of a folder's members to items.
func readListed(items *[]Item, collection, parent int64) func(Rows) error {
	return func(r Rows) error {
		i := Item{Collection: collection, ParentID: parent}
		columns := []any{&i.UID, &i.ID, &i.ObjectID, &i.ModSeq, &i.Flags, &i.Size, &i.InternalDate, &i.SaveDate, &i.Content, &i.Name,
			&i.SubtreeModSeq, &i.Digest}
		for r.Next() {
			if err := r.Scan(columns...); err != nil {
				return err
			}
			*items = append(*items, i)
		}
		return r.Err()
	}
}

const listMembers = "SELECT " + listColumns + " FROM item" + inCollection + " AND parent_id = $4 AND name > $5 AND name <> '' ORDER BY name LIMIT $6"

// Members answers up to limit members of a folder whose names follow after, in byte
// order; see listColumns for what is told of them.
func (db *DB) Members(ctx context.Context, key Key, collection, parent int64, after string, limit int) ([]Item, error) {
	list := make([]Item, 0, min(limit, 1024))
	return db.listed(ctx, key, collection, &list, func(b *Batch) {
		b.Query(readListed(&list, collection, parent), listMembers, key.Tenant, key.Account, collection, parent, after, int64(limit))
	})
}

const ofNames = " AND i.parent_id = $4 AND i.name = v.x AND i.name <> ''"

var (
	selectNamed = newJoin("TEXT", 4, itemColumns, "item_name", ofNames)
	listNamed   = newJoin("TEXT", 4, listColumns, "item_name", ofNames)
)

// Named answers those of the names in a folder that are there, in any order; see listColumns
// for what is told of them.
func (db *DB) Named(ctx context.Context, key Key, collection, parent int64, names []string) ([]Item, error) {
	list := make([]Item, 0, len(names))
	return db.listed(ctx, key, collection, &list, func(b *Batch) {
		// Each page is cut to the size of a statement, which repeats the last name.
		eachList(listNamed, slices.Compact(slices.Sorted(slices.Values(names))), []any{key.Tenant, key.Account, collection, parent},
			func(text string, args []any) { b.Query(readListed(&list, collection, parent), text, args...) })
	})
}

// Window asks for resources by their index.
type Window struct {
	Components int64 // any of these bits; 0: any
	From, To   int64 // Unix microseconds; both 0: no bound
}

// Candidates answers up to limit items whose index may lie in the window and whose
// UIDs follow afterUID, by UID.
func (db *DB) Candidates(ctx context.Context, key Key, collection int64, v Window, afterUID int64, limit int) ([]Item, error) {
	args := []any{key.Tenant, key.Account, collection, afterUID, int64(limit)}
	match := " AND uid > $4"
	if v.From != 0 || v.To != 0 {
		// The sum keeps SQLite from walking by UID where few end late enough.
		match = " AND uid + 0 > $4 AND to_at > $6 AND from_at < $7"
		to := v.To
		if to == 0 {
			to = math.MaxInt64
		}
		from := v.From
		if from == 0 {
			from = math.MinInt64
		}
		args = append(args, from, to)
	}
	if v.Components != 0 {
		match += " AND components & $" + strconv.Itoa(len(args)+1) + " <> 0"
		args = append(args, v.Components)
	}
	return db.items(ctx, key, collection, make([]Item, 0, min(limit, 1024)), func(b *Batch, read func(Rows) error) {
		b.Query(read, fromItem+` AND collection_id = $3 AND uid IN (SELECT uid FROM resource_index`+inCollection+match+
			") ORDER BY uid LIMIT $5", args...)
	})
}

// ByHash finds the item whose index bears a hash, or ErrNotFound.
func (db *DB) ByHash(ctx context.Context, key Key, collection int64, hash [16]byte) (Item, error) {
	found, err := db.items(ctx, key, collection, nil, func(b *Batch, read func(Rows) error) {
		b.Query(read, fromItem+` AND collection_id = $3 AND uid IN (SELECT uid FROM resource_index`+inCollection+` AND uid_hash = $4)`,
			key.Tenant, key.Account, collection, hash[:])
	})
	if err != nil {
		return Item{}, err
	}
	if len(found) == 0 {
		return Item{}, fmt.Errorf("by UID: %w", ErrNotFound)
	}
	return found[0], nil
}

// ItemByID answers a named item by its item id, or ErrNotFound.
func (db *DB) ItemByID(ctx context.Context, key Key, collection, id int64) (Item, error) {
	found, err := db.items(ctx, key, collection, nil, func(b *Batch, read func(Rows) error) {
		b.Query(read, fromItemID, key.Tenant, key.Account, collection, id)
	})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("item %d: %w", id, ErrNotFound)
	}
	if err != nil {
		return Item{}, err
	}
	return found[0], nil
}

// IndexOf answers the index of an item, or nil where it has none.
func (db *DB) IndexOf(ctx context.Context, key Key, collection, uid int64) (*IndexRow, error) {
	w := newWork(key)
	w.wantIndex(collection, uid)
	if err := db.engine.Read(ctx, &w.reads); err != nil {
		return nil, fmt.Errorf("index: %w", err)
	}
	for _, x := range w.indexes {
		return &x.IndexRow, nil
	}
	return nil, nil
}

// CopyMembers gives items of a drive second places in a tree that is being put
// together: up to MaxRows at once. What is gone is passed over. It answers the new
// item ids of what was copied.
func (db *DB) CopyMembers(ctx context.Context, key Key, src, dst int64, members []Member) (map[int64]int64, error) {
	if len(members) > MaxRows {
		return nil, fmt.Errorf("copy members: %w", ErrTooMany)
	}
	j := &copyMembers{src: src, dst: dst, members: members}
	if err := db.write(ctx, key, j); err != nil {
		return nil, fmt.Errorf("copy members: %w", err)
	}
	return j.made, nil
}

// Member is an item to be copied and the folder that its copy goes into.
type Member struct{ UID, ID, Parent int64 }

type copyMembers struct {
	src, dst int64
	members  []Member
	made     map[int64]int64
}

func (j *copyMembers) weight() int { return len(j.members) }

func (j *copyMembers) want(w *work) error {
	uids, ids := make([]int64, 0, len(j.members)), make([]int64, 0, len(j.members))
	w.wantCollection(j.dst)
	for _, m := range j.members {
		uids, ids = append(uids, m.UID), append(ids, m.ID)
		w.wantChain(j.dst, m.Parent)
	}
	w.wantItems(j.src, ascending(uids))
	w.wantPropertyCosts(j.src, ids...)
	return nil
}

func (j *copyMembers) decide(w *work) error {
	c, err := w.collection(j.dst)
	if err != nil {
		return err
	}
	var bytes int64
	for _, m := range j.members {
		if i := w.item(j.src, m.UID); i != nil {
			bytes += i.Size + w.propertyCosts[itemKey{j.src, i.ID}]
		}
	}
	n := int64(len(j.members))
	if err := w.account.room(bytes+c.cost(n), n); err != nil {
		return err
	}
	for _, m := range j.members {
		if root, _, ok := w.rootOf(c.ID, m.Parent); !ok || root != staged {
			return ErrParent
		}
	}
	j.made = map[int64]int64{}
	modseq := w.next()
	for _, m := range j.members {
		i := w.item(j.src, m.UID)
		if i == nil || i.Name == "" || w.itemNamed(c.ID, m.Parent, i.Name) != nil {
			continue
		}
		j.made[i.ID] = w.duplicate(c, i, m.Parent, i.Name, modseq).ID
	}
	return nil
}
